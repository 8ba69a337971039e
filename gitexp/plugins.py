"""The one seam of gitexp: every plugin has a kind, a name and a place.

The place is text, "module:attribute", and is imported on demand. So the core knows the names of its
extras without importing them. Another package adds a plugin by an entry point of the group
`gitexp.<kind>`. Entry points are read only for a name that the table lacks: reading them takes longer
than most commands. So help and completion list gitexp's own commands alone.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from gitexp import errors

# The commands in the order of `gitexp --help`, each with the first line of its own help (a test holds them
# equal): so help and completion list the commands without loading one.
COMMANDS = {
    "init": "Look at the project and write gitexp.yaml.",
    "run": "Run a command, or stages, and store that as an experiment.",
    "status": "Say which stages and data have changed, and what a run would do.",
    "save": "Store the workspace as it stands, without running.",
    "show": "Show experiments as a table, or all about some of them.",
    "list": "Print the names of experiments, the newest first.",
    "best": "Print the name of the best experiment.",
    "diff": "Compare params, metrics, code, data, command and environment.",
    "compare": "Compare many experiments side by side: only what differs.",
    "judge": "Say whether the second is better than the first, or the difference is noise.",
    "plots": "Draw the curves of experiments, plots of their files, and pictures of many.",
    "ui": "Show the experiments in the browser: a table that stays up to date.",
    "export": "Write experiments for other programs: a table, or whole runs for another tool.",
    "report": "Write a document about experiments: table, best, plots, code, how to repeat it.",
    "dag": "Draw the stages of the pipeline, and which stands on which.",
    "add": "Version data that no stage makes, such as data sets.",
    "checkout": "Bring data and outputs to what gitexp.lock says.",
    "branch": "Make a Git branch of an experiment.",
    "apply": "Bring an experiment into the workspace.",
    "undo": "Take back what was changed last; again, what was changed before that.",
    "redo": "Do again what undo took back last; again, what it took back before that.",
    "log": "Print what an experiment's command printed.",
    "why": "Find out which change makes the difference between two experiments.",
    "reproduce": "Run experiments again from nothing, and certify how near they come.",
    "loop": "A research loop: edit, run, judge, and go on.",
    "artifacts": "List the files that a run has logged, or copy them out.",
    "alerts": "List the alerts of experiments, the newest first.",
    "watch": "Watch runs that go on: how far they are, last values, curves and the machine.",
    "metrics": "Have metrics of runs that are over: out of their stored output or files.",
    "queue": "Runs that wait, and the workers for them.",
    "sweep": "Run a sweep of gitexp.yaml, or go on with it.",
    "engine": "Where --engine has experiments run: Slurm, say.",
    "stop": "End a run that goes on, and store what it has so far.",
    "model": "Versions of models and their stages, as Git tags.",
    "note": "Write a note on an experiment, in place of the one it has.",
    "tag": "Give tags to experiments; without any, print those of one.",
    "rename": "Give an experiment another name.",
    "remove": "Remove experiments into the trash.",
    "restore": "Bring a removed experiment back from the trash.",
    "push": "Push experiments to a Git remote, for others to pull.",
    "pull": "Pull experiments from a Git remote.",
    "import": "Bring experiments from another repository or a bundle, or the runs of another tool.",
    "remote": "Where data is pushed to and pulled from.",
    "data": "Move data and results to and from data remotes.",
    "doctor": "Look for what is wrong with the experiments stored here.",
    "gc": "Delete data that nothing refers to.",
    "verify": "Check who has signed experiments, and that they are what they say.",
    "fsck": "Read all data in the store, and look for what is missing.",
    "mlflow": "MLflow's UI on the experiments of this repository.",
    "guide": "Tell a program how to use gitexp.",
    "skill": "One page about gitexp for coding assistants.",
    "mcp": "Serve the experiments to a coding assistant, by the Model Context Protocol.",
    "demo": "Show it all on real data: runs, table, diff and branch.",
}

# What people do -> the commands for it, in the order of `gitexp --help`; others stand below "More".
TASKS = {
    "Set up": ("init", "demo"),
    "Run": ("run", "queue", "sweep", "loop", "engine", "stop", "status", "save", "log", "dag"),
    "Look and compare": (
        "show",
        "watch",
        "alerts",
        "list",
        "best",
        "diff",
        "compare",
        "judge",
        "why",
        "reproduce",
        "artifacts",
        "plots",
        "ui",
        "export",
        "report",
        "mlflow",
    ),
    "Go on from an experiment": ("apply", "branch", "checkout", "model"),
    "Keep order": ("note", "tag", "metrics", "rename", "remove", "restore", "undo", "redo"),
    "Share": ("push", "pull", "import"),
    "Data": ("add", "data", "remote"),
    "Look after the repository": ("doctor", "gc", "fsck", "verify"),
    "For coding assistants": ("skill", "mcp"),
}

# (kind, name) -> "module:attribute". A command's module is called as the command is; `import` is a word
# of Python's.
_TABLE: dict[tuple[str, str], str] = {
    # The ending of a params file -> what reads it, and what edits it in place.
    ("reader", ".yaml"): "gitexp.files.formats.yaml_text:read",
    ("reader", ".yml"): "gitexp.files.formats.yaml_text:read",
    ("reader", ".json"): "gitexp.files.formats.json_text:read",
    ("reader", ".toml"): "gitexp.files.formats.toml_text:read",
    ("reader", ".py"): "gitexp.files.formats.py_text:read",
    ("editor", ".yaml"): "gitexp.files.formats.yaml_edit:edit",
    ("editor", ".yml"): "gitexp.files.formats.yaml_edit:edit",
    ("editor", ".json"): "gitexp.files.formats.json_text:edit",
    ("editor", ".toml"): "gitexp.files.formats.toml_edit:edit",
    ("editor", ".py"): "gitexp.files.formats.py_text:edit",
    # The ending of a metrics file that is no params file too -> what reads it.
    ("metrics", ".csv"): "gitexp.files.tables.table_values:last_values",
    ("metrics", ".tsv"): "gitexp.files.tables.table_values:last_values",
    ("metrics", ".jsonl"): "gitexp.files.json_lines:last_values",
    ("metrics", ".ndjson"): "gitexp.files.json_lines:last_values",
    # The ending of a params file -> what finds the values that a script sees otherwise than gitexp, and
    # what finds the values that only a run of the file tells.
    ("kinds", ".yaml"): "gitexp.files.formats.yaml_kinds:hidden_kinds",
    ("kinds", ".yml"): "gitexp.files.formats.yaml_kinds:hidden_kinds",
    ("kinds", ".toml"): "gitexp.files.formats.toml_text:hidden_kinds",
    ("computed", ".py"): "gitexp.files.formats.py_text:computed_line",
    # A data remote on a server, by its kind. The packages that it needs are extras.
    ("data remote", "ssh"): "gitexp.objects.remotes.ssh:SshRemote",
    ("data remote", "s3"): "gitexp.objects.remotes.bucket:S3Remote",
    ("data remote", "gs"): "gitexp.objects.remotes.bucket:GsRemote",
    ("data remote", "azure"): "gitexp.objects.remotes.bucket:AzureRemote",
    ("data remote", "http"): "gitexp.objects.remotes.web:HttpRemote",
    # What says which logged values a run lacks, because stages did not run.
    ("lacking", "stages"): "gitexp.runs.logged_values.logged_by_stages:warnings",
    # What runs queued experiments.
    ("worker", "queue"): "gitexp.extras.queue.worker:work",
    # What brings the checkpoints of another run into the workspace.
    ("checkpoints", "place"): "gitexp.runs.resuming.workspace_checkpoints:place",
    # What begins many runs.
    ("launcher", "sweep"): "gitexp.extras.sweep.launch:launch",
    # What suggests the next trial of a search.
    ("search", "optuna"): "gitexp.extras.sweep.search:Searcher",
    # What knows the importance of params together, not each alone.
    ("importance", "optuna"): "gitexp.extras.sweep.search:importance_of",
    # What changes the words of a command that a tool reads, and what says the jobs that such words ask for.
    ("words", "hydra"): "gitexp.extras.integrations.hydra.app_words:with_overrides",
    ("jobs", "hydra"): "gitexp.extras.integrations.hydra.multirun:jobs",
    # What composes a params file before a run.
    ("composer", "hydra"): "gitexp.extras.integrations.hydra.composer:HydraComposer",
    # The queue of a Git remote, for its commands and for a worker.
    ("queue", "remote"): "gitexp.extras.queue.exchange:RemoteQueue",
    ("queue", "shared"): "gitexp.extras.queue.shared:SharedQueue",
    # What runs the experiments of a queue: workers, or an engine.
    ("workforce", "queue"): "gitexp.extras.queue.pool:workforce",
    # What knows how large the noise of metrics is.
    ("statistics", "noise"): "gitexp.extras.inference.project_noise:ProjectNoise",
    # Where queued experiments run: the engines, by their kinds, and what gives them jobs.
    ("engine", "local"): "gitexp.extras.engines.local:LocalEngine",
    ("engine", "ssh"): "gitexp.extras.engines.by_ssh.ssh:SshEngine",
    ("dispatch", "remote"): "gitexp.extras.engines.dispatching:remote_of",
    ("dispatch", "check"): "gitexp.extras.engines.dispatching:check",
    ("engine", "dask"): "gitexp.extras.engines.by_dask.dask:DaskEngine",
    ("engine", "slurm"): "gitexp.extras.engines.by_slurm.slurm:SlurmEngine",
    ("dispatch", "pool"): "gitexp.extras.engines.dispatching:pool",
    ("dispatch", "crew"): "gitexp.extras.engines.dispatching:crew",
    ("dispatch", "require_usable"): "gitexp.extras.engines.dispatching:require_usable",
    ("dispatch", "detach"): "gitexp.extras.engines.dispatching:detach",
    ("dispatch", "cancel"): "gitexp.extras.engines.dispatching:cancel",
    ("dispatch", "begun"): "gitexp.extras.engines.present_jobs:begun",
    ("dispatch", "states"): "gitexp.extras.engines.present_jobs:states",
    ("dispatch", "drop"): "gitexp.extras.engines.present_jobs:drop",
    # What builds an environment for the code of an experiment.
    ("program", "uv"): "gitexp.extras.reproduction.uv:find",
    ("environment", "uv"): "gitexp.extras.reproduction.building:of_code",
    ("executor", "local"): "gitexp.runs.local:LocalExecutor",
    # What reads a section of gitexp.yaml that few projects have.
    ("section", "alerts"): "gitexp.project.sections.alert_rules:read",
    ("section", "on_promote"): "gitexp.project.sections.promote_actions:read",
    ("section", "holdout"): "gitexp.project.sections.holdout_config:read_holdout",
    # What makes a result believable, where the baseline asks for it.
    ("trust", "signer"): "gitexp.repo.git.signatures:Signer",
    ("trust", "protected at the start"): "gitexp.runs.trust.protected_files:at_start",
    ("trust", "protected at the end"): "gitexp.runs.trust.protected_files:at_end",
    ("trust", "holdout at the start"): "gitexp.runs.trust.holdout_start:at_start",
    ("trust", "holdout at the end"): "gitexp.runs.trust.holdout:after_run",
    # What looks at a run while it goes on, and what it looks with.
    ("observer", "alerts"): "gitexp.extras.alerts.alert_observer:AlertObserver",
    ("check", "alerts"): "gitexp.extras.alerts.check:check",
    # What runs a command, and sends to a webhook, by the rules of alerts.
    ("action", "command"): "gitexp.extras.alerts.actions:run_command",
    ("action", "webhook"): "gitexp.extras.alerts.actions:send",
    ("guard", "processes"): "gitexp.process.guard:Guard",
    ("observer", "system"): "gitexp.extras.system.machine_observer:SystemObserver",
    ("sampler", "system"): "gitexp.extras.system.sampler:Sampler",
    ("gpus", "nvml"): "gitexp.extras.system.nvml:Gpus",
    # What a training framework calls, and what makes scikit-learn log by itself.
    ("callback", "keras"): "gitexp.extras.integrations.keras:KerasCallback",
    ("callback", "lightning"): "gitexp.extras.integrations.lightning:LightningLogger",
    ("callback", "transformers"): "gitexp.extras.integrations.transformers:TransformersCallback",
    ("callback", "xgboost"): "gitexp.extras.integrations.xgboost:XgboostCallback",
    ("callback", "lightgbm"): "gitexp.extras.integrations.lightgbm:LightgbmCallback",
    ("callback", "optuna"): "gitexp.extras.integrations.optuna:OptunaCallback",
    ("autolog", "sklearn"): "gitexp.extras.integrations.sklearn:autolog",
    # What writes charts into files.
    ("plots", "rendering"): "gitexp.extras.plots.rendering:Rendering",
    # The server for coding assistants, which needs a package of its own.
    ("assistants", "server"): "gitexp.extras.assistants.server:serve",
    # The parts of the dashboard that need packages of their own.
    ("dashboard", "server"): "gitexp.extras.web.server:Server",
    ("dashboard", "export"): "gitexp.extras.web.export:export",
    # Documents of the dashboard that its first page does not need.
    ("page document", "sweeps"): "gitexp.extras.web.contents.sweep_document:sweeps_document",
    ("page document", "queue"): "gitexp.extras.web.contents.queue_document:queue_document",
    ("page document", "models"): "gitexp.extras.registry.page_document:models_document",
    ("page document", "pipeline"): "gitexp.extras.web.contents.pipeline_document:pipeline_document",
    ("page document", "changes"): "gitexp.extras.web.contents.comparison_document:changes_document",
    ("page document", "comparison"): "gitexp.extras.web.contents.comparison_document:comparison_document",
    ("page document", "difference"): "gitexp.extras.web.contents.comparison_document:difference_document",
    ("page document", "plots"): "gitexp.extras.web.contents.plots_document:plots_document",
    # Markdown for a page: markdown-it takes a twentieth of the time to start the dashboard.
    ("preview", "markdown"): "gitexp.extras.web.contents.markdown_text:html",
    # A run around the code of the caller.
    ("run", "own"): "gitexp.extras.tracking.own_run:OwnRun",
    # What keeps a kind of value as a file of the run that logs it.
    ("artifact", "artifact"): "gitexp.extras.tracking.copies:log_artifact",
    ("artifact", "figure"): "gitexp.extras.tracking.figures:log_figure",
    ("artifact", "table"): "gitexp.extras.tracking.tables:log_table",
    ("artifact", "text"): "gitexp.extras.tracking.texts:log_text",
    ("artifact", "audio"): "gitexp.extras.tracking.audio:log_audio",
    ("artifact", "confusion"): "gitexp.extras.tracking.confusion:log_confusion",
    # An alert that a script says.
    ("alert", "new"): "gitexp.files.lines.alert_lines:new",
    # The params of the files, for a script.
    ("params", "values"): "gitexp.extras.tracking.params:read",
    # Data frames.
    ("frame", "pandas"): "gitexp.extras.reading.pandas_frames:frame",
    ("frame", "polars"): "gitexp.extras.reading.polars_frames:frame",
    # What writes the table of experiments into a file with this ending.
    ("table format", "parquet"): "gitexp.extras.table_formats.parquet:write",
    ("table format", "xlsx"): "gitexp.extras.table_formats.excel:write",
    # What makes reports, and what typesets them.
    ("report", "make"): "gitexp.extras.reports.make:make",
    ("report", "request"): "gitexp.extras.reports.make:ReportRequest",
    ("report", "template"): "gitexp.extras.reports.make:Template",
    ("report", "typst source"): "gitexp.extras.reports.writers.typst_source:write",
    ("report", "pdf"): "gitexp.extras.reports.typesetting:pdf",
    # What runs a notebook.
    ("program", "notebook"): "gitexp.extras.integrations.notebook.program:program",
    # Whether Jupyter has a kernel of a name.
    ("kernels", "jupyter"): "gitexp.extras.integrations.notebook.execute:is_installed",
    # The code that is typed into IPython.
    ("session", "ipython"): "gitexp.extras.integrations.notebook.session:session",
    ("source", "dvc"): "gitexp.extras.integrations.dvc:DvcSource",
    # A ref `refs/gitexp/<name>` that travels with experiments -> what unites those of two clones.
    ("shared ref", "mlflow"): "gitexp.extras.integrations.mlflow.shelf_sharing:unite",
    # What brings the runs of another tool: `gitexp import mlflow ./mlruns`, and the readers of its files.
    ("import", "runs"): "gitexp.extras.integrations.importers.commands:import_of",
    ("importer", "mlflow"): "gitexp.extras.integrations.mlflow.imports.import_runs:IMPORTER",
    ("importer", "wandb"): "gitexp.extras.integrations.importers.from_wandb.wandb:IMPORTER",
    ("importer", "tensorboard"): "gitexp.extras.integrations.importers.tensorboard:IMPORTER",
    ("importer", "trackio"): "gitexp.extras.integrations.importers.trackio:IMPORTER",
    ("importer", "neptune"): "gitexp.extras.integrations.importers.from_neptune.neptune:IMPORTER",
    ("importer", "optuna"): "gitexp.extras.integrations.importers.optuna_storage:IMPORTER",
    ("importer", "dvc"): "gitexp.extras.integrations.importers.from_dvc.dvc_refs:IMPORTER",
    ("importer", "dvclive"): "gitexp.extras.integrations.importers.dvclive:IMPORTER",
    ("importer", "hydra"): "gitexp.extras.integrations.importers.hydra_runs:IMPORTER",
    ("importer", "sacred"): "gitexp.extras.integrations.importers.sacred:IMPORTER",
    ("importer", "aim"): "gitexp.extras.integrations.importers.from_aim.aim_runs:IMPORTER",
    ("importer", "guild"): "gitexp.extras.integrations.importers.guild:IMPORTER",
    ("importer", "dagshub"): "gitexp.extras.integrations.importers.dagshub:IMPORTER",
    ("importer", "csv"): "gitexp.extras.integrations.importers.from_sheets.sheets:CSV",
    ("importer", "excel"): "gitexp.extras.integrations.importers.from_sheets.sheets:EXCEL",
    # What writes the runs for another tool: `gitexp export --as ro-crate`, and the writers of its files.
    ("export", "runs"): "gitexp.extras.integrations.exporters.commands:export_to",
    ("exporter", "bundle"): "gitexp.extras.integrations.exporters.bundle:EXPORTER",
    ("exporter", "dvc"): "gitexp.extras.integrations.exporters.dvc_export:EXPORTER",
    ("exporter", "ro-crate"): "gitexp.extras.integrations.exporters.crates.ro_crate:EXPORTER",
    ("exporter", "tensorboard"): "gitexp.extras.integrations.exporters.tensorboard_runs:EXPORTER",
    ("exporter", "wandb"): "gitexp.extras.integrations.exporters.wandb_runs:EXPORTER",
    ("exporter", "mlflow"): "gitexp.extras.integrations.mlflow.exporting.export_runs:EXPORTER",
    # What writes a version of a model as the folder of a server.
    ("model exporter", "mlflow"): "gitexp.extras.registry.handoff.mlflow_folder:write",
    ("model exporter", "bentoml"): "gitexp.extras.registry.handoff.bentoml_folder:write",
    ("model exporter", "onnx-folder"): "gitexp.extras.registry.handoff.onnx_folder:write",
    ("model exporter", "docker-context"): "gitexp.extras.registry.handoff.docker_context:write",
    # What writes into a SQLite file of MLflow's.
    ("mlflow export", "database"): "gitexp.extras.integrations.mlflow.stores.database_api:DatabaseApi",
    # The registry of models for MLflow's, and MLflow's for `gitexp model`.
    ("models", "registry"): "gitexp.extras.registry.outside:OutsideRegistry",
    ("models", "pending"): "gitexp.extras.integrations.mlflow.pending_tags:settle",
    ("models", "mlflow tags"): "gitexp.extras.integrations.mlflow.tag_making:settle_all",
    # The rows of an export of Neptune's.
    ("rows", "neptune"): "gitexp.extras.integrations.importers.from_neptune.neptune_parquet:NeptuneRows",
    # Aim's storage, and what Aim raises for a damaged one.
    ("storage", "aim"): "gitexp.extras.integrations.importers.from_aim.aim_storage:AimStorage",
    ("storage", "aim errors"): "gitexp.extras.integrations.importers.from_aim.aim_storage:ERRORS",
    # The rows of a sheet in a file that is no text.
    ("sheet", "excel"): "gitexp.extras.integrations.importers.from_sheets.excel_rows:rows",
}
# Folder of `cli/commands` -> the commands in it. Those of extras stand below.
_FOLDERS = {
    "set_up": ("init", "demo", "guide"),
    "running": ("run", "status", "save", "log", "dag", "stop"),
    "looking": (
        "show",
        "watch",
        "alerts",
        "list",
        "best",
        "diff",
        "compare",
        "artifacts",
        "metrics",
        "export",
    ),
    "going_on": ("apply", "branch", "checkout"),
    "keeping": ("note", "tag", "rename", "remove", "restore", "undo", "redo"),
    "exchange": ("push", "pull", "import", "add", "data", "remote"),
    "upkeep": ("doctor", "gc", "fsck", "verify"),
}
for _folder, _names in _FOLDERS.items():
    for _name in _names:
        _module = "import_" if _name == "import" else _name
        _TABLE["command", _name] = f"gitexp.cli.commands.{_folder}.{_module}:register"
# Commands of extras.
_TABLE["command", "mlflow"] = "gitexp.extras.integrations.mlflow.commands:register"
_TABLE["command", "queue"] = "gitexp.extras.queue.commands:register"
_TABLE["command", "engine"] = "gitexp.extras.engines.commands:register"
_TABLE["command", "reproduce"] = "gitexp.extras.reproduction.commands:register"
_TABLE["command", "why"] = "gitexp.extras.inference.why_command:register"
_TABLE["command", "loop"] = "gitexp.extras.inference.loop_command:register"
_TABLE["command", "judge"] = "gitexp.extras.inference.commands:register"
_TABLE["command", "plots"] = "gitexp.extras.plots.plots_command:register"
_TABLE["command", "ui"] = "gitexp.extras.web.ui_command:register"
_TABLE["command", "report"] = "gitexp.extras.reports.commands:register"
_TABLE["command", "sweep"] = "gitexp.extras.sweep.sweep_command:register"
_TABLE["command", "model"] = "gitexp.extras.registry.commands:register"
_TABLE["command", "skill"] = "gitexp.extras.assistants.skill_command:register"
_TABLE["command", "mcp"] = "gitexp.extras.assistants.mcp_command:register"


def names(kind: str) -> tuple[str, ...]:
    """The names of gitexp's own plugins of a kind, in the order of the help."""
    return tuple(name for each, name in _TABLE if each == kind)


def load(kind: str, name: str) -> Any:
    """The plugin of a kind and name, imported now.

    Raises UsageError for a name that neither gitexp nor an installed package has, and the error of `find`.
    """
    found = find(kind, name)
    if found is None:
        known = ", ".join(names(kind))
        raise errors.UsageError(f"There is no {kind} called '{name}'.", f"gitexp has: {known}.")
    return found


def find_installed(kind: str, name: str, package: str) -> Any:
    """The plugin of gitexp's own that uses another package; None if that package is not installed."""
    if importlib.util.find_spec(package) is None:
        return None
    return load(kind, name)


def find(kind: str, name: str) -> Any:
    """The same, or None; raises UsageError if the plugin of an installed package cannot be imported."""
    if (kind, name) in _TABLE:
        module, _, attribute = _TABLE[kind, name].partition(":")
        return getattr(importlib.import_module(module), attribute)
    metadata = importlib.import_module("importlib.metadata")  # 40 ms, only for a name that is none of ours
    for entry in metadata.entry_points(group=f"gitexp.{kind}", name=name):
        try:
            return entry.load()
        except (ImportError, AttributeError) as error:
            raise errors.UsageError(
                f"The {kind} '{name}' of another package, {entry.value}, cannot be imported: {error}.",
                "Update that package, or remove it.",
            ) from error
    return None
