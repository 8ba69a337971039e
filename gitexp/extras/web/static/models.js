"use strict";

/** The page of models: versions, what is in which stage, since when, and who put it there. */
(() => {
  const { element, parts, cells } = gitexp;
  const { svg } = gitexp.manyCharts;
  const page = document.getElementById("models");
  const EVERY = 5000; // milliseconds
  const MOST_METRICS = 6; // columns
  const LEFT = 110, ROW = 30, WIDTH = 720, EDGE = 12; // of the picture of stages, in pixels
  const WORDS = { assigned: "put into", unassigned: "taken out of" };

  function draw(found) {
    const told = parts.complaints(found.complaints);
    const left = found.count - found.models.length;
    page.replaceChildren(
      ...[
        told,
        ...found.models.map(one),
        found.models.length ? null : parts.notice("No model is registered. gitexp model register EXP NAME makes the first version."),
        left > 0 ? parts.notice(`${left.toLocaleString("en")} more: gitexp model list names them all.`) : null,
      ].filter(Boolean),
    );
  }

  function one(model) {
    const made = parts.section(model.name, standing(model), picture(model), versions(model), events(model), commands(model));
    made.id = `model-${model.name}`;
    return made;
  }

  /** What is in which stage now. */
  function standing(model) {
    const stages = Object.entries(model.stages).map(([stage, version]) => `${stage}: ${short(version)}`);
    const said = [model.latest ? `latest ${model.latest}` : "no version", ...stages];
    if (model.deprecated) said.push("deprecated");
    return element("p", { class: "count" }, said.join(" · "));
  }

  const short = (version) => (/^[0-9a-f]{40,64}$/.test(version) ? version.slice(0, 7) : version);

  /** The stages over time: a row for each, a bar for each version in it. */
  function picture(model) {
    if (!model.tenures.length) return null;
    const stages = [...new Set(model.tenures.map((tenure) => tenure.stage))].sort();
    const now = Date.now();
    const begin = Math.min(...model.tenures.map((tenure) => Date.parse(tenure.since)));
    const scale = gitexp.scales.scale(begin, Math.max(now, begin + 1), LEFT, WIDTH - EDGE);
    const height = stages.length * ROW + 26;
    const drawn = svg("svg", { width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": `Stages of ${model.name} over time` });
    stages.forEach((stage, row) => {
      const name = stage.length > 14 ? `${stage.slice(0, 13)}…` : stage;
      drawn.append(svg("text", { x: 0, y: row * ROW + 20, class: "title" }, name, svg("title", {}, stage)));
      for (const tenure of model.tenures) if (tenure.stage === stage) drawn.append(bar(tenure, row, scale, now));
    });
    const foot = stages.length * ROW + 18;
    drawn.append(svg("text", { x: LEFT, y: foot, class: "mark" }, cells.timeText(model.tenures[0].since)));
    drawn.append(svg("text", { x: WIDTH - EDGE, y: foot, class: "mark is-right" }, "now"));
    return element("div", { class: "sideways tenures" }, drawn);
  }

  function bar(tenure, row, scale, now) {
    const from = scale(Date.parse(tenure.since)), to = scale(tenure.until ? Date.parse(tenure.until) : now);
    const width = Math.max(to - from, 2);
    const until = tenure.until ? cells.timeText(tenure.until) : "now";
    const said = `${short(tenure.version)}, ${cells.timeText(tenure.since)} to ${until}, by ${tenure.by ?? "nobody named"}`;
    const group = svg("g", { class: tenure.until ? "tenure" : "tenure is-now" }, svg("title", {}, said));
    group.append(svg("rect", { x: from, y: row * ROW + 4, width, height: ROW - 8, rx: 4 }));
    const label = short(tenure.version);
    if (width > label.length * 8 + 8) group.append(svg("text", { x: from + 6, y: row * ROW + 19, class: "mark" }, label));
    return group;
  }

  function versions(model) {
    const metrics = [...new Set(model.list.flatMap((version) => Object.keys(version.metrics)))];
    const named = metrics.slice(0, MOST_METRICS);
    const rows = model.list.map((version) => {
      const title = version.version ?? version.commit.slice(0, 7);
      const experiment = version.here ? parts.link(version.experiment) : (version.experiment ?? version.commit.slice(0, 7));
      const values = named.map((name) => element("td", { class: "number" }, name in version.metrics ? metricText(version.metrics[name]) : ""));
      return element(
        "tr",
        { class: version.active ? "" : "is-faint" },
        element("th", { scope: "row", title: version.note || version.tag || "" }, version.active ? title : `${title} (taken back)`),
        element("td", {}, version.stages.join(", ")),
        element("td", {}, experiment),
        element("td", {}, version.path ?? ""),
        element("td", { class: "number" }, version.size == null ? "" : parts.size(version.size)),
        element("td", {}, version.registered ? cells.timeText(version.registered) : ""),
        element("td", {}, version.by ?? ""),
        ...values,
      );
    });
    const table = parts.table(["Version", "Stages", "Experiment", "Path", "Size", "Registered", "By", ...named], rows, `Versions of ${model.name}`);
    const notes = [];
    if (model.left) notes.push(parts.notice(`${model.left.toLocaleString("en")} earlier versions.`));
    if (metrics.length > named.length) notes.push(parts.notice(`${metrics.length - named.length} more metrics: gitexp model show ${model.name}`));
    return element("div", {}, table, ...notes);
  }

  const metricText = (value) => (typeof value === "number" ? cells.general(value, 5) : String(value));

  function events(model) {
    const rows = model.events.map((event) => {
      const what = [WORDS[event.event] ?? event.event, event.stage ?? ""].join(" ").trim();
      return element("tr", {}, element("td", {}, cells.timeText(event.time)), element("td", {}, event.version ? short(event.version) : ""), element("td", {}, what), element("td", { title: event.email ?? "" }, event.by ?? ""), element("td", {}, event.note));
    });
    const table = parts.table(["Time", "Version", "Event", "By", "Note"], rows, `History of ${model.name}`);
    const earlier = model.earlier ? parts.notice(`${model.earlier.toLocaleString("en")} earlier events: gitexp model history ${model.name}`) : "";
    return element("details", { class: "history" }, element("summary", {}, `History (${rows.length})`), table, earlier);
  }

  function commands(model) {
    const list = [];
    const at = (words) => parts.quotedLine(["model", ...words]);
    const active = model.list.filter((version) => version.active && version.version);
    const [stage] = Object.keys(model.stages);
    if (stage) list.push({ what: `Get what is in ${stage}`, line: at(["get", `${model.name}#${stage}`, "--to", "models"]) });
    else if (model.latest) list.push({ what: "Get the latest version", line: at(["get", `${model.name}@${model.latest}`, "--to", "models"]) });
    if (active.length > 1) list.push({ what: "Compare the last two versions", line: at(["diff", `${model.name}@${active[1].version}`, `${model.name}@${active[0].version}`]) });
    return list.length ? parts.commands(list) : null;
  }

  parts.polled("models", EVERY, draw);
})();
