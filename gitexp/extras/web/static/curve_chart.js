"use strict";

/**
 * A chart of curves on a canvas. All charts of a page have one cursor: where it stands in one, it stands in all.
 * A point that is not finite has a mark at the edge: nothing is left out in silence.
 */
gitexp.curveChart = (() => {
  const { element } = gitexp;
  const { scale, tickText, smoothed, numbers } = gitexp.scales;
  const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]];
  const LEFT = 52, RIGHT = 10, TOP = 8, BOTTOM = 22;
  const MOST_TOLD = 8;
  const MOST_DASHED = 32; // curves; more are not told apart by strokes, which take long to draw
  const charts = new Set();
  const cursor = { x: null };

  function moveCursor(x) {
    cursor.x = x;
    for (const chart of charts) chart.drawCursor();
  }

  /** A curve of a document with numbers in place of texts. */
  function curveOf(found, colour, dash) {
    return { run: found.run, steps: found.steps, times: numbers(found.times), values: numbers(found.values), count: found.count, colour, dash };
  }

  class CurveChart {
    constructor(name, curves) {
      this.name = name;
      this.curves = curves;
      this.options = { axis: "step", log: false, smooth: 0, faint: null };
      this.canvas = element("canvas", { "aria-hidden": "true" });
      this.top = element("canvas", { "aria-hidden": "true", class: "cursor" });
      this.told = element("p", { class: "told", "aria-live": "off" });
      this.box = element("div", { class: "canvas", tabindex: "0", role: "group", "aria-roledescription": "chart" }, this.canvas, this.top);
      this.node = element("figure", { class: "chart" }, element("figcaption", {}, name), this.box, this.told);
      this.box.addEventListener("pointermove", (event) => this.pointed(event));
      this.box.addEventListener("pointerleave", () => moveCursor(null));
      this.box.addEventListener("blur", () => moveCursor(null));
      this.box.addEventListener("keydown", (event) => this.pressed(event));
      charts.add(this);
      new ResizeObserver(() => this.draw()).observe(this.box);
    }

    set(options) {
      Object.assign(this.options, options);
      this.draw();
    }

    xs(curve) {
      return this.options.axis === "time" ? curve.times : curve.steps;
    }

    /** The lowest and highest finite numbers of both axes. */
    bounds() {
      let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
      const { log } = this.options;
      for (const curve of this.curves) {
        const xs = this.xs(curve);
        for (let at = 0; at < xs.length; at++) {
          const x = xs[at], y = curve.values[at];
          if (x < x0) x0 = x;
          if (x > x1) x1 = x;
          if (!Number.isFinite(y) || (log && y <= 0)) continue;
          if (y < y0) y0 = y;
          if (y > y1) y1 = y;
        }
      }
      if (x0 > x1) [x0, x1] = [0, 1];
      if (y0 > y1) [y0, y1] = [this.options.log ? 0.1 : 0, 1];
      return { x0, x1, y0, y1 };
    }

    draw() {
      const width = this.box.clientWidth, height = this.box.clientHeight;
      if (!width || !height) return;
      const { x0, x1, y0, y1 } = this.bounds();
      const room = this.options.log ? 0 : (y1 - y0) * 0.04;
      this.x = scale(x0, x1, LEFT, width - RIGHT);
      this.y = scale(y0 - room, y1 + room, height - BOTTOM, TOP, this.options.log);
      const pen = this.pen(this.canvas, width, height);
      this.colours = gitexp.colours();
      this.drawAxes(pen, width, height);
      const faint = this.options.faint;
      for (const curve of this.curves) if (faint && faint(curve.run)) this.line(pen, curve, curve.values, 0.12);
      for (const curve of this.curves) {
        if (faint && faint(curve.run)) continue;
        const { smooth } = this.options;
        if (smooth) {
          this.line(pen, curve, curve.values, 0.25);
          this.line(pen, curve, smoothed(this.xs(curve), curve.values, smooth, curve.count), 1);
        } else this.line(pen, curve, curve.values, 1);
        this.marks(pen, curve, height);
      }
      this.box.setAttribute("aria-label", this.summary());
      this.drawCursor();
    }

    pen(canvas, width, height) {
      const ratio = window.devicePixelRatio || 1;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      const pen = canvas.getContext("2d");
      pen.scale(ratio, ratio);
      return pen;
    }

    drawAxes(pen, width, height) {
      pen.font = "11px ui-sans-serif, system-ui, sans-serif";
      pen.strokeStyle = this.colours.line;
      pen.fillStyle = this.colours.soft;
      pen.lineWidth = 1;
      pen.textAlign = "right";
      pen.textBaseline = "middle";
      for (const tick of this.y.ticks(height / 50)) {
        const y = Math.round(this.y(tick)) + 0.5;
        pen.beginPath();
        pen.moveTo(LEFT, y);
        pen.lineTo(width - RIGHT, y);
        pen.stroke();
        pen.fillText(tickText(tick), LEFT - 6, y);
      }
      pen.textBaseline = "top";
      const unit = this.options.axis === "time" ? " s" : "";
      for (const tick of this.x.ticks(Math.max(width / 110, 2))) {
        const x = this.x(tick);
        pen.textAlign = x > width - 40 ? "right" : "center";
        pen.fillText(tickText(tick) + unit, Math.min(x, width - 4), height - BOTTOM + 6);
      }
    }

    line(pen, curve, values, opacity) {
      const xs = this.xs(curve);
      pen.strokeStyle = gitexp.shade(curve.colour);
      pen.globalAlpha = opacity;
      pen.lineWidth = this.curves.length <= MOST_DASHED ? 1.5 : 1;
      pen.lineJoin = "bevel";
      if (this.curves.length <= MOST_DASHED) pen.setLineDash(DASHES[curve.dash % DASHES.length]);
      pen.beginPath();
      let down = false, alone = true;
      for (let at = 0; at < xs.length; at++) {
        const value = values[at];
        if (!Number.isFinite(value) || !Number.isFinite(xs[at]) || (this.options.log && value <= 0)) {
          down = false;
          continue;
        }
        if (down) alone = false;
        const x = this.x(xs[at]), y = this.y(value);
        if (down) pen.lineTo(x, y);
        else pen.moveTo(x, y);
        down = true;
      }
      pen.stroke();
      pen.setLineDash([]);
      if (alone) this.dots(pen, curve, xs, values);
      pen.globalAlpha = 1;
    }

    dots(pen, curve, xs, values) {
      pen.fillStyle = gitexp.shade(curve.colour);
      for (let at = 0; at < xs.length; at++) {
        if (!Number.isFinite(values[at])) continue;
        pen.beginPath();
        pen.arc(this.x(xs[at]), this.y(values[at]), 3, 0, 7);
        pen.fill();
      }
    }

    /** Marks at the edges: a cross below for NaN, triangles for infinity. */
    marks(pen, curve, height) {
      const xs = this.xs(curve);
      pen.fillStyle = gitexp.shade(curve.colour);
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      let last = -10;
      for (let at = 0; at < xs.length; at++) {
        const value = curve.values[at];
        if (Number.isFinite(value)) continue;
        const x = this.x(xs[at]);
        if (x - last < 6) continue;
        last = x;
        const [mark, y] = Number.isNaN(value) ? ["×", height - BOTTOM - 5] : value > 0 ? ["▲", TOP + 5] : ["▼", height - BOTTOM - 5];
        pen.fillText(mark, x, y);
      }
    }

    summary() {
      const odd = this.curves.filter((curve) => curve.values.some((value) => !Number.isFinite(value))).length;
      const { x0, x1, y0, y1 } = this.bounds();
      const what = this.curves.length === 1 ? `${this.name} of ${this.curves[0].run}` : `${this.name} of ${this.curves.length} runs`;
      const gaps = odd ? `; ${odd} with values that are not finite` : "";
      return `${what}, from ${tickText(y0)} to ${tickText(y1)}, ${this.options.axis} ${tickText(x0)} to ${tickText(x1)}${gaps}. Left and right move the cursor.`;
    }

    pointed(event) {
      if (!this.x) return;
      const left = event.clientX - this.box.getBoundingClientRect().left;
      moveCursor(left < LEFT - 4 ? null : this.x.back(left));
    }

    pressed(event) {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Escape") moveCursor(null);
      if (!way || !this.curves.length) return;
      event.preventDefault();
      const longest = this.curves.reduce((a, b) => (this.xs(a).length >= this.xs(b).length ? a : b));
      const xs = this.xs(longest);
      const far = event.shiftKey ? Math.max(Math.floor(xs.length / 20), 1) : 1;
      const at = cursor.x === null ? (way > 0 ? -1 : xs.length) : nearest(xs, cursor.x);
      this.told.setAttribute("aria-live", "polite");
      moveCursor(xs[Math.min(Math.max(at + way * far, 0), xs.length - 1)]);
    }

    /** The cursor, and below the chart what the curves are there. */
    drawCursor() {
      if (!this.x) return;
      const width = this.box.clientWidth, height = this.box.clientHeight;
      const pen = this.pen(this.top, width, height);
      this.told.replaceChildren();
      if (cursor.x === null || cursor.x < this.x.low || cursor.x > this.x.high) return;
      pen.strokeStyle = this.colours.soft;
      pen.beginPath();
      pen.moveTo(this.x(cursor.x), TOP);
      pen.lineTo(this.x(cursor.x), height - BOTTOM);
      pen.stroke();
      const met = [];
      for (const curve of this.curves) {
        if (this.options.faint?.(curve.run)) continue;
        const xs = this.xs(curve);
        const at = nearest(xs, cursor.x);
        if (at < 0) continue;
        met.push({ curve, x: xs[at], value: curve.values[at] });
        if (!Number.isFinite(curve.values[at])) continue;
        pen.fillStyle = gitexp.shade(curve.colour);
        pen.beginPath();
        pen.arc(this.x(xs[at]), this.y(curve.values[at]), 3, 0, 7);
        pen.fill();
      }
      this.tell(met);
    }

    tell(met) {
      if (!met.length) return;
      met.sort((a, b) => b.value - a.value);
      const parts = [element("b", {}, `${this.options.axis} ${tickText(met[0].x)}`)];
      for (const { curve, value } of met.slice(0, MOST_TOLD)) {
        const dot = element("span", { class: "dot", "aria-hidden": "true" });
        dot.style.color = gitexp.shade(curve.colour);
        const name = this.curves.length > 1 ? `${curve.run} ` : "";
        parts.push(element("span", { class: "met" }, dot, `${name}${gitexp.cells.general(value, 5)}`));
      }
      if (met.length > MOST_TOLD) parts.push(`and ${met.length - MOST_TOLD} more`);
      this.told.replaceChildren(...parts);
    }

    remove() {
      charts.delete(this);
      this.node.remove();
    }
  }

  function nearest(xs, x) {
    let low = 0, high = xs.length - 1;
    if (high < 0) return -1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (xs[middle] < x) low = middle + 1;
      else high = middle;
    }
    return low > 0 && x - xs[low - 1] < xs[low] - x ? low - 1 : low;
  }

  new MutationObserver(() => {
    for (const chart of charts) chart.draw();
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });

  return { CurveChart, curveOf };
})();

/** The colours of the theme, for canvases. */
gitexp.colours = () => {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return { text: of("text"), soft: of("soft"), line: of("line"), accent: of("accent"), ground: of("ground") };
};

/** The colour of a run: one of the palette's, by its place. */
gitexp.shade = (colour) => colour;
