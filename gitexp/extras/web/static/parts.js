"use strict";

/** Parts that several pages are made of: tabs, command lines to copy, tables of values, notices. */
gitexp.parts = (() => {
  const { element } = gitexp;
  const LONGEST = 2000; // characters of a value; a browser takes minutes for a word of 300,000

  /** Tabs whose name is in the address behind #; `fill` makes the content when a tab is first seen. */
  function tabs(list, panels, fills) {
    const names = Object.keys(fills);
    const filled = new Set();
    const buttons = new Map();
    for (const name of names) {
      const id = `tab-${name}`;
      const button = element("button", { type: "button", role: "tab", id, "aria-controls": `panel-${name}` }, fills[name].title);
      const panel = element("section", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": id, tabindex: "0", hidden: true });
      button.addEventListener("click", () => choose(name, true));
      buttons.set(name, { button, panel });
      list.append(button);
      panels.append(panel);
    }
    list.setAttribute("role", "tablist");
    list.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!way) return;
      event.preventDefault();
      const at = names.indexOf(chosen());
      const next = names[(at + way + names.length) % names.length];
      choose(next, true);
      buttons.get(next).button.focus();
    });

    const chosen = () => names.find((name) => !buttons.get(name).panel.hidden);

    function choose(name, keep) {
      for (const [each, { button, panel }] of buttons) {
        const is = each === name;
        button.setAttribute("aria-selected", String(is));
        button.tabIndex = is ? 0 : -1;
        panel.hidden = !is;
      }
      if (!filled.has(name)) {
        filled.add(name);
        fills[name].fill(buttons.get(name).panel);
      }
      if (keep) history.replaceState(null, "", `${location.pathname}${location.search}#${name}`);
    }

    const fromAddress = () => (buttons.has(location.hash.slice(1)) ? location.hash.slice(1) : names[0]);
    addEventListener("hashchange", () => choose(fromAddress(), false));
    choose(fromAddress(), false);
  }

  /** Command lines, each with a button that copies it. */
  function commands(list) {
    return element("ul", { class: "commands" }, ...list.map(({ what, line }) => element("li", {}, element("span", { class: "what" }, what), commandLine(line))));
  }

  const PLAIN = /^[\w@%+=:,./-]+$/;

  /** The words of a command as a line for a POSIX shell. */
  function quotedLine(words) {
    const quoted = (word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);
    return ["gitexp", ...words].map(quoted).join(" ");
  }

  function commandLine(line) {
    const said = element("span", { class: "unseen", role: "status" });
    const button = element("button", { type: "button", class: "small", "aria-label": `Copy ${line}` }, "Copy");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(line);
        button.textContent = said.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code); // no clipboard here: the text is marked, for the keys
        button.textContent = said.textContent = "Marked";
      }
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    const code = element("code", {}, line);
    return element("span", { class: "command" }, code, button, said);
  }

  /** A notice for each complaint; null without any. */
  function complaints(list) {
    if (!list?.length) return null;
    return element("ul", { class: "complaints", role: "status" }, ...list.map((text) => element("li", {}, text)));
  }

  const notice = (text) => element("p", { class: "notice" }, text);

  /** A notice while something is fetched, replaced by it or by the reason why not. */
  async function fetched(panel, path, query, draw) {
    const waiting = notice("…");
    panel.append(waiting);
    let found;
    try {
      found = await gitexp.data.load(path, query);
    } catch (error) {
      waiting.textContent = error.message;
      waiting.setAttribute("role", "alert");
      return undefined;
    }
    waiting.remove();
    return draw(found);
  }

  /** Draw the document inside the page, and draw it again whenever the repository has another. */
  function followed(name, path, draw) {
    let found = gitexp.document(name);
    const content = ({ cursor, made, ...rest }) => JSON.stringify(rest);
    draw(found, null);
    const changed = async () => {
      const now = await gitexp.data.load(path).then((all) => all[name], gone);
      if (!now) return;
      const before = found;
      found = now;
      if (content(now) !== content(before)) draw(now, before);
    };
    gitexp.live.follow({ cursor: () => found.cursor, made: found.made, changed });
  }

  /** Draw the document inside the page, and ask for it again so often; draw it when it is another one. */
  function polled(name, every, draw) {
    let shown = JSON.stringify(gitexp.document(name));
    const look = async () => {
      if (!document.hidden) {
        try {
          const found = (await gitexp.data.load(name))[name];
          gitexp.live.say("on", "live");
          const now = JSON.stringify(found);
          if (now !== shown) draw(found);
          shown = now;
        } catch (error) {
          if (error.status && error.status !== 403) gitexp.live.say("off", `live updates stopped: ${error.message}`);
          else gitexp.live.sayWhy(`${gitexp.root}events`);
        }
      }
      setTimeout(look, every);
    };
    draw(gitexp.document(name));
    if (gitexp.data.isServed) setTimeout(look, every);
  }

  /** Say that what the page shows is not there any more; any other error is the server's. */
  function gone(error) {
    if (error.status !== 404) throw error;
    if (!document.getElementById("gone")) {
      const said = "It is not there any more: it has been removed or renamed. The page shows what it was.";
      document.querySelector(".page").prepend(element("p", { class: "complaints", id: "gone", role: "alert" }, said));
    }
  }

  /** A cell's text; a missing value is a dash. */
  function text(cell) {
    if (cell?.missing) return "–";
    const whole = cell === null ? "null" : gitexp.cells.textOf(cell);
    if (whole.length <= LONGEST) return whole;
    return `${whole.slice(0, LONGEST)}… (${whole.length.toLocaleString("en")} characters)`;
  }

  /** A table that scrolls to the side on its own. */
  function table(heads, rows, label) {
    const head = element("tr", {}, ...heads.map((one) => (one instanceof Node ? one : element("th", { scope: "col" }, one))));
    const scroller = element("div", { class: "sideways", tabindex: "0", role: "region", "aria-label": label });
    scroller.append(element("table", { class: "values" }, element("thead", {}, head), element("tbody", {}, ...rows)));
    return scroller;
  }

  function dot(colour) {
    const made = element("span", { class: "dot", "aria-hidden": "true" });
    made.style.color = colour;
    return made;
  }

  function state(status) {
    return element("span", { class: `state of-${status}` }, status);
  }

  /** A link to the page of an experiment; its key is its name, but for names that stand twice. */
  const link = (name, key = name) => element("a", { href: gitexp.experimentAddress(key), class: "name" }, name);

  function size(bytes) {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let at = 0;
    while (bytes >= 1024 && at < units.length - 1) {
      bytes /= 1024;
      at++;
    }
    return `${at && bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)} ${units[at]}`;
  }

  /** A section with a heading, if it has something in it. */
  function section(title, ...children) {
    const found = children.filter((child) => child != null);
    if (!found.length) return null;
    return element("section", { class: "block" }, element("h2", {}, title), ...found);
  }

  /** Spans of text with classes: code, or a line of a log. A colour of its own comes after f# or b#. */
  function spans(list) {
    return list.map(([part, names]) => {
      if (!names) return document.createTextNode(part);
      const made = element("span", {}, part);
      for (const name of names.split(" ")) {
        if (name.startsWith("f#")) made.style.color = name.slice(1);
        else if (name.startsWith("b#")) made.style.backgroundColor = name.slice(1);
        else made.classList.add(`t-${name}`);
      }
      return made;
    });
  }

  return { tabs, followed, polled, commands, commandLine, quotedLine, complaints, notice, fetched, text, table, dot, state, link, size, section, spans };
})();
