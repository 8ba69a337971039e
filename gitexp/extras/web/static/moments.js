"use strict";

/** Times and durations as people write them, as `gitexp/times.py` reads them; in the zone of the browser. */
gitexp.moments = (() => {
  const SECONDS = { second: 1, sec: 1, s: 1, minute: 60, min: 60, m: 60, hour: 3600, h: 3600, day: 86400, d: 86400, week: 604800, w: 604800 };
  const LONGER = { ...SECONDS, month: 30 * 86400, year: 365 * 86400 };
  const LONGEST = 100 * 365 * 86400;
  const LONGEST_TEXT = 60;
  const PART = /\s*(\d{1,12}(?:\.\d{1,9})?)\s*([a-z]+)\s*(?:,|and\b)?/y;
  const DATE = /^(\d{4})-?(\d\d)-?(\d\d)$/;
  const POINT = /^(\d{4})-?(\d\d)-?(\d\d)[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?(Z|[+-]\d\d:?\d\d)?$/;

  /** A time to compare with: seconds or days ago, a point in milliseconds, or the number of a whole day. */
  class Moment {
    constructor(fields) {
      Object.assign(this, fields);
    }

    /** -1, 0 or 1: a time is before, at or after the moment; undefined if the text is no time. */
    order(text, now) {
      const time = point(text, "Z");
      if (time === undefined) return undefined;
      if (this.daysAgo !== undefined) return Math.sign(dayOf(time) - (dayOf(now) - this.daysAgo));
      if (this.day !== undefined) return Math.sign(dayOf(time) - this.day);
      return Math.sign(time - (this.point ?? now - this.secondsAgo * 1000));
    }
  }

  /** The number of the local day of a time. */
  function dayOf(milliseconds) {
    const time = new Date(milliseconds);
    return Math.round(Date.UTC(time.getFullYear(), time.getMonth(), time.getDate()) / 86400000);
  }

  function isDate(year, month, day) {
    const time = new Date(Date.UTC(year, month - 1, day));
    return year > 0 && time.getUTCMonth() === month - 1 && time.getUTCDate() === day;
  }

  /** The milliseconds since 1970 of a time in ISO 8601; without a zone in `zone`, "Z" or "" for the local one. */
  function point(text, zone) {
    const day = DATE.exec(text);
    const found = day ? [...day, "00"] : POINT.exec(text);
    if (!found) return undefined;
    const [year, month, date, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0));
    if (!isDate(year, month, date) || hour > 23 || minute > 59 || second > 59) return undefined;
    const milliseconds = Number(`0.${found[7] ?? 0}`) * 1000;
    const own = found[8] ?? zone;
    if (!own) return new Date(year, month - 1, date, hour, minute, second, milliseconds).getTime();
    const utc = Date.UTC(year, month - 1, date, hour, minute, second, milliseconds);
    if (own === "Z") return utc;
    const away = Number(own.slice(1, 3)) * 60 + Number(own.slice(-2));
    return utc - (own[0] === "-" ? -away : away) * 60000;
  }

  function seconds(text, units) {
    const lower = text.trim().toLowerCase();
    let total = 0;
    let at = 0;
    while (at < lower.length && lower.length <= LONGEST_TEXT) {
      PART.lastIndex = at;
      const part = PART.exec(lower);
      if (!part) return undefined;
      const unit = units[part[2]] ?? units[part[2].replace(/s$/, "")];
      if (unit === undefined) return undefined;
      total += Number(part[1]) * unit;
      at = PART.lastIndex;
    }
    return !at || total > LONGEST ? undefined : total;
  }

  /** The moment of a text: `2 days ago`, `yesterday`, `2026-11-01`, `2026-11-01 10:40`. Else undefined. */
  function parse(written) {
    const text = written.trim();
    const lower = text.toLowerCase();
    if (lower === "now") return new Moment({ secondsAgo: 0 });
    if (lower === "today") return new Moment({ daysAgo: 0 });
    if (lower === "yesterday") return new Moment({ daysAgo: 1 });
    if (lower.endsWith("ago")) {
      const ago = seconds(text.slice(0, -3), LONGER);
      return ago === undefined ? undefined : new Moment({ secondsAgo: ago });
    }
    const day = DATE.exec(text);
    if (day) {
      const [year, month, date] = day.slice(1).map(Number);
      if (!isDate(year, month, date)) return undefined;
      return new Moment({ day: Math.round(Date.UTC(year, month - 1, date) / 86400000) });
    }
    const found = point(text, "");
    return found === undefined ? undefined : new Moment({ point: found });
  }

  /** The seconds of a text like `5 min`, `1 h 30 min` or `90`. Else undefined. */
  function parseDuration(text) {
    if (/^\s*\d{1,12}(\.\d{1,9})?\s*$/.test(text)) return Number(text);
    return seconds(text, SECONDS);
  }

  return { Moment, parse, parseDuration };
})();
