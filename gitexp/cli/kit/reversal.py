"""The words of `gitexp undo` and `gitexp redo`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitexp import errors
from gitexp.cli.kit import taken
from gitexp.cli.kit.documents import answer
from gitexp.cli.kit.terminal import render
from gitexp.history.undo import Step, Undone, touched
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.times import show_time
from gitexp.views.markup import TableFormat
from gitexp.words import clean, shorten


def tell(done: Undone, *, quiet: bool, json: bool) -> None:
    """Say what was taken back or done again."""
    if done.taken is not None:
        render.warn_all(done.taken.warnings)
    if json:
        document: dict[str, Any] = {"undone": _as_json(done.step)}
        if done.taken is not None:
            document |= taken.as_json(done.taken)
        render.as_json(document)
    elif not quiet:
        _say(done)


def _say(done: Undone) -> None:
    said, reverse = f"Taken back: {done.step.first.summary}", "do it again: gitexp redo"
    if done.step.is_undone:
        said, reverse = f"Done again: {done.step.first.summary}", "take it back: gitexp undo"
    if done.taken is None:
        render.say(f"{said}.")
    else:
        render.say(f"{said}: {taken.line(done.taken)}.")
        if follow := taken.data_line(done.taken):
            render.say(follow)
    render.say(f"To {reverse}", "dim")


class ListOptions(NamedTuple):
    """The options of `--list`.

    Attributes:
        limit: the most changes; None for all.
        form: print them for another program.
    """

    limit: int | None
    form: TableFormat | None
    quiet: bool
    json: bool

    def refuse_without_list(self, is_asked: bool, verb: str) -> None:
        """Raise UsageError for options of `--list` without it."""
        if not is_asked and (self.limit is not None or self.form):
            raise errors.UsageError("--limit and --format go with --list.", f"See: gitexp {verb} --list")


def show_list(project: Project, steps: Sequence[Step], none: str, listing: ListOptions) -> None:
    """Print the changes to take back or do again, each with its effects; `none` says that there are none."""
    steps = steps[: listing.limit]
    things = touched(project, steps)
    if listing.json or listing.form:
        documents = []
        for step, touches in zip(steps, things, strict=True):
            documents.append({**_as_json(step), "touches": touches})
        return answer(documents, listing.form, json=listing.json)
    if not steps:
        if not listing.quiet:
            render.say(none, "dim")
        return None
    width = max(len(str(step.number)) for step in steps)
    lines = []
    for step, touches in zip(steps, things, strict=True):
        line = f"{step.number:>{width}}  {show_time(step.first.created):>6}  {step.first.summary}"
        lines.append(clean(line + _touches(step, touches)))
    return render.answer(lines)


def _touches(step: Step, touches: Sequence[str]) -> str:
    if step.first.beyond:
        return f"  (out of reach: {step.first.beyond})"
    if not touches:
        return ""
    return f"  ({shorten(touches)})"


def _as_json(step: Step) -> dict[str, object]:
    first = step.first
    return {"number": first.number, "summary": first.summary, "created": first.created}
