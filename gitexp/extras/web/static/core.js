"use strict";

/**
 * What all pages need. The scripts are plain ones, in the order of the page, for a browser loads no modules
 * from the disk; each adds one name to `gitexp`.
 */
const gitexp = {
  /** The document of a name that is inside the page. */
  document(name) {
    return JSON.parse(document.getElementById(`document-${name}`).textContent);
  },

  /** The way from this page to the root of all pages. */
  root: document.documentElement.dataset.root,

  /** An element with attributes and children; texts become text nodes, and never markup. */
  element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "class") made.className = value;
      else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value != null) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child != null));
    return made;
  },

  /** The mark of a difference that is inside the noise. */
  noiseMark(title) {
    return gitexp.element("span", { class: "noise", role: "img", "aria-label": title, title }, "≈");
  },

  /** Say that the export has old files beside new ones: `documents/export.js` asks for that. */
  tellHalfWritten() {
    const said = "This copy is half written, with old pages and new ones: gitexp ui --export was stopped. Run it again.";
    document.getElementById("main").prepend(gitexp.element("p", { class: "said is-first", role: "alert" }, said));
  },

  /** The address of the page of an experiment. */
  experimentAddress(key) {
    return `${gitexp.root}experiments/${encodeURIComponent(key)}.html`;
  },
};
