"use strict";

/** The files of an experiment: lists at the left, what the chosen file looks like at the right. */
gitexp.filesView = (() => {
  const { element } = gitexp;
  const { size, notice, table, spans } = gitexp.parts;
  const TITLES = { artifacts: "Logged by the run", code: "Code", data: "Data and outputs" };

  class FilesView {
    constructor(panel, key) {
      Object.assign(this, { panel, key });
    }

    async start() {
      await gitexp.parts.fetched(this.panel, `experiments/${this.key}/files`, {}, (found) => this.show(found));
    }

    show(found) {
      this.found = found;
      this.preview = element("div", { class: "preview", tabindex: "-1", "aria-live": "polite" });
      const search = element("input", { type: "search", placeholder: "Search files", "aria-label": "Search files", spellcheck: "false" });
      const lists = element("div", { class: "lists" });
      const draw = () => {
        const word = search.value.toLowerCase();
        lists.replaceChildren(...Object.entries(TITLES).map(([place, title]) => this.list(found[place], place, title, word)).filter(Boolean));
      };
      search.addEventListener("input", draw);
      draw();
      this.panel.replaceChildren(element("div", { class: "files" }, element("div", {}, search, lists), this.preview));
    }

    list(found, place, title, word) {
      if (!found || (!found.count && !found.reason)) return null;
      const fits = found.files.filter(([path]) => path.toLowerCase().includes(word));
      const items = fits.slice(0, 1000).map(([path, bytes]) => {
        const button = element("button", { type: "button", class: "pick", onclick: (event) => this.choose(event.currentTarget, place, path) }, element("span", {}, path), element("span", { class: "count" }, size(bytes)));
        return element("li", {}, button);
      });
      const parts = [element("ul", {}, ...items)];
      if (found.reason) parts.push(notice(found.reason));
      if (found.count > items.length && !word) parts.push(notice(`${(found.count - items.length).toLocaleString("en")} more: search by name.`));
      const open = place !== "code" || Boolean(word);
      return element("details", { open }, element("summary", {}, `${title} (${found.count.toLocaleString("en")}, ${size(found.bytes)})`), ...parts);
    }

    async choose(button, place, path) {
      for (const other of this.panel.querySelectorAll(".pick[aria-current]")) other.removeAttribute("aria-current");
      button.setAttribute("aria-current", "true");
      this.preview.replaceChildren(element("h2", {}, path));
      const number = this.found[place].files.findIndex(([each]) => each === path);
      const kept = gitexp.data.isServed ? `experiments/${this.key}/preview` : `experiments/${this.key}/preview/${place}/${number}`;
      await gitexp.parts.fetched(this.preview, kept, { place, path }, (found) => this.drawn(found, place, path));
    }

    address(place, path) {
      const words = [this.key, place, ...path.split("/")].map(encodeURIComponent).join("/");
      return `${gitexp.root}files/${words}`;
    }

    drawn(found, place, path) {
      const told = element("p", { class: "count" }, size(found.size));
      if (gitexp.data.isServed) told.append(" · ", element("a", { href: this.address(place, path), download: path.split("/").pop() }, "Save"));
      if (found.cut) told.append(" · only the beginning is shown");
      this.preview.append(told, content(found, this.address(place, path), path));
    }
  }

  function content(found, address, path) {
    if (found.kind === "image") return found.left_out ? notice("Too large for an export.") : element("img", { src: found.src ?? address, alt: path });
    if (found.kind === "sound") return found.left_out ? notice("Too large for an export.") : element("audio", { src: found.src ?? address, controls: true });
    if (found.kind === "table") return rows(found);
    if (found.kind === "markdown") return markdown(found.html);
    if (found.kind === "notebook") return element("div", { class: "notebook" }, ...found.cells.map(cell));
    if (found.kind === "pdf") return notice("A PDF is not shown here, for it may have scripts: save it, and open it with your reader.");
    if (found.kind === "bytes") return element("div", {}, notice("No text. It begins with:"), element("pre", { class: "code" }, found.start));
    return gitexp.codeView.lines(found.lines);
  }

  function rows(found) {
    const body = found.rows.map((row) => element("tr", {}, ...row.map((one) => element("td", { class: one !== "" && Number.isFinite(Number(one)) ? "number" : "" }, one))));
    const node = table(found.head, body, "Table");
    if (found.columns > found.head.length) node.append(notice(`${found.columns - found.head.length} more columns.`));
    return node;
  }

  /** Markdown: made harmless by the server, which writes no tag of the text's own. */
  function markdown(html) {
    const made = element("div", { class: "markdown" });
    made.innerHTML = html;
    return made;
  }

  function cell(one) {
    if (one.kind === "markdown") return markdown(one.html);
    const outputs = one.outputs.map((output) => {
      if (output.kind === "image") return element("img", { src: output.src, alt: "Output" });
      return element("pre", { class: "log" }, ...output.lines.map((line) => element("span", { class: "line" }, ...spans(line), "\n")));
    });
    return element("div", { class: "cell" }, gitexp.codeView.lines(one.lines), ...outputs);
  }

  return { FilesView };
})();
