"""Images of experiments, side by side: one name, by experiment and step. No input or output."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import PurePosixPath

from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

MEDIA_TYPES: Mapping[str, str] = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
_OF_STEP = regex(r"(.+)/([0-9]{1,15})(\.[^./]+)")


class ImageVersion(NamedTuple):
    """One image.

    Attributes:
        label: the name of the experiment.
        step: None for an image without a step.
        file: the path.
        size: bytes.
        is_logged: true for an image logged by the run, false for a file of a commit.
        content: b"" before reading, and for a too large image.
    """

    label: str
    step: int | None
    file: str
    size: int
    is_logged: bool = False
    content: bytes = b""


class ImagePlot(NamedTuple):
    """The images of one name, by experiment and step.

    Attributes:
        title: the path without the step.
        versions: in the order of the experiments, then of the steps.
    """

    title: str
    versions: Sequence[ImageVersion]

    @property
    def labels(self) -> list[str]:
        return list(dict.fromkeys(version.label for version in self.versions))

    @property
    def steps(self) -> list[int]:
        """The steps of all experiments, in order."""
        return sorted({version.step for version in self.versions if version.step is not None})


def is_image(name: str) -> bool:
    """Whether a browser can show a file, by the ending of its name."""
    return PurePosixPath(name).suffix.lower() in MEDIA_TYPES


def title_and_step(file: str) -> tuple[str, int | None]:
    """The name of an image without its step, and the step: dvclive writes `images/sample/3.png`."""
    match = _OF_STEP.fullmatch(file)
    if match is None:
        return file, None
    return match[1] + match[3], int(match[2])


# -- in a page -----------------------------------------------------------------------------------------

# The difference is the browser's own: black where two images are equal.
STYLE = """
.images { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
.images figure { margin: 0; } .images figcaption { font-size: 0.85rem; opacity: 0.75; }
.images .frame { position: relative; display: inline-block; isolation: isolate; background: #fff; }
.images img { display: block; max-width: 24rem; min-width: 6rem; image-rendering: auto; }
.images img[hidden] { display: none; }
.images .frame img.other { position: absolute; inset: 0; width: 100%; height: 100%;
  mix-blend-mode: difference; }
.images .frame:has(img.other) { filter: brightness(4); }
section.pictures h2 { font-size: 1rem; font-weight: 600; }
.controls { display: flex; flex-wrap: wrap; gap: 1.5rem; margin: 0.5rem 0; align-items: center; }
"""

SCRIPT = """
document.querySelectorAll("section.pictures").forEach((section) => {
  const step = section.querySelector("input[type=range]");
  const to = section.querySelector("select");
  const steps = step ? JSON.parse(step.dataset.steps) : [];
  const shown = (figure) => {
    const all = [...figure.querySelectorAll("img:not(.other)")];
    if (!step) return all[0];
    const upTo = all.filter((image) => Number(image.dataset.step) <= steps[step.value]);
    return upTo[upTo.length - 1];
  };
  const draw = () => {
    const figures = [...section.querySelectorAll("figure")];
    const base = to && to.value ? shown(figures[Number(to.value)]) : undefined;
    if (step) section.querySelector("output").textContent = steps[step.value];
    figures.forEach((figure, number) => {
      const image = shown(figure);
      figure.querySelectorAll("img.other").forEach((other) => other.remove());
      figure.querySelectorAll("img").forEach((one) => { one.hidden = one !== image; });
      const at = figure.querySelector(".step");
      if (at) at.textContent = image ? `step ${image.dataset.step}` : "no image yet";
      if (base && image && Number(to.value) !== number) {
        const other = base.cloneNode();
        other.hidden = false; other.className = "other"; other.alt = "";
        figure.querySelector(".frame").append(other);
      }
    });
  };
  section.addEventListener("input", draw);
  draw();
});
"""


def section(plot: ImagePlot) -> str:
    """The images of one name as HTML, with a slider of steps and the difference to an experiment."""
    figures = [_figure(plot, label) for label in plot.labels]
    return "\n".join(
        [
            '<section class="pictures">',
            f"<h2>{escape(plot.title)}</h2>",
            f'<div class="controls">{_slider(plot)}{_choice(plot)}</div>',
            f'<div class="images">{"".join(figures)}</div>',
            "</section>",
        ]
    )


def _slider(plot: ImagePlot) -> str:
    steps = plot.steps
    if len(steps) < 2:
        return ""
    last = len(steps) - 1
    return (
        f'<label>step <input type="range" min="0" max="{last}" value="{last}" data-steps="{steps}"> '
        f"<output>{steps[-1]}</output></label>"
    )


def _choice(plot: ImagePlot) -> str:
    labels = plot.labels
    if len(labels) < 2:
        return ""
    options = []
    for at, label in enumerate(labels):
        options.append(f'<option value="{at}">{escape(label)}</option>')
    return (
        f'<label>difference to <select><option value="">none</option>{"".join(options)}</select></label>'
        "<span>black: the same; differences are four times as bright</span>"
    )


def _figure(plot: ImagePlot, label: str) -> str:
    images = []
    for version in plot.versions:
        if version.label == label and version.content:
            images.append(_img(version))
    step, told = "", ""
    if plot.steps:
        step = ' <span class="step"></span>'
    if not images:
        told = " (too large to be shown here)"
    return (
        f'<figure><div class="frame">{"".join(images)}</div>'
        f"<figcaption>{escape(label)}{told}{step}</figcaption></figure>"
    )


def _img(version: ImageVersion) -> str:
    kind = MEDIA_TYPES[PurePosixPath(version.file).suffix.lower()]
    data = base64.b64encode(version.content).decode()
    step = ""
    if version.step is not None:
        step = f' data-step="{version.step}"'
    alt = escape(f"{version.file} of {version.label}")
    return f'<img src="data:{kind};base64,{data}" alt="{alt}"{step}>'
