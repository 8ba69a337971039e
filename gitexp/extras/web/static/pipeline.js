"use strict";

/** The page of the pipeline: the graph, and what the chosen stage does. */
(() => {
  const { element } = gitexp;
  const { svg } = gitexp.manyCharts;
  const { parts } = gitexp;
  const found = gitexp.document("pipeline");
  const page = document.getElementById("pipeline");
  const WIDTH = 168, HEIGHT = 44, ACROSS = 200, DOWN = 92, EDGE = 16;

  const widest = Math.max(0, ...found.stages.map((stage) => stage.place)) + 1;
  const center = (stage) => {
    const inRow = found.stages.filter((other) => other.row === stage.row).length;
    return EDGE + WIDTH / 2 + (stage.place + (widest - inRow) / 2) * ACROSS;
  };
  const top = (stage) => EDGE + stage.row * DOWN;

  function graph(detail) {
    const byName = new Map(found.stages.map((stage) => [stage.name, stage]));
    const width = widest * ACROSS + 2 * EDGE, height = (Math.max(...found.stages.map((stage) => stage.row)) + 1) * DOWN;
    const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${found.stages.length} stages` });
    for (const [from, to] of found.edges) picture.append(edge(byName.get(from), byName.get(to)));
    for (const stage of found.stages) picture.append(node(stage, detail));
    return element("div", { class: "sideways graph" }, picture);
  }

  function edge(from, to) {
    const [x1, y1, x2, y2] = [center(from), top(from) + HEIGHT, center(to), top(to)];
    const bend = (y2 - y1) / 2;
    const between = found.stages.filter((stage) => stage.row > from.row && stage.row < to.row);
    if (between.some((stage) => Math.abs(center(stage) - (x1 + x2) / 2) < WIDTH / 2 + 8)) {
      const side = Math.max(x1, x2, ...between.map(center)) + WIDTH / 2 + 14; // around the stages in between
      const path = `M${x1} ${y1}C${x1} ${y1 + 40} ${side} ${y1 + 10} ${side} ${y1 + DOWN / 2}L${side} ${y2 - DOWN / 2}C${side} ${y2 - 10} ${x2} ${y2 - 40} ${x2} ${y2}`;
      return svg("path", { d: path, class: "edge", "data-from": from.name, "data-to": to.name });
    }
    return svg("path", { d: `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`, class: "edge", "data-from": from.name, "data-to": to.name });
  }

  function node(stage, detail) {
    const state = stage.now?.state ?? "";
    const x = center(stage) - WIDTH / 2, y = top(stage);
    const name = stage.name.length > 22 ? `${stage.name.slice(0, 21)}…` : stage.name;
    const made = svg("g", { class: `stage is-${state.replace(/\W+/g, "-")}`, tabindex: "0", role: "button", "aria-label": `${stage.name}${state ? `: ${state}` : ""}` });
    made.append(svg("rect", { x, y, width: WIDTH, height: HEIGHT, rx: 8 }), svg("text", { x: x + 12, y: y + 18, class: "title" }, name), svg("text", { x: x + 12, y: y + 34, class: "mark" }, state), svg("title", {}, stage.name));
    const choose = () => {
      for (const other of page.querySelectorAll(".stage")) other.classList.toggle("is-chosen", other === made);
      for (const line of page.querySelectorAll(".edge")) line.classList.toggle("is-chosen", line.dataset.from === stage.name || line.dataset.to === stage.name);
      detail.replaceChildren(...told(stage));
    };
    made.addEventListener("click", choose);
    made.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose();
    });
    return made;
  }

  function told(stage) {
    const facts = element("dl", { class: "facts" });
    const add = (title, list) => list.length && facts.append(element("dt", {}, title), element("dd", {}, ...list.map((one) => element("div", {}, one))));
    add("About", stage.desc ? [stage.desc] : []);
    add("Runs", stage.commands);
    add("Reads", [...stage.deps, ...stage.params]);
    add("Writes", stage.outs);
    const why = stage.now ? (stage.now.reasons ?? []).map((one) => (typeof one === "string" ? one : one.sentence ?? JSON.stringify(one))) : [];
    add("Now", stage.now ? [stage.now.state, ...why] : []);
    add("Always", [stage.frozen ? "frozen: it never runs" : "", stage.always ? "it always runs" : ""].filter(Boolean));
    return [element("h2", {}, stage.name), facts];
  }

  const detail = element("div", { class: "detail", "aria-live": "polite" }, parts.notice("Choose a stage."));
  page.append(...[parts.complaints(found.complaints)].filter(Boolean));
  if (found.stages.length) page.append(element("div", { class: "beside" }, graph(detail), detail));
  else page.append(parts.notice(found.reason));
  page.append(parts.section("In the terminal", parts.commands(found.commands)));
})();
