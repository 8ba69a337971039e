"""The documents of an export: what pages ask a server for, as scripts that a browser loads from the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from gitexp import errors
from gitexp.catalog import lookup, sources
from gitexp.extras.web.answers import Document
from gitexp.extras.web.contents import (
    comparison_document,
    curves_document,
    log_document,
    plots_document,
    previews,
    run_files,
)
from gitexp.extras.web.documents import Documents, as_text
from gitexp.extras.web.read_ahead import read_ahead
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.views.environments import packages_of
from gitexp.views.uncertainty import noise_here

_MOST_CHANGES = 50  # experiments whose changed code is written; the newest ones
_MOST_PLOTTED = 20  # experiments with plots of files; the newest ones
_MOST_CHARTS = 60  # of all of them: each takes a tenth of a second to draw
_MOST_PREVIEWS = 30  # files of an experiment
_MOST_BYTES = 2_000_000  # of all previews of an experiment
_LOG = 64 * 1024  # bytes
_PREVIEW = "preview/"


def scripts(documents: Documents) -> Iterator[tuple[str, str]]:
    """Yield scripts with documents, with their paths below `documents/`.

    An experiment has one script, and one for each file that is shown. What is too much for an export is left
    out: then the page says so.
    """
    state = documents.state()
    found: dict[str, Experiment] = {}
    for key, row in state.rows.items():
        if isinstance(row.experiment, Experiment):
            found[key] = row.experiment
    newest = sorted(found, key=lambda key: found[key].record.created, reverse=True)
    with_changes = set(newest[:_MOST_CHANGES])
    noise = noise_here(state.project)
    plots = _plots(state.project, {key: found[key] for key in newest[:_MOST_PLOTTED]})
    for key in read_ahead(documents, list(found)):
        one = found[key]
        (of_run,) = packages_of(state.project, [one])
        point = lookup.of_experiment(state.project, one)
        values = comparison_document.values_document(state.project, point, of_run, noise)
        made = [*_of_experiment(state.project, one, with_changes=key in with_changes)]
        if key in plots:
            made.append(("plots", plots[key]))
        together = list[str]()
        for name, document in [("values", values), *made]:
            path = f"experiments/{key}/{name}"
            text = f"gitexp.taken({as_text(path)}, {as_text(document)});\n"
            if name.startswith(_PREVIEW):
                yield f"{path}.js", text
            else:
                together.append(text)
        yield f"experiments/{key}.js", "".join(together)


def _plots(project: Project, experiments: Mapping[str, Experiment]) -> dict[str, Document]:
    """The plots of files of some experiments by key, the newest first; without the plots beyond the limit."""
    found, left = dict[str, Document](), _MOST_CHARTS
    for key, one in experiments.items():
        point = lookup.of_experiment(project, one)
        made = _tried(partial(plots_document.plots_document, project, [point], left))
        if made is not None:
            found[key] = made
            left -= len(made["charts"])
    return found


def _of_experiment(
    project: Project, one: Experiment, *, with_changes: bool
) -> Iterator[tuple[str, Document]]:
    yield "curves", {**curves_document.of_experiment(project, one), "live": False}
    log = log_document.part(project, one, None, None, _LOG)
    yield "log", {**log, "live": False}
    files = run_files.listed(project, one, (run_files.ARTIFACTS, run_files.DATA))
    code = f"An export has no code. It is in the repository: git ls-tree -r {one.record.commit[:10]}"
    yield "files", {**files, run_files.CODE: {"files": [], "count": 0, "bytes": 0, "reason": code}}
    names = [path for path, _ in files[run_files.ARTIFACTS]["files"]]
    yield from _previews(project, one, names)
    if with_changes and (sources.is_own(one) or one.record.status.ended):
        changes = _tried(lambda: comparison_document.changes_document(project, one))
        if changes is not None:
            yield "changes", changes


def _previews(project: Project, one: Experiment, names: Sequence[str]) -> Iterator[tuple[str, Document]]:
    """Yield the previews of the first files logged by the run, named by their numbers."""
    size = 0
    for number, name in enumerate(names[:_MOST_PREVIEWS]):
        made = _tried(partial(_preview, project, one, name))
        if made is None:
            continue
        size += len(as_text(made))
        if size > _MOST_BYTES:
            return
        yield f"{_PREVIEW}{run_files.ARTIFACTS}/{number}", made


def _preview(project: Project, one: Experiment, name: str) -> Document:
    return previews.preview(run_files.find(project, one, run_files.ARTIFACTS, name), inside=True)


def _tried(make: Callable[[], Document]) -> Document | None:
    """A document; None for missing data."""
    try:
        return make()
    except (errors.GitexpError, OSError):
        return None
