"""The functions that MLflow's entry points name. This module imports nothing of MLflow at its top.

An entry point is loaded while MLflow itself is being imported. With an import of a store at the top, MLflow
would see itself half made, and only say that it does not know the scheme.
"""

from __future__ import annotations

import importlib
from typing import Any


def tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
    """The store of runs and MLflow's experiments for an URI: `gitexp:` or `gitexp:///path`."""
    return _store_class("tracking_store", "GitTrackingStore")(store_uri)


def registry_store(store_uri: str, **_: object) -> Any:
    """The store of registered models for an URI."""
    return _store_class("registry_store", "GitRegistryStore")(store_uri)


def artifact_repository(artifact_uri: str, *args: object, **options: object) -> Any:
    """The artifacts of a run or a logged model. The store has given MLflow the URI."""
    return _store_class("artifact_repository", "GitArtifactRepository")(artifact_uri, *args, **options)


def _store_class(module: str, name: str) -> Any:
    """A class of `stores`, imported now: MLflow has been imported whole by the time of the call."""
    return getattr(importlib.import_module(f"gitexp.extras.integrations.mlflow.stores.{module}"), name)
