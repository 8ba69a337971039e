"use strict";

/** The page with the table. */
(() => {
  const find = (id) => document.getElementById(id);
  const USUAL_COLUMNS = 30; // as many as are drawn without being asked for

  const state = gitexp.tableState.read(location.search);
  let model = new gitexp.tableModel.Table(gitexp.document("table"));
  let filter; // the last one that was right

  /** What hangs in the tree is seen until it is folded; the members of a group only if asked for. */
  const isOpen = (line, inTree) => state.folded.has(model.ids[line]) !== inTree;

  // -- what the user does -------------------------------------------------------------------------------

  function flip(set, name, on = !set.has(name)) {
    if (on) set.add(name);
    else set.delete(name);
  }

  const shownIds = () => state.columns ?? usual();
  const usual = () => ["created", ...model.first.slice(0, USUAL_COLUMNS)].filter((id) => model.columns.has(id));

  const columnsDo = {
    choose(ids) {
      state.columns = ids;
      show();
    },
    toggle(id, on) {
      state.columns = shownIds().filter((one) => one !== id);
      if (on) state.columns.push(id);
      show();
    },
    move(id, to) {
      const others = shownIds().filter((one) => one !== id);
      state.columns = others.toSpliced(to, 0, id);
      show();
    },
    pin(id) {
      flip(state.pinned, id);
      show();
    },
  };

  const tableDoes = {
    sort(id) {
      if (model.columns.get(id)?.kind === "curve") return;
      const column = model.columns.get(id);
      const downFirst = column?.direction === "max" || column?.type === "time";
      if (state.sort !== id) Object.assign(state, { sort: id, descending: downFirst });
      else if (state.descending === downFirst) state.descending = !downFirst;
      else state.sort = "";
      find("scroller").scrollTop = 0;
      show();
    },
    select(line, on) {
      flip(state.selected, model.ids[line], on);
      show();
    },
    selectAll(on) {
      if (!on) state.selected.clear();
      for (const { line } of view.seen) {
        if (on && model.isExperiment(line)) state.selected.add(model.ids[line]);
      }
      show();
    },
    fold(line) {
      flip(state.folded, model.ids[line]);
      show();
    },
    move: columnsDo.move,
  };

  const view = new gitexp.tableView.View({ scroller: find("scroller"), table: find("runs"), on: tableDoes });
  const panel = new gitexp.columnPanel.Panel({ panel: find("columns"), on: columnsDo });
  const names = () => [...new Set([...Object.keys(model.fields), ...[...model.columns.values()].map((column) => column.key)])];
  new gitexp.completion.Completion({ input: find("filter"), list: find("offered"), names });

  find("filter").value = state.filter;
  find("filter").addEventListener("input", (event) => {
    state.filter = event.target.value;
    find("scroller").scrollTop = 0;
    show();
  });
  find("group").value = state.group;
  find("group").addEventListener("change", (event) => {
    state.group = event.target.value;
    show();
  });
  find("none-selected")?.addEventListener("click", () => tableDoes.selectAll(false));
  gitexp.tableKeys.listen({ view, state, does: tableDoes, compare: () => find("compare")?.click() });

  // -- what is seen -------------------------------------------------------------------------------------

  /** The filter as it stands; a wrong one is said, and the last right one stays. */
  function currentFilter() {
    const said = find("filter-said");
    let wrong = "";
    try {
      filter = state.filter.trim() ? new gitexp.filters.Filter(state.filter, model) : undefined;
    } catch (error) {
      if (!(error instanceof gitexp.filters.FilterError)) throw error;
      wrong = error.message;
      if (filter && filter.model !== model) filter = undefined;
    }
    said.textContent = wrong && `${wrong} The table is as it was before.`;
    said.hidden = !wrong;
    find("filter").setAttribute("aria-invalid", String(Boolean(wrong)));
    find("scroller").classList.toggle("is-stale", Boolean(wrong));
    return filter;
  }

  function show() {
    const asked = currentFilter();
    const columns = shownIds().map((id) => model.columns.get(id)).filter(Boolean);
    const pinned = columns.filter((column) => state.pinned.has(column.id));
    const rest = columns.filter((column) => !state.pinned.has(column.id));
    const sort = model.columns.get(state.sort);
    const passes = asked ? (line) => asked.passes(line) : () => true;
    const { kept, seen } = model.arranged({ passes, sort, descending: state.descending, group: state.group, isOpen });
    view.show({ ...state, model, seen, kept, columns: [...pinned, ...rest], isOpen });
    panel.show(model, columns, state.pinned);
    count(kept);
    selection();
    gitexp.tableState.keep(state);
  }

  function count(kept) {
    const all = model.candidates.length;
    const number = (value) => value.toLocaleString("en");
    const text = kept.length === all ? `${number(all)} experiment${all === 1 ? "" : "s"}` : `${number(kept.length)} of ${number(all)}`;
    if (find("count").textContent !== text) find("count").textContent = text;
    find("empty").hidden = all > 0;
    find("none-pass").hidden = !all || kept.length > 0;
  }

  function selection() {
    const chosen = [...state.selected];
    find("chosen").hidden = !chosen.length;
    find("chosen-count").textContent = `${chosen.length} selected`;
    const compare = find("compare");
    if (compare) compare.href = `${gitexp.root}compare.html?exp=${encodeURIComponent(gitexp.tableState.joined(model.keysOf(chosen)))}`;
  }

  const complaints = gitexp.document("table").complaints;
  if (complaints.length) {
    find("complaints").hidden = false;
    find("complaints").textContent = complaints.join(" ");
  }
  show();
  gitexp.live.follow({
    cursor: () => model.cursor,
    async changed() {
      const answer = await fetch(`${gitexp.root}documents/changes.json?since=${encodeURIComponent(model.cursor)}`);
      if (!answer.ok) throw new Error(`The server answers ${answer.status}.`);
      model = new gitexp.tableModel.Table(await answer.json(), model);
      show();
    },
    made: gitexp.document("table").made,
  });
})();
