"""`gitexp dag`: the stages of a pipeline, and which stands on which."""

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
    """Some stages of a pipeline in the order of a run; `above` are, of these, those that each stands on."""

    pipeline: Pipeline
    stages: Sequence[Stage]
    above: Mapping[str, Sequence[str]]


def dag(project: Project, words: Sequence[str] = ()) -> Dag:
    """Return the stages that words name and all that these stand on; without words, all stages.

    Raises UnknownStage, also where there are no stages at all, and ParseError and ConfigError.
    """
    pipeline = project.pipeline()
    if pipeline is None or not pipeline.stages:
        raise UnknownStage("There are no stages here.", _HOW)
    graph = Graph(pipeline)
    stages = graph.select(words)
    # Whatever a chosen stage stands on is chosen too.
    return Dag(pipeline, stages, {stage.name: graph.above(stage.name) for stage in stages})
