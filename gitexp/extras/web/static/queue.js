"use strict";

/** The page of the queue: what runs, what waits, and who works on it. It is asked for again every two seconds. */
(() => {
  const { element } = gitexp;
  const { parts } = gitexp;
  const page = document.getElementById("queue");
  const EVERY = 2000;

  function draw(found) {
    const rows = found.runs.map((run) => {
      const who = run.waits_at ? `at ${run.waits_at}` : run.worker + (run.dead ? " (dead)" : "");
      const what = run.overrides.join(", ") || run.note || run.command || "";
      return element("tr", {}, element("th", { scope: "row" }, parts.link(run.name)), element("td", {}, parts.state(run.status)), element("td", {}, who), element("td", {}, run.host), element("td", {}, gitexp.cells.timeText(run.created)), element("td", {}, what));
    });
    const workers = found.workers.map((one) => element("li", {}, `${one.name} (process ${one.pid})${one.stops ? ": ends after its present run" : ""}`));
    const told = [];
    for (const one of found.fallen) told.push(`Worker ${one.name} has ended before its time: ${one.words}`);
    if (found.lost.length) told.push(`${found.lost.length} runs of dead workers: gitexp queue start runs them again.`);
    const count = `${found.waiting.toLocaleString("en")} queued, ${found.workers.length} workers here`;
    const left = found.count - found.runs.length;
    page.replaceChildren(
      ...[
        parts.complaints(told),
        element("p", { class: "count", role: "status" }, count),
        rows.length ? parts.table(["Experiment", "State", "Worker", "Host", "Since", "What"], rows, "Queue") : parts.notice("Nothing runs, and nothing waits. gitexp run --queue puts a run here."),
        left > 0 ? parts.notice(`${left.toLocaleString("en")} more.`) : null,
        workers.length ? parts.section("Workers", element("ul", {}, ...workers)) : null,
        gitexp.actions.menu(found.actions, {}),
      ].filter(Boolean),
    );
  }

  parts.polled("queue", EVERY, draw);
})();
