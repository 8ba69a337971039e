"""The examples of the pages about logging run, each page as one script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.extras.tracking.test_runs import script
from tests.support.workspace import Workspace

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(("page", "names"), [("logging.md", ["numbers"]), ("from-wandb.md", ["first"])])
def test_examples(repo: Workspace, page: str, names: list[str]) -> None:
    examples = re.findall(r"^```python\n(.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    assert examples
    repo.writes("model.bin")
    script(repo, "\n".join(examples))
    found = {one["name"]: one["status"] for one in repo.json("list")}
    assert {name: found[name] for name in names} == dict.fromkeys(names, "done")
    assert set(found.values()) == {"done"}
