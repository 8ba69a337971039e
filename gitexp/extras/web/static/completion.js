"use strict";

/** Names that are offered while somebody types a filter. */
gitexp.completion = (() => {
  const { element } = gitexp;
  const MOST = 8;
  const WORD = /[\p{L}\p{N}_.:/-]*$/u;

  class Completion {
    /** `names` gives what can be offered; the input sends "input" when something is taken. */
    constructor({ input, list, names }) {
      Object.assign(this, { input, list, names, at: -1, offered: [] });
      input.setAttribute("role", "combobox");
      input.setAttribute("aria-autocomplete", "list");
      input.setAttribute("aria-controls", list.id);
      input.addEventListener("input", () => this.offer());
      input.addEventListener("keydown", (event) => this.key(event));
      input.addEventListener("blur", () => this.close());
      this.close();
    }

    word() {
      const before = this.input.value.slice(0, this.input.selectionStart ?? 0);
      const quotes = (before.match(/'/g) ?? []).length % 2 || (before.match(/"/g) ?? []).length % 2;
      return quotes ? "" : WORD.exec(before)[0];
    }

    offer() {
      const word = this.word().toLowerCase();
      const names = word && !/^[\d.]/.test(word) ? this.names() : [];
      const starting = names.filter((name) => name.toLowerCase().startsWith(word));
      const within = names.filter((name) => name.toLowerCase().includes(word) && !starting.includes(name));
      this.offered = [...starting, ...within].slice(0, MOST);
      if (this.offered.length === 1 && this.offered[0] === this.word()) this.offered = [];
      this.at = -1;
      this.draw();
    }

    draw() {
      this.list.hidden = !this.offered.length;
      this.input.setAttribute("aria-expanded", String(!this.list.hidden));
      this.input.removeAttribute("aria-activedescendant");
      this.list.replaceChildren(
        ...this.offered.map((name, n) => {
          const chosen = n === this.at;
          const item = element("li", { role: "option", id: `${this.list.id}-${n}`, "aria-selected": String(chosen) }, name);
          item.addEventListener("mousedown", (event) => {
            event.preventDefault();
            this.take(name);
          });
          if (chosen) this.input.setAttribute("aria-activedescendant", item.id);
          return item;
        }),
      );
    }

    key(event) {
      if (this.list.hidden) return;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        const count = this.offered.length;
        this.at = (this.at + step + count) % count;
        this.draw();
      } else if ((event.key === "Enter" || event.key === "Tab") && (this.at >= 0 || event.key === "Tab")) {
        this.take(this.offered[Math.max(this.at, 0)]);
      } else if (event.key === "Escape") {
        this.close();
      } else return;
      event.preventDefault();
      event.stopPropagation();
    }

    take(name) {
      const end = this.input.selectionStart;
      const start = end - this.word().length;
      const written = /^[\p{L}_][\p{L}\p{N}_.:/-]*$/u.test(name) ? name : `\`${name}\``;
      this.input.setRangeText(`${written} `, start, end, "end");
      this.close();
      this.input.dispatchEvent(new Event("input", { bubbles: true }));
      this.close();
    }

    close() {
      this.offered = [];
      this.at = -1;
      this.draw();
    }
  }

  return { Completion };
})();
