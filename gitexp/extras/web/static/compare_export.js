"use strict";

/** A comparison without a server: put together from what an export has of each experiment. */
gitexp.exportedComparison = (() => {
  /** The document of a comparison, as the server would give it, without pictures and code. */
  async function comparison(keys) {
    const all = await Promise.all(keys.map((key) => gitexp.data.load(`experiments/${key}/values`)));
    const names = all.map((one) => one.point.name);
    return {
      points: all.map((one) => one.point),
      colours: Object.fromEntries(all.map((one) => [one.point.name, one.colour])),
      params: part(all, "params"),
      metrics: part(all, "metrics"),
      environment: part(all.map((one) => (Object.keys(one.packages).length ? one : { packages: null })), "packages"),
      pictures: [],
      commands: [{ what: "Compare them", line: gitexp.parts.quotedLine(["compare", ...names]) }],
      complaints: ["An export compares values and curves; pictures and code are compared by the command lines below."],
    };
  }

  /** The keys whose values differ; a side without any list (null) says nothing. */
  function part(all, name) {
    const keys = new Set(all.flatMap((one) => Object.keys(one[name] ?? {})));
    const rows = [];
    for (const key of keys) {
      const known = all.filter((one) => one[name] !== null).map((one) => JSON.stringify(one[name][key]));
      if (new Set(known).size < 2) continue;
      rows.push({ key, values: all.map((one) => one[name]?.[key] ?? { missing: true }), better: all[0].better?.[key] });
    }
    return { rows, count: rows.length };
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
