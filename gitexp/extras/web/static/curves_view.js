"use strict";

/** The charts of one or many experiments, with their tools; those of a live run go on by cursor. */
gitexp.curvesView = (() => {
  const { element } = gitexp;
  const { CurveChart, curveOf } = gitexp.curveChart;
  const { numbers } = gitexp.scales;
  const EVERY = 1000; // ms between two looks at a live run
  const MOST_POINTS = 6000; // of a live curve; then it is asked for anew, thinned out

  class CurvesView {
    /** `path` and `query` say where the document comes from; `news`, where a live run's new points do. */
    constructor(panel, { path, query = {}, news = null, colours = {} }) {
      Object.assign(this, { panel, path, query, news, given: colours });
      this.charts = new Map();
      this.options = { axis: "step", log: false, smooth: 0 };
      this.names = [];
    }

    async start() {
      await gitexp.parts.fetched(this.panel, this.path, this.query, (found) => this.show(found));
    }

    show(found) {
      this.panel.replaceChildren(this.tools(found), ...[gitexp.parts.complaints(found.complaints)].filter(Boolean));
      this.grid = element("div", { class: "charts" });
      this.panel.append(this.grid);
      if (!found.metrics.length) this.panel.append(gitexp.parts.notice(found.live ? "Nothing has been logged yet." : "No curves. A script makes them: gitexp.log({'loss': loss})"));
      this.colours = { ...found.colours, ...this.given };
      this.dashes = strokes(this.colours);
      for (const metric of found.metrics) this.add(metric);
      this.cursor = found.cursor;
      if (found.live && this.news && gitexp.data.isServed) this.follow();
    }

    add(metric) {
      const curves = metric.curves.map((one) => curveOf(one, this.colours[one.run], this.dashes[one.run]));
      const chart = new CurveChart(metric.name, curves);
      chart.begun = numbers(metric.curves.map((one) => one.begun));
      this.charts.set(metric.name, chart);
      this.grid.append(chart.node);
      chart.set(this.options);
    }

    tools(found) {
      const change = (options) => {
        Object.assign(this.options, options);
        for (const chart of this.charts.values()) chart.set(options);
      };
      const axis = element("select", { onchange: (event) => change({ axis: event.target.value }) }, element("option", { value: "step" }, "step"), element("option", { value: "time" }, "time"));
      const log = element("input", { type: "checkbox", onchange: (event) => change({ log: event.target.checked }) });
      const smooth = element("input", { type: "range", min: "0", max: "0.99", step: "0.01", value: "0", oninput: (event) => change({ smooth: Number(event.target.value) }) });
      const bar = element("div", { class: "tools" }, element("label", {}, "Along ", axis), element("label", {}, log, " Log scale"), element("label", {}, "Smooth ", smooth));
      if (found.names.length > 1) bar.append(this.chooser(found));
      return bar;
    }

    /** A search among the metrics: an export has only those inside it. */
    chooser(found) {
      const seen = element("span", { class: "count", role: "status" });
      const tell = (count) => (seen.textContent = `${count} of ${found.of_names.toLocaleString("en")} metrics`);
      const input = element("input", { type: "search", placeholder: "Metrics: loss", "aria-label": "Search metrics", spellcheck: "false" });
      let timer;
      input.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(() => this.choose(found.names, input.value.trim(), tell), 200);
      });
      tell(found.metrics.length);
      return element("span", { class: "chooser" }, input, seen);
    }

    async choose(names, word, tell) {
      const fits = names.filter((name) => name.toLowerCase().includes(word.toLowerCase())).slice(0, 40);
      const absent = fits.filter((name) => !this.charts.has(name));
      if (absent.length && gitexp.data.isServed) {
        const found = await gitexp.data.load(this.path, { ...this.query, name: absent });
        for (const metric of found.metrics) this.add(metric);
      }
      let shown = 0;
      for (const [name, chart] of this.charts) {
        chart.node.hidden = !fits.includes(name);
        shown += chart.node.hidden ? 0 : 1;
      }
      tell(shown);
    }

    /** Let runs stand back, as `faint(run)` says. */
    faint(faint) {
      this.options.faint = faint;
      for (const chart of this.charts.values()) chart.set({ faint });
    }

    async follow() {
      if (!this.panel.isConnected) return;
      if (!document.hidden) {
        try {
          const found = await gitexp.data.load(this.news, { cursor: JSON.stringify(this.cursor) });
          if (found.again || found.ended) return this.anew();
          this.cursor = found.cursor;
          for (const [name, points] of Object.entries(found.points)) {
            if (!this.append(name, points)) return this.anew();
          }
        } catch {
          // The server is away; the page says so, and this goes on when it is back.
        }
      }
      setTimeout(() => this.follow(), EVERY);
    }

    async anew() {
      for (const chart of this.charts.values()) chart.remove();
      this.charts.clear();
      const found = await gitexp.data.load(this.path, this.query);
      this.show(found);
    }

    /** Put new points at the end of a curve; false if the curve has to be asked for anew. */
    append(name, points) {
      const chart = this.charts.get(name);
      if (!chart) return this.charts.size >= 40;
      const [curve] = chart.curves;
      if (curve.steps.length + points.steps.length > MOST_POINTS) return false;
      const times = numbers(points.times), values = numbers(points.values);
      for (let at = 0; at < points.steps.length; at++) {
        const last = curve.steps[curve.steps.length - 1];
        if (points.steps[at] < last) return false;
        if (points.steps[at] === last) {
          curve.values[curve.values.length - 1] = values[at];
          continue;
        }
        curve.steps.push(points.steps[at]);
        curve.times.push(times[at] - chart.begun[0]);
        curve.values.push(values[at]);
        curve.count++;
      }
      chart.draw();
      return true;
    }
  }

  /** Runs of one colour have strokes of their own. */
  function strokes(colours) {
    const met = new Map(), found = {};
    for (const [run, colour] of Object.entries(colours)) {
      found[run] = met.get(colour) ?? 0;
      met.set(colour, found[run] + 1);
    }
    return found;
  }

  return { CurvesView };
})();
