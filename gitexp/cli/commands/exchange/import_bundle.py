"""The part of `gitexp import` for a bundle, the file of `gitexp export --as bundle`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gitexp.cli.kit.exchange import contact, report, tell_known, tell_taken
from gitexp.cli.kit.session import warn_of_namesakes
from gitexp.cli.kit.terminal import render
from gitexp.project.project import Project
from gitexp.sharing.bundles import taking
from gitexp.sharing.partner import Fate, Shared
from gitexp.words import objects, shorten


def import_bundle(
    project: Project, file: Path, words: Sequence[str], name: str | None, *, quiet: bool, json: bool
) -> None:
    """Bring the experiments of a bundle, and report them.

    Args:
        words: names or patterns of experiments; empty for all.
        name: another name for a single one.
    """
    with contact(quiet=quiet) as on_line:
        done = taking.take(project, file, words, name, on_line.on_data)
    for one in done.experiments:
        if one.here is not None and one.fate in (Fate.NEW, Fate.RENAMED):
            warn_of_namesakes(project, one.here)
    if done.missing:
        render.warn(f"not in {file.name}, and not here: {shorten(done.missing)}")
        render.hint("A data remote may have it: gitexp data pull EXP")
    if json:
        render.as_json(
            {
                "file": str(file),
                "experiments": list(map(Shared.as_json, done.experiments)),
                "objects": done.objects,
                "bytes": done.bytes,
                "missing": list(done.missing),
            }
        )
    elif not quiet:
        tell_taken(done.experiments, file.name, "Imported")
        if done.objects:
            render.say(f"With {objects(done.objects, done.bytes)} of data.")
        tell_known(done.experiments)
    report(done.experiments, file.name, json=json)
