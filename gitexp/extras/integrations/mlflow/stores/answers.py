"""The border to MLflow's own errors, and what a store says of things that gitexp does not keep."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2
from mlflow.store.entities.paged_list import PagedList

from gitexp import errors

Method = TypeVar("Method", bound=Callable[..., Any])

_CODES = {
    "unknown-experiment": databricks_pb2.RESOURCE_DOES_NOT_EXIST,
    "missing-data": databricks_pb2.RESOURCE_DOES_NOT_EXIST,
    "still-running": databricks_pb2.INVALID_STATE,
    "changed-meanwhile": databricks_pb2.INVALID_STATE,
}


def translated(error: Exception) -> MlflowException:
    """An error of gitexp's, or of the disk, as MLflow has it: the sentence and the hint."""
    if isinstance(error, errors.GitexpError):
        code = _CODES.get(error.code or "", databricks_pb2.INVALID_PARAMETER_VALUE)
        return MlflowException(f"{error.message} {error.hint or ''}".strip(), code)
    if isinstance(error, FileNotFoundError):
        return missing(str(error))
    if isinstance(error, OSError):
        return MlflowException(
            f"gitexp cannot write: {error.strerror or error}", databricks_pb2.INTERNAL_ERROR
        )
    return MlflowException(str(error), databricks_pb2.INVALID_PARAMETER_VALUE)


def answered(method: Method) -> Method:
    """The method, holding the place of its object while it works, with errors that MLflow knows."""

    @functools.wraps(method)
    def answer(self: Any, *args: Any, **options: Any) -> Any:
        try:
            with self.place:
                return method(self, *args, **options)
        except (errors.GitexpError, OSError, ValueError, TypeError) as error:
            raise translated(error) from error

    return answer  # type: ignore[return-value]  # a wrapper of the same signature


def invalid(text: str) -> MlflowException:
    """The error for a wrong argument."""
    return MlflowException(text, databricks_pb2.INVALID_PARAMETER_VALUE)


def missing(text: str) -> MlflowException:
    """The error for something that is not there."""
    return MlflowException(text, databricks_pb2.RESOURCE_DOES_NOT_EXIST)


def invalid_state(text: str) -> MlflowException:
    """The error for a deleted or a live thing."""
    return MlflowException(text, databricks_pb2.INVALID_STATE)


def not_kept(what: str) -> MlflowException:
    """The error for something that gitexp keeps no record of."""
    return MlflowException(
        f"gitexp keeps runs, models and their files, and no {what}. Log them to an MLflow server of its own.",
        databricks_pb2.NOT_IMPLEMENTED,
    )


def none_of_them() -> Any:
    """An empty page."""
    return PagedList([], None)
