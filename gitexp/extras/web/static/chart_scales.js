"use strict";

/** Scales and ticks of charts, and the smoothing of curves. Draws nothing. */
gitexp.scales = (() => {
  const STEPS = [1, 2, 2.5, 5, 10];

  /** Round numbers between two numbers, about so many. */
  function ticks(low, high, count) {
    if (!(high > low)) return [low];
    const raw = (high - low) / Math.max(count, 1);
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = power * STEPS.find((one) => one * power >= raw);
    const found = [];
    const first = Math.ceil(low / step);
    // Between neighbours among very large numbers, to add one changes nothing: so the ticks are counted.
    for (let n = 0; n <= 2 * count + 2 && (first + n) * step <= high + step * 1e-9; n++) found.push(Number(((first + n) * step).toPrecision(12)));
    return [...new Set(found)];
  }

  function logTicks(low, high) {
    const found = [];
    const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
    const every = Math.max(1, Math.ceil((last - first) / 5));
    for (let power = first; power <= last; power += every) {
      if (10 ** power >= low * 0.999 && 10 ** power <= high * 1.001) found.push(10 ** power);
    }
    return found.length > 1 ? found : ticks(low, high, 4).filter((one) => one > 0);
  }

  /** A scale from numbers to pixels; `log` with the logarithm, for numbers above 0. */
  function scale(low, high, from, to, log = false) {
    if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
    const map = log ? Math.log : (one) => one;
    const a = map(low), b = map(high);
    const of = (value) => from + ((map(value) - a) / (b - a)) * (to - from);
    of.back = (pixel) => {
      const at = a + ((pixel - from) / (to - from)) * (b - a);
      return log ? Math.exp(at) : at;
    };
    of.low = low;
    of.high = high;
    of.log = log;
    of.ticks = (count) => (log ? logTicks(low, high) : ticks(low, high, count));
    return of;
  }

  /** A short text of a tick. */
  function tickText(value) {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e6 || size < 1e-3) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
    if (size >= 1e4) return `${Number((value / 1e3).toPrecision(4))}k`;
    return String(Number(value.toPrecision(4)));
  }

  /**
   * The moving average of values with an exponential weight, corrected for its start, as `gitexp plots --smooth`
   * has it. Of a curve that was thinned out, a point counts by the steps since the one before.
   */
  function smoothed(xs, values, weight, count) {
    const apart = xs.length > 1 ? (xs[xs.length - 1] - xs[0]) / Math.max(count - 1, 1) : 1;
    let average = 0, total = 0, last = xs[0] - apart;
    return values.map((value, at) => {
      if (!Number.isFinite(value)) return value;
      const past = weight ** Math.max((xs[at] - last) / (apart || 1), 0);
      last = xs[at];
      average = past * average + (1 - past) * value;
      total = past * total + (1 - past);
      return total ? average / total : value;
    });
  }

  const ODD = { nan: NaN, inf: Infinity, "-inf": -Infinity };

  /** The numbers of a document: "nan" and "inf" are texts there. */
  const numbers = (found) => found.map((one) => (typeof one === "number" ? one : ODD[one]));

  return { scale, tickText, smoothed, numbers };
})();
