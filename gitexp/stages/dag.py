"""`gitexp dag`: the stages of a pipeline, and their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitexp.errors import UnknownStage
from gitexp.pipeline.graph import Graph
from gitexp.pipeline.stage import Pipeline, Stage
from gitexp.project.config import CONFIG_FILE
from gitexp.project.project import Project

_HOW = f"Describe them in {CONFIG_FILE}, as in: stages: {{train: {{cmd: python train.py}}}}"


@dataclass(frozen=True, slots=True)
class Dag:
    """Some stages of a pipeline.

    Attributes:
        pipeline: the whole pipeline.
        stages: the chosen stages, in the order of a run.
        above: by stage, the names of the stages directly above.
    """

    pipeline: Pipeline
    stages: Sequence[Stage]
    above: Mapping[str, Sequence[str]]


def dag(project: Project, words: Sequence[str] = ()) -> Dag:
    """The named stages with all stages above them; without words, all stages.

    Raises UnknownStage, also in a project without stages; ParseError and ConfigError.
    """
    pipeline = project.pipeline()
    if pipeline is None or not pipeline.stages:
        raise UnknownStage("There are no stages here.", _HOW)
    graph = Graph(pipeline)
    stages = graph.select(words)
    # All stages above a chosen stage are chosen too.
    return Dag(pipeline, stages, {stage.name: graph.above(stage.name) for stage in stages})
