"use strict";

/**
 * Values as filters compare them: a missing one is undefined; a number may be a BigInt, which JavaScript compares
 * with other numbers exactly; a map, such as all params of a row, has `has`.
 */
gitexp.values = (() => {
  const NOT_FINITE = /^(?<sign>[-+]?)(?:(?<nan>\.?nan(?:\(\w*\))?|1\.#(?:ind|[qs]nan)[0-9]*)|\.?inf(?:inity)?|1\.#inf[0-9]*)$/i;
  const WHOLE = /^[-+]?[0-9]+$/;
  const DECIMAL = /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/;
  const COMMIT = /^[0-9]+[eE][0-9]+$/;
  const SHORTEST_COMMIT = 7;

  /** A set of keys, such as those of all params of a row. */
  class Keys {
    constructor(has, isEmpty) {
      Object.assign(this, { has, isEmpty });
    }
  }

  const isNumber = (value) => typeof value === "number" || typeof value === "bigint";

  function whole(text) {
    const number = Number(text);
    return Number.isSafeInteger(number) ? number : BigInt(text.replace(/^\+/, ""));
  }

  /** The number that a text spells in whatever way, or the text without the blanks around it. */
  function measured(text) {
    const trimmed = text.trim();
    const odd = NOT_FINITE.exec(trimmed);
    if (odd) return odd.groups.nan ? NaN : odd.groups.sign === "-" ? -Infinity : Infinity;
    if (WHOLE.test(trimmed)) return whole(trimmed);
    const mayBeCommit = trimmed.length >= SHORTEST_COMMIT && COMMIT.test(trimmed);
    if (!DECIMAL.test(trimmed) || mayBeCommit) return trimmed;
    const number = Number(trimmed);
    if (!Number.isFinite(number)) return trimmed;
    if (number === 0 && /[1-9]/.test(trimmed.split(/[eE]/)[0])) return trimmed;
    return number;
  }

  /** The value of a cell, see `cells.py`. */
  function ofCell(cell) {
    if (cell === null || typeof cell !== "object") return cell;
    if (Array.isArray(cell)) return cell.map(ofCell);
    if ("s" in cell) return cell.s;
    if ("list" in cell) return cell.list.map(ofCell);
    if ("v" in cell) return WHOLE.test(cell.t) ? whole(cell.t) : gitexp.cells.numberOf(cell);
    return new Keys(() => false, cell.t === "{}");
  }

  /** Whether a value alone is true: present, and neither false, zero nor empty. */
  function isTrue(value) {
    if (value instanceof Keys) return !value.isEmpty;
    if (Array.isArray(value)) return value.length > 0;
    if (typeof value === "number" && Number.isNaN(value)) return true; // as in Python
    return Boolean(value);
  }

  /** Both sides; a text beside a number becomes the number that it spells. */
  function asNumbers(left, right) {
    if (isNumber(left) && typeof right === "string") return [left, measured(right)];
    if (isNumber(right) && typeof left === "string") return [measured(left), right];
    return [left, right];
  }

  function equal(one, other) {
    const [left, right] = asNumbers(one, other);
    if (isNumber(left) && isNumber(right)) return left == right; // exact, also of a BigInt beside a float
    if (Array.isArray(left) && Array.isArray(right)) {
      return left.length === right.length && left.every((value, at) => equal(value, right[at]));
    }
    return typeof left === typeof right && left === right;
  }

  /** Whether a list has a value, a text contains a text, or params or metrics have a key. */
  function within(left, right) {
    if (Array.isArray(right)) return right.some((item) => equal(left, item));
    if (typeof left !== "string") return false;
    if (right instanceof Keys) return right.has(left);
    return typeof right === "string" && right.includes(left);
  }

  /** Texts in the order of their characters, as Python has it, and not of their halves. */
  function textOrder(left, right) {
    if (left === right) return 0;
    const [a, b] = [[...left], [...right]];
    const length = Math.min(a.length, b.length);
    for (let at = 0; at < length; at++) {
      const order = a[at].codePointAt(0) - b[at].codePointAt(0);
      if (order) return order;
    }
    return a.length - b.length;
  }

  return { Keys, isNumber, measured, ofCell, isTrue, asNumbers, equal, within, textOrder };
})();
