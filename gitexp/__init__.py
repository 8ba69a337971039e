"""Experiment versioning in Git, from Python. What the command line does, these functions return.

    import gitexp

    project = gitexp.Project.open()
    result = gitexp.run_experiment(project, gitexp.Request(("python", "train.py"), ["train.lr=0.2"]))
    table = gitexp.table(project, gitexp.Query(sort="acc", descending=True))
    best = table.experiments[0]
    gitexp.branch(project, best.name, "best")

Every expected error is an `errors.GitexpError`. Names are imported when they are first used, so that
`import gitexp` costs next to nothing. (`gitexp.run` is the package that runs processes; hence the
longer name of the function.)
"""

from __future__ import annotations

from importlib import import_module

from gitexp.version import __version__

TYPE_CHECKING = False  # as type checkers know it; to import `typing` costs more than all the rest
if TYPE_CHECKING:
    from gitexp import errors
    from gitexp.data.place import Placed
    from gitexp.model import MISSING, Artifact, Change, Experiment, Record, Status
    from gitexp.ops.add import Added, add
    from gitexp.ops.apply import Applied, apply
    from gitexp.ops.best import best
    from gitexp.ops.branch import Promotion, branch
    from gitexp.ops.checkout import CheckedOut, checkout
    from gitexp.ops.columns import Column, Columns
    from gitexp.ops.dag import Dag, dag
    from gitexp.ops.details import Details, details
    from gitexp.ops.diff import Diff, FileChange, diff, patch, points
    from gitexp.ops.edit import note, rename, tag
    from gitexp.ops.import_ import Imported, import_experiment
    from gitexp.ops.init import Found, init
    from gitexp.ops.log import Log, follow, log
    from gitexp.ops.lookup import Point
    from gitexp.ops.project import Project
    from gitexp.ops.pull import Pulled, pull
    from gitexp.ops.pull import Request as PullRequest
    from gitexp.ops.push import Pushed, push
    from gitexp.ops.push import Request as PushRequest
    from gitexp.ops.remove import Selection, remove, restore, select, trashed
    from gitexp.ops.rows import Row
    from gitexp.ops.run import Request, Result
    from gitexp.ops.run import run as run_experiment
    from gitexp.ops.save import save as save_workspace
    from gitexp.ops.sharing import Contact, Fate, Shared
    from gitexp.ops.show import Group, Query, Table, columns, experiments, table
    from gitexp.ops.stage_run import StageListener
    from gitexp.ops.status import WorkspaceStatus, status
    from gitexp.ops.takeover import Taken
    from gitexp.ops.undo import Undone, undo, undoable
    from gitexp.pipeline.stage import Pipeline, Stage
    from gitexp.pipeline.state import StageResult, StageSelection
    from gitexp.repo.operations import Operation
    from gitexp.repo.trash import Trashed

__all__ = [
    "MISSING",
    "Added",
    "Applied",
    "Artifact",
    "Change",
    "CheckedOut",
    "Column",
    "Columns",
    "Contact",
    "Dag",
    "Details",
    "Diff",
    "Experiment",
    "Fate",
    "FileChange",
    "Found",
    "Group",
    "Imported",
    "Log",
    "Operation",
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
    "Request",
    "Result",
    "Row",
    "Selection",
    "Shared",
    "Stage",
    "StageListener",
    "StageResult",
    "StageSelection",
    "Status",
    "Table",
    "Taken",
    "Trashed",
    "Undone",
    "WorkspaceStatus",
    "__version__",
    "add",
    "apply",
    "best",
    "branch",
    "checkout",
    "columns",
    "dag",
    "details",
    "diff",
    "errors",
    "experiments",
    "follow",
    "import_experiment",
    "init",
    "log",
    "note",
    "patch",
    "points",
    "pull",
    "push",
    "remove",
    "rename",
    "restore",
    "run_experiment",
    "save_workspace",
    "select",
    "status",
    "table",
    "tag",
    "trashed",
    "undo",
    "undoable",
]

_MODULES = {
    "gitexp.repo.trash": ("Trashed",),
    "gitexp.repo.operations": ("Operation",),
    "gitexp.ops.undo": ("Undone", "undo", "undoable"),
    "gitexp.ops.takeover": ("Taken",),
    "gitexp.ops.import_": ("Imported", "import_experiment"),
    "gitexp.ops.pull": ("Pulled", "pull"),
    "gitexp.ops.push": ("Pushed", "push"),
    "gitexp.ops.sharing": ("Contact", "Fate", "Shared"),
    "gitexp.ops.remove": ("Selection", "remove", "restore", "select", "trashed"),
    "gitexp.ops.edit": ("note", "rename", "tag"),
    "gitexp.ops.apply": ("Applied", "apply"),
    "gitexp.ops.add": ("Added", "add"),
    "gitexp.ops.checkout": ("CheckedOut", "checkout"),
    "gitexp.data.place": ("Placed",),
    "gitexp.model": ("MISSING", "Artifact", "Change", "Experiment", "Record", "Status"),
    "gitexp.ops.best": ("best",),
    "gitexp.ops.branch": ("Promotion", "branch"),
    "gitexp.ops.columns": ("Column", "Columns"),
    "gitexp.ops.dag": ("Dag", "dag"),
    "gitexp.ops.details": ("Details", "details"),
    "gitexp.ops.diff": ("Diff", "FileChange", "diff", "patch", "points"),
    "gitexp.ops.init": ("Found", "init"),
    "gitexp.ops.log": ("Log", "follow", "log"),
    "gitexp.ops.lookup": ("Point",),
    "gitexp.ops.project": ("Project",),
    "gitexp.ops.rows": ("Row",),
    "gitexp.ops.run": ("Request", "Result"),
    "gitexp.ops.stage_run": ("StageListener",),
    "gitexp.ops.status": ("WorkspaceStatus", "status"),
    "gitexp.pipeline.stage": ("Pipeline", "Stage"),
    "gitexp.pipeline.state": ("StageResult", "StageSelection"),
    "gitexp.ops.show": ("Group", "Query", "Table", "columns", "experiments", "table"),
}
_HOMES = {name: (module, name) for module, names in _MODULES.items() for name in names} | {
    "PullRequest": ("gitexp.ops.pull", "Request"),
    "PushRequest": ("gitexp.ops.push", "Request"),
    "run_experiment": ("gitexp.ops.run", "run"),
    "save_workspace": ("gitexp.ops.save", "save"),
}


def __getattr__(name: str) -> object:
    if name == "errors":
        return import_module("gitexp.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'gitexp' has no attribute '{name}'")
    module, attribute = _HOMES[name]
    globals()[name] = value = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
