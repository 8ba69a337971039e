"use strict";

/** What a page can do. Each action shows its command line, to copy; with `gitexp ui --write`, it can be done here. */
gitexp.actions = (() => {
  const { element } = gitexp;
  const mayWrite = "writes" in document.documentElement.dataset;
  const MOST_PARAMS = 100; // of a form
  const LONGEST_PARAM = 200; // characters

  /** The words of the command, as `actions.py` makes them. */
  function words(action, name, values) {
    const found = [...action.words], options = [], alone = [];
    if (action.option) options.push(`${action.option}=${name}`);
    else if (action.about === "experiment") alone.push(name);
    for (const field of action.fields) {
      for (const value of listOf(field, values[field.name] ?? "")) {
        if (field.option) options.push(`${field.option}=${value}`);
        else alone.push(value);
      }
    }
    if (alone.some((word) => word.startsWith("-"))) return [...found, ...options, "--", ...alone];
    return [...found, ...alone, ...options];
  }

  /** The words of a field; of params, a map, a word for each new value. */
  function listOf(field, given) {
    if (field.kind === "params") return [...(given || [])].map(([key, value]) => `${key}=${value}`);
    if (field.kind === "words") return given.split(/\s+/).filter(Boolean);
    return given || field.kind === "area" ? [given] : [];
  }

  const line = (list) => gitexp.parts.quotedLine(list);

  async function send(action, key, values) {
    const answer = await fetch(`${gitexp.root}actions/${action.name}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-gitexp": "1" },
      body: JSON.stringify({ key, values }, (_, value) => (value instanceof Map ? Object.fromEntries(value) : value)),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(text.trim());
    return JSON.parse(text);
  }

  function form(action, { key = "", name = "", values = {} }) {
    const given = {};
    const shown = element("div", {});
    const fields = action.fields.map((field) => {
      if (field.kind === "params") return paramInputs(field, values[field.name] ?? [], (given[field.name] = new Map()), () => draw());
      const tag = field.kind === "area" ? "textarea" : "input";
      const input = element(tag, { name: field.name, autocomplete: "off", spellcheck: "false" });
      input.value = given[field.name] = values[field.name] ?? "";
      input.addEventListener("input", () => {
        given[field.name] = input.value;
        draw();
      });
      return element("label", { class: "field" }, field.label, input);
    });
    const draw = () => shown.replaceChildren(gitexp.parts.commandLine(line(words(action, name, given))));
    draw();
    const said = element("p", { class: "said", role: "status" });
    const node = element("form", { class: "action" }, ...fields, shown);
    if (mayWrite) node.append(doer(action, () => send(action, key, given), said), said);
    node.addEventListener("submit", (event) => event.preventDefault());
    return element("details", {}, element("summary", {}, action.title), node);
  }

  /** An input for each param of an experiment; `changed` gets the new values. */
  function paramInputs(field, rows, changed, draw) {
    const inputs = [];
    for (const [key, cell] of rows) {
      const before = gitexp.parts.text(cell);
      if (cell?.missing || before.length > LONGEST_PARAM || inputs.length === MOST_PARAMS) continue;
      const input = element("input", { autocomplete: "off", spellcheck: "false" });
      input.value = before;
      input.addEventListener("input", () => {
        if (input.value === before) changed.delete(key);
        else changed.set(key, input.value);
        draw();
      });
      inputs.push(element("label", { class: "field" }, key, input));
    }
    if (!inputs.length) return "";
    const hint = gitexp.parts.notice("Several values, such as 0.1,0.2, are several runs.");
    return element("fieldset", { class: "params" }, element("legend", {}, field.label), hint, ...inputs);
  }

  function doer(action, work, said) {
    const button = element("button", { type: "button", class: "small do" }, action.title);
    let sure = !action.is_confirmed;
    button.addEventListener("click", async () => {
      if (!sure) {
        sure = true;
        button.textContent = `Really: ${action.title.toLowerCase()}?`;
        setTimeout(() => {
          sure = false;
          button.textContent = action.title;
        }, 5000);
        return;
      }
      button.disabled = true;
      said.textContent = "…";
      try {
        const found = await work();
        said.textContent = found.told || (found.status ? `The command ended with ${found.status}.` : "Done.");
        said.classList.toggle("is-wrong", found.status !== 0);
        if (!found.status) dispatchEvent(new CustomEvent("gitexp-done", { detail: action.name }));
      } catch (error) {
        said.textContent = error.message;
        said.classList.add("is-wrong");
      }
      button.disabled = false;
    });
    return button;
  }

  /** The actions of a list that fit a state. */
  function menu(list, of) {
    const fitting = list.filter((action) => !action.needs.length || action.needs.includes(of.status));
    const hint = mayWrite ? null : gitexp.parts.notice("These are to copy. gitexp ui --write lets the page do them.");
    return gitexp.parts.section("Do", hint, element("div", { class: "actions" }, ...fitting.map((action) => form(action, of))));
  }

  return { menu, words, line, mayWrite };
})();
