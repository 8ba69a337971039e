"""A list of objects as an answer: as JSON, or as a table for another program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gitexp.cli.kit import options
from gitexp.cli.kit.terminal import render
from gitexp.views import markup
from gitexp.views.markup import TableFormat


def answer(documents: Iterable[Mapping[str, Any]], form: TableFormat | None, *, json: bool) -> None:
    """Print the objects in the format, or as JSON without one; raises UsageError for both."""
    options.only_one(json=json, format=form is not None)
    if form is None:
        render.as_json_list(documents)
    else:
        render.answer(markup.of_documents(form, documents))
