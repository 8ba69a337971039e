"use strict";

/** Plots of files: pictures that the server has drawn, images of the repository, and logged tables. */
gitexp.plotsView = (() => {
  const { element } = gitexp;
  const NONE = "No plots. What plots: in gitexp.yaml or dvc.yaml names is drawn here, and what a run logs with log_table and log_confusion.";

  const picture = (one, name) => element("figure", { class: "plot" }, element("img", { src: one.picture, alt: name, loading: "lazy" }));

  function table(one) {
    const { columns, rows, total } = one.table;
    const made = rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell))));
    const left = total > rows.length ? gitexp.parts.notice(`The first ${rows.length} of ${total.toLocaleString("en")} rows.`) : null;
    return gitexp.parts.section(`${one.title}: ${one.experiment}`, gitexp.parts.table(columns, made, one.title), left);
  }

  /** The nodes of a document of plots; none without any plot or complaint. */
  function nodes(found) {
    const images = found.images.map((one) => {
      const made = picture(one, `${one.name} of ${one.experiment}`);
      made.append(element("figcaption", {}, `${one.name}: ${one.experiment}`));
      return made;
    });
    const drawn = [...found.charts.map((one) => picture(one, one.name)), ...images];
    const list = drawn.length ? element("div", { class: "plots" }, ...drawn) : null;
    return [gitexp.parts.complaints(found.complaints), list, ...found.tables.map(table)].filter(Boolean);
  }

  /** The plots of one experiment, in its panel. */
  function fill(panel, key) {
    return gitexp.parts.fetched(panel, `experiments/${key}/plots`, {}, (found) => {
      const made = nodes(found);
      panel.append(...(made.length ? made : [gitexp.parts.notice(NONE)]));
    });
  }

  /** The plots of several points, as a section that stays hidden without any. */
  function section(asked) {
    const panel = element("section", { class: "block", hidden: true }, element("h2", {}, "Plots of files"));
    if (gitexp.data.isServed) {
      gitexp.data.load("comparison/plots", { exp: asked }).then((found) => {
        const made = nodes(found);
        panel.append(...made);
        panel.hidden = !made.length;
      }, () => {});
    }
    return panel;
  }

  return { fill, section };
})();
