"""The options that choose experiments: --filter, --failed, --all and --all-projects, as one `Query`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from gitexp.catalog.query import Query
from gitexp.cli.kit import options

PLAIN = Query()  # none of the options is given


def _query(
    filter_text: options.Filter = None,
    failed: options.Failed = None,
    everything: options.Everything = False,
    all_projects: options.AllProjects = False,
) -> Query:
    return Query(everything, failed=failed, filter=filter_text, all_projects=all_projects)


_OPTIONS = inspect.signature(_query, eval_str=True).parameters


def with_query(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options in place of its parameter `query`, which they make.

    typer makes options of the parameters in a function's signature: so the result has another one.
    """
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.name == "query":
            parameters += _OPTIONS.values()
        else:
            parameters.append(parameter)

    @functools.wraps(command)
    def called(**given: Any) -> None:
        query = _query(**{name: given.pop(name) for name in _OPTIONS})
        command(query=query, **given)

    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined] # any function
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called
