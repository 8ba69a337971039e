"""Experiments as an RO-Crate, the archive format of research data: https://www.researchobject.org/ro-crate/.

It follows the profile Process Run Crate 0.5: https://w3id.org/ro/wfrun/process/0.5. The code of a commit that
many runs were made from is in the crate once; a run has the files that differ.
"""

from __future__ import annotations

from collections.abc import Sequence

from gitexp import errors
from gitexp.extras.integrations.exporters.crates import crate_preview
from gitexp.extras.integrations.exporters.crates.crate_graph import (
    METADATA,
    PREVIEW,
    PROFILE,
    ROOT,
    CrateGraph,
    Entity,
    id_of,
    ref,
    refs,
)
from gitexp.extras.integrations.exporters.crates.crate_rights import Author, Rights, rights_of
from gitexp.extras.integrations.exporters.crates.crate_run import INCOMPLETE, RUNS, CrateRun
from gitexp.extras.integrations.exporters.crates.crate_shared import SharedFolders
from gitexp.extras.integrations.exporters.crates.crate_values import action_id, person
from gitexp.extras.integrations.exporters.crates.crate_writer import (
    CrateFolder,
    CrateWriter,
    CrateZip,
    folder_metadata,
    remove_leftovers,
    zip_metadata,
)
from gitexp.extras.integrations.exporters.exporter import ExportedRuns, OnRun, RunExporter
from gitexp.extras.integrations.exporters.places import local_path, require_file, require_folder
from gitexp.extras.integrations.exporters.stored_run import StoredRun, StoredRuns
from gitexp.model import Experiment
from gitexp.objects.disk import translated
from gitexp.objects.paths import fault
from gitexp.project.project import Project
from gitexp.times import now
from gitexp.words import counted

_ZIP = ".zip"
_OURS = "gitexp"  # sdPublisher of a crate that gitexp has written
_SHORT = 12  # digits of a commit in the name of a folder


class RoCrateExporter(RunExporter):
    """Writes a crate, as a folder or as a .zip file."""

    title = "RO-Crate"
    writes = "a folder or a .zip with ro-crate-metadata.json"
    place = "ro-crate"

    def write(
        self, project: Project, experiments: Sequence[Experiment], place: str, on_run: OnRun
    ) -> ExportedRuns:
        path = local_path(project, place)
        with translated(f"could not write {place}"):
            is_zip = path.suffix.lower() == _ZIP
            if is_zip:
                require_file(path, place)
            else:
                require_folder(path, place)
            before = _graph_of(zip_metadata(path) if is_zip else folder_metadata(path), place)
            there = _runs_in(before)
            new = [one for one in experiments if there.get(one.record.commit, ("", ""))[0] != one.id]
            known = len(experiments) - len(new)
            if not project.dry_run:
                remove_leftovers(path)
            if project.dry_run or not new:
                return ExportedRuns(place, len(new), known)
            writer: CrateWriter = CrateZip(path) if is_zip else CrateFolder(path)
            with writer:
                remarks = _Crate(project, writer, before).add(new, on_run)
        return ExportedRuns(place, len(new), known, remarks)


EXPORTER = RoCrateExporter()


def _graph_of(metadata: bytes | None, place: str) -> CrateGraph:
    """The graph of a crate that gitexp has written; an empty one for a new crate."""
    if metadata is None:
        return CrateGraph({})
    graph = CrateGraph.read(metadata, place)
    if graph.get(ROOT).get("sdPublisher") != ref(f"#{_OURS}"):
        raise errors.UsageError(
            f"The RO-Crate in {place} is not by gitexp, and stays as it is.", "Name another place: -o PLACE"
        )
    return graph


def _runs_in(graph: CrateGraph) -> dict[str, tuple[str, str]]:
    """The state and the folder of each run of a crate, by its key; an incomplete run has the state ""."""
    found = {}
    for entity in graph.of_type("Dataset"):
        key, folder = entity.get("identifier"), entity.get("alternateName")
        if isinstance(key, str) and isinstance(folder, str) and action_id(key) in graph:
            state = str(entity.get("version"))
            if entity.get("creativeWorkStatus") == INCOMPLETE:
                state = ""
            found[key] = (state, folder)
    return found


class _Crate:
    """A crate that is being written, or added to."""

    def __init__(self, project: Project, writer: CrateWriter, graph: CrateGraph) -> None:
        self._project = project
        self._writer = writer
        self._graph = graph
        self._folders = {key: folder for key, (_, folder) in _runs_in(graph).items()}
        self._shared = SharedFolders(project, writer, graph)
        self._remarks: list[str] = []

    def add(self, experiments: Sequence[Experiment], on_run: OnRun) -> list[str]:
        """Add experiments; a sentence for each omission."""
        if METADATA not in self._graph and isinstance(self._writer, CrateFolder):
            self._finish({})  # the folder is gitexp's from now on, whatever happens
        for number, run in enumerate(StoredRuns(self._project, experiments), 1):
            self._add(run)
            on_run(number)
        commit = self._project.repo.resolve("HEAD")
        rights = Rights() if commit is None else rights_of(self._project, commit)
        is_ours = rights.licence_file in self._graph
        self._graph.put(self._root(rights))
        self._remarks += [*self._shared.remarks, *_missing(rights)]
        files = {}
        if rights.licence_file and (is_ours or not self._writer.has(rights.licence_file)):
            files[rights.licence_file] = rights.text
        self._finish(files)
        return self._remarks

    def _finish(self, files: dict[str, bytes]) -> None:
        if ROOT not in self._graph:
            self._graph.put(self._root(Rights()))
        page = crate_preview.preview(self._graph)
        self._writer.finish({**files, PREVIEW: page, METADATA: self._graph.text()})

    def _add(self, run: StoredRun) -> None:
        code, data = self._shared.code(run.record.baseline), self._shared.data(run.data_sets())
        folder = self._folders[run.key] = self._folder_of(run)
        made = CrateRun(self._project, run, folder, code, data)
        with self._writer.part(folder) as part:
            made.write(part)
        made.describe(self._graph)
        self._remarks += made.remarks

    def _folder_of(self, run: StoredRun) -> str:
        """The folder of a run: its name, unless another run has it or it is no name of a folder."""
        if run.key in self._folders:
            return self._folders[run.key]
        folder = f"{RUNS}/{run.name}"
        if "/" in run.name or fault(run.name) is not None or id_of(f"{folder}/") in self._graph:
            folder = f"{RUNS}/{run.key[:_SHORT]}"
        return folder

    # -- the top ----------------------------------------------------------------------------------

    def _root(self, rights: Rights) -> Entity:
        graph = self._graph
        folders = [one["@id"] for one in graph.of_type("Dataset") if one["@id"] != ROOT]
        actions = [one["@id"] for one in graph.of_type("CreateAction")]
        name = rights.title or f"Experiments of {self._project.repo.root.name}"
        graph.put({"@id": f"#{_OURS}", "@type": "Organization", "name": _OURS})
        graph.put({"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"})
        if rights.licence_file:
            folders.append(rights.licence_file)
        return {
            "@id": ROOT,
            "@type": "Dataset",
            "conformsTo": ref(PROFILE),
            "name": name,
            "description": f"{counted(len(actions), 'experiment')}: code, params, metrics, curves, files",
            "datePublished": now(),
            "license": self._licence(rights),
            "author": [ref(self._author(author)) for author in rights.authors],
            "sdPublisher": ref(f"#{_OURS}"),
            "hasPart": refs(folders),
            "mentions": refs(actions),
        }

    def _licence(self, rights: Rights) -> object:
        """The entity of the licence, or a sentence in its place."""
        if rights.licence_file:
            types, name = ["File", "CreativeWork"], rights.licence or rights.licence_file
            entity = {"@id": rights.licence_file, "@type": types, "name": name}
            self._graph.put({**entity, "encodingFormat": "text/plain"})
            return ref(rights.licence_file)
        if rights.licence:
            id_ = f"https://spdx.org/licenses/{rights.licence}"
            self._graph.put({"@id": id_, "@type": "CreativeWork", "name": rights.licence})
            return ref(id_)
        return "No licence is stated: ask the authors."

    def _author(self, author: Author) -> str:
        if author.orcid:
            entity = {"@id": author.orcid, "@type": "Person", "name": author.name}
            self._graph.put({**entity, "affiliation": author.affiliation})
            return author.orcid
        return person(self._graph, author.name)


def _missing(rights: Rights) -> list[str]:
    """A sentence for each missing fact about the repository."""
    found = []
    if not rights.licence and not rights.licence_file:
        found.append("No licence is known: a file LICENSE, committed, would be in the crate.")
    if not rights.authors:
        found.append("No authors are known: a CITATION.cff or pyproject.toml, committed, would name them.")
    return found
