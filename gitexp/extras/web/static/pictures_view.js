"use strict";

/** The pictures of several runs beside each other, all at the same step. */
gitexp.picturesView = (() => {
  const { element } = gitexp;

  function section(found) {
    if (!found.pictures.length) return null;
    return gitexp.parts.section("Pictures", ...found.pictures.map((one) => series(one, found)));
  }

  function series({ name, steps, runs }, found) {
    const shown = element("div", { class: "pictures" });
    const said = element("output", { class: "count" });
    const slider = element("input", { type: "range", min: "0", max: String(steps.length - 1), value: String(steps.length - 1), "aria-label": `Step of ${name}` });
    const draw = () => {
      const step = steps[Number(slider.value)];
      said.textContent = steps.length > 1 ? `step ${step}` : "";
      shown.replaceChildren(...Object.entries(runs).map(([run, paths]) => picture(run, paths[step], found)));
    };
    slider.addEventListener("input", draw);
    slider.hidden = steps.length < 2;
    draw();
    return element("figure", { class: "steps" }, element("figcaption", {}, name, " ", said), slider, shown);
  }

  function picture(run, path, found) {
    const head = element("figcaption", {}, gitexp.parts.dot(found.colours[run]), ` ${run}`);
    if (!path) return element("figure", {}, head, gitexp.parts.notice("none at this step"));
    const image = element("img", { alt: `${path} of ${run}`, loading: "lazy" });
    const words = [run, "artifacts", ...path.split("/")].map(encodeURIComponent).join("/");
    if (gitexp.data.isServed) image.src = `${gitexp.root}files/${words}`;
    else fromExport(image, found.previews.get(run).get(path));
    return element("figure", {}, head, image);
  }

  /** Show a picture that an export has in a script; it leaves out large ones, and those of many files. */
  async function fromExport(image, kept) {
    const found = await gitexp.data.load(kept).catch(() => ({}));
    if (found.src) image.src = found.src;
    else image.replaceWith(gitexp.parts.notice("This export does not have it."));
  }

  return { section };
})();
