"use strict";

/** The page of the sweeps: how far each is, its trials, and pictures of them. */
(() => {
  const { element } = gitexp;
  const { parts } = gitexp;
  const page = document.getElementById("sweeps");
  const MOST_ROWS = 500;

  function one(sweep) {
    const done = Object.values(sweep.trials).reduce((sum, count) => sum + count, 0);
    const states = Object.entries(sweep.trials).map(([name, count]) => `${count} ${name}`).join(", ");
    const progress = element("progress", { max: String(sweep.total || 1), value: String(done), "aria-label": `Trials of ${sweep.sweep}` });
    const told = element("p", { class: "count" }, `${sweep.method}: ${done} of ${sweep.total} trials. ${states}${sweep.running ? ". At work." : ""}`);
    const best = sweep.best.map((each) => element("p", {}, "Best: ", parts.link(each.experiment), ` ${Object.entries(each.objectives).map(([name, value]) => `${name} ${gitexp.cells.general(Number(value), 5)}`).join(", ")}, ${each.overrides.join(" ")}`));
    return parts.section(sweep.sweep, progress, told, ...best, pictures(sweep), trials(sweep), parts.commands(sweep.commands));
  }

  function pictures(sweep) {
    const done = sweep.list.filter((trial) => trial.results);
    const objectives = Object.keys(sweep.objectives);
    if (done.length < 2 || !objectives.length) return null;
    const runs = done.map((trial) => trial.experiments[0]);
    const columns = new Map();
    sweep.axes.forEach((axis, at) => columns.set(axis, new Map(done.map((trial, n) => [runs[n], trial.values[at]]))));
    objectives.forEach((name, at) => columns.set(name, new Map(done.map((trial, n) => [runs[n], trial.results[at]]))));
    columns.set("trial", new Map(done.map((trial, n) => [runs[n], trial.number])));
    const colours = shades(done, sweep.objectives[objectives[0]]);
    const brushed = new gitexp.manyCharts.Brushed();
    const parallel = element("div", { class: "parallel" }), scatter = element("div", {});
    const options = { runs, columns, colours: Object.fromEntries(runs.map((run, n) => [run, colours[n]])), brushed };
    setTimeout(() => {
      new gitexp.manyCharts.Parallel(parallel, options);
      new gitexp.manyCharts.Scatter(scatter, { ...options, x: "trial", y: objectives[0] });
    });
    return element("div", { class: "linked" }, parallel, scatter);
  }

  /** A colour for each trial, from pale for the worst to strong for the best. */
  function shades(done, direction) {
    const numbers = done.map((trial) => (typeof trial.results[0] === "number" ? trial.results[0] : NaN));
    const order = [...numbers].filter(Number.isFinite).sort((a, b) => (direction === "min" ? a - b : b - a));
    return numbers.map((number) => {
      const at = order.indexOf(number);
      const share = Math.round(100 - (85 * at) / Math.max(order.length - 1, 1));
      return at < 0 ? "var(--line)" : `color-mix(in srgb, var(--accent) ${share}%, var(--sunk))`;
    });
  }

  function trials(sweep) {
    if (!sweep.list.length) return null;
    const objectives = Object.keys(sweep.objectives);
    const rows = sweep.list.slice(-MOST_ROWS).reverse().map((trial) => {
      const links = trial.experiments.flatMap((name, at) => [at ? ", " : "", parts.link(name)]);
      const values = trial.values.map((cell) => element("td", { class: gitexp.cells.numberOf(cell) === undefined ? "" : "number" }, parts.text(cell)));
      const results = objectives.map((_, at) => element("td", { class: "number" }, trial.results ? gitexp.cells.general(Number(trial.results[at]), 5) : ""));
      return element("tr", {}, element("td", { class: "number" }, String(trial.number)), element("td", {}, ...links), element("td", {}, parts.state(trial.state)), ...values, ...results);
    });
    const left = sweep.list.length - rows.length;
    return element("div", {}, parts.table(["Trial", "Experiment", "State", ...sweep.axes, ...objectives], rows, `Trials of ${sweep.sweep}`), left > 0 ? parts.notice(`${left} earlier trials.`) : "");
  }

  parts.followed("sweeps", "sweeps", (found) => {
    page.replaceChildren(...[parts.complaints(found.complaints)].filter(Boolean), ...found.sweeps.map(one));
    if (!found.sweeps.length) page.append(parts.notice("No sweeps. `sweep:` in gitexp.yaml describes one, and gitexp sweep runs it."));
    if (found.count > found.sweeps.length) page.append(parts.notice(`${found.count - found.sweeps.length} more: gitexp sweep list`));
  });
})();
