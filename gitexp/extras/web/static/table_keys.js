"use strict";

/** The table without a mouse; the help of the page names the keys. */
gitexp.tableKeys = (() => {
  function listen({ view, state, does, compare }) {
    const filter = document.getElementById("filter");
    const help = document.getElementById("help");
    const numberOf = (row) => (row ? Number(row.getAttribute("aria-rowindex")) - 2 : -1);
    const focusedRow = () => document.activeElement?.closest?.("tr.line");

    function moved(event, at) {
      const page = Math.max(Math.floor(view.scroller.clientHeight / 34) - 2, 1);
      const steps = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page };
      if (event.key in steps) view.focus(at < 0 ? 0 : at + steps[event.key]);
      else if (event.key === "Home") view.focus(0);
      else if (event.key === "End") view.focus(view.seen.length - 1);
      else return false;
      return true;
    }

    /** What a key does to the row that has it. */
    function acted(event, row, at) {
      const one = view.seen[at];
      if (!one) return false;
      const { line, children } = one;
      const folds = children || view.model.rows.members[line];
      const open = folds && view.isOpen(line, !view.model.rows.members[line]);
      if ((event.key === "x" || event.key === " ") && view.model.isExperiment(line)) {
        does.select(line, !state.selected.has(view.model.ids[line]));
      } else if (event.key === "Enter") row.querySelector("a.name")?.click();
      else if (event.key === "ArrowRight" && folds && !open) does.fold(line);
      else if (event.key === "ArrowLeft" && folds && open) does.fold(line);
      else return false;
      return true;
    }

    document.addEventListener("keydown", (event) => {
      const inField = event.target.closest("input:not([type=checkbox]), select, textarea, dialog, [popover]");
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (inField) {
        if (event.key === "Escape" && event.target === filter) view.focus(0);
        return;
      }
      const row = focusedRow();
      const at = numberOf(row);
      const onControl = event.target.closest("button, a, input");
      if (event.key === "/") filter.focus();
      else if (event.key === "?") help.showModal();
      else if (event.key === "c") compare();
      else if (onControl && [" ", "Enter"].includes(event.key)) return;
      else if (!moved(event, at) && !(row && acted(event, row, at))) return;
      event.preventDefault();
    });
    document.getElementById("keys").addEventListener("click", () => help.showModal());
  }

  return { listen };
})();
