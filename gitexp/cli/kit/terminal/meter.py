"""The progress of a transfer: one line of stderr that is drawn over itself, on a terminal only."""

from __future__ import annotations

from gitexp.cli.kit.garbage import search_for_garbage
from gitexp.cli.kit.terminal import render
from gitexp.objects.progress import Progress
from gitexp.words import human_size

_AFTER = 0.5  # seconds; quicker work needs no line


class Meter:
    """Draws the progress with every call. The end of the context wipes the line."""

    def __init__(self, what: str, *, quiet: bool = False) -> None:
        self._what = what
        self._quiet = quiet
        self._drawn = False

    def __enter__(self) -> Meter:
        search_for_garbage()  # this may go on for hours
        return self

    def __call__(self, progress: Progress) -> None:
        """Draw the progress."""
        if progress.seconds >= _AFTER and not self._quiet:
            self._drawn = True
            render.draw(f"{self._what}: {described(progress)}")

    def __exit__(self, *error: object) -> None:
        if self._drawn:
            render.draw("")


def described(progress: Progress) -> str:
    """The progress in words: bytes first, then speed and time left."""
    parts = [
        f"{human_size(progress.bytes)} of {human_size(progress.of_bytes)}",
        f"{progress.objects:,} of {progress.of_objects:,} objects",
    ]
    if progress.bytes:
        parts.append(f"{human_size(progress.speed)}/s")
    if progress.left is not None and progress.left > 0:
        parts.append(f"{_clock(progress.left)} left")
    return " · ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    if minutes:
        return f"{minutes} min {rest:02} s"
    return f"{max(rest, 1)} s"
