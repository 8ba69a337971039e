"use strict";

/** The texts and numbers of cells; `cells.py` says what a cell is, and `views/numbers.py` how numbers look. */
gitexp.cells = (() => {
  const HUGE = 1e15;
  const TINY = 1e-10;
  const PRECISION = 5;
  const MOST_DECIMALS = 100; // that JavaScript writes

  const isObject = (cell) => cell !== null && typeof cell === "object" && !Array.isArray(cell);

  /** The number of a cell, NaN and infinity too; undefined if it is no number. */
  function numberOf(cell) {
    if (typeof cell === "number") return cell;
    if (isObject(cell) && "v" in cell) {
      if (typeof cell.v === "number") return cell.v;
      return { nan: NaN, inf: Infinity, "-inf": -Infinity }[cell.v];
    }
    return undefined;
  }

  /** Whether a number was one with a decimal point. */
  function isFloat(cell) {
    if (typeof cell === "number") return !Number.isInteger(cell);
    return isObject(cell) && "v" in cell && /[.en]/.test(cell.t);
  }

  /** The text of a cell; "" for none. */
  function textOf(cell) {
    if (cell === undefined) return "";
    if (isObject(cell)) return cell.t;
    if (Array.isArray(cell)) return cell.join(", ");
    return String(cell);
  }

  /** A number with so many decimals; what lies in the middle goes to the even digit, as in Python. */
  function rounded(number, decimals) {
    const text = (Object.is(number, -0) ? "-" : "") + number.toFixed(decimals);
    if (decimals === MOST_DECIMALS || !Number.isInteger(number * 2 * 10 ** decimals)) return text;
    const exact = number.toFixed(MOST_DECIMALS);
    const end = exact.indexOf(".") + 1 + decimals;
    const below = exact.slice(0, end).replace(/\.$/, "");
    return /^50*$/.test(exact.slice(end)) && "02468".includes(below.at(-1)) ? below : text;
  }

  /** A number with so many significant digits, as Python's format with "g" writes it. */
  function general(number, precision) {
    if (number === 0) return Object.is(number, -0) ? "-0" : "0";
    if (!Number.isFinite(number)) return Number.isNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
    const [digits, exponent] = number.toExponential(precision - 1).split("e");
    const power = Number(exponent);
    if (power < -4 || power >= precision) {
      const mantissa = digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
      return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
    }
    const text = rounded(number, Math.max(precision - 1 - power, 0));
    return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  }

  /** What stands behind a mean. */
  function spreadOf(cell) {
    if (!isObject(cell) || !("n" in cell)) return "";
    const at = cell.t.search(/ [±(]/);
    return at < 0 ? "" : cell.t.slice(at);
  }

  /** The texts of a column of metrics: all its floats have the same number of decimals. */
  function columnTexts(cells) {
    let largest = 0;
    const numbers = cells.map((cell) => (isFloat(cell) ? numberOf(cell) : undefined));
    for (const number of numbers) {
      if (number !== undefined && Number.isFinite(number) && Math.abs(number) < HUGE) {
        largest = Math.max(largest, Math.abs(number));
      }
    }
    const decimals = largest ? Math.max(PRECISION - 1 - Math.floor(Math.log10(largest)), 0) : 0;
    const least = 10 ** (1 - decimals);
    const isTiny = largest > 0 && largest < TINY; // each has an exponent
    const fixed = numbers.map(
      (number) => !isTiny && number !== undefined && (number === 0 || (Math.abs(number) >= least && Math.abs(number) < HUGE)),
    );
    const texts = cells.map((cell, at) => {
      if (cell === undefined) return "";
      if (fixed[at]) return rounded(numbers[at], decimals);
      if (numbers[at] !== undefined) return general(numbers[at], PRECISION);
      return textOf(cell);
    });
    let spare = isTiny ? 0 : decimals;
    for (let at = 0; at < texts.length && spare; at++) {
      if (fixed[at] && numbers[at]) {
        spare = Math.min(spare, texts[at].length - texts[at].replace(/0+$/, "").length);
      }
    }
    if (!spare) return texts;
    return texts.map((text, at) => (fixed[at] ? text.slice(0, text.length - spare).replace(/\.$/, "") : text));
  }

  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const two = (number) => String(number).padStart(2, "0");

  /** A time for people in their own zone: `10:40` today, `Oct 23` this year, else `2025-10-23`. */
  function timeText(text, now = new Date()) {
    const time = new Date(text);
    if (!text || Number.isNaN(time.getTime())) return text || "";
    const [year, month, day] = [time.getFullYear(), time.getMonth(), time.getDate()];
    if (year === now.getFullYear()) {
      const isToday = month === now.getMonth() && day === now.getDate();
      return isToday ? `${two(time.getHours())}:${two(time.getMinutes())}` : `${MONTHS[month]} ${day}`;
    }
    return `${year}-${two(month + 1)}-${two(day)}`;
  }

  /** A duration: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 40 min`. */
  function durationText(seconds) {
    if (seconds < 10) return `${seconds.toFixed(1)} s`;
    const whole = Math.round(seconds);
    const minutes = Math.floor(whole / 60);
    if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
    return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
  }

  return { numberOf, isFloat, textOf, spreadOf, columnTexts, general, timeText, durationText };
})();
