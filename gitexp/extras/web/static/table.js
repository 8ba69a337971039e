"use strict";

/** The page with the table: what the user asks for, kept in the address. */
(() => {
  const model = new gitexp.tableModel.Table(gitexp.document("table"));
  const asked = new URLSearchParams(location.search);
  const list = (name) => (asked.get(name) ?? "").split(",").filter(Boolean);
  const state = {
    filter: asked.get("filter") ?? "",
    sort: asked.get("sort") ?? "",
    descending: asked.get("desc") === "1",
    group: asked.get("group") ?? "baseline",
    folded: new Set(list("folded")),
    selected: new Set(list("exp")),
  };

  /** What hangs in the tree is seen until it is folded; the members of a group only if asked for. */
  const isOpen = (line, inTree) => state.folded.has(model.ids[line]) !== inTree;

  const view = new gitexp.tableView.View({
    scroller: document.getElementById("scroller"),
    table: document.getElementById("runs"),
    on: {
      sort(id) {
        const column = model.columns.get(id);
        const first = column?.direction === "max" || column?.type === "time";
        if (state.sort !== id) Object.assign(state, { sort: id, descending: first });
        else if (state.descending === first) state.descending = !first;
        else state.sort = "";
        show();
      },
      select(line, on) {
        if (on) state.selected.add(model.ids[line]);
        else state.selected.delete(model.ids[line]);
        show();
      },
      selectAll(on) {
        for (const { line } of view.seen) {
          if (model.isExperiment(line) && on) state.selected.add(model.ids[line]);
        }
        if (!on) state.selected.clear();
        show();
      },
      fold(line) {
        const id = model.ids[line];
        if (state.folded.has(id)) state.folded.delete(id);
        else state.folded.add(id);
        show();
      },
    },
  });

  function keep() {
    const kept = new URLSearchParams();
    if (state.filter) kept.set("filter", state.filter);
    if (state.sort) kept.set("sort", state.sort);
    if (state.sort && state.descending) kept.set("desc", "1");
    if (state.group !== "baseline") kept.set("group", state.group);
    if (state.folded.size) kept.set("folded", [...state.folded].join(","));
    if (state.selected.size) kept.set("exp", [...state.selected].join(","));
    const query = kept.toString();
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
  }

  function show() {
    const sort = model.columns.get(state.sort);
    const columns = ["created", ...model.first].map((id) => model.columns.get(id)).filter(Boolean);
    const { kept, seen } = model.arranged({ ...state, sort, passes: () => true, isOpen });
    view.show({ ...state, model, seen, kept, columns, isOpen });
    const all = model.rows.kind.filter((_, line) => model.isCandidate(line)).length;
    const count = document.getElementById("count");
    count.textContent = kept.length === all ? `${all.toLocaleString("en")} experiments` : `${kept.length.toLocaleString("en")} of ${all.toLocaleString("en")}`;
    keep();
  }

  show();
})();
