"use strict";

/** Small curves in the rows that are seen: asked for when they are, and once. */
gitexp.sparklines = (() => {
  const WIDTH = 96;
  const HEIGHT = 22;
  const PATIENCE = 80; // milliseconds for more rows to come into the window
  const MOST = 80; // rows in one question
  const SVG = "http://www.w3.org/2000/svg";

  class Sparklines {
    /** `arrived` is called when curves have come. */
    constructor(arrived) {
      Object.assign(this, { arrived, known: new Map(), wanted: new Map(), timer: undefined });
    }

    /** The picture of a curve, as it was when it was last asked for; nothing until it has come. */
    cell(model, line, metric) {
      const key = model.rows.key[line];
      if (!key) return null;
      // A curve changes with the record, and as long as the run goes on.
      const version = model.status(line) === "running" ? model.cursor : model.columns.get("record")?.values[line];
      const known = this.known.get(`${key} ${metric}`);
      if (known?.version !== version) {
        if (!this.wanted.has(metric)) this.wanted.set(metric, new Map());
        this.wanted.get(metric).set(key, version);
        this.timer ??= setTimeout(() => this.ask(), PATIENCE);
      }
      return known ? drawn(known.values, metric, model.rows.colour[line]) : null;
    }

    async ask() {
      const wanted = this.wanted;
      this.wanted = new Map();
      this.timer = undefined;
      for (const [metric, versions] of wanted) {
        const keys = [...versions.keys()].slice(-MOST);
        const points = gitexp.data.isServed ? await served(keys, metric) : await exported(keys, metric);
        for (const key of keys) this.known.set(`${key} ${metric}`, { version: versions.get(key), values: points[key] ?? [] });
      }
      this.arrived();
    }
  }

  async function served(keys, metric) {
    try {
      return (await gitexp.data.load("sparklines", { exp: keys, name: metric })).points;
    } catch {
      return {}; // the page says elsewhere that the server is gone
    }
  }

  async function exported(keys, metric) {
    const found = {};
    for (const key of keys) {
      try {
        const { metrics } = await gitexp.data.load(`experiments/${key}/curves`);
        const named = (name) => metrics.find((one) => one.name === name);
        const curve = (named(metric) ?? named(metric.slice(metric.indexOf(":") + 1)))?.curves[0]; // of a file's metric
        found[key] = (curve?.values ?? []).filter((value) => typeof value === "number");
      } catch {
        found[key] = [];
      }
    }
    return found;
  }

  function drawn(values, metric, colour) {
    if (values.length < 2) return null;
    const low = Math.min(...values);
    const high = Math.max(...values);
    const place = (value, at) => {
      const x = (at / (values.length - 1)) * (WIDTH - 4) + 2;
      const y = high === low ? HEIGHT / 2 : HEIGHT - 3 - ((value - low) / (high - low)) * (HEIGHT - 6);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    };
    const svg = document.createElementNS(SVG, "svg");
    const line = document.createElementNS(SVG, "polyline");
    const { general } = gitexp.cells;
    const told = `${metric} from ${general(values[0], 4)} to ${general(values.at(-1), 4)}`;
    for (const [name, value] of Object.entries({ width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": told, class: `sparkline c${colour}` })) svg.setAttribute(name, value);
    line.setAttribute("points", values.map(place).join(" "));
    svg.append(line);
    return svg;
  }

  return { Sparklines };
})();
