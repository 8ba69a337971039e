"use strict";

/** The table as data: its lines and columns, and which lines are seen in which order. Draws nothing. */
gitexp.tableModel = (() => {
  const { numberOf, isFloat, textOf, columnTexts, timeText, durationText } = gitexp.cells;
  const EXPERIMENTS = new Set(["experiment", "group", "member"]);
  const HEADS = new Set(["baseline", "workspace"]);

  /** One column: its values by line, and its texts, which are made when they are first seen. */
  class Column {
    /** `before` has the same column of an earlier table, and the number that each line had there. */
    constructor(described, count, before) {
      Object.assign(this, { id: described.id, kind: described.kind, key: described.key });
      Object.assign(this, { title: described.title, type: described.type, direction: described.direction });
      this.default = described.default;
      if (described.near) this.near = { best: described.near.best, lines: new Set(described.near.at) };
      this.values = new Array(count).fill(described.default);
      if (before?.column) {
        before.from.forEach((old, line) => {
          if (old >= 0) this.values[line] = before.column.values[old];
        });
      }
      const { at, values } = described;
      if (at) at.forEach((line, n) => (this.values[line] = values[n]));
      else this.values = values;
    }

    get texts() {
      this.made ??= this.kind === "metric" ? columnTexts(this.values) : this.values.map((cell) => this.text(cell));
      return this.made;
    }

    text(cell) {
      if (cell === undefined || (cell === null && this.kind === "about")) return "";
      if (this.type === "time") return timeText(cell);
      if (this.type === "seconds") return durationText(numberOf(cell));
      if (this.type === "id") return cell.slice(0, 7);
      return textOf(cell);
    }

    /** Whether all values are numbers. */
    get isNumeric() {
      if (this.kind === "curve") return false;
      if (this.type) return this.type === "seconds";
      this.numeric ??= this.values.every((cell) => cell === undefined || numberOf(cell) !== undefined);
      return this.numeric;
    }

    /** Whether a line may be as good as the best one. A filter that leaves out the best leaves nothing to say. */
    isNear(line, best) {
      return this.near !== undefined && this.near.best === best && this.near.lines.has(line);
    }

    /** What the column is sorted by: a number, a text, or undefined. */
    raw(line) {
      const cell = this.values[line];
      if (cell === undefined || cell === null) return undefined;
      const number = numberOf(cell);
      return number === undefined ? textOf(cell) || undefined : number;
    }
  }

  class Table {
    /** The table of a document; of one with what has changed, from the table `before` as well. */
    constructor(found, before) {
      this.rows = found.rows;
      this.count = found.rows.key.length;
      this.cursor = found.cursor;
      this.columns = new Map();
      const old = found.from ? before.columns : new Map();
      const add = (described) => {
        const known = { column: old.get(described.id), from: found.from };
        this.columns.set(described.id, new Column(described, this.count, known));
      };
      found.columns.forEach(add);
      for (const column of old.values()) {
        if (column.kind !== "curve" && !this.columns.has(column.id)) add({ ...column, at: [], values: [] });
      }
      for (const column of [...this.columns.values()]) {
        if (column.kind !== "metric") continue;
        const described = { id: `curve:${column.key}`, kind: "curve", key: column.key, title: `${column.key} curve` };
        this.columns.set(described.id, new Column({ ...described, at: [], values: [] }, this.count));
      }
      this.fields = found.fields;
      this.first = found.shown.filter((id) => this.columns.has(id));
      const of = this.first.indexOf(found.curve);
      if (of >= 0) this.first.splice(of + 1, 0, `curve:${found.curve.slice("metrics.".length)}`);
      this.candidates = [...this.rows.key.keys()].filter((line) => this.isCandidate(line));
      this.ids = this.rows.kind.map((kind, line) => this.idOf(kind, line));
    }

    /** What a line is called in addresses. */
    idOf(kind, line) {
      if (this.rows.key[line]) return this.rows.key[line];
      const commit = this.columns.get("commit")?.values[line];
      return `${kind}:${kind === "group" ? this.name(line) : (commit ?? "").slice(0, 12)}`;
    }

    /** The keys of the experiments that some names of lines stand for: of a group, those of its members. */
    keysOf(ids) {
      const found = [];
      for (const id of ids) {
        const line = this.ids.indexOf(id);
        if (line < 0) continue;
        const members = this.rows.members[line] ?? 0;
        for (let n = members ? 1 : 0; n <= members; n++) found.push(this.rows.key[line + n]);
      }
      return found.filter(Boolean);
    }

    name(line) {
      return textOf(this.columns.get("name")?.values[line]);
    }

    isExperiment(line) {
      return EXPERIMENTS.has(this.rows.kind[line]);
    }

    status(line) {
      return this.columns.get("status")?.values[line] ?? "";
    }

    /** What stands behind the means of a column. */
    spreads(column) {
      if (column.kind !== "metric") return [];
      return Object.keys(this.rows.members).map((line) => gitexp.cells.spreadOf(column.values[line]));
    }

    /** The best number of a metric among some lines; undefined without a direction, or if all are the same. */
    best(column, lines) {
      if (!column.direction) return undefined;
      let low, high;
      for (const line of lines) {
        const number = numberOf(column.values[line]);
        if (number === undefined || !Number.isFinite(number)) continue;
        if (this.status(line) === "running" || !this.isExperiment(line)) continue;
        if (low === undefined || number < low) low = number;
        if (high === undefined || number > high) high = number;
      }
      if (low === high) return undefined;
      return column.direction === "min" ? low : high;
    }

    /** Whether a line is an experiment that a filter judges: not the member of a group. */
    isCandidate(line) {
      return this.isExperiment(line) && this.rows.kind[line] !== "member";
    }

    /**
     * The lines that are seen, from the top down, each with its depth.
     *
     * `passes` says whether a filter lets an experiment through; `sort` is a column or undefined; `group` is
     * "baseline" or "none"; `isOpen` says whether what hangs on a line is seen.
     */
    arranged({ passes, sort, descending, group, isOpen }) {
      const kept = [];
      for (const line of this.candidates) {
        if (passes(line)) kept.push(line);
      }
      const below = group === "none" ? this.flat(kept, sort, descending) : this.tree(kept, sort, descending, isOpen);
      return { kept, seen: this.withMembers(below, isOpen) };
    }

    flat(kept, sort, descending) {
      const lines = sort ? this.sorted(kept, sort, descending) : kept;
      const heads = this.rows.kind[0] === "workspace" ? [{ line: 0, depth: 0 }] : [];
      return [...heads, ...lines.map((line) => ({ line, depth: 0 }))];
    }

    /** The lines below their baselines; without an order, below the experiments that they are made from. */
    tree(kept, sort, descending, isOpen) {
      const isKept = new Set(kept);
      const children = new Map();
      for (const line of kept) {
        let above = this.rows.above[line];
        while (above >= 0 && !HEADS.has(this.rows.kind[above]) && (sort || !isKept.has(above))) {
          above = this.rows.above[above];
        }
        if (!children.has(above)) children.set(above, []);
        children.get(above).push(line);
      }
      const seen = [];
      const add = (line, depth) => {
        const hanging = children.get(line) ?? [];
        seen.push({ line, depth, children: hanging.length });
        if (!isOpen(line, true)) return;
        for (const child of sort ? this.sorted(hanging, sort, descending) : hanging) add(child, depth + 1);
      };
      for (let line = 0; line < this.count; line++) {
        const isHead = HEADS.has(this.rows.kind[line]) || this.rows.kind[line] === "commit";
        if (isHead && (line === 0 || line === 1 || children.has(line))) add(line, 0);
      }
      for (const line of children.get(-1) ?? []) add(line, 0);
      return seen;
    }

    withMembers(seen, isOpen) {
      const all = [];
      for (const one of seen) {
        all.push(one);
        const members = this.rows.members[one.line] ?? 0;
        if (!members || !isOpen(one.line, false)) continue;
        for (let n = 1; n <= members; n++) all.push({ line: one.line + n, depth: one.depth + 1 });
      }
      return all;
    }

    /** Numbers in order, then NaN, then texts, then lines without a value. */
    sorted(lines, column, descending) {
      const numbers = [], odd = [], texts = [], without = [];
      for (const line of lines) {
        let raw = column.raw(line);
        if (typeof raw === "string" && column.kind !== "about") raw = gitexp.values.measured(raw);
        if (raw === undefined) without.push(line);
        else if (typeof raw === "string") texts.push([raw, line]);
        else if (typeof raw === "boolean") texts.push([raw ? "True" : "False", line]);
        else if (Number.isNaN(raw)) odd.push(line);
        else numbers.push([raw, line]);
      }
      const turn = descending ? -1 : 1;
      const order = (a, b) => (a[0] < b[0] ? -turn : a[0] > b[0] ? turn : 0);
      const lineOf = (pair) => pair[1];
      return [...numbers.sort(order).map(lineOf), ...odd, ...texts.sort(order).map(lineOf), ...without];
    }
  }

  return { Table, isFloat };
})();
