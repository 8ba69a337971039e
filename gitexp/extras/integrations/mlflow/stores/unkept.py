"""What gitexp does not keep for MLflow: traces, scorers, label schemas, gateways and the like.

MLflow's UI asks any store for them. A list of them is empty, so that the UI works; anything else is an error
that says what is the matter. MLflow adds to its stores in each release: so what this class has not is read
from MLflow's own class.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from gitexp.extras.integrations.mlflow.stores.answers import none_of_them, not_kept

_LISTS = ("search_", "list_", "find_", "query_")

Store = TypeVar("Store", bound=type)


def answering_for(base: type) -> Callable[[Store], Store]:
    """A decorator of a store: it answers for every method that MLflow's class only declares."""

    def decorate(store: Store) -> Store:
        for name in unanswered(store, base):
            setattr(store, name, _empty(name) if name.startswith(_LISTS) else _refusing(name))
        return store

    return decorate


def unanswered(store: type, base: type) -> list[str]:
    """The public methods of MLflow's class that the store has from there, and that do nothing there."""
    found = []
    for name, function in inspect.getmembers(base, inspect.isfunction):
        if not name.startswith("_") and getattr(store, name) is function and _only_declares(function):
            found.append(name)
    return found


def _only_declares(function: Callable[..., Any]) -> bool:
    """Whether a method raises NotImplementedError, is abstract, or has no body at all."""
    if getattr(function, "__isabstractmethod__", False):
        return True
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return False
    if "NotImplementedError" in code.co_names:
        return True
    is_empty = not code.co_names and {*code.co_consts} <= {None, function.__doc__}
    return is_empty and "return" not in inspect.getsource(function).rpartition('"""')[2]


def _empty(name: str) -> Callable[..., Any]:
    def answer(self: Any, *_: Any, **__: Any) -> Any:
        return none_of_them()

    return _named(answer, name, "None of them: gitexp keeps none.")


def _refusing(name: str) -> Callable[..., Any]:
    what = name.partition("_")[2].replace("_", " ") or name

    def answer(self: Any, *_: Any, **__: Any) -> Any:
        raise not_kept(f"{what} ({name})")

    return _named(answer, name, "An error: gitexp keeps none of these.")


def _named(answer: Callable[..., Any], name: str, text: str) -> Callable[..., Any]:
    answer.__name__, answer.__qualname__, answer.__doc__ = name, name, text
    return answer
