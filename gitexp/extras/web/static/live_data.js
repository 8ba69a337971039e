"use strict";

/** Documents beyond those inside the page: asked of the server, or read from the files of an export. */
gitexp.data = (() => {
  const isServed = "live" in document.documentElement.dataset;
  const waiting = new Map();

  /** An export has each document in a script, for a browser reads no other files from the disk. */
  gitexp.taken = (path, found) => waiting.get(path)?.(found);

  function fromScript(path) {
    return new Promise((resolve, reject) => {
      waiting.set(path, resolve);
      const script = document.createElement("script");
      script.src = `${gitexp.root}documents/${path.split("/").map(encodeURIComponent).join("/")}.js`;
      script.onerror = () => reject(new Error("This export does not have it."));
      document.head.append(script);
    });
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

  const loaded = new Map();

  /** The document at a path. Rejects with a sentence for the reader. */
  function load(path, query = {}) {
    if (isServed) return fromServer(path, query);
    if (path === "comparison") return gitexp.exportedComparison.comparison(query.exp);
    if (path === "comparison/curves") return gitexp.exportedComparison.curves(query.exp);
    if (!loaded.has(path)) loaded.set(path, fromScript(path));
    return loaded.get(path);
  }

  return { load, isServed };
})();
