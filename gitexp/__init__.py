"""Experiment versioning in Git, from Python. Each function does the work of one command and returns data.

    import gitexp

    project = gitexp.Project.open()
    result = gitexp.run_experiment(project, gitexp.RunRequest(("python", "train.py"), ["train.lr=0.2"]))
    table = gitexp.table(project, gitexp.Query(sort="acc", descending=True))
    best = table.experiments[0]
    gitexp.branch(project, best.name, "best")

Every expected error is an `errors.GitexpError`. A name is imported at its first use, so that
`import gitexp` costs next to nothing."""

# Only `sys` is imported here, which is no file: `gitexp.__main__` says first where files are looked for.
import sys

from gitexp.version import __version__

TYPE_CHECKING = False  # type checkers know the name; importing `typing` costs more than all the rest
if TYPE_CHECKING:
    from gitexp import errors
    from gitexp.catalog.fields import Row
    from gitexp.catalog.lookup import Point
    from gitexp.catalog.query import Query
    from gitexp.catalog.replicates import Replicates
    from gitexp.datasets.add import Added, add
    from gitexp.datasets.checkout import CheckedOut, checkout
    from gitexp.datasets.chosen_data import pull_data, push_data
    from gitexp.datasets.run_artifacts import RunArtifact
    from gitexp.datasets.sync import DataTransfer
    from gitexp.extras.inference.api import WhyResult, judge, why
    from gitexp.extras.inference.verdict import Judgement, Verdict
    from gitexp.extras.queue import api as queue
    from gitexp.extras.reading.api import dataframe, experiment, experiments
    from gitexp.extras.reading.experiment import OpenedExperiment
    from gitexp.extras.reading.history import History
    from gitexp.extras.reproduction.api import reproduce
    from gitexp.extras.reproduction.reproduce import Reproduced
    from gitexp.extras.sweep import api as sweeps
    from gitexp.extras.sweep.api import GridResult, SweepResult
    from gitexp.extras.sweep.api import run as sweep
    from gitexp.extras.tracking.api import (
        active_run,
        alert,
        autolog,
        callback,
        current_run,
        finish,
        log,
        log_artifact,
        log_audio,
        log_confusion,
        log_figure,
        log_params,
        log_table,
        log_text,
        params,
        start_run,
    )
    from gitexp.extras.tracking.params import Params
    from gitexp.extras.tracking.run import Run
    from gitexp.files.lines.series_columns import Series
    from gitexp.history.apply import Applied, apply
    from gitexp.history.branch import Promotion, branch
    from gitexp.history.edit import note, rename, tag
    from gitexp.history.remove import Selection, remove, select
    from gitexp.history.restore import restore, trashed
    from gitexp.history.takeover import Taken
    from gitexp.history.undo import Undone, redo, redoable, undo, undoable
    from gitexp.model import MISSING, Artifact, Change, Damaged, Experiment, Record, Status
    from gitexp.objects.place import Placed
    from gitexp.pipeline.stage import Pipeline, Stage
    from gitexp.pipeline.state import StageResult, StageSelection
    from gitexp.project.init import Found, init
    from gitexp.project.project import Project
    from gitexp.project.sections.engine_choice import EngineChoice
    from gitexp.repo.operations import Operation
    from gitexp.repo.trash import Trashed
    from gitexp.runs.ongoing.log import Log, follow
    from gitexp.runs.ongoing.log import log as output
    from gitexp.runs.request import RunRequest
    from gitexp.runs.request import RunRequest as Request
    from gitexp.runs.run import Result
    from gitexp.runs.run import run as run_experiment
    from gitexp.runs.save import save as save_workspace
    from gitexp.sharing.import_ import Imported, import_experiment
    from gitexp.sharing.partner import Contact, Fate, Shared
    from gitexp.sharing.pull import Pulled, PullRequest, pull
    from gitexp.sharing.push import Pushed, PushRequest, push
    from gitexp.stages.dag import Dag, dag
    from gitexp.stages.execute import StageListener
    from gitexp.stages.status import WorkspaceStatus, status
    from gitexp.upkeep.fsck import BadObject, FsckReport
    from gitexp.upkeep.fsck import check as fsck
    from gitexp.upkeep.gc import Cleanup, Garbage, Removed, gc
    from gitexp.views.best import best
    from gitexp.views.columns import Column, Columns
    from gitexp.views.details import Details, details
    from gitexp.views.diff import Diff, FileChange, diff, patch, points
    from gitexp.views.table import Group, Table, columns, table

__all__ = [
    "MISSING",
    "Added",
    "Applied",
    "Artifact",
    "BadObject",
    "Change",
    "CheckedOut",
    "Cleanup",
    "Column",
    "Columns",
    "Contact",
    "Dag",
    "Damaged",
    "DataTransfer",
    "Details",
    "Diff",
    "EngineChoice",
    "Experiment",
    "Fate",
    "FileChange",
    "Found",
    "FsckReport",
    "Garbage",
    "GridResult",
    "Group",
    "History",
    "Imported",
    "Judgement",
    "Log",
    "OpenedExperiment",
    "Operation",
    "Params",
    "Pipeline",
    "Placed",
    "Point",
    "Project",
    "Promotion",
    "PullRequest",
    "Pulled",
    "PushRequest",
    "Pushed",
    "Query",
    "Record",
    "Removed",
    "Replicates",
    "Reproduced",
    "Request",
    "Result",
    "Row",
    "Run",
    "RunArtifact",
    "RunRequest",
    "Selection",
    "Series",
    "Shared",
    "Stage",
    "StageListener",
    "StageResult",
    "StageSelection",
    "Status",
    "SweepResult",
    "Table",
    "Taken",
    "Trashed",
    "Undone",
    "Verdict",
    "WhyResult",
    "WorkspaceStatus",
    "__version__",
    "active_run",
    "add",
    "alert",
    "apply",
    "autolog",
    "best",
    "branch",
    "callback",
    "checkout",
    "columns",
    "current_run",
    "dag",
    "dataframe",
    "details",
    "diff",
    "errors",
    "experiment",
    "experiments",
    "finish",
    "follow",
    "fsck",
    "gc",
    "import_experiment",
    "init",
    "judge",
    "log",
    "log_artifact",
    "log_audio",
    "log_confusion",
    "log_figure",
    "log_params",
    "log_table",
    "log_text",
    "note",
    "output",
    "params",
    "patch",
    "points",
    "pull",
    "pull_data",
    "push",
    "push_data",
    "queue",
    "redo",
    "redoable",
    "remove",
    "rename",
    "reproduce",
    "restore",
    "run_experiment",
    "save_workspace",
    "select",
    "start_run",
    "status",
    "sweep",
    "sweeps",
    "table",
    "tag",
    "trashed",
    "undo",
    "undoable",
    "why",
]

_MODULES = {
    "gitexp.datasets.add": ("Added", "add"),
    "gitexp.datasets.checkout": ("CheckedOut", "checkout"),
    "gitexp.datasets.chosen_data": ("pull_data", "push_data"),
    "gitexp.datasets.sync": ("DataTransfer",),
    "gitexp.upkeep.fsck": ("BadObject", "FsckReport"),
    "gitexp.upkeep.gc": ("Cleanup", "Garbage", "Removed", "gc"),
    "gitexp.extras.sweep.api": ("GridResult", "SweepResult"),
    "gitexp.extras.reproduction.api": ("reproduce",),
    "gitexp.extras.reproduction.reproduce": ("Reproduced",),
    "gitexp.catalog.lookup": ("Point",),
    "gitexp.catalog.query": ("Query",),
    "gitexp.extras.inference.api": ("WhyResult", "judge", "why"),
    "gitexp.extras.inference.verdict": ("Judgement", "Verdict"),
    "gitexp.extras.reading.api": ("dataframe", "experiment", "experiments"),
    "gitexp.extras.reading.experiment": ("OpenedExperiment",),
    "gitexp.extras.reading.history": ("History",),
    "gitexp.datasets.run_artifacts": ("RunArtifact",),
    "gitexp.files.lines.series_columns": ("Series",),
    "gitexp.catalog.fields": ("Row",),
    "gitexp.catalog.replicates": ("Replicates",),
    "gitexp.history.apply": ("Applied", "apply"),
    "gitexp.history.branch": ("Promotion", "branch"),
    "gitexp.history.edit": ("note", "rename", "tag"),
    "gitexp.history.remove": ("Selection", "remove", "select"),
    "gitexp.history.restore": ("restore", "trashed"),
    "gitexp.history.takeover": ("Taken",),
    "gitexp.history.undo": ("Undone", "redo", "redoable", "undo", "undoable"),
    "gitexp.model": ("MISSING", "Artifact", "Change", "Damaged", "Experiment", "Record", "Status"),
    "gitexp.objects.place": ("Placed",),
    "gitexp.pipeline.stage": ("Pipeline", "Stage"),
    "gitexp.pipeline.state": ("StageResult", "StageSelection"),
    "gitexp.project.sections.engine_choice": ("EngineChoice",),
    "gitexp.project.init": ("Found", "init"),
    "gitexp.project.project": ("Project",),
    "gitexp.repo.operations": ("Operation",),
    "gitexp.repo.trash": ("Trashed",),
    "gitexp.extras.tracking.api": (
        "active_run",
        "alert",
        "autolog",
        "callback",
        "current_run",
        "finish",
        "log",
        "log_artifact",
        "log_audio",
        "log_confusion",
        "log_figure",
        "log_params",
        "log_table",
        "log_text",
        "params",
        "start_run",
    ),
    "gitexp.extras.tracking.params": ("Params",),
    "gitexp.extras.tracking.run": ("Run",),
    "gitexp.extras.integrations.notebook.extension": (
        "load_ipython_extension",  # for `%load_ext gitexp`
        "unload_ipython_extension",
    ),
    "gitexp.runs.ongoing.log": ("Log", "follow"),
    "gitexp.runs.request": ("RunRequest",),
    "gitexp.runs.run": ("Result",),
    "gitexp.sharing.import_": ("Imported", "import_experiment"),
    "gitexp.sharing.partner": ("Contact", "Fate", "Shared"),
    "gitexp.sharing.pull": ("Pulled", "PullRequest", "pull"),
    "gitexp.sharing.push": ("Pushed", "PushRequest", "push"),
    "gitexp.stages.dag": ("Dag", "dag"),
    "gitexp.stages.execute": ("StageListener",),
    "gitexp.stages.status": ("WorkspaceStatus", "status"),
    "gitexp.views.best": ("best",),
    "gitexp.views.columns": ("Column", "Columns"),
    "gitexp.views.details": ("Details", "details"),
    "gitexp.views.diff": ("Diff", "FileChange", "diff", "patch", "points"),
    "gitexp.views.table": ("Group", "Table", "columns", "table"),
}
_HOMES = {name: (module, name) for module, names in _MODULES.items() for name in names} | {
    "Request": ("gitexp.runs.request", "RunRequest"),  # as it was called before 0.4
    "fsck": ("gitexp.upkeep.fsck", "check"),
    "output": ("gitexp.runs.ongoing.log", "log"),
    "run_experiment": ("gitexp.runs.run", "run"),
    "save_workspace": ("gitexp.runs.save", "save"),
    "sweep": ("gitexp.extras.sweep.api", "run"),
}
_ROOMS = {"errors": "gitexp.errors", "queue": "gitexp.extras.queue.api", "sweeps": "gitexp.extras.sweep.api"}


def __getattr__(name: str) -> object:
    if name in _ROOMS:
        return _imported(_ROOMS[name])
    if name not in _HOMES:
        raise AttributeError(f"module 'gitexp' has no attribute '{name}'")
    module, attribute = _HOMES[name]
    globals()[name] = value = getattr(_imported(module), attribute)
    return value


def _imported(module: str) -> object:
    __import__(module)
    return sys.modules[module]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
