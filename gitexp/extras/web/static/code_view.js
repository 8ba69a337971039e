"use strict";

/** Code and differences: two columns with syntax colours, the changed words marked. */
gitexp.codeView = (() => {
  const { element } = gitexp;
  const { spans, table, text, section, complaints } = gitexp.parts;

  /** The difference of two points. */
  function difference(found, { withValues = true } = {}) {
    const { a, b } = found;
    const parts = [complaints(found.complaints), gitexp.parts.commandLine(found.line)];
    const values = (list) => list.map((one) => element("tr", {}, element("th", { scope: "row" }, one.key), element("td", { class: "gone" }, plain(one.old)), element("td", { class: "come" }, plain(one.new))));
    const pairs = (title, list) => (list.length ? section(title, table([title, a.name, b.name], values(list), title)) : null);
    parts.push(code(found, a, b), data(found, a, b));
    if (withValues) parts.push(pairs("Params", found.params), pairs("Metrics", found.metrics));
    if (found.command) parts.push(pairs("Command", [{ key: "command", ...found.command }]));
    if (withValues) parts.push(pairs("Environment", found.environment));
    parts.push(files("Results", found.results), files("Other projects", found.other_projects));
    const shown = parts.filter(Boolean);
    if (shown.length < 2) shown.push(gitexp.parts.notice(`${withValues ? "Nothing" : "No code and no data"} differs between ${a.name} and ${b.name}.`));
    return shown;
  }

  function plain(value) {
    if (value === undefined) return "–";
    if (typeof value === "number" && !Number.isInteger(value)) return gitexp.cells.general(value, 6);
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  }

  function code(found, a, b) {
    const { files, left_out } = found.sides;
    if (!files.length) return null;
    const made = files.map((file) => oneFile(file, a, b));
    const rest = left_out.length ? element("p", { class: "notice" }, `Not shown, or not all of it, for it is too long: ${left_out.join(", ")}`) : null;
    return section("Code", ...made, rest);
  }

  function oneFile(file, a, b) {
    const name = file.renamed_from ? `${file.renamed_from} → ${file.path}` : file.path;
    const counts = file.binary ? " binary" : element("span", {}, element("span", { class: "come" }, ` +${file.added}`), element("span", { class: "gone" }, ` −${file.deleted}`));
    const body = element("div", { class: "sideways", tabindex: "0", role: "region", "aria-label": name });
    const rows = [];
    for (const piece of file.pieces) {
      rows.push(element("tr", { class: "piece" }, element("td", { colspan: "4" }, piece.heading || "…")));
      for (const row of piece.rows) rows.push(side(row));
    }
    const head = element("tr", {}, element("th", { colspan: "2", scope: "col" }, a.name), element("th", { colspan: "2", scope: "col" }, b.name));
    if (rows.length) body.append(element("table", { class: "sides" }, element("colgroup", {}, ...["number", "", "number", ""].map((name) => element("col", { class: name }))), element("thead", {}, head), element("tbody", {}, ...rows)));
    return element("details", { open: true, class: "file" }, element("summary", {}, element("code", {}, name), counts), body);
  }

  function side([oldNumber, oldSpans, newNumber, newSpans]) {
    const changed = oldNumber === null || newNumber === null || JSON.stringify(oldSpans) !== JSON.stringify(newSpans);
    const cell = (number, list, name) => [
      element("td", { class: "number" }, number === null ? "" : String(number)),
      element("td", { class: number === null ? "none" : changed ? name : "" }, ...spans(list)),
    ];
    return element("tr", {}, ...cell(oldNumber, oldSpans, "gone"), ...cell(newNumber, newSpans, "come"));
  }

  function files(title, list) {
    if (!list.length) return null;
    const rows = list.map((file) => element("tr", {}, element("th", { scope: "row" }, file.path), element("td", {}, file.added === null ? "binary" : `+${file.added} −${file.deleted}`)));
    return section(title, table(["File", "Lines"], rows, title));
  }

  function data(found, a, b) {
    if (!found.data.length) return null;
    const told = (one) => (one ? `${gitexp.parts.size(one.size)}${one.files ? `, ${one.files} files` : ""} (${one.hash.slice(0, 7)})` : "–");
    const rows = [];
    for (const each of found.data) {
      rows.push(element("tr", {}, element("th", { scope: "row" }, each.path), element("td", { class: "gone" }, told(each.old)), element("td", { class: "come" }, told(each.new))));
      for (const [mark, name] of [["new", "+"], ["changed", "~"], ["gone", "−"]]) {
        for (const path of (each.files?.[mark] ?? []).slice(0, 50)) rows.push(element("tr", {}, element("td", { colspan: "3", class: "inner" }, `${name} ${path}`)));
      }
    }
    return section("Data", table(["Data", a.name, b.name], rows, "Data"));
  }

  /** Lines of code with their numbers. */
  function lines(list) {
    return element("pre", { class: "code", tabindex: "0" }, ...list.map((one) => element("span", { class: "line" }, ...spans(one), "\n")));
  }

  return { difference, lines };
})();
