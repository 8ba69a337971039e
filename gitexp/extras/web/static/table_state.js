"use strict";

/** What the user has asked of the table. All of it is in the address, which can be kept and sent to others. */
gitexp.tableState = (() => {
  const split = (text) => (text ?? "").split(",").filter(Boolean).map(decodeURIComponent);
  const joined = (names) => [...names].map((name) => name.replace(/[%,]/g, encodeURIComponent)).join(",");

  /** The state in an address; `columns` and `pinned` are undefined as long as the user has not chosen any. */
  function read(search) {
    const asked = new URLSearchParams(search);
    return {
      filter: asked.get("filter") ?? "",
      sort: asked.get("sort") ?? "",
      descending: asked.get("desc") === "1",
      group: asked.get("group") === "none" ? "none" : "baseline",
      columns: asked.has("columns") ? split(asked.get("columns")) : undefined,
      pinned: new Set(split(asked.get("pinned"))),
      folded: new Set(split(asked.get("folded"))),
      selected: new Set(split(asked.get("exp"))),
    };
  }

  function write(state) {
    const kept = new URLSearchParams();
    if (state.filter) kept.set("filter", state.filter);
    if (state.sort) kept.set("sort", state.sort);
    if (state.sort && state.descending) kept.set("desc", "1");
    if (state.group !== "baseline") kept.set("group", state.group);
    if (state.columns) kept.set("columns", joined(state.columns));
    if (state.pinned.size) kept.set("pinned", joined(state.pinned));
    if (state.folded.size) kept.set("folded", joined(state.folded));
    if (state.selected.size) kept.set("exp", joined(state.selected));
    return kept.toString();
  }

  /** Put the state into the address, without a step in the history of the browser. */
  function keep(state) {
    const query = write(state);
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
  }

  return { read, write, keep, joined };
})();
