"""All of what gitexp may be doing when it is struck."""

from __future__ import annotations

from tests.crash import (
    on_data,
    on_engines,
    on_experiments,
    on_loops,
    on_models,
    on_projects,
    on_runs,
    on_sharing,
    on_trust,
)

SCENARIOS = (
    *on_runs.SCENARIOS,
    *on_engines.SCENARIOS,
    *on_experiments.SCENARIOS,
    *on_data.SCENARIOS,
    *on_sharing.SCENARIOS,
    *on_projects.SCENARIOS,
    *on_loops.SCENARIOS,
    *on_models.SCENARIOS,
    *on_trust.SCENARIOS,
)
