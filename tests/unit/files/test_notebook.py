"""Notebooks as files: without outputs, and their parameters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gitexp.errors import ParseError
from gitexp.files import notebook


def written(*cells: Any, **more: Any) -> bytes:
    return (json.dumps({"nbformat": 4, "cells": cells, **more}, indent=1, ensure_ascii=False) + "\n").encode()


def cell(source: Any = "1", *, tags: Any = (), **more: Any) -> dict[str, Any]:
    return {"source": source, "cell_type": "code", "metadata": {"tags": tags}, **more}


def test_without_outputs() -> None:
    clean = written(cell("é", outputs=[], execution_count=None), {"cell_type": "markdown", "source": "x"})
    compact = json.dumps(json.loads(clean)).encode()
    for same in (clean, compact, written(), written(cell())):
        assert notebook.without_outputs("a.ipynb", same) == same
    output = {"output_type": "stream", "text": "x" * 1000}
    run = cell("é", outputs=[output], execution_count=3)
    run["metadata"] |= {"execution": {"iopub.status.busy": "2026"}, "ExecuteTime": {}}
    shown = notebook.without_outputs("a.ipynb", written(run, cell(metadata=None, outputs=[])))
    assert shown == written(cell("é", outputs=[], execution_count=None), cell(metadata=None, outputs=[]))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"cells": {}}', b'{"cells": [1]}', b"[" * 99_999])
def test_what_is_no_notebook(data: bytes) -> None:
    with pytest.raises(ParseError, match=r"a\.ipynb: this is not a notebook"):
        notebook.without_outputs("a.ipynb", data)


def test_parameters() -> None:
    def of(*cells: Any) -> Any:
        return notebook.parameters("a.ipynb", notebook.read("a.ipynb", written(*cells)))

    assert of(cell(), cell(tags="parameters"), cell(metadata=[]), cell(tags=["other"])) is None
    lines = ["lr = 0.1  # a step\n", "name = 'x'\n", "computed = lr * 2\n"]
    assert of(cell("no"), cell(lines, tags=["a", "parameters"])) == {"lr": 0.1, "name": "x"}
    with pytest.raises(ParseError, match="the cell with the tag parameters is not plain Python"):
        of(cell("%matplotlib inline", tags=["parameters"]))
