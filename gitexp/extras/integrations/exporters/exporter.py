"""The values of an exporter: it writes experiments where another tool looks for its runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeAlias

from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project

OnRun: TypeAlias = Callable[[int], None]  # told of the number of experiments so far


class ExportedRuns(NamedTuple):
    """The result of an export.

    Attributes:
        place: the file, folder or URL with the runs.
        written: the number of experiments new there, or brought up to date.
        known: the number of experiments that were there already.
        remarks: a sentence for each omission.
        hint: the next step of the user; "" for none.
    """

    place: str
    written: int
    known: int = 0
    remarks: Sequence[str] = ()
    hint: str = ""


class RunExporter(ABC):
    """The writer of one tool's files; an entry point `gitexp.exporter` names an instance.

    Attributes:
        title: the usual name of the tool: `Weights & Biases`.
        writes: the files, for the help: `a folder wandb, for wandb sync`.
        place: the place without a word of the user: `mlruns`.
    """

    title: str
    writes: str
    place: str

    @abstractmethod
    def write(
        self, project: Project, experiments: Sequence[Experiment], place: str, on_run: OnRun
    ) -> ExportedRuns:
        """Write experiments to a place: a path, relative to the folder of the command, or a URL.

        - Twice adds nothing: experiments that are there already are counted as known, where the tool allows.
        - A killed export leaves whole runs, and the next export goes on from there.
        - A foreign file is never overwritten. Raises UsageError for a place of something else.
        - Missing content becomes a remark, and keeps back nothing else.
        - With `project.dry_run` nothing is written, and the result is the expected one.

        `experiments` are ended and readable, the oldest first; some may be another program's. Raises
        StorageError for an unwritable place.
        """
