"use strict";

/** A comparison without a server: put together from what an export has of each experiment. */
gitexp.exportedComparison = (() => {
  const ALPHA = 0.05; // of all differences together, as in `judge`
  const LARGEST = 1e150; // larger numbers have squares that are none
  const PICTURE = /\.(png|jpe?g|gif|webp|bmp|svg)$/i;

  /** The document of a comparison, as the server would give it, without code. */
  async function comparison(keys) {
    const all = await Promise.all(keys.map((key) => gitexp.data.load(`experiments/${key}/values`)));
    const names = all.map((one) => one.point.name);
    const files = await Promise.all(keys.map((key) => gitexp.data.load(`experiments/${key}/files`)));
    const previews = files.map((one, at) => pathsOf(one).map((path, n) => [path, `experiments/${keys[at]}/preview/artifacts/${n}`]));
    return {
      points: all.map((one) => one.point),
      colours: Object.fromEntries(all.map((one) => [one.point.name, one.colour])),
      params: part(all, "params"),
      metrics: withNoise(all, part(all, "metrics")),
      environment: part(all.map((one) => (Object.keys(one.packages).length ? one : { packages: null })), "packages"),
      pictures: pictures(names, files),
      previews: new Map(names.map((name, at) => [name, new Map(previews[at])])),
      commands: [{ what: "Compare them", line: gitexp.parts.quotedLine(["compare", ...names]) }],
      complaints: ["An export compares values, curves and pictures; the code is compared by the command lines below."],
    };
  }

  const pathsOf = (found) => found.artifacts.files.map(([path]) => path);

  /** The pictures by name, with a path for each run and step: `in_steps` of `pictures.py`. */
  function pictures(names, files) {
    const found = new Map();
    for (const [at, run] of names.entries()) {
      for (const path of pathsOf(files[at]).filter((one) => PICTURE.test(one))) {
        const [, folder, file] = path.match(/^(.*\/)?([^/]*)$/);
        const [, head, number, tail] = file.match(/^(.*?)(\d{1,15})(\D*)$/) ?? [];
        const name = number === undefined ? path : `${folder ?? ""}${head}#${tail}`;
        if (!found.has(name)) found.set(name, { name, steps: new Set(), runs: {} });
        const one = found.get(name);
        one.steps.add(Number(number ?? 0));
        (one.runs[run] ??= {})[Number(number ?? 0)] = path;
      }
    }
    return [...found.values()].map((one) => ({ ...one, steps: [...one.steps].sort((a, b) => a - b) }));
  }

  /** The keys whose values differ; a side without any list (null) says nothing. */
  function part(all, name) {
    const keys = new Set(all.flatMap((one) => Object.keys(one[name] ?? {})));
    const rows = [];
    for (const key of keys) {
      const known = all.filter((one) => one[name] !== null).map((one) => JSON.stringify(one[name][key]));
      if (new Set(known).size < 2) continue;
      rows.push({ key, values: all.map((one) => one[name]?.[key] ?? { missing: true }), better: all.map((one) => one.better?.[key]).find(Boolean) });
    }
    return { rows, count: rows.length };
  }

  /** The same, with which values are inside the noise beside the first: `distances` of `project_noise.py`. */
  function withNoise(all, { rows, count }) {
    const comparisons = rows.length * (all.length - 1);
    for (const row of rows) {
      const inside = all.map((one, at) => at > 0 && isInside(all[0], one, row, at, ALPHA / comparisons));
      if (inside.includes(true)) row.inside = inside;
    }
    return { rows, count };
  }

  /** Whether two runs differ by a metric, and no more than the noise makes them; `noise` is of runs that can be judged. */
  function isInside(first, other, row, at, alpha) {
    const noise = first.noise[row.key] && other.noise[row.key];
    const [one, two] = [0, at].map((number) => gitexp.cells.numberOf(row.values[number]));
    if (!noise || ![one, two].every((number) => Math.abs(number) < LARGEST) || one === two) return false;
    const [deviation, freedom] = noise;
    return deviation > 0 && gitexp.student.twoSided((two - one) / (deviation * Math.SQRT2), freedom) >= alpha;
  }

  /** The curves of several experiments, by metric. */
  async function curves(keys) {
    const all = await Promise.all(keys.map((key) => gitexp.data.load(`experiments/${key}/curves`)));
    const found = new Map();
    for (const one of all) {
      for (const metric of one.metrics) {
        if (!found.has(metric.name)) found.set(metric.name, []);
        found.get(metric.name).push(...metric.curves);
      }
    }
    const names = [...found.keys()];
    return {
      names,
      of_names: names.length,
      metrics: names.map((name) => ({ name, curves: found.get(name) })),
      colours: Object.assign({}, ...all.map((one) => one.colours)),
      complaints: [...new Set(all.flatMap((one) => one.complaints))],
      live: false,
    };
  }

  return { comparison, curves };
})();
