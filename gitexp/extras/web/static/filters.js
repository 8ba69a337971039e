"use strict";

/** Filters of experiments, as `catalog/filters.py` has them: a page shows what the command line would. */
gitexp.filters = (() => {
  const { Keys, isNumber, ofCell, isTrue, asNumbers, equal, within, textOrder } = gitexp.values;
  const { Moment } = gitexp.moments;
  const { read, wrong, FilterError, OF_PATTERNS } = gitexp.filterSyntax;
  const STATUSES = ["queued", "running", "done", "failed", "interrupted"];
  const NEGATED = { "!=": "==", "!~": "~", "not in": "in" };
  const FLIPPED = { "<": ">", ">": "<", "<=": ">=", ">=": "<=" };
  const ORDERS = { "==": (a) => a === 0, "<": (a) => a < 0, "<=": (a) => a <= 0, ">": (a) => a > 0, ">=": (a) => a >= 0 };
  const ENDS = ["status", "exit_code", "reason"];
  const MISSING = () => undefined;

  class Filter {
    /** The filter of a text for a table, at a time in milliseconds; throws FilterError. */
    constructor(text, model, now = Date.now()) {
      this.model = model;
      this.text = text;
      const { condition, names } = read(text);
      this.condition = this.checked(condition);
      this.names = names;
      this.readers = new Map(names.map(({ name }) => [name, this.reader(name)]));
      const nothing = names.find(({ name }) => this.readers.get(name) === MISSING && !this.isSomewhere(name));
      if (nothing) throw new FilterError(`No experiment has '${nothing.name}' (character ${[...text.slice(0, nothing.at)].length + 1} of the filter).`);
      this.asksForEnd = names.some(({ name }) => ENDS.includes(name));
      this.now = now;
    }

    /** Whether an experiment passes; a group, if it passes with the end of one of its runs. */
    passes(line) {
      const { rows } = this.model;
      if (rows.error[line] !== undefined) return false;
      const members = rows.members[line] ?? 0;
      if (!members || !this.asksForEnd) return this.holds(this.condition, line, line);
      for (let n = 1; n <= members; n++) {
        if (this.holds(this.condition, line, line + n)) return true;
      }
      return false;
    }

    // -- names ------------------------------------------------------------------------------------------

    kind(name) {
      return Object.hasOwn(this.model.fields, name) ? this.model.fields[name].type : "";
    }

    /** What reads the value of a name: attributes before metrics, and metrics before params. */
    reader(name) {
      if (name === "changes") throw new FilterError("This page does not know which files were changed. gitexp list --filter does.");
      if (Object.hasOwn(this.model.fields, name)) return this.attribute(name);
      for (const id of this.places(name)) {
        const column = this.model.columns.get(id);
        if (column && column.values.some((cell, line) => cell !== undefined && this.model.isCandidate(line))) return (line) => ofCell(column.values[line]);
      }
      return MISSING;
    }

    places(name) {
      const places = [`metrics.${name}`, `params.${name}`];
      if (/^(metrics|params)\../.test(name)) places.unshift(name);
      return places;
    }

    attribute(name) {
      if (name === "metrics" || name === "params") {
        const columns = [...this.model.columns.values()].filter((column) => `${column.kind}s` === name);
        return (line) => {
          const has = (key) => this.model.columns.get(`${name}.${key}`)?.values[line] !== undefined;
          return new Keys(has, !columns.some((column) => column.values[line] !== undefined));
        };
      }
      const column = this.model.columns.get(name);
      const otherwise = ofCell(this.model.fields[name].default);
      return (line, end) => {
        const cell = column?.values[ENDS.includes(name) ? end : line];
        return cell === undefined ? otherwise : ofCell(cell);
      };
    }

    /** Whether a run that is in a group, or any experiment, has a metric or param. */
    isSomewhere(name) {
      return this.places(name).some((id) =>
        this.model.columns.get(id)?.values.some((cell, line) => cell !== undefined && this.model.isExperiment(line)),
      );
    }

    // -- checks before there is an experiment -------------------------------------------------------------

    checked(condition) {
      if (condition.is === "comparison") {
        const { left, how, right } = condition;
        return { ...condition, left: this.meant(left, how, right), right: this.meant(right, how, left) };
      }
      if (condition.is === "not") return { ...condition, part: this.checked(condition.part) };
      if (condition.parts) return { ...condition, parts: condition.parts.map((part) => this.checked(part)) };
      return condition;
    }

    /** An operand with its meaning beside the other operand. */
    meant(operand, how, other) {
      if ("name" in operand || !("name" in other) || OF_PATTERNS.has(how)) return operand;
      const kind = this.kind(other.name);
      if (kind === "status") this.checkStatus(operand, how);
      if (kind === "time" && operand.value !== null) return this.moment(operand, how, other.name);
      if (kind === "seconds") return { ...operand, value: this.seconds(operand.value, operand.at, other.name) };
      return operand;
    }

    /** The value with each duration in seconds, also in a list; throws FilterError for another text. */
    seconds(value, at, name) {
      if (Array.isArray(value)) return value.map((item) => this.seconds(item, at, name));
      if (typeof value !== "string") return value;
      const found = gitexp.moments.parseDuration(value);
      if (found === undefined) throw wrong(this.text, at, `${name} is compared with seconds, '5 min' or '1 h 30 min'`);
      return found;
    }

    checkStatus(operand, how) {
      if (!Array.isArray(operand.value) && how !== "==" && how !== "!=") return;
      for (const status of [operand.value].flat()) {
        if (typeof status === "string" && !STATUSES.includes(status)) {
          throw wrong(this.text, operand.at, `a status is ${STATUSES.join(", ")}; not '${status}'`);
        }
      }
    }

    moment(operand, how, name) {
      let value;
      if (typeof operand.value === "string" && (NEGATED[how] ?? how) in ORDERS) value = gitexp.moments.parse(operand.value);
      if (value === undefined) {
        throw wrong(this.text, operand.at, `${name} is compared, by < > == and so on, with '2 days ago', 'today', '2026-11-01' or '2026-11-01 14:30'`);
      }
      return { ...operand, value };
    }

    // -- the condition for one experiment -----------------------------------------------------------------

    holds(condition, line, end) {
      switch (condition.is) {
        case "truth":
          return isTrue(this.value(condition.operand, line, end));
        case "comparison":
          return this.compared(this.value(condition.left, line, end), condition.how, this.value(condition.right, line, end));
        case "not":
          return !this.holds(condition.part, line, end);
        case "and":
          return condition.parts.every((part) => this.holds(part, line, end));
        default:
          return condition.parts.some((part) => this.holds(part, line, end));
      }
    }

    value(operand, line, end) {
      return "name" in operand ? this.readers.get(operand.name)(line, end) : operand.value;
    }

    compared(left, how, right) {
      if (left === undefined || right === undefined) return false;
      if (how in NEGATED) return !this.compared(left, NEGATED[how], right);
      if (left instanceof Moment) return this.ordered(right, FLIPPED[how] ?? how, left);
      if (right instanceof Moment) return this.ordered(left, how, right);
      if (how === "==") return equal(left, right);
      if (how === "in") return within(left, right);
      if (how === "~") return [left].flat().some((text) => typeof text === "string" && right.test(text));
      const [one, other] = asNumbers(left, right);
      if (isNumber(one) && isNumber(other)) {
        return { "<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other }[how];
      }
      if (typeof one === "string" && typeof other === "string") return ORDERS[how](textOrder(one, other));
      return false;
    }

    ordered(value, how, moment) {
      if (typeof value !== "string") return false;
      const order = moment.order(value, this.now);
      return order !== undefined && ORDERS[how](order);
    }
  }

  return { Filter, FilterError };
})();
