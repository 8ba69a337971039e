"use strict";

/** The page of a comparison: what differs among the experiments that the address names. */
(() => {
  const { element } = gitexp;
  const { parts } = gitexp;
  const MOST_SIDE_BY_SIDE = 8; // runs as columns; more are rows
  const page = document.getElementById("comparison");
  const asked = new URLSearchParams(location.search).getAll("exp").flatMap((one) => one.split(",")).filter(Boolean);

  async function start() {
    if (asked.length < 2) return page.append(parts.notice("Choose two or more experiments in the table, and compare them."));
    return parts.fetched(page, "comparison", { exp: asked }, show);
  }

  function show(found) {
    const names = found.points.map((point) => point.name);
    const brushed = new gitexp.manyCharts.Brushed();
    const curves = element("section", { class: "block" }, element("h2", {}, "Curves"));
    const body = element("div", {});
    page.append(...[chips(found), parts.complaints(found.complaints), many(found, names, brushed)].filter(Boolean));
    page.append(...[values("Metrics", found.metrics, found, brushed), values("Params", found.params, found, brushed)].filter(Boolean));
    page.append(...[verdicts(found.verdicts)].filter(Boolean));
    if (!found.params.count && !found.metrics.count) page.append(parts.notice("No params and no metrics differ."));
    const panel = element("div", {});
    curves.append(panel);
    page.append(curves);
    const view = new gitexp.curvesView.CurvesView(panel, { path: "comparison/curves", query: { exp: asked }, colours: found.colours });
    view.start().then(() => view.faint((run) => brushed.isAny && !brushed.has(run)));
    brushed.listeners.push(() => view.grid && view.faint((run) => brushed.isAny && !brushed.has(run)));
    page.append(...[gitexp.picturesView?.section(found)].filter(Boolean), gitexp.plotsView.section(asked), pair(found.points, body), body);
    page.append(...[values("Environment", found.environment, found, brushed), parts.section("In the terminal", parts.commands(found.commands))].filter(Boolean));
  }

  function chips(found) {
    const list = element("ul", { class: "chips", "aria-label": "Compared" });
    for (const point of found.points) {
      const left = asked.filter((name) => name !== point.name && name !== point.key);
      const query = new URLSearchParams(left.map((name) => ["exp", name]));
      const name = point.kind === "experiment" ? parts.link(point.name, point.key) : element("span", { class: "name" }, point.name);
      const less = found.points.length > 2 ? element("a", { href: `?${query}`, class: "less", "aria-label": `Leave out ${point.name}` }, "×") : "";
      list.append(element("li", {}, parts.dot(found.colours[point.name]), name, point.status && point.status !== "done" ? parts.state(point.status) : "", less));
    }
    return list;
  }

  /** Parallel coordinates and a scatter, for three runs and more. */
  function many(found, names, brushed) {
    const columns = new Map();
    for (const row of [...found.params.rows.slice(0, 8), ...found.metrics.rows.slice(0, 6)]) {
      columns.set(row.key, new Map(names.map((name, at) => [name, row.values[at]])));
    }
    if (names.length < 3 || columns.size < 2) return null;
    const parallel = element("div", { class: "parallel" }), scatter = element("div", {});
    const keys = [...columns.keys()];
    const y = found.metrics.rows[0]?.key ?? keys[1];
    const made = parts.section("Many at once", element("div", { class: "linked" }, parallel, scatter));
    const options = { runs: names, columns, colours: found.colours, brushed };
    setTimeout(() => {
      new gitexp.manyCharts.Parallel(parallel, options);
      new gitexp.manyCharts.Scatter(scatter, { ...options, x: keys[0], y });
    });
    return made;
  }

  function values(title, part, found, brushed) {
    if (!part.rows.length) return null;
    const { points } = found;
    const texts = part.rows.map((row) => (title === "Metrics" ? columnTexts(row.values) : row.values.map(parts.text)));
    const best = part.rows.map((row) => bestOf(row));
    const cell = (row, at) => {
      const number = gitexp.cells.numberOf(part.rows[row].values[at]) !== undefined;
      const isInside = part.rows[row].inside?.[at];
      const isBest = best[row] !== undefined && !isInside && gitexp.cells.numberOf(part.rows[row].values[at]) === best[row];
      const made = element("td", { class: `${number ? "number" : ""} ${isBest ? "best" : ""}` }, texts[row][at]);
      if (isBest) made.append(element("span", { class: "unseen" }, " best"));
      if (isInside) made.append(gitexp.noiseMark("inside the noise"));
      return made;
    };
    const head = (point) => element("th", { scope: "col" }, parts.dot(found.colours[point.name]), ` ${point.name}`);
    let made;
    if (points.length <= MOST_SIDE_BY_SIDE) {
      const rows = part.rows.map((row, n) => element("tr", {}, element("th", { scope: "row" }, row.key), ...points.map((_, at) => cell(n, at))));
      made = parts.table([title, ...points.map(head)], rows, title);
    } else {
      const rows = points.map((point, at) => element("tr", {}, element("th", { scope: "row" }, parts.dot(found.colours[point.name]), ` ${point.name}`), ...part.rows.map((_, n) => cell(n, at))));
      made = parts.table(["Run", ...part.rows.map((row) => row.key)], rows, title);
      brushed.listeners.push(() => rows.forEach((row, at) => (row.hidden = brushed.isAny && !brushed.has(points[at].name))));
    }
    const left = part.count - part.rows.length;
    const noise = part.rows.some((row) => row.inside) ? parts.notice(`≈: inside the noise, as the replicates of the project have it; beside ${points[0].name}.`) : null;
    return parts.section(title, made, left > 0 ? parts.notice(`${left.toLocaleString("en")} more: gitexp compare --json`) : null, noise);
  }

  /** What `gitexp judge` says of them, and what `gitexp why` has found out. */
  function verdicts(found) {
    if (!found?.sentences.length && !found?.answers.length) return null;
    const told = [element("ul", { class: "verdicts" }, ...found.sentences.map((text) => element("li", {}, text)))];
    for (const answer of found.answers) {
      told.push(element("p", {}, `${answer.sentence}.`));
      for (const [heads, ...rows] of answer.tables) {
        const lines = rows.map(([head, ...cells]) => element("tr", {}, element("th", { scope: "row" }, head), ...cells.map((cell) => element("td", {}, cell))));
        told.push(parts.table(heads, lines, "Effects of the units"));
      }
      if (answer.patch) told.push(element("pre", { class: "patch" }, answer.patch));
      if (answer.stopped) told.push(parts.notice(answer.stopped));
    }
    return parts.section("Verdicts", ...told);
  }

  const columnTexts = (cells) => gitexp.cells.columnTexts(cells).map((text, at) => (cells[at]?.missing ? "–" : text));

  function bestOf(row) {
    if (!row.better) return undefined;
    const numbers = row.values.map(gitexp.cells.numberOf).filter(Number.isFinite);
    if (numbers.length < 2) return undefined;
    return row.better === "min" ? Math.min(...numbers) : Math.max(...numbers);
  }

  /** The two whose code is shown side by side. */
  function pair(points, body) {
    const select = (label, chosen) => element("select", { "aria-label": label, onchange: draw }, ...points.map((point) => element("option", { value: point.key, selected: point === chosen }, point.name)));
    const old = select("Old side", points[0]), now = select("New side", points[1]);
    async function draw() {
      body.replaceChildren();
      await parts.fetched(body, "comparison/difference", { a: old.value, b: now.value }, (found) => body.replaceChildren(...gitexp.codeView.difference(found, { withValues: false })));
    }
    if (gitexp.data.isServed) draw();
    else body.append(parts.notice(`An export has no code of two experiments: gitexp diff ${points[0].key} ${points[1].key} --code`));
    return element("section", { class: "block" }, element("h2", {}, "Two side by side"), element("div", { class: "tools" }, old, "against", now));
  }

  start();
})();
