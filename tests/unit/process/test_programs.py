"""Finding a command's program, and the Python that it will run on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gitexp.errors import GitexpError
from gitexp.process.interpreter import find_interpreter
from gitexp.process.programs import find_program
from tests.support.codes import has_code

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written for POSIX modes")


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The only Python there is, on the PATH of `env`."""
    return program(tmp_path / "bin" / "python3")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"PATH": str(tmp_path / "bin")}


def test_by_the_given_path_not_by_ours(tmp_path: Path, env: dict[str, str]) -> None:
    tool = program(tmp_path / "bin" / "tool")
    assert find_program(["tool", "x"], tmp_path, env) == tool
    with pytest.raises(GitexpError, check=has_code("command-not-found")):
        find_program(["sh"], tmp_path, env)


def test_a_relative_path_is_from_the_folder(tmp_path: Path, env: dict[str, str]) -> None:
    tool = program(tmp_path / "sub" / "tool")
    assert find_program(["./tool"], tmp_path / "sub", env) == tool
    with pytest.raises(GitexpError, check=has_code("command-not-found")):
        find_program(["./tool"], tmp_path, env)


def test_a_relative_entry_of_the_path_is_from_the_folder(tmp_path: Path) -> None:
    tool = program(tmp_path / "bin" / "tool")
    assert find_program(["tool"], tmp_path, {"PATH": "bin"}) == tool


@pytest.mark.parametrize(
    ("name", "mode", "hint"),
    [
        ("train.py", 0o644, "python train.py"),
        ("./train.sh", 0o644, "chmod +x ./train.sh"),
        ("train", 0o755, "./train"),
        ("other", 0o755, "spelling"),
    ],
)
def test_the_hint_is_the_way_out(
    tmp_path: Path, env: dict[str, str], name: str, mode: int, hint: str
) -> None:
    for each in ("train.py", "train.sh", "train"):
        program(tmp_path / each).chmod(mode)
    with pytest.raises(GitexpError, check=has_code("command-not-found")) as error:
        find_program([name], tmp_path, env)
    assert hint in str(error.value.hint)


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (["CUDA_VISIBLE_DEVICES=0", "python", "t.py"], "env CUDA_VISIBLE_DEVICES=0 python t.py"),
        (["A=1", "B=x y", "python"], "env A=1 'B=x y' python"),
        (["python t.py --lr 1"], "python t.py --lr 1"),
        (["python t.py --name 'a b'", "--lr", "1"], "python t.py --name 'a b' --lr 1"),
        (["A=1 python t.py"], "env A=1 python t.py"),
        (["python t.py | tee out"], "sh -c 'python t.py | tee out'"),
        (["python t.py > out", "a b"], """sh -c 'python t.py > out '"'"'a b'"'"''"""),
        (["pyhton", "t.py"], "Did you mean python?"),
    ],
)
def test_words_for_a_shell_are_shown_as_they_work(
    tmp_path: Path, env: dict[str, str], command: list[str], hint: str
) -> None:
    program(Path(env["PATH"]) / "python")
    with pytest.raises(GitexpError, check=has_code("command-not-found")) as error:
        find_program(command, tmp_path, env)
    assert error.value.hint in (hint, f"Write it as: gitexp run -- {hint}")


@pytest.mark.usefixtures("python")
def test_a_missing_python_names_python3(tmp_path: Path, env: dict[str, str]) -> None:
    with pytest.raises(GitexpError, check=has_code("command-not-found")) as error:
        find_program("python train.py", tmp_path, env)
    assert "python3" in str(error.value.hint)


@pytest.mark.parametrize(
    "line", ["cd x", ". ./env", "f() { :; }; f", "$TOOL x", "(no-such)", "nosuch; true", "'"]
)
def test_a_shell_line_has_the_benefit_of_the_doubt(tmp_path: Path, env: dict[str, str], line: str) -> None:
    assert find_program(line, tmp_path, env) is None


def test_a_plain_shell_line_is_checked(tmp_path: Path, env: dict[str, str]) -> None:
    tool = program(tmp_path / "bin" / "tool")
    assert find_program("A=1 tool --lr 0.1", tmp_path, env) == tool
    with pytest.raises(GitexpError, check=has_code("command-not-found")):
        find_program("A=1 nosuch --lr 0.1", tmp_path, env)


@pytest.mark.parametrize(
    "command",
    [
        ["python3", "train.py"],
        ["torchrun", "train.py"],
        ["long", "train.py"],
        ["env", "A=1", "python3"],
        ["nice", "-n", "5", "python3"],
        ["srun", "-n4", "torchrun"],
        ["nice"] * 2000 + ["env", "A=1", "python3"],
        "python3 train.py",
        "A=1 B='x y' python3 train.py | tee log",
        "cd sub && python3 train.py",
        "set -e\nmkdir -p a@b\npython3 train.py",
        "python3 -c 'print(\"\n;\")'",
    ],
)
def test_the_interpreter_of_a_command(
    tmp_path: Path, python: Path, env: dict[str, str], command: list[str] | str
) -> None:
    program(tmp_path / "bin" / "torchrun", "#!/usr/bin/env python3\n")
    program(tmp_path / "bin" / "long", f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n")
    program(tmp_path / "bin" / "srun")
    assert find_interpreter(command, tmp_path, env) == python


@pytest.mark.usefixtures("python")
@pytest.mark.parametrize(
    "command",
    [["sh", "train.sh"], ["tool"], ["nosuch"], [], "./tool python3", "'", "", "&&", ["nice"] * 30 + ["tool"]],
)
def test_no_interpreter(tmp_path: Path, env: dict[str, str], command: list[str] | str) -> None:
    program(tmp_path / "bin" / "tool")
    program(tmp_path / "tool")
    assert find_interpreter(command, tmp_path, env) is None


@pytest.mark.parametrize("command", [["uv", "run", "train.py"], "poetry run python train.py"])
def test_the_projects_own_environment(tmp_path: Path, env: dict[str, str], command: list[str] | str) -> None:
    python = program(tmp_path / ".venv" / "bin" / "python")
    (tmp_path / "sub").mkdir()
    assert find_interpreter(command, tmp_path / "sub", env) == python


def test_an_environments_python_is_not_followed_out_of_it(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    link = tmp_path / "venv" / "bin" / "python"
    link.symlink_to(sys.executable)
    assert find_interpreter(["venv/bin/python"], tmp_path, dict(os.environ)) == link
