"""The settings of a project: of its `gitexp.yaml`, or by the conventions that hold without it.

Paths are relative to the root of the repository, with slashes. `config_loading` finds the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from gitexp.named_tuple import NamedTuple
from gitexp.project.patterns import NO_PATTERNS, Patterns
from gitexp.project.tools.hydra_config import HydraConfig
from gitexp.repo.git.snapshot import MAX_UNTRACKED

if TYPE_CHECKING:  # few projects have rules
    from gitexp.project.sections.actions import Action
    from gitexp.project.sections.alert_rules import AlertRule
    from gitexp.project.sections.holdout_config import HoldoutConfig

CONFIG_FILE = "gitexp.yaml"
USUAL_PARAMS = ("params.yaml", "params.yml", "params.json", "params.toml", "dvclive/params.yaml")
USUAL_METRICS = (
    *("metrics.json", "metrics.yaml", "metrics.yml", "metrics.toml", "metrics.csv", "metrics.tsv"),
    "dvclive/metrics.json",
)
USUAL_PLOTS = ("logs.csv", "dvclive/plots")


class Config(NamedTuple):
    """The settings of one project. Paths are relative to the root; `config_keys` explains the keys.

    Attributes:
        folder: the project's own folder: "" for the root, or "sub/dir".
        command: a line for the shell, or a list of arguments; None without one.
        pipeline_file: the file with the stages for `run`; None without stages.
        params, metrics: candidates: the existing files count.
        directions: "min" or "max" by the name or pattern of a metric, for `directions.direction`.
        tolerance: by the name or pattern of a metric, how far a reproduction may be from it: `0.01`, `1 %`,
            or `any`.
        summary: by the name or pattern of a logged metric, which value of its series is the experiment's.
        metrics_from_output: a regular expression by the name of the metric.
        checkpoints: results that a run goes on from; () where the outs are them.
        resume: whether a run that gitexp begins again by itself goes on from its checkpoints.
        seed: the key of the seed, spelled for `-S`; "" for a param with the name of a seed.
        remotes: data remotes by name, each with its `url` and options. The first remote is the default.
        link: ways to bring data into the workspace, in order of preference.
        sweep: the raw section of the sweeps, for `gitexp sweep`.
        engines: the raw section of the engines, by name.
        max_untracked: bytes.
        hydra: the configuration to compose before each run; None without.
        alerts: the rules by which a run is looked at while it goes on.
        on_promote: by stage, what is done when another version of a model comes into it.
        system_interval: seconds between two looks at what a run takes of the machine; 0 for none.
        mlflow: whether MLflow, in the commands of runs, logs into the repository.
        protected: paths and patterns of files that an experiment must not change.
        holdout: the evaluation that gitexp runs itself after a run; None without.
        sign: whether records are signed; None: if Git's own settings sign commits by ssh.
        declared: params and metrics files named in gitexp.yaml; missing files give a warning.
        patterns: the patterns among params, metrics, plots and outs. Matching files in the
            workspace stand among the paths, except metrics: the metrics of earlier runs have no use.
    """

    folder: str = ""
    command: str | tuple[str, ...] | None = None
    pipeline_file: str | None = None
    params: tuple[str, ...] = USUAL_PARAMS
    metrics: tuple[str, ...] = USUAL_METRICS
    directions: Mapping[str, str] = {}
    tolerance: Mapping[str, str] = {}
    summary: Mapping[str, str] = {}
    metrics_from_output: Mapping[str, str] = {}
    plots: tuple[str, ...] = USUAL_PLOTS
    outs: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    resume: bool = False
    name_template: str = ""
    seed: str = ""
    data: tuple[str, ...] = ()
    remotes: Mapping[str, Mapping[str, Any]] = {}
    link: tuple[str, ...] = ("reflink", "copy")
    share: tuple[str, ...] = ()
    sweep: Mapping[str, Any] = {}
    engines: Mapping[str, Any] = {}
    max_untracked: int = MAX_UNTRACKED
    hydra: HydraConfig | None = None
    alerts: tuple[AlertRule, ...] = ()
    on_promote: Mapping[str, tuple[Action, ...]] = {}
    system_interval: float = 10.0
    mlflow: bool = False
    protected: tuple[str, ...] = ()
    holdout: HoldoutConfig | None = None
    sign: bool | None = None
    declared: frozenset[str] = frozenset()
    patterns: Patterns = NO_PATTERNS

    @property
    def files(self) -> tuple[str, ...]:
        """The params and the metrics files."""
        return (*self.params, *self.metrics)

    @property
    def named(self) -> list[str]:
        """The files among them that gitexp.yaml or a stage names."""
        usual = [str(PurePosixPath(self.folder, name)) for name in (*USUAL_PARAMS, *USUAL_METRICS)]
        return [name for name in self.files if name in self.declared or name not in usual]

    @property
    def results(self) -> tuple[str, ...]:
        """The paths that belong to an experiment's results, whether Git ignores them or not."""
        return (*self.metrics, *self.plots, *self.outs, *self.checkpoints)

    @property
    def to_go_on_from(self) -> tuple[str, ...]:
        """The paths of what a run can go on from: the checkpoints, or else the outs."""
        return self.checkpoints or self.outs
