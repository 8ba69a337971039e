"use strict";

/** The output of a run: its end first, more of it on demand, searched, and followed while the run goes on. */
gitexp.logView = (() => {
  const { element } = gitexp;
  const EVERY = 1000;
  const MOST_LINES = 20000; // in the page; the first ones go

  class LogView {
    constructor(panel, key) {
      Object.assign(this, { panel, key });
    }

    path(name) {
      return `experiments/${this.key}/${name}`;
    }

    async start() {
      await gitexp.parts.fetched(this.panel, this.path("log"), {}, (found) => this.show(found));
    }

    show(found) {
      if (found.reason && !found.live) return this.panel.replaceChildren(gitexp.parts.notice(found.reason));
      this.follows = element("input", { type: "checkbox", checked: found.live });
      this.input = element("input", { type: "search", placeholder: "Search the log", "aria-label": "Search the log", spellcheck: "false" });
      this.said = element("span", { class: "count", role: "status" });
      this.earlier = element("button", { type: "button", class: "small", onclick: () => this.before() }, "Earlier lines");
      this.lines = element("pre", { class: "log", tabindex: "0", "aria-label": "Log" });
      this.results = element("ol", { class: "results", hidden: true });
      const bar = element("div", { class: "tools" }, this.input, this.said, this.earlier);
      if (found.live) bar.append(element("label", {}, this.follows, " Follow"));
      this.panel.replaceChildren(bar, this.results, this.lines);
      let timer;
      this.input.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(() => this.search(), 250);
      });
      this.replace(found);
      this.lines.scrollTop = this.lines.scrollHeight;
      if (found.live && gitexp.data.isServed) this.follow();
    }

    replace(found) {
      this.from = found.start;
      this.to = found.end;
      this.lines.replaceChildren(...found.lines.map(line));
      this.tell(found);
    }

    tell(found) {
      this.size = found.size;
      this.earlier.hidden = this.from === 0 || !gitexp.data.isServed;
      this.said.textContent = this.from ? `the last ${gitexp.parts.size(this.size - this.from)} of ${gitexp.parts.size(this.size)}` : gitexp.parts.size(this.size);
    }

    async before() {
      const found = await gitexp.data.load(this.path("log"), { end: this.from });
      const height = this.lines.scrollHeight;
      this.lines.prepend(...found.lines.map(line));
      this.lines.scrollTop += this.lines.scrollHeight - height;
      this.from = found.start;
      this.tell({ size: this.size });
    }

    async follow() {
      if (!this.panel.isConnected) return;
      let wait = EVERY;
      if (!document.hidden && this.follows.checked) {
        try {
          const found = await gitexp.data.load(this.path("log"), { start: this.to });
          if (found.again) this.replace(await gitexp.data.load(this.path("log")));
          else this.append(found);
          if (found.end < found.size && found.lines.length) wait = 0;
          if (!found.live && found.end >= found.size) return this.follows.parentElement.remove();
        } catch {
          // The server is away; this goes on when it is back.
        }
      }
      setTimeout(() => this.follow(), wait);
    }

    append(found) {
      const { lines } = this;
      const atEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 24;
      lines.append(...found.lines.map(line));
      while (lines.childElementCount > MOST_LINES) lines.firstElementChild.remove();
      this.to = found.end;
      this.tell(found);
      if (atEnd) lines.scrollTop = lines.scrollHeight;
    }

    async search() {
      const text = this.input.value;
      this.results.hidden = !text;
      if (!text) return;
      const found = gitexp.data.isServed ? await gitexp.data.load(this.path("search"), { text }) : this.inPage(text);
      if (text !== this.input.value) return;
      const rows = found.found.map((one) => {
        const button = element("button", { type: "button", class: "result", onclick: () => this.jump(one) }, `${one.line}: `, ...marked(one.text, text));
        return element("li", {}, button);
      });
      if (!rows.length) rows.push(element("li", {}, "Not found."));
      if (found.more) rows.push(element("li", {}, "And more: search for a longer text."));
      this.results.replaceChildren(...rows);
    }

    /** Of an export, only the lines in the page are searched. */
    inPage(text) {
      const found = [];
      [...this.lines.children].forEach((one, at) => {
        if (one.textContent.toLowerCase().includes(text.toLowerCase())) found.push({ line: at + 1, text: one.textContent.trimEnd(), node: one });
      });
      return { found: found.slice(0, 500), more: found.length > 500 };
    }

    async jump(one) {
      let node = one.node;
      if (!node) {
        this.follows.checked = false;
        this.replace(await gitexp.data.load(this.path("log"), { start: one.start }));
        node = this.lines.firstElementChild;
      }
      for (const other of this.lines.querySelectorAll(".is-found")) other.classList.remove("is-found");
      node.classList.add("is-found");
      node.scrollIntoView({ block: "center" });
    }
  }

  const line = (spans) => element("span", { class: "line" }, ...gitexp.parts.spans(spans), "\n");

  function marked(text, word) {
    const at = text.toLowerCase().indexOf(word.toLowerCase());
    if (at < 0) return [text];
    return [text.slice(0, at), element("mark", {}, text.slice(at, at + word.length)), text.slice(at + word.length)];
  }

  return { LogView };
})();
