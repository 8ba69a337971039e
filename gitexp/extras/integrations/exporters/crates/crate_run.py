"""One run in an RO-Crate: its files, and the entities that say what they are.

The run is an action (CreateAction) that a script (the instrument) has done by somebody (the agent): from
params, code and data (the object) came metrics, curves, output and files (the result).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence

from gitexp.extras.integrations.exporters import stored_files
from gitexp.extras.integrations.exporters.crates import crate_curves
from gitexp.extras.integrations.exporters.crates.crate_graph import (
    CrateGraph,
    Entity,
    id_of,
    local_id,
    ref,
    refs,
)
from gitexp.extras.integrations.exporters.crates.crate_values import (
    GITEXP,
    action_id,
    encoding_of,
    error_of,
    gitexp_itself,
    json_of,
    person,
    time_of,
    value_of,
    words_of,
)
from gitexp.extras.integrations.exporters.crates.crate_writer import CratePart, fault_in_crate
from gitexp.extras.integrations.exporters.stored_files import FileOfRun
from gitexp.extras.integrations.exporters.stored_run import StoredRun
from gitexp.model import Flat, Status
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import folded
from gitexp.project.project import Project
from gitexp.repo import records

RUNS = "experiments"
_MOST_VALUES = 500  # of one run, as entities; its JSON files have them all
_STATUS = {Status.DONE: "Completed", Status.FAILED: "Failed", Status.INTERRUPTED: "Failed"}
INCOMPLETE = "Incomplete"  # some content was not here: the next export tries again
_CHANGED = "changed"  # the folder of the files that differ from the code's commit


class _Written(NamedTuple):
    """A file of the run in the crate.

    Attributes:
        id: the id of its entity.
        entity: its entity.
    """

    id: str
    entity: Entity


class CrateRun:
    """Writes one run into a crate."""

    def __init__(self, project: Project, run: StoredRun, folder: str, code: str, data: Sequence[str]) -> None:
        """`folder` is the run's own, `code` that of its baseline; `data`: the ids of its data."""
        self._project = project
        self._run = run
        self._folder = folder
        self._code = code
        self._data = data
        self._objects: list[_Written] = []
        self._results: list[_Written] = []
        self._others: list[_Written] = []
        self._taken = set[str]()  # paths as systems take them that know no case
        self.remarks: list[str] = []

    @property
    def id(self) -> str:
        """The id of the action."""
        return action_id(self._run.key)

    # -- files ------------------------------------------------------------------------------------

    def write(self, part: CratePart) -> None:
        """Write the files of the run."""
        run = self._run
        self._add(part, self._objects, "params.json", [json_of(run.params)], "Params")
        self._copies(part, self._objects, _CHANGED, run.changed_code().files, "Changed code")
        self._add(part, self._results, "metrics.json", [json_of(run.metrics)], "Metrics")
        self._curves(part)
        log = run.log()
        if log:
            self._add(part, self._results, "output.log", [log], "Output of the command")
        self._copies(part, self._results, "results", run.results().files, "Result")
        self._copies(part, self._results, "artifacts", run.logged_files().files, "Logged file")
        environment = run.environment()
        if environment:
            text = environment.encode("utf-8", "backslashreplace")
            self._add(part, self._others, "environment.txt", [text], "Installed packages")
        record = records.encode(run.record, run.name).partition("\n\n")[2]
        text = record.encode("utf-8", "backslashreplace")
        self._add(part, self._others, "record.json", [text], "All facts noted by gitexp")
        self.remarks += run.remarks

    def _curves(self, part: CratePart) -> None:
        run = self._run
        curves = {"curves": run.series(), "system": run.system_series(), **run.rank_series()}
        for name, series in curves.items():
            if series:
                self._add(part, self._results, f"{name}.csv", crate_curves.as_csv(series), f"Curves: {name}")

    def _copies(
        self, part: CratePart, to: list[_Written], folder: str, found: Iterable[FileOfRun], what: str
    ) -> None:
        for file in found:
            if (why := self._fault(f"{folder}/{file.path}")) is not None:
                self.remarks.append(f"{self._run.name}: {file.path!a} is left out, because its name {why}")
                continue
            if not stored_files.is_whole(self._project, file):
                self.remarks.append(
                    f"{self._run.name}: {file.path} is left out, because its object is damaged"
                )
                continue
            path, content = f"{folder}/{file.path}", stored_files.pieces(self._project, file)
            part.write(path, content, executable=file.executable)
            self._note(to, path, file.size, f"{what}: {file.path}", alternate=file.path)

    def _fault(self, path: str) -> str | None:
        """Why a file cannot have a path; None if it can."""
        if (why := fault_in_crate(path)) is not None:
            return why
        if folded(path) in self._taken:
            return "is that of another file but for case"
        self._taken.add(folded(path))
        return None

    def _add(
        self, part: CratePart, to: list[_Written], path: str, pieces: Iterable[bytes], what: str
    ) -> None:
        content = _CountedPieces(pieces)
        part.write(path, content)
        self._note(to, path, content.size, f"{what} of {self._run.name}")

    def _note(self, to: list[_Written], path: str, size: int, name: str, alternate: str = "") -> None:
        id_ = id_of(f"{self._folder}/{path}")
        entity = {
            "@id": id_,
            "@type": "File",
            "name": name,
            "alternateName": alternate,
            "encodingFormat": encoding_of(path),
            "contentSize": str(size),
        }
        to.append(_Written(id_, entity))

    # -- entities ---------------------------------------------------------------------------------

    def describe(self, graph: CrateGraph) -> None:
        """Put the entities of the run into the graph."""
        run, record = self._run, self._run.record
        if self.id in graph:
            graph.drop_below(id_of(f"{self._folder}/"), self.id)
        agent = person(graph, record.user or "unknown")
        written = [*self._objects, *self._results, *self._others]
        graph.put(
            {
                "@id": id_of(f"{self._folder}/"),
                "@type": "Dataset",
                "name": run.name,
                "alternateName": self._folder,
                "description": record.note or f"The experiment {run.name}",
                "identifier": run.key,
                "version": run.state,
                "creativeWorkStatus": INCOMPLETE if run.remarks else "",
                "keywords": list(record.tags),
                "dateCreated": time_of(record.created),
                "creator": ref(agent),
                "isBasedOn": run.parent,
                "hasPart": refs(each.id for each in written),
            }
        )
        graph.put(*(each.entity for each in written))
        params = list(self._values(graph, "params", run.params))
        metrics = list(self._values(graph, "metrics", run.metrics))
        own = [each.id for each in self._objects]
        graph.put(
            {
                "@id": self.id,
                "@type": "CreateAction",
                "name": f"Run of {run.name}",
                "description": record.command or "saved without a run",
                "startTime": time_of(record.created),
                "endTime": time_of(record.finished or record.created),
                "instrument": ref(self._instrument(graph)),
                "agent": ref(agent),
                "object": refs([*own, id_of(self._code), *self._data, *params]),
                "result": [*refs(each.id for each in self._results), *refs(metrics)],
                "actionStatus": f"http://schema.org/{_STATUS[record.status]}ActionStatus",
                "error": error_of(run),
            }
        )

    def _values(self, graph: CrateGraph, kind: str, values: Flat) -> Iterator[str]:
        """Put an entity for each value, and yield the ids."""
        if len(values) > _MOST_VALUES:
            self.remarks.append(
                f"{self._run.name}: {len(values):,} {kind} stand in {kind}.json alone, not in the metadata"
            )
            return
        for key, value in values.items():
            id_ = f"{self.id}/{kind}/{local_id(key)[1:]}"
            graph.put({"@id": id_, "@type": "PropertyValue", "name": key, "value": value_of(value)})
            yield id_

    def _instrument(self, graph: CrateGraph) -> str:
        """The id of what did the run: its script, else its program, else gitexp itself."""
        record = self._run.record
        words = words_of(self._run)
        if not words:
            graph.put(gitexp_itself())
            return GITEXP
        for word in words:
            path = posixpath.normpath(posixpath.join(record.folder, word))
            for folder in (f"{self._folder}/{_CHANGED}/", self._code):
                id_ = id_of(folder + path)
                if id_ in graph:
                    return self._script(graph, id_, path)
        id_ = local_id("program", words[0])
        graph.add_new({"@id": id_, "@type": "SoftwareApplication", "name": words[0], "version": "unknown"})
        return id_

    def _script(self, graph: CrateGraph, id_: str, path: str) -> str:
        entity = dict(graph.get(id_))
        types = ["File", "SoftwareSourceCode"]
        graph.put({**entity, "@type": types, "name": path, "version": self._run.key})
        return id_


class _CountedPieces:
    """Pieces of content, counted while somebody reads them."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            yield piece
