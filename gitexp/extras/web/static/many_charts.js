"use strict";

/**
 * Pictures of many experiments: parallel coordinates and a scatter, linked by what is brushed in either.
 * Both draw SVG, and both can be worked by keys.
 */
gitexp.manyCharts = (() => {
  const { element } = gitexp;
  const { scale, tickText } = gitexp.scales;
  const SVG = "http://www.w3.org/2000/svg";

  function svg(tag, attributes = {}, ...children) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value != null) made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  /** Which runs are brushed: those that each picture lets through. */
  class Brushed {
    constructor() {
      this.tests = new Map();
      this.listeners = [];
    }

    set(owner, test) {
      if (test) this.tests.set(owner, test);
      else this.tests.delete(owner);
      for (const listener of this.listeners) listener();
    }

    has(run) {
      for (const test of this.tests.values()) if (!test(run)) return false;
      return true;
    }

    get isAny() {
      return this.tests.size > 0;
    }
  }

  /** An axis of values by run: of numbers, or of texts in order. */
  function axisOf(key, values, from, to) {
    const known = [...values.values()].filter((cell) => cell !== undefined && !cell?.missing);
    const numbers = known.map(gitexp.cells.numberOf);
    if (known.length && numbers.every((one) => one !== undefined)) {
      const finite = numbers.filter(Number.isFinite);
      const low = Math.min(...finite), high = Math.max(...finite);
      const log = low > 0 && high / low > 100;
      const of = scale(finite.length ? low : 0, finite.length ? high : 1, from, to, log);
      return { key, of: (run) => at(of, gitexp.cells.numberOf(values.get(run))), marks: of.ticks(4).map((tick) => [of(tick), tickText(tick)]), scale: of };
    }
    const texts = [...new Set(known.map(gitexp.parts.text))].sort();
    const place = (text) => from + ((to - from) * (texts.indexOf(text) + 0.5)) / texts.length;
    const of = (run) => (values.get(run) === undefined || values.get(run)?.missing ? undefined : place(gitexp.parts.text(values.get(run))));
    return { key, of, marks: texts.slice(0, 12).map((text) => [place(text), text.length > 14 ? `${text.slice(0, 13)}…` : text]), scale: null };
  }

  const at = (of, number) => (number === undefined || !Number.isFinite(number) ? undefined : of(number));

  class Parallel {
    /** `columns`: for each key, the cells by run. `runs`: names; `colours` by name. */
    constructor(host, { runs, columns, colours, brushed }) {
      Object.assign(this, { host, runs, columns, colours, brushed });
      this.order = [...columns.keys()];
      this.ranges = new Map();
      this.said = element("p", { class: "count", role: "status" });
      brushed.listeners.push(() => this.shade());
      new ResizeObserver(() => this.draw()).observe(host);
      this.draw();
    }

    draw() {
      const width = Math.max(this.host.clientWidth, this.order.length * 90), height = 320;
      if (!this.host.clientWidth || width === this.width) return;
      this.width = width;
      this.redraw(width, height);
    }

    redraw(width = this.width, height = 320) {
      const top = 40, bottom = height - 14;
      const gap = (width - 90) / Math.max(this.order.length - 1, 1);
      this.axes = this.order.map((key, n) => ({ ...axisOf(key, this.columns.get(key), bottom, top), x: 40 + n * gap }));
      const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `Parallel coordinates of ${this.runs.length} runs` });
      this.lines = new Map();
      for (const run of this.runs) {
        const places = this.axes.map((axis) => [axis.x, axis.of(run)]);
        const path = pieces(places);
        const line = svg("path", { d: path, class: "run", fill: "none" }, svg("title", {}, run));
        line.style.stroke = this.colours[run];
        this.lines.set(run, line);
        picture.append(line);
      }
      this.axes.forEach((axis, n) => picture.append(this.axis(axis, n, top, bottom)));
      this.host.replaceChildren(element("div", { class: "sideways" }, picture), this.said);
      this.shade();
    }

    axis(axis, n, top, bottom) {
      const label = axis.key.length > 16 ? `…${axis.key.slice(-15)}` : axis.key;
      const title = svg("text", { x: axis.x, y: 14, class: "title", tabindex: "0", role: "button", "aria-label": `${axis.key}: left and right move the axis` }, label);
      title.addEventListener("keydown", (event) => this.move(event, n));
      title.addEventListener("pointerdown", (event) => this.drag(event, n));
      const range = this.ranges.get(axis.key);
      const [low, high] = range ? [Math.max(...range), Math.min(...range)] : [bottom, top];
      const brush = svg("rect", { x: axis.x - 9, y: high, width: 18, height: Math.max(low - high, 1), class: range ? "brush is-set" : "brush" });
      const handle = svg("rect", { x: axis.x - 12, y: top, width: 24, height: bottom - top, class: "handle", tabindex: "0", role: "slider", "aria-orientation": "vertical", "aria-label": `Range of ${axis.key}: up and down move it, shift makes it larger or smaller, escape takes it away`, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": Math.round((100 * (bottom - (low + high) / 2)) / (bottom - top)), "aria-valuetext": this.rangeText(axis, range) });
      handle.addEventListener("pointerdown", (event) => this.brush(event, axis, top, bottom));
      handle.addEventListener("keydown", (event) => this.keys(event, axis, n, top, bottom));
      const marks = axis.marks.map(([y, text]) => svg("text", { x: axis.x + 12, y: y + 3, class: "mark" }, text));
      return svg("g", {}, svg("line", { x1: axis.x, x2: axis.x, y1: top, y2: bottom, class: "axis" }), title, brush, ...marks, handle);
    }

    rangeText(axis, range) {
      if (!range) return "all";
      if (!axis.scale) return "a part";
      const [a, b] = range.map((y) => axis.scale.back(y)).sort((x, y) => x - y);
      return `${tickText(a)} to ${tickText(b)}`;
    }

    setRange(axis, range) {
      if (range && Math.abs(range[0] - range[1]) > 2) this.ranges.set(axis.key, range);
      else this.ranges.delete(axis.key);
      const tests = [...this.ranges].map(([key, [a, b]]) => {
        const of = this.axes.find((one) => one.key === key);
        return (run) => {
          const y = of.of(run);
          return y !== undefined && y >= Math.min(a, b) && y <= Math.max(a, b);
        };
      });
      this.brushed.set(this, tests.length ? (run) => tests.every((test) => test(run)) : null);
    }

    brush(event, axis, top, bottom) {
      event.preventDefault();
      const box = event.currentTarget.ownerSVGElement.getBoundingClientRect();
      const y = (moved) => Math.min(Math.max(moved.clientY - box.top, top), bottom);
      const start = y(event);
      const move = (moved) => {
        this.setRange(axis, [start, y(moved)]);
        this.redraw();
      };
      const end = (moved) => {
        removeEventListener("pointermove", move);
        if (Math.abs(y(moved) - start) < 3) this.setRange(axis, null);
        this.redraw();
      };
      addEventListener("pointermove", move);
      addEventListener("pointerup", end, { once: true });
    }

    keys(event, axis, n, top, bottom) {
      const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!way && event.key !== "Escape") return;
      event.preventDefault();
      let range = null;
      if (way) {
        const step = (bottom - top) / 20;
        const [a, b] = this.ranges.get(axis.key) ?? [top, bottom];
        range = event.shiftKey ? [a - way * -step, b + way * step] : [a + way * step, b + way * step];
        if (!this.ranges.has(axis.key)) range = way < 0 ? [top, bottom - step * 5] : [top + step * 5, bottom];
        range = range.map((y) => Math.min(Math.max(y, top), bottom));
      }
      this.setRange(axis, range);
      this.redraw();
      this.host.querySelectorAll(".handle")[n].focus();
    }

    move(event, n) {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!way || !this.order[n + way]) return;
      event.preventDefault();
      this.swap(n, n + way);
      this.host.querySelectorAll("text.title")[n + way].focus();
    }

    swap(n, other) {
      [this.order[n], this.order[other]] = [this.order[other], this.order[n]];
      this.redraw();
    }

    drag(event, n) {
      const start = event.clientX;
      const end = (moved) => {
        const gap = this.axes.length > 1 ? this.axes[1].x - this.axes[0].x : 1;
        const to = Math.min(Math.max(n + Math.round((moved.clientX - start) / gap), 0), this.order.length - 1);
        if (to === n) return;
        this.order.splice(to, 0, ...this.order.splice(n, 1));
        this.redraw();
      };
      addEventListener("pointerup", end, { once: true });
    }

    shade() {
      let kept = 0;
      for (const [run, line] of this.lines ?? []) {
        const has = this.brushed.has(run);
        kept += has ? 1 : 0;
        line.classList.toggle("is-faint", !has);
      }
      this.said.textContent = this.brushed.isAny ? `${kept} of ${this.runs.length} runs` : `${this.runs.length} runs. Drag along an axis to choose a range.`;
    }
  }

  /** The path through places; a missing value leaves a gap. */
  function pieces(places) {
    let path = "", down = false;
    for (const [x, y] of places) {
      if (y !== undefined) path += `${down ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
      down = y !== undefined;
    }
    return path;
  }

  class Scatter {
    constructor(host, { runs, columns, colours, brushed, x, y }) {
      Object.assign(this, { host, runs, columns, colours, brushed });
      const keys = [...columns.keys()];
      const select = (label, value) => element("select", { "aria-label": label, onchange: () => this.draw() }, ...keys.map((key) => element("option", { value: key, selected: key === value }, key)));
      this.across = select("Horizontal axis", x);
      this.up = select("Vertical axis", y);
      this.place = element("div", { class: "scatter" });
      host.replaceChildren(element("div", { class: "tools" }, element("label", {}, "x ", this.across), element("label", {}, "y ", this.up)), this.place);
      brushed.listeners.push(() => this.shade());
      new ResizeObserver(() => this.draw()).observe(host);
    }

    draw() {
      const width = this.host.clientWidth, height = 320;
      if (!width) return;
      const left = 60, bottom = height - 28;
      const x = axisOf(this.across.value, this.columns.get(this.across.value), left + 8, width - 16);
      const y = axisOf(this.up.value, this.columns.get(this.up.value), bottom - 8, 12);
      const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${this.up.value} against ${this.across.value}` });
      for (const [at, text] of y.marks) picture.append(svg("line", { x1: left, x2: width - 16, y1: at, y2: at, class: "grid" }), svg("text", { x: left - 6, y: at + 3, class: "mark is-right" }, text));
      for (const [at, text] of x.marks) picture.append(svg("text", { x: at, y: height - 10, class: "mark is-middle" }, text));
      this.dots = new Map();
      for (const run of this.runs) {
        const cx = x.of(run), cy = y.of(run);
        if (cx === undefined || cy === undefined) continue;
        const dot = svg("circle", { cx, cy, r: 5, class: "point" }, svg("title", {}, run));
        dot.style.fill = this.colours[run];
        this.dots.set(run, dot);
        picture.append(dot);
      }
      picture.addEventListener("pointerdown", (event) => this.brush(event, picture));
      this.place.replaceChildren(picture);
      this.shade();
    }

    brush(event, picture) {
      event.preventDefault();
      const box = picture.getBoundingClientRect();
      const place = (moved) => [moved.clientX - box.left, moved.clientY - box.top];
      const start = place(event);
      const rect = svg("rect", { class: "brush is-set" });
      picture.append(rect);
      const move = (moved) => {
        const [a, b] = place(moved);
        const x = Math.min(a, start[0]), y = Math.min(b, start[1]);
        const w = Math.abs(a - start[0]), h = Math.abs(b - start[1]);
        for (const [name, value] of Object.entries({ x, y, width: w, height: h })) rect.setAttribute(name, value);
        const inside = new Set();
        for (const [run, dot] of this.dots) {
          const cx = Number(dot.getAttribute("cx")), cy = Number(dot.getAttribute("cy"));
          if (cx >= x && cx <= x + w && cy >= y && cy <= y + h) inside.add(run);
        }
        this.brushed.set(this, w + h > 6 ? (run) => inside.has(run) : null);
      };
      const end = (moved) => {
        removeEventListener("pointermove", move);
        const [a, b] = place(moved);
        if (Math.abs(a - start[0]) + Math.abs(b - start[1]) > 6) return;
        rect.remove();
        for (const old of picture.querySelectorAll(".brush")) old.remove();
        this.brushed.set(this, null);
      };
      for (const old of picture.querySelectorAll(".brush")) if (old !== rect) old.remove();
      addEventListener("pointermove", move);
      addEventListener("pointerup", end, { once: true });
    }

    shade() {
      for (const [run, dot] of this.dots ?? []) dot.classList.toggle("is-faint", !this.brushed.has(run));
    }
  }

  return { Parallel, Scatter, Brushed, svg };
})();
