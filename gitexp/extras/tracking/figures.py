"""Figures as artifacts: PNG, HTML of plotly's, or the file that the user has drawn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

from gitexp.extras.tracking import png
from gitexp.extras.tracking.arrays import as_array
from gitexp.extras.tracking.artifact_names import artifact_name
from gitexp.extras.tracking.run_log import RunLog

_MODES_OF_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")


def log_figure(log: RunLog, name: str, figure: Any, step: int | None = None) -> None:
    """Log a figure, see `Run.log_figure`."""
    if isinstance(figure, str | os.PathLike):
        path = Path(figure)
        log.copy_file(path, artifact_name("figures", name, path.suffix, step))
        return
    drawn: Any = figure if hasattr(figure, "savefig") else getattr(figure, "figure", None)
    if hasattr(drawn, "savefig"):

        def save(file: IO[bytes]) -> None:
            drawn.savefig(file, format="png")

        log.put_file(artifact_name("figures", name, ".png", step), save)
    elif hasattr(figure, "write_html") and hasattr(figure, "to_plotly_json"):
        text = figure.to_html(full_html=True, include_plotlyjs="cdn")
        log.put_bytes(artifact_name("figures", name, ".html", step), text.encode())
    elif hasattr(figure, "save") and hasattr(figure, "mode") and hasattr(figure, "size"):
        image = figure if figure.mode in _MODES_OF_PNG else figure.convert("RGB")

        def write(file: IO[bytes]) -> None:
            image.save(file, format="PNG")

        log.put_file(artifact_name("figures", name, ".png", step), write)
    elif (array := as_array(figure)) is not None:
        log.put_bytes(artifact_name("figures", name, ".png", step), png.encode(array))
    else:
        raise TypeError(
            f"the figure {name!r} is a {type(figure).__name__}; log_figure takes a figure or axes of "
            "matplotlib, a figure of plotly, an image of PIL, an array, or the path of a file"
        )
