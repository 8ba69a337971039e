"use strict";

/** Documents beyond those inside the page: asked of the server, or read from the files of an export. */
gitexp.data = (() => {
  const isServed = "live" in document.documentElement.dataset;
  const taken = new Map();
  const scripts = new Map();

  /** An export has its documents in scripts, for a browser reads no other files from the disk. */
  gitexp.taken = (path, found) => taken.set(path, found);

  /** Run a script of an export, once; whether it is there. */
  function run(path) {
    if (!scripts.has(path)) {
      const script = document.createElement("script");
      script.src = `${gitexp.root}documents/${path.split("/").map(encodeURIComponent).join("/")}.js`;
      scripts.set(path, new Promise((resolve) => {
        script.onload = () => resolve(true);
        script.onerror = () => resolve(false);
      }));
      document.head.append(script);
    }
    return scripts.get(path);
  }

  /** The document at a path: in the script of its experiment, or in one of its own. */
  async function fromScript(path) {
    const ofExperiment = path.split("/").slice(0, 2).join("/");
    if (await run(ofExperiment) && path.includes("/preview/")) await run(path);
    if (!taken.has(path)) throw new Error("This export does not have it.");
    return taken.get(path);
  }

  async function fromServer(path, query) {
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      for (const one of Array.isArray(value) ? value : [value]) if (one != null) asked.append(name, one);
    }
    const address = `${gitexp.root}documents/${path.split("/").map(encodeURIComponent).join("/")}.json`;
    const answer = await fetch(asked.size ? `${address}?${asked}` : address);
    if (!answer.ok) {
      const told = (await answer.text()).trim();
      throw Object.assign(new Error(told || `The server has answered ${answer.status}.`), { status: answer.status });
    }
    return answer.json();
  }

  /** The document at a path. Rejects with a sentence for the reader. */
  function load(path, query = {}) {
    if (isServed) return fromServer(path, query);
    if (path === "comparison") return gitexp.exportedComparison.comparison(query.exp);
    if (path === "comparison/curves") return gitexp.exportedComparison.curves(query.exp);
    return fromScript(path);
  }

  return { load, isServed };
})();
