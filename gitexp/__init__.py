"""Experiment versioning in Git, from Python. Each function does the work of one command and returns data.

    import gitexp

    project = gitexp.Project.open()
    result = gitexp.run_experiment(project, gitexp.RunRequest(("python", "train.py"), ["train.lr=0.2"]))
    table = gitexp.table(project, gitexp.Query(sort="acc", descending=True))
    best = table.experiments[0]
    gitexp.branch(project, best.name, "best")

Every expected error is an `errors.GitexpError`. A name is imported at its first use, so that
`import gitexp` costs next to nothing."""

# No module of Python's own is imported here: `gitexp.__main__` says first where they are looked for.
from gitexp.version import __version__

TYPE_CHECKING = False  # type checkers know the name; importing `typing` costs more than all the rest
if TYPE_CHECKING:
    from gitexp import errors
    from gitexp.catalog.fields import Row
    from gitexp.catalog.lookup import Point
    from gitexp.catalog.query import Query, experiments
    from gitexp.datasets.add import Added, add
    from gitexp.datasets.checkout import CheckedOut, checkout
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
    from gitexp.repo.operations import Operation
    from gitexp.repo.trash import Trashed
    from gitexp.runs.log import Log, follow, log
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
    "Change",
    "CheckedOut",
    "Column",
    "Columns",
    "Contact",
    "Dag",
    "Damaged",
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
    "RunRequest",
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
    "redo",
    "redoable",
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
    "gitexp.datasets.add": ("Added", "add"),
    "gitexp.datasets.checkout": ("CheckedOut", "checkout"),
    "gitexp.catalog.lookup": ("Point",),
    "gitexp.catalog.query": ("Query", "experiments"),
    "gitexp.catalog.fields": ("Row",),
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
    "gitexp.project.init": ("Found", "init"),
    "gitexp.project.project": ("Project",),
    "gitexp.repo.operations": ("Operation",),
    "gitexp.repo.trash": ("Trashed",),
    "gitexp.runs.log": ("Log", "follow", "log"),
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
    "run_experiment": ("gitexp.runs.run", "run"),
    "save_workspace": ("gitexp.runs.save", "save"),
}


def __getattr__(name: str) -> object:
    if name == "errors":
        return _imported("gitexp.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'gitexp' has no attribute '{name}'")
    module, attribute = _HOMES[name]
    globals()[name] = value = getattr(_imported(module), attribute)
    return value


def _imported(module: str) -> object:
    from importlib import import_module  # not before `gitexp.__main__` has said where to look

    return import_module(module)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
