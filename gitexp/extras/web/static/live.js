"use strict";

/** News from the server: a page hears that something has changed, and asks for what. */
gitexp.live = (() => {
  const AGAIN = 3000; // milliseconds until a server that is gone is looked for again
  const shown = document.getElementById("live");

  /** Say how the page stands: "on" for live, "off" for a page that shows what was. */
  function say(state, text) {
    shown.className = `live is-${state}`;
    if (shown.textContent !== text) shown.textContent = shown.title = text;
  }

  /** Say why the server gives no news. One that was started again lets a browser in by its new link. */
  async function sayWhy(address) {
    const answer = await fetch(address, { method: "HEAD" }).catch(() => null);
    const isRefused = answer?.status === 403;
    say("off", isRefused ? "the server was started again: open its new link" : "the server has ended");
  }

  /**
   * Follow the repository. `cursor` gives that of the page; `changed` asks for the news and shows them; `made`
   * is the time of a page that no server has given.
   */
  function follow({ cursor, changed, made }) {
    const address = document.documentElement.dataset.live;
    if (!address) {
      shown.textContent = `as of ${new Date(made).toLocaleString()}`;
      return;
    }
    let source;
    let asking = false;
    let news;

    async function hear(event) {
      say("on", "live");
      news = JSON.parse(event.data);
      if (asking) return;
      asking = true;
      try {
        while (news !== cursor()) {
          const before = cursor();
          await changed();
          if (cursor() === before) break;
        }
      } catch (error) {
        const isGone = error instanceof TypeError; // so says a browser that could not ask
        say("off", isGone ? "the server has ended" : `live updates stopped: ${error.message}`);
      } finally {
        asking = false;
      }
    }

    function open() {
      source?.close();
      source = new EventSource(address);
      source.addEventListener("cursor", hear);
      source.addEventListener("stopped", (event) => say("off", `live updates stopped: ${JSON.parse(event.data)}`));
      source.addEventListener("error", () => {
        // A browser tries again by itself, unless the server has refused it.
        if (source.readyState !== EventSource.CLOSED) return say("off", "the server has ended");
        setTimeout(open, AGAIN);
        sayWhy(address);
      });
    }

    // A browser has six connections to a server, and a page that nobody sees needs none of them.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) source?.close();
      else open();
    });
    if (!document.hidden) open();
  }

  return { follow, say, sayWhy };
})();
