"use strict";

/** The panel in which columns are searched, chosen, moved and pinned. */
gitexp.columnPanel = (() => {
  const { element } = gitexp;
  const KINDS = { metric: "metric", param: "param", about: "fact", curve: "curve" };

  class Panel {
    constructor({ panel, on }) {
      Object.assign(this, { panel, on });
      this.search = panel.querySelector("input");
      this.list = panel.querySelector("ul");
      this.search.addEventListener("input", () => this.draw());
      panel.querySelector("[data-does=all]").addEventListener("click", () => on.choose(this.found().map((column) => column.id)));
      panel.querySelector("[data-does=usual]").addEventListener("click", () => on.choose(undefined));
    }

    /** Show the columns of a table, those that are seen first. */
    show(model, shown, pinned) {
      Object.assign(this, { model, shown, pinned });
      this.draw();
    }

    found() {
      const wanted = this.search.value.trim().toLowerCase();
      const rest = [...this.model.columns.values()].filter((one) => one.id !== "name" && !this.shown.includes(one));
      return [...this.shown, ...rest].filter((column) => column.id.toLowerCase().includes(wanted));
    }

    draw() {
      const focused = document.activeElement?.closest?.("#columns li") && document.activeElement.dataset.does;
      const id = document.activeElement?.closest?.("#columns li")?.dataset.id;
      const found = this.found();
      this.list.replaceChildren(...found.slice(0, 200).map((column) => this.item(column)));
      if (found.length > 200) this.list.append(element("li", { class: "soft" }, `${found.length - 200} more: search for them`));
      if (!found.length) this.list.append(element("li", { class: "soft" }, "No column has that name."));
      if (id) this.list.querySelector(`li[data-id="${CSS.escape(id)}"] [data-does="${focused}"]`)?.focus();
    }

    item(column) {
      const at = this.shown.indexOf(column);
      const seen = at >= 0;
      const name = element("label", {}, element("input", { type: "checkbox", "data-does": "show", checked: seen, onchange: (event) => this.on.toggle(column.id, event.target.checked) }), element("span", { class: "title" }, column.title), element("span", { class: "kind" }, KINDS[column.kind]));
      const item = element("li", { "data-id": column.id }, name);
      if (seen) {
        item.append(
          this.button("up", `Move ${column.title} to the left`, "↑", at === 0, () => this.on.move(column.id, at - 1)),
          this.button("down", `Move ${column.title} to the right`, "↓", at === this.shown.length - 1, () => this.on.move(column.id, at + 1)),
          this.button("pin", `Pin ${column.title}`, "⊢", false, () => this.on.pin(column.id), this.pinned.has(column.id)),
        );
      }
      return item;
    }

    button(does, label, text, disabled, onclick, pressed) {
      const pressedState = pressed === undefined ? null : String(pressed);
      return element("button", { type: "button", class: "plain", "data-does": does, "aria-label": label, title: label, disabled, onclick, "aria-pressed": pressedState }, text);
    }
  }

  return { Panel };
})();
