"""Logged models in gitexp's terms: in the lines of the run that has logged one, or on the shelf."""

from __future__ import annotations

from typing import Any

from gitexp.extras.integrations.mlflow import run_log_files
from gitexp.extras.integrations.mlflow.artifacts import run_of_model
from gitexp.extras.integrations.mlflow.place import OpenedRepository
from gitexp.extras.integrations.mlflow.run_facts import change_model
from gitexp.extras.integrations.mlflow.runs import Runs
from gitexp.extras.integrations.mlflow.shelf import MODELS, Changes, Things
from gitexp.named_tuple import NamedTuple


class KnownModel(NamedTuple):
    """The stored facts about a logged model, and the id of its run; "" for a model without a run."""

    said: dict[str, Any]
    run_id: str


class LoggedModels:
    """The logged models of a repository. The caller holds the place."""

    def __init__(self, place: OpenedRepository, runs: Runs) -> None:
        self._place = place
        self._runs = runs

    def require(self, model_id: str) -> KnownModel:
        """A logged model, also a deleted one. Raises UnknownExperiment."""
        run_id = run_of_model(self._place, model_id)
        if not run_id:
            return KnownModel(self._place.shelf.things(MODELS)[path_of(model_id)], "")
        writer = self._place.writers.get(run_id)
        if writer is not None and writer.is_live:
            facts = run_log_files.facts_in(writer.folder)
        else:
            facts = self._runs.require(run_id).facts
        return KnownModel(facts.models[model_id], run_id)

    def create(self, model_id: str, said: dict[str, Any], run_id: str) -> None:
        """Keep a new model, of a run or, with "", of none."""
        if run_id:
            self._runs.write(run_id, {"models": {model_id: said}})
        else:
            self._place.shelf.change(lambda things: {path_of(model_id): said}, f"model {said['name']}")

    def write(self, model_id: str, news: dict[str, Any]) -> None:
        """Bring a model up to date. Raises UnknownExperiment."""
        run_id = run_of_model(self._place, model_id)
        if run_id:
            self._runs.write(run_id, {"models": {model_id: news}})
            return

        def make(things: Things) -> Changes:
            thing = {name: _copy(value) for name, value in things[path_of(model_id)].items()}
            change_model(thing, news)
            return {path_of(model_id): thing}

        self._place.shelf.change(make, f"model {model_id}")


def path_of(model_id: str) -> str:
    """The path on the shelf of a model without a run."""
    return f"{MODELS}{model_id}.json"


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(value)
    return list(value) if isinstance(value, list) else value
