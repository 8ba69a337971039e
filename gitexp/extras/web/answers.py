"""The documents that a page asks for while it is open: curves, logs, files, comparisons.

Each has an address below `documents/`. An export writes those that it has as scripts at the same addresses.
What the first page does not need is imported when it is asked for: it takes a fifth of the time to start.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from gitexp import errors, plugins
from gitexp.catalog import lookup
from gitexp.catalog.lookup import Point
from gitexp.extras.plots.palette import colours
from gitexp.extras.web import actions
from gitexp.extras.web.contents import (
    curves_document,
    log_document,
    previews,
    run_files,
)
from gitexp.extras.web.contents.command_lines import line
from gitexp.extras.web.contents.experiment_document import experiment_document
from gitexp.extras.web.documents import Documents
from gitexp.extras.web.sparklines import sparklines
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.times import now
from gitexp.views.details import DetailsReader

Document = dict[str, Any]

_MOST_NAMES = 200  # experiments of a comparison
_LONGEST_TEXT = 1_000  # characters of a search
_LARGEST = 2**53  # of a number in an address


class DocumentRequest(NamedTuple):
    """The request of a page for a document.

    Attributes:
        key: the key of an experiment; "" for none.
        query: the parameters of the address, each with all its values.
    """

    key: str
    query: Mapping[str, Sequence[str]]

    def one(self, name: str, otherwise: str = "") -> str:
        """The first value of a name."""
        return next(iter(self.query.get(name, ())), otherwise)

    def number(self, name: str) -> int | None:
        """The whole number of a name; None without a value. Raises UsageError for another text."""
        text = self.one(name)
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or int(text[:20]) > _LARGEST:
            raise errors.UsageError(f"{name} is no number.", "Reload the page.")
        return int(text)


def experiment_of(documents: Documents, key: str) -> Experiment:
    """The present state of the experiment of a page. Raises LookupError for an unknown key, BadRecord."""
    state = documents.state()
    row = state.rows[key]
    if not isinstance(row.experiment, Experiment):
        raise errors.BadRecord(
            row.error or "Its record cannot be read.", "gitexp doctor says what can be done."
        )
    if row.experiment.record.status.ended:
        return row.experiment
    found = state.project.store.get(row.name)
    if isinstance(found, Experiment):
        return found
    return row.experiment


def _now(documents: Documents) -> Document:
    """The state of the repository on a page, and the time."""
    return {"cursor": documents.state().cursor, "made": now()}


def page_of_experiment(documents: Documents, key: str) -> Document:
    """The document inside the page of an experiment."""
    one = experiment_of(documents, key)
    document = experiment_document(documents.state().project, one, _reader(documents))
    own = list[Document]()
    if document["own"]:
        own = actions.as_json("experiment")
    if not one.record.worker:  # only a run of the queue's can go back to it
        own = [action for action in own if action["name"] != actions.AGAIN]
    return {**_now(documents), **document, "colour": colours([one.name])[0], "actions": own}


_readers: WeakKeyDictionary[Documents, tuple[str, DetailsReader]] = WeakKeyDictionary()


def _reader(documents: Documents) -> DetailsReader:
    """The reader of details for the present experiments; a new reader only after a change."""
    state = documents.state()
    known = _readers.get(documents)
    if known is None or known[0] != state.cursor:
        every = [row.experiment for row in state.rows.values() if row.experiment is not None]
        known = state.cursor, DetailsReader(state.project, every)
        _readers[documents] = known
    return known[1]


def sweeps(documents: Documents) -> Document:
    """The document inside the page of the sweeps."""
    sweeps_document = plugins.load("page document", "sweeps")
    return {**_now(documents), **sweeps_document(documents.state().project)}


def queue(documents: Documents) -> Document:
    """The document inside the page of the queue."""
    queue_document = plugins.load("page document", "queue")
    return {**queue_document(documents.state().project), "actions": actions.as_json("project")}


def models(documents: Documents) -> Document:
    """The document inside the page of the models."""
    documents.require_readable()
    document: Document = plugins.load("page document", "models")(documents.state().project)
    return document


def pipeline(documents: Documents) -> Document:
    """The document inside the page of the pipeline."""
    documents.require_readable()
    document: Document = plugins.load("page document", "pipeline")(documents.state().project)
    return document


# -- of one experiment --------------------------------------------------------------------------------


def _curves(documents: Documents, request: DocumentRequest) -> Document:
    one = experiment_of(documents, request.key)
    return curves_document.of_experiment(documents.state().project, one, request.query.get("name", ()))


def _news(documents: Documents, request: DocumentRequest) -> Document:
    cursor = _cursor(request.one("cursor", "{}"))
    return curves_document.news(documents.state().project, experiment_of(documents, request.key), cursor)


def _cursor(text: str) -> dict[str, int]:
    """The place in each file up to which a page has read. Raises UsageError for an invalid cursor."""
    try:
        found = json.loads(text)
        cursor = {str(name): int(place) for name, place in found.items()}
    except (ValueError, AttributeError, TypeError, RecursionError, OverflowError) as error:
        raise errors.UsageError("The cursor cannot be read.", "Reload the page.") from error
    if any(not 0 <= place <= _LARGEST for place in cursor.values()):
        raise errors.UsageError("The cursor has a place that is none.", "Reload the page.")
    return cursor


def _log(documents: Documents, request: DocumentRequest) -> Document:
    one = experiment_of(documents, request.key)
    return log_document.part(documents.state().project, one, request.number("start"), request.number("end"))


def _search(documents: Documents, request: DocumentRequest) -> Document:
    text = request.one("text")[:_LONGEST_TEXT]
    return log_document.search(documents.state().project, experiment_of(documents, request.key), text)


def _files(documents: Documents, request: DocumentRequest) -> Document:
    return run_files.listed(documents.state().project, experiment_of(documents, request.key))


def _preview(documents: Documents, request: DocumentRequest) -> Document:
    file = file_of(documents, request.key, request.one("place"), request.one("path"))
    return previews.preview(file, inside=False)


def file_of(documents: Documents, key: str, place: str, path: str) -> run_files.FoundFile:
    """A file of an experiment. Raises LookupError, ExperimentError and MissingData."""
    return run_files.find(documents.state().project, experiment_of(documents, key), place, path)


def _changes(documents: Documents, request: DocumentRequest) -> Document:
    one = experiment_of(documents, request.key)
    document: Document = plugins.load("page document", "changes")(documents.state().project, one)
    return document


def _plots(documents: Documents, request: DocumentRequest) -> Document:
    project = documents.state().project
    point = lookup.of_experiment(project, experiment_of(documents, request.key))
    document: Document = plugins.load("page document", "plots")(project, [point])
    return document


# -- of several ---------------------------------------------------------------------------------------


def _sparklines(documents: Documents, request: DocumentRequest) -> Document:
    return sparklines(documents, request.query.get("exp", ()), request.one("name"))


def _compare(documents: Documents, request: DocumentRequest) -> Document:
    points = _points(documents, request.query.get("exp", ()))
    document: Document = plugins.load("page document", "comparison")(documents.state().project, points)
    return document


def _curves_of_many(documents: Documents, request: DocumentRequest) -> Document:
    points = _points(documents, request.query.get("exp", ()))
    found = [point.experiment for point in points if point.experiment is not None]
    return curves_document.of_many(documents.state().project, found, request.query.get("name", ()))


def _plots_of_many(documents: Documents, request: DocumentRequest) -> Document:
    points = _points(documents, request.query.get("exp", ()))
    document: Document = plugins.load("page document", "plots")(documents.state().project, points)
    return document


def _difference(documents: Documents, request: DocumentRequest) -> Document:
    old = _point(documents, request.one("a"))
    new = _point(documents, request.one("b"))
    document: Document = plugins.load("page document", "difference")(documents.state().project, old, new)
    return document


def _points(documents: Documents, words: Sequence[str]) -> list[Point]:
    """The points for some words, without repetition, in order. Raises the errors of `lookup.find`."""
    found: dict[tuple[str, str | None], Point] = {}
    for word in list(filter(None, words))[:_MOST_NAMES]:
        point = _point(documents, word)
        found.setdefault((point.label, point.commit), point)
    return list(found.values())


def _point(documents: Documents, word: str) -> Point:
    """The point for a word. Ended experiments are in memory; all others need a look at Git."""
    state = documents.state()
    row = state.rows.get(word)
    if row is not None and isinstance(row.experiment, Experiment) and row.experiment.record.status.ended:
        return lookup.of_experiment(state.project, row.experiment)
    return lookup.find(state.project, word)


# -- to do something ----------------------------------------------------------------------------------


def do(documents: Documents, name: str, body: bytes) -> Document:
    """Do an action of a page: `key` of the experiment, and the `values` of its fields.

    Returns: the status of the command, its output, and the command. Raises LookupError and UsageError.
    """
    try:
        request = json.loads(body)
        key, values = request.get("key", ""), request.get("values", {})
        if not isinstance(key, str) or not isinstance(values, dict):
            raise TypeError("no text and no map")
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise errors.UsageError("The page has sent something that is no action.", "Reload it.") from error
    experiment = ""
    if key:
        experiment = experiment_of(documents, key).name
    command = actions.words(name, experiment, values)
    result = actions.do(documents.state().project.here, command)
    documents.look()
    return {**result._asdict(), "line": line(*command)}


# The address below `documents/`, without its ending -> what makes the document.
ANSWERS: Mapping[str, Callable[[Documents, DocumentRequest], Document]] = {
    "experiments/{key}/curves": _curves,
    "experiments/{key}/news": _news,
    "experiments/{key}/log": _log,
    "experiments/{key}/search": _search,
    "experiments/{key}/files": _files,
    "experiments/{key}/preview": _preview,
    "experiments/{key}/changes": _changes,
    "experiments/{key}/plots": _plots,
    "sparklines": _sparklines,
    "comparison": _compare,
    "comparison/curves": _curves_of_many,
    "comparison/difference": _difference,
    "comparison/plots": _plots_of_many,
}
