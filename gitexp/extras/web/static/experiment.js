"use strict";

/** The page of one experiment. */
(() => {
  const { element } = gitexp;
  const { parts } = gitexp;
  let found = gitexp.document("experiment");
  const key = document.getElementById("experiment").dataset.key;

  function head() {
    const names = [gitexp.parts.dot(found.colour), element("h1", {}, found.name), parts.state(found.status)];
    for (const tag of found.tags) names.push(element("span", { class: "tag" }, tag));
    const lines = [element("div", { class: "names" }, ...names)];
    if (found.note) lines.push(element("p", { class: "note" }, found.note));
    lines.push(...[parts.complaints([...found.warnings, ...found.complaints])].filter(Boolean));
    document.getElementById("head").replaceChildren(...lines);
  }

  const FILLS = {
    overview: { title: "Overview", fill: (panel) => panel.append(...overview()) },
    curves: { title: "Curves", fill: (panel) => new gitexp.curvesView.CurvesView(panel, { path: `experiments/${key}/curves`, news: `experiments/${key}/news` }).start() },
    plots: { title: "Plots", fill: (panel) => gitexp.plotsView.fill(panel, key) },
    log: { title: "Log", fill: (panel) => new gitexp.logView.LogView(panel, key).start() },
    files: { title: "Files", fill: (panel) => new gitexp.filesView.FilesView(panel, key).start() },
    changes: { title: "Changes", fill: (panel) => parts.fetched(panel, `experiments/${key}/changes`, {}, (one) => panel.append(...gitexp.codeView.difference(one))) },
    environment: { title: "Environment", fill: (panel) => panel.append(...environment()) },
  };

  function overview() {
    const facts = found.facts.filter((fact) => fact.name !== "tags" && fact.name !== "note");
    const list = element("dl", { class: "facts" });
    for (const fact of facts) {
      const shown = fact.time ? element("time", { datetime: fact.time, title: fact.time }, new Date(fact.time).toLocaleString()) : fact.text;
      list.append(element("dt", {}, fact.title), element("dd", {}, shown));
    }
    const left = [parts.section("Facts", list), parts.section("Get it back", parts.commands(found.commands)), things(), alerts(), lineage()];
    const right = [metrics(), params(), stages()];
    const column = (nodes) => element("div", {}, ...nodes.filter(Boolean));
    return [element("div", { class: "two" }, column(right), column(left))];
  }

  function things() {
    if (!found.actions.length) return null;
    return gitexp.actions.menu(found.actions, { key, name: found.name, status: found.status, values: { note: found.note, branch: "", params: found.params.rows } });
  }

  // What has no page any more leads back to the table.
  addEventListener("gitexp-done", ({ detail }) => {
    if (detail === "rename" || detail === "remove") setTimeout(() => (location.href = `${gitexp.root}index.html`), 1500);
  });

  function metrics() {
    const rows = found.metrics.rows;
    const texts = gitexp.cells.columnTexts(rows.map((row) => row[1]));
    const made = rows.map(([name], at) => element("tr", {}, element("th", { scope: "row" }, name), element("td", { class: "number" }, texts[at], gitexp.cells.spreadOf(rows[at][1]))));
    return made.length ? parts.section("Metrics", parts.table(["Metric", element("th", { scope: "col", class: "number" }, "Value")], made, "Metrics"), more(found.metrics, made)) : null;
  }

  function params() {
    const made = found.params.rows.map(([name, value, old, differs]) => {
      const cells = [element("th", { scope: "row" }, name), element("td", { class: differs ? "come" : "" }, parts.text(value))];
      cells.push(element("td", { class: "soft" }, differs ? parts.text(old) : ""));
      return element("tr", { class: differs ? "is-changed" : "" }, ...cells);
    });
    return made.length ? parts.section("Params", parts.table(["Param", "Value", `Baseline ${found.baseline_name}`], made, "Params"), more(found.params, made)) : null;
  }

  function more(of, made) {
    const left = of.count - made.length;
    return left > 0 ? parts.notice(`${left.toLocaleString("en")} more: gitexp show ${found.name} --json`) : null;
  }

  function stages() {
    const rows = Object.entries(found.stages).map(([name, told]) => {
      const why = told.error ?? (Array.isArray(told.reasons) ? told.reasons.join(", ") : "");
      const seconds = typeof told.seconds === "number" ? gitexp.cells.durationText(told.seconds) : "";
      const source = told.source ? ` from ${told.source}` : "";
      return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, `${told.state}${source}`), element("td", { class: "number" }, seconds), element("td", { class: "soft" }, why));
    });
    return rows.length ? parts.section("Stages", parts.table(["Stage", "State", "Time", "Why"], rows, "Stages")) : null;
  }

  function alerts() {
    if (!found.alerts.length) return null;
    return parts.section("Alerts", element("ul", { class: "alerts" }, ...found.alerts.map((one) => element("li", {}, element("b", {}, `${one.level ?? ""} ${one.title ?? ""} `), String(one.text ?? "")))));
  }

  function lineage() {
    const { ancestors, children, of_children } = found.lineage;
    const links = (names) => names.flatMap((name, at) => [at ? ", " : "", parts.link(name)]);
    const lines = [];
    if (ancestors.length) lines.push(element("p", {}, "Made from ", ...links(ancestors)));
    if (children.length) lines.push(element("p", {}, `${of_children.toLocaleString("en")} made from it: `, ...links(children)));
    if (found.replicates.length) lines.push(element("p", {}, "Replicates: ", ...links(found.replicates)));
    return lines.length ? parts.section("Relatives", ...lines) : null;
  }

  function environment() {
    const of = found.environment;
    const list = element("dl", { class: "facts" });
    const facts = { Platform: of.platform, Host: of.host, User: of.user, Python: of.python, Processors: of.cpus, GPUs: of.gpus.join(", "), gitexp: of.gitexp };
    for (const [title, value] of Object.entries(facts)) {
      if (value) list.append(element("dt", {}, title), element("dd", {}, String(value)));
    }
    const rows = of.packages.map(([name, version]) => element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, version)));
    const packages = rows.length ? parts.section(`Packages (${of.count})`, parts.table(["Package", "Version"], rows, "Packages")) : parts.notice(of.reason || "Nobody has listed the packages.");
    return [parts.section("Machine", list), packages];
  }

  /** What has changed meanwhile: a new state is a new page; a form that somebody types in stays. */
  function again(now, before) {
    found = now;
    head();
    if (before === null) return;
    if (now.status !== before.status) return location.reload();
    const panel = document.getElementById("panel-overview");
    if (panel.childElementCount && !panel.querySelector(".actions details[open]")) panel.replaceChildren(...overview());
  }

  parts.followed("experiment", `experiments/${key}`, again);
  parts.tabs(document.getElementById("tabs"), document.getElementById("panels"), FILLS);
})();
