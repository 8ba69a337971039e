"""What programs are told is so: `gitexp guide`, compared with the code, and docs/automation.md, run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from typing import Any

from gitexp import errors
from gitexp.cli.commands.set_up import guide as commands_guide
from gitexp.cli.registry import COMMANDS
from gitexp.version import __version__
from tests.outside.test_docs import COMMANDS as PARSERS
from tests.outside.test_docs import DOCS, check_command_line
from tests.support.workspace import Workspace


@cache
def told() -> str:
    return commands_guide.text({name: parser for name, parser in PARSERS.items() if name})


def section(title: str) -> list[str]:
    """The lines below a title, up to the empty line."""
    lines = told().splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith(title))
    return lines[at + 1 : lines.index("", at) if "" in lines[at:] else None]


def shapes() -> dict[str, list[str]]:
    """The fields that each command's JSON has, by the guide; of an experiment under ""."""
    found = {}
    text = "\n".join(section("JSON, BY COMMAND"))
    experiment, rest = re.split(r"\n(?=run, save)", text.removeprefix("An experiment: "))
    for line in rest.splitlines():
        commands, _, fields = line.partition(": ")
        for name in commands.split(", "):
            found[name] = fields.removeprefix("a list of ").split(", ")
    return {"": experiment.replace("\n", " ").split(", "), **found}


def test_it_is_one_page_for_any_terminal_and_pipe(repo: Workspace) -> None:
    done = repo.gitexp("guide")
    assert done.stdout == told()
    assert done.stderr == ""
    assert told().isascii()
    assert len(told().splitlines()) <= 185
    assert max(map(len, told().splitlines())) <= 120
    assert __version__ in told().splitlines()[0]
    assert not re.search(r"^\[\w+\]$", told(), re.M)


def test_it_needs_no_repository(repo: Workspace) -> None:
    assert repo.gitexp("guide", cwd="..").stdout == told()


def test_every_command_is_in_it_and_every_command_line_can_be_typed() -> None:
    first_words = [line.split()[0] for line in section("COMMANDS")]
    assert set(first_words) == set(COMMANDS)  # `remote add`, `remote list`; typer has such groups last
    lines = [line.split("  ")[0] for line in told().splitlines() if line.startswith("gitexp ")][1:]
    lines += re.findall(r"`(gitexp [^`\n]+)`", told())
    assert len(lines) > 12
    for line in lines:
        check_command_line(line)


def test_every_error_code_is_in_it_and_no_other() -> None:
    lines = section("ERROR CODES")
    known: dict[int, set[str]] = {}
    for code, (raised_as, _) in errors.CODES.items():
        known.setdefault(raised_as.exit_code, set()).add(code)
    listed = "\n".join(lines[: next(at for at, line in enumerate(lines) if line.startswith("Wait"))])
    found = {
        int(status): set(codes.replace("\n", " ").split(", "))
        for status, codes in re.findall(r"exit (\d+): ((?:[a-z-]+(?:,\s)?)+)", listed)
    }
    assert found == known
    advice = " ".join(lines[len(listed.splitlines()) :])
    codes = set(re.findall(r"\b[a-z]+-[a-z-]+\b", advice))
    assert len(codes) > 8
    assert codes <= set.union(*known.values())


def test_the_shapes_of_json_are_those_that_come(repo: Workspace) -> None:
    repo.allow("files", "params.yaml", "gitexp.yaml", "train.py")
    repo.allow("refs", "refs/heads/made")
    repo.allow("reflogs", "*")
    repo.writes("metrics.json")
    shape = shapes()
    ran = repo.json("run", "-n", "one", "-S", "train.lr=0.2", "--", "python", "train.py")
    assert list(ran) == shape[""]
    repo.git("checkout", "params.yaml")  # so that there is something to apply
    answers: dict[str, Any] = {
        "apply": repo.json("apply", "one"),
        "undo": repo.json("undo"),
        "save": repo.json("save", "-n", "two"),
        "note": repo.json("note", "one", "-m", "a note"),
        "tag": repo.json("tag", "one", "best"),
        "rename": repo.json("rename", "two", "three"),
        "show": repo.json("show")[2],
        "list": repo.json("list")[0],
        "push": _pushed(repo),
        "pull": repo.json("pull"),
        "list --remote": repo.json("list", "--remote", "origin")[0],
        "best": repo.json("best", "eval.acc"),
        "diff": repo.json("diff", "HEAD", "one", "--code"),
        "branch": repo.json("branch", "one", "made"),
        "dag": _drawn(repo),
        "log": repo.json("log", "one"),
        "artifacts": repo.json("artifacts", "one"),
        "init": repo.json("init"),
        "remote add": repo.json("remote", "add", "store", "/nowhere/store"),
        "remote list": repo.json("remote", "list")[0],
        "remote remove": repo.json("remote", "remove", "store"),
        "add": _added(repo),
        "checkout": repo.json("checkout"),
        "doctor": repo.json("doctor"),
        "gc": repo.json("gc", "--yes"),
        "fsck": repo.json("fsck"),
        "verify": json.loads(repo.gitexp("verify", "--json", check=False).stdout)[0],
        "remove": repo.json("remove", "-y", "three"),
        "restore": repo.json("restore", "three"),
    }
    shape["remote add"] = shape["remote list"] = ["name", "url"]  # this one has no options
    for name, answer in answers.items():
        of_experiment = shape[name][0] in (
            "an experiment",
            "experiments; before them the workspace and the baselines",
        )
        assert list(answer) == shape["" if of_experiment else name], name
    assert shape.keys() - answers.keys() == {"", "run", "import", "data push", "data pull", "data status"}


def _pushed(repo: Workspace) -> dict[str, Any]:
    repo.git("init", "--quiet", "--bare", "../team.git")
    repo.git("remote", "add", "origin", "../team.git")
    pushed: dict[str, Any] = repo.json("push")
    return pushed


def _added(repo: Workspace) -> dict[str, Any]:
    repo.allow("files", "gitexp.lock", "sets/.gitignore")
    repo.write("sets/x", "x")
    added: dict[str, Any] = repo.json("add", "sets/x")
    return added


def _drawn(repo: Workspace) -> dict[str, Any]:
    repo.write("dvc.yaml", "stages: {a: {cmd: x}}")
    drawn: dict[str, Any] = repo.json("dag")
    (repo.path / "dvc.yaml").unlink()
    repo.guard.retake()
    return drawn


def test_as_data_it_has_every_option_too(repo: Workspace) -> None:
    data = repo.json("guide", process=True)  # it imports all packages, and old ones leave files open
    assert data["text"] == told()
    assert data["experiment"] == shapes()[""]
    run = next(command for command in data["commands"] if command["name"] == "run")
    named = {name: option for option in run["options"] for name in option["names"]}
    assert named["--once"]["value"] is None
    assert named["-S"]["value"] == "[FILE:]KEY=VALUE"
    assert all(option["help"] for option in named.values())
    assert {"code": "workspace-busy", "exit_code": 1} in data["errors"]


# -- docs/automation.md -------------------------------------------------------------------------------


def test_every_code_that_a_loop_is_told_to_look_for_is_there() -> None:
    page = (DOCS / "automation.md").read_text("utf-8")
    table = page.split("| codes | what to do |")[1].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    codes = {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)}
    assert len(codes) > 12
    assert codes <= errors.CODES.keys()


def test_the_loop_in_python_climbs_from_experiment_to_experiment(repo: Workspace) -> None:
    page = (DOCS / "automation.md").read_text("utf-8")
    example = page.split("```python\n")[1].split("```")[0]
    repo.writes("metrics.json")
    done = subprocess.run([sys.executable, "-c", example], cwd=repo.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in repo.json("show", "-A") if row["kind"] == "experiment"}
    told = [line for line in done.stdout.splitlines() if line in rows]
    assert len(told) == 8
    made = [row for row in rows.values() if row["parent"]]
    assert len(made) >= 4
    best = min(rows.values(), key=lambda row: row["metrics"]["loss"])
    first = next(row for row in rows.values() if row["parent"] is None)
    assert best["metrics"]["loss"] < first["metrics"]["loss"] / 2
    assert rows[best["parent"]]["metrics"]["loss"] > best["metrics"]["loss"]
