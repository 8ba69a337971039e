"""What 0.3.0 wrote is read as 0.3.0 read it, and what it offered is still there.

`tests/golden` has a repository that 0.3.0 made, the answers that it gave about it, its public names, its
options and its error codes.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

import gitexp
from gitexp import errors
from gitexp.cli.kit.replaced import REPLACED
from tests.outside.test_docs import generate
from tests.support.workspace import Workspace

GOLDEN = Path(__file__).parent.parent / "golden"
ANSWERS = json.loads((GOLDEN / "answers-0.3.json").read_text("utf-8"))


def words_of(name: str) -> list[str]:
    return (GOLDEN / name).read_text("utf-8").split()


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A clone, with its experiments, of the repository that 0.3.0 made."""
    path = tmp_path_factory.mktemp("old")
    subprocess.run(["git", "init", "--quiet", "-b", "main", str(path)], check=True)
    workspace = Workspace(path)
    bundle = str(GOLDEN / "repository-0.3.bundle")
    workspace.git("fetch", "-q", bundle, "refs/gitexp/*:refs/gitexp/*", "refs/heads/main:refs/heads/start")
    workspace.git("reset", "-q", "--hard", "start")
    workspace.allow("refs", "*")
    workspace.allow("reflogs", "*")
    return workspace


def assert_holds(old: Any, new: Any, place: str = "") -> None:
    """Everything that was in an answer is in it as it was; there may be more."""
    if isinstance(old, dict):
        assert isinstance(new, dict), place
        for key, value in old.items():
            assert key in new, f"{place}.{key}"
            if key not in ("message", "hint"):  # words may become better
                assert_holds(value, new[key], f"{place}.{key}")
    elif isinstance(old, list):
        assert isinstance(new, list), place
        assert len(old) == len(new), place
        for at, (one, other) in enumerate(zip(old, new, strict=True)):
            assert_holds(one, other, f"{place}[{at}]")
    else:
        assert old == new, place


@pytest.mark.parametrize("asked", ANSWERS, ids=lambda asked: " ".join(asked["args"]))
def test_answers_are_as_they_were(old: Workspace, asked: dict[str, Any]) -> None:
    done = old.gitexp(*asked["args"], check=False)
    if "it is --format csv now" in done.stderr:  # the hint of an old spelling has the old answer
        hint = done.stderr.partition("The same now: gitexp ")[2]
        done = old.gitexp(*shlex.split(hint), check=False)
    answer = json.loads(done.stdout) if isinstance(asked["answer"], (dict, list)) else done.stdout
    assert done.exit_code == asked["status"], done.stderr
    assert_holds(asked["answer"], answer)


def test_public_names_are_all_there() -> None:
    for name in words_of("public-names-0.3.txt"):
        assert getattr(gitexp, name, None) is not None or name == "MISSING"


def test_error_codes_are_all_there() -> None:
    assert set(words_of("error-codes-0.3.txt")) <= errors.CODES.keys()


def test_options_are_all_there_or_name_the_new_one() -> None:
    commands = generate.commands()
    for line in (GOLDEN / "options-0.3.txt").read_text("utf-8").splitlines():
        name, _, options = line.partition(": ")
        command = commands["" if name == "gitexp" else name]
        offered = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
        assert set(options.split()) <= offered | REPLACED.get(name, {}).keys(), name
