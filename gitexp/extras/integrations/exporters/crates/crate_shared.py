"""The folders of an RO-Crate that many runs share: the code of a commit, and data. Each is written once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gitexp.extras.integrations.exporters import stored_files
from gitexp.extras.integrations.exporters.crates.crate_graph import CrateGraph, Entity, id_of, refs
from gitexp.extras.integrations.exporters.crates.crate_values import encoding_of
from gitexp.extras.integrations.exporters.crates.crate_writer import CrateWriter, fault_in_crate
from gitexp.extras.integrations.exporters.stored_files import DataSet, FileOfRun
from gitexp.project.project import Project

CODE, DATA = "code", "data"
_SHORT = 12  # digits of a commit or a hash in the name of a folder


class SharedFolders:
    """Writes the shared folders of a crate.

    Attributes:
        remarks: a sentence for each file that was left out.
    """

    def __init__(self, project: Project, writer: CrateWriter, graph: CrateGraph) -> None:
        self._project = project
        self._writer = writer
        self._graph = graph
        self.remarks: list[str] = []

    def code(self, commit: str) -> str:
        """The path of the folder with the code of a commit, with a slash behind."""
        folder = f"{CODE}/{commit[:_SHORT]}"
        if id_of(f"{folder}/") in self._graph:
            return f"{folder}/"
        name = f"Code of commit {commit[:_SHORT]}"
        found: Sequence[FileOfRun] = ()
        if self._project.repo.ids_of([f"{commit}^{{tree}}"]) == [None]:  # a remark of the run says so
            name = f"{name}, not here"
        else:
            found = stored_files.code_at(self._project, commit)
        self._write(folder, found, {"name": name, "version": commit}, f"of commit {commit[:7]}")
        return f"{folder}/"

    def data(self, sets: Iterable[DataSet]) -> list[str]:
        """The ids of the data of a run: of a folder, or of a file."""
        ids = []
        for one in sets:
            if not one.files:
                continue
            folder = f"{DATA}/{one.hash[:_SHORT]}"
            if id_of(f"{folder}/") not in self._graph:
                facts = {"name": one.path, "alternateName": one.path, "version": one.hash}
                self._write(folder, one.files, facts, f"of {one.path}")
            if one.is_folder:
                ids.append(id_of(f"{folder}/"))
            else:
                ids.append(id_of(f"{folder}/{one.files[0].path}"))
        return [id_ for id_ in ids if id_ in self._graph]

    def _write(self, folder: str, found: Iterable[FileOfRun], facts: Entity, of_what: str) -> None:
        parts = list[Entity]()
        with self._writer.part(folder) as part:
            for file in found:
                why = fault_in_crate(file.path)
                if why is not None:
                    self.remarks.append(f"{file.path!a} {of_what} is left out, because its name {why}")
                    continue
                if not stored_files.is_whole(self._project, file):
                    self.remarks.append(f"{file.path} {of_what} is left out: its object is damaged")
                    continue
                part.write(file.path, stored_files.pieces(self._project, file), executable=file.executable)
                parts.append(
                    {
                        "@id": id_of(f"{folder}/{file.path}"),
                        "@type": "File",
                        "name": file.path,
                        "encodingFormat": encoding_of(file.path),
                        "contentSize": str(file.size),
                    }
                )
        whole = {"@id": id_of(f"{folder}/"), "@type": "Dataset", **facts}
        self._graph.put({**whole, "hasPart": refs(one["@id"] for one in parts)}, *parts)
