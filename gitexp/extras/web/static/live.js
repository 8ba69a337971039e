"use strict";

/** News from the server: a page hears that something has changed, and asks for what. */
gitexp.live = (() => {
  const AGAIN = 3000; // milliseconds until a server that is gone is looked for again

  /**
   * Follow the repository. `cursor` gives that of the page; `changed` asks for the news and shows them; `made`
   * is the time of a page that no server has given.
   */
  function follow({ cursor, changed, made }) {
    const address = document.documentElement.dataset.live;
    const shown = document.getElementById("live");
    if (!address) {
      shown.textContent = `as of ${new Date(made).toLocaleString()}`;
      return;
    }
    let source;
    let asking = false;
    let news;

    function say(state, text) {
      shown.className = `live is-${state}`;
      if (shown.textContent !== text) shown.textContent = text;
    }

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
      } catch {
        say("off", "the server has ended");
      } finally {
        asking = false;
      }
    }

    function open() {
      source?.close();
      source = new EventSource(address);
      source.addEventListener("cursor", hear);
      source.addEventListener("error", () => {
        say("off", "the server has ended");
        // A browser tries again by itself, unless the server has refused it.
        if (source.readyState === EventSource.CLOSED) setTimeout(open, AGAIN);
      });
    }

    // A browser has six connections to a server, and a page that nobody sees needs none of them.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) source?.close();
      else open();
    });
    if (!document.hidden) open();
  }

  return { follow };
})();
