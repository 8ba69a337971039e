"use strict";

/** Draws the table: only the rows in the window, so that ten thousand scroll as well as ten. */
gitexp.tableView = (() => {
  const { element } = gitexp;
  const ROW = 34; // pixels, as in style.css
  const SPARE = 8; // rows drawn beyond the window
  const WIDEST = 38; // characters of a column
  const NARROWEST = 7;
  const BESIDE = 34; // pixels of a column beside its characters
  const size = (characters, columns) => `(${characters}ch + ${columns * BESIDE}px)`;

  class View {
    constructor({ scroller, table, on }) {
      Object.assign(this, { scroller, table, on });
      this.seen = [];
      this.columns = [];
      this.drawn = "";
      this.sparklines = new gitexp.sparklines.Sparklines(() => {
        this.drawn = "";
        this.draw();
      });
      scroller.addEventListener("scroll", () => this.draw(), { passive: true });
      new ResizeObserver(() => this.draw()).observe(scroller);
    }

    /** Show other lines or columns. */
    show({ model, seen, kept, columns, pinned, sort, descending, selected, isOpen }) {
      Object.assign(this, { model, seen, columns, pinned, sort, descending, selected, isOpen });
      this.best = new Map(columns.map((column) => [column.id, model.best(column, kept)]));
      this.pins = this.columns.filter((column) => this.pinned.has(column.id)).length;
      this.spreads = new Map();
      for (const column of columns) {
        const longest = this.model.spreads(column).reduce((most, text) => Math.max(most, text.length), 0);
        if (longest) this.spreads.set(column, longest);
      }
      this.head();
      this.drawn = "";
      this.draw();
    }

    head() {
      const groups = this.table.querySelector("colgroup");
      const widths = this.columns.map((column) => this.width(column));
      this.lefts = widths.map((_, at) => widths.slice(0, at).reduce((a, b) => a + b, 0));
      groups.replaceChildren(element("col", { class: "of-name" }), ...widths.map((width) => {
        const col = element("col");
        col.style.width = `calc${size(width, 1)}`;
        return col;
      }), element("col"));
      this.table.style.minWidth = `calc(var(--name-width) + ${size(widths.reduce((a, b) => a + b, 0), widths.length)})`;
      const cells = this.columns.map((column, at) => this.title(column, at));
      const shown = this.seen.filter(({ line }) => this.model.isExperiment(line));
      const every = shown.length > 0 && shown.every(({ line }) => this.selected.has(this.model.ids[line]));
      const all = element("input", { type: "checkbox", checked: every, "aria-label": "Select all", onchange: (event) => this.on.selectAll(event.target.checked) });
      const name = element("th", { class: "of-name", scope: "col", "aria-sort": this.order("name") }, element("span", { class: "name-cell" }, all, this.sorter("name", "Experiment")));
      this.table.tHead.replaceChildren(element("tr", {}, name, ...cells, element("td", { class: "filler" })));
      this.table.setAttribute("aria-rowcount", this.seen.length + 1);
    }

    /** Keep a cell of a pinned column beside the names. */
    placed(cell, at) {
      if (at >= this.pins) return cell;
      cell.classList.add("pinned");
      cell.style.left = `calc(var(--name-width) + ${size(this.lefts[at], at)})`;
      return cell;
    }

    title(column, at) {
      const classes = [column.isNumeric ? "number" : "", `is-${column.kind}`];
      const shown = { class: classes.join(" "), scope: "col", "aria-sort": this.order(column.id), "data-column": column.id };
      const made = element("th", { ...shown, draggable: "true" }, this.sorter(column.id, column.title, column.direction));
      made.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/x-column", column.id));
      made.addEventListener("dragover", (event) => event.preventDefault());
      made.addEventListener("drop", (event) => {
        event.preventDefault();
        const moved = event.dataTransfer.getData("text/x-column");
        if (moved) this.on.move(moved, at);
      });
      return this.placed(made, at);
    }

    sorter(id, title, direction) {
      const arrow = this.sort === id ? (this.descending ? "↓" : "↑") : "";
      const hint = direction ? `${title}: ${direction === "min" ? "low" : "high"} is better` : title;
      return element(
        "button",
        { type: "button", class: "sorter", title: hint, onclick: () => this.on.sort(id) },
        element("span", { class: "title" }, title),
        element("span", { class: "arrow", "aria-hidden": "true" }, arrow),
      );
    }

    order(id) {
      if (this.sort !== id) return null;
      return this.descending ? "descending" : "ascending";
    }

    /** The width of a column in characters. */
    width(column) {
      if (column.kind === "curve") return 12;
      column.longest ??= column.texts.reduce((most, text) => Math.max(most, text.length), 0);
      let longest = Math.max(column.title.length + 2, Math.min(column.longest, WIDEST));
      longest += this.spreads.get(column) ?? 0;
      return Math.min(Math.max(longest, NARROWEST), WIDEST);
    }

    /** Draw the rows in the window, if others are there now. */
    draw() {
      const height = this.scroller.clientHeight || 600;
      const last = Math.max(this.seen.length - Math.floor(height / ROW), 0); // there may be fewer rows than before
      const top = Math.max(Math.min(Math.floor(this.scroller.scrollTop / ROW), last) - SPARE, 0);
      const end = Math.min(top + Math.ceil(height / ROW) + 2 * SPARE, this.seen.length);
      const drawn = `${top}-${end}`;
      if (drawn === this.drawn) return;
      this.drawn = drawn;
      const body = this.table.tBodies[0];
      const focused = document.activeElement?.closest?.("tr")?.dataset.id;
      const rows = this.seen.slice(top, end).map((one, n) => this.row(one, top + n));
      body.replaceChildren(this.space(top), ...rows, this.space(this.seen.length - end));
      if (focused) body.querySelector(`tr[data-id="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    }

    space(rows) {
      const made = element("tr", { class: "space", "aria-hidden": "true" });
      made.style.height = `${rows * ROW}px`;
      return made;
    }

    row({ line, depth, children }, number) {
      const { model } = this;
      const kind = model.rows.kind[line];
      const id = model.ids[line];
      const selected = this.selected.has(id);
      const classes = ["line", `is-${kind}`, selected ? "is-selected" : "", `is-${model.status(line) || "ended"}`];
      const made = element("tr", { class: classes.join(" "), "data-id": id, "aria-rowindex": number + 2, tabindex: "-1" });
      made.append(this.nameCell(line, depth, children, selected), ...this.columns.map((column, at) => this.placed(this.cell(column, line), at)), element("td", { class: "filler" }));
      return made;
    }

    nameCell(line, depth, children, selected) {
      const { model } = this;
      const key = model.rows.key[line];
      const name = model.name(line);
      const parts = [];
      if (model.isExperiment(line)) {
        parts.push(element("input", { type: "checkbox", checked: selected, "aria-label": `Select ${name}`, onchange: (event) => this.on.select(line, event.target.checked) }));
      }
      const members = model.rows.members[line] ?? 0;
      if (children || members) {
        const open = this.isOpen(line, !members);
        parts.push(element("button", { type: "button", class: "fold", "aria-expanded": String(open), "aria-label": `${open ? "Close" : "Open"} ${name}`, onclick: () => this.on.fold(line, !members) }, open ? "▾" : "▸"));
      }
      if (model.isExperiment(line)) parts.push(element("span", { class: `dot c${model.rows.colour[line]}`, "aria-hidden": "true" }));
      parts.push(key ? element("a", { href: gitexp.experimentAddress(key), class: "name", title: name }, name) : element("span", { class: "name", title: name }, name));
      if (members) parts.push(element("span", { class: "mark" }, `${members} runs`));
      const status = model.status(line);
      if (status && status !== "done") parts.push(element("span", { class: `state of-${status}` }, status));
      const error = model.rows.error[line];
      if (error) parts.push(element("span", { class: "state of-failed", title: error }, "unreadable record"));
      const subject = model.columns.get("subject")?.values[line];
      if (subject && !model.isExperiment(line)) parts.push(element("span", { class: "subject", title: subject }, subject));
      const inner = element("span", { class: "name-cell" }, ...parts);
      inner.style.setProperty("--depth", Math.min(depth, 8));
      return element("th", { class: "of-name", scope: "row" }, inner);
    }

    cell(column, line) {
      if (column.kind === "curve") {
        return element("td", { class: "of-curve" }, this.sparklines.cell(this.model, line, column.key));
      }
      const cell = column.values[line];
      const text = column.texts[line];
      const made = element("td", { class: column.isNumeric ? "number" : "" });
      if (cell === undefined) return made;
      const best = this.best.get(column.id);
      const isBest = best !== undefined && this.model.isExperiment(line) && gitexp.cells.numberOf(cell) === best;
      const running = column.kind === "metric" && this.model.status(line) === "running";
      if (isBest && !running) made.classList.add("best");
      if (text.length > WIDEST - 8) made.title = column.type === "time" ? cell : text;
      if (column.type === "time" && cell) made.title = new Date(cell).toLocaleString();
      if (isBest && !running) made.append(element("span", { class: "star", role: "img", "aria-label": "best" }, "★"));
      made.append(running ? `${text}…` : text);
      const mark = column.isNear(line, best) ? gitexp.noiseMark("may be as good as the best: no verdict tells them apart") : "";
      if (this.spreads.has(column)) {
        const spread = element("span", { class: "spread" }, gitexp.cells.spreadOf(cell), mark);
        spread.style.width = `${this.spreads.get(column)}ch`;
        made.append(spread);
      } else made.append(mark);
      return made;
    }

    /** Bring a row into the window, and give it the keys. */
    focus(number) {
      const at = Math.min(Math.max(number, 0), this.seen.length - 1);
      if (at < 0) return;
      const head = this.table.tHead.offsetHeight;
      const top = at * ROW;
      const { scrollTop, clientHeight } = this.scroller;
      if (top < scrollTop) this.scroller.scrollTop = top;
      else if (top + ROW + head > scrollTop + clientHeight) this.scroller.scrollTop = top + ROW + head - clientHeight;
      this.draw();
      const id = this.model.ids[this.seen[at].line];
      this.table.tBodies[0].querySelector(`tr[data-id="${CSS.escape(id)}"]`)?.focus({ preventScroll: true });
    }
  }

  return { View };
})();
