"""What can go wrong before anything is written: one sentence, one hint, exit 1 or 2, nothing changed.

The fixture's guard sees to the user's own files; that no ref, object or local state is made is seen to
here.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gitexp import errors
from gitexp.cli.registry import COMMANDS
from gitexp.model import ProcessId, Status
from tests.support.experiments import put
from tests.support.workspace import Workspace


class Case(NamedTuple):
    """`prepare` is the user's doing; `code` is the error's, `says` and `hints` parts of its words."""

    id: str
    args: tuple[str, ...]
    code: str
    says: str
    hints: str = ""
    prepare: Callable[[Workspace], object] = lambda repo: None
    exit_code: int = 1


RUN = ("run", "--", "python", "train.py")
LONG = "x" * 300


def _unmerged(repo: Workspace) -> None:
    repo.git("switch", "--quiet", "-c", "theirs")
    repo.write("params.yaml", "a: 1\n")
    repo.commit()
    repo.git("switch", "--quiet", "main")
    repo.write("params.yaml", "a: 2\n")
    repo.commit()
    repo.git("merge", "theirs", check=False)
    repo.write("params.yaml", "a: 3\n")


def _params(text: str, name: str = "params.yaml") -> Callable[[Workspace], object]:
    """Writes a params file, and a gitexp.yaml that names it: one found by its name is only warned of."""

    def write(repo: Workspace) -> None:
        repo.write("gitexp.yaml", f"params: [{name}]\n")
        repo.write(name, text)

    return write


def _config(text: str) -> Callable[[Workspace], object]:
    return lambda repo: repo.write("gitexp.yaml", text)


def _experiments(*names: str) -> Callable[[Workspace], object]:
    return lambda repo: [put(repo, name) for name in names]


def _running(name: str) -> Callable[[Workspace], object]:
    elsewhere = ProcessId("another-host", 1, "then")
    return lambda repo: put(repo, name, status=Status.RUNNING, process=elsewhere)


def _stored_by_dvc(name: str) -> Callable[[Workspace], object]:
    def prepare(repo: Workspace) -> None:
        head = repo.git("rev-parse", "HEAD")
        repo.git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/{name}", head)

    return prepare


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + at)}: &{chr(98 + at)} [{','.join([f'*{chr(97 + at)}'] * 9)}]\n" for at in range(12)
)
DUPLICATES = "train:\n  lr: 1\n  lr: 2\n"

CASES = [
    Case("unmerged", RUN, "unmerged-paths", "params.yaml", "", _unmerged),
    Case("unmerged-save", ("save",), "unmerged-paths", "params.yaml", "", _unmerged),
    Case(
        "unknown",
        ("log", "exp-333c8"),
        "unknown-experiment",
        "'exp-333c8'",
        "exp-333c9",
        _experiments("exp-333c9"),
    ),
    Case(
        "unknown-diff",
        ("diff", "exp-333c8"),
        "unknown-experiment",
        "'exp-333c8'",
        "exp-333c9",
        _experiments("exp-333c9"),
    ),
    Case("unknown-branch", ("branch", "nope"), "unknown-experiment", "'nope'", "gitexp list -A"),
    Case(
        "ambiguous",
        ("log", "exp"),
        "ambiguous-experiment",
        "exp-1, exp-2",
        "",
        _experiments("exp-1", "exp-2"),
    ),
    Case("name-taken", ("save", "-n", "one"), "name-taken", "'one'", "", _experiments("one")),
    Case("name-taken-by-case", ("save", "-n", "ONE"), "name-taken", "'one'", "", _experiments("one")),
    Case(
        "name-taken-run", ("run", "-n", "One", "--", "true"), "name-taken", "'one'", "", _experiments("one")
    ),
    *(
        Case(f"name-{at}", ("save", "-n", name), "invalid-name", "cannot be the name", "63", exit_code=2)
        for at, name in enumerate(
            ["-x", "--upload-pack=x", "../x", LONG, "a b", "a/b", "x.lock", "ä", "\x1b[31m"]
        )
    ),
    Case("name-run", ("run", "-n", "../x", "--", "true"), "invalid-name", "'../x'", "63", exit_code=2),
    Case("no-command", ("run",), "no-command", "no command", "gitexp init", exit_code=2),
    Case("command-not-found", ("run", "--", "no-such-program"), "command-not-found", "no-such-program"),
    Case(
        "branch-exists",
        ("branch", "one", "main"),
        "branch-exists",
        "'main'",
        "gitexp branch one",
        _experiments("one"),
    ),
    Case(
        "branch-in-the-way", ("branch", "one", "main/x"), "branch-exists", "'main/x'", "", _experiments("one")
    ),
    Case("branch-invalid", ("branch", "one", "a..b"), "invalid-name", "'a..b'", "", _experiments("one"), 2),
    Case("params-broken", RUN, "parse-error", "params.yaml:3:1", "", _params("a: 1\nb: [\n")),
    Case("params-bomb", RUN, "parse-error", "params.yaml", "", _params(BOMB)),
    Case("params-brackets", RUN, "parse-error", "params.yaml", "", _params("a: " + "[" * 3000)),
    Case("params-duplicate", RUN, "parse-error", "params.yaml:3:3", "", _params(DUPLICATES)),
    Case("params-json", RUN, "parse-error", "params.json:1:", "", _params('{"a": }', "params.json")),
    Case("params-brackets-json", RUN, "parse-error", "params.json", "", _params("[" * 3000, "params.json")),
    Case("params-toml", RUN, "parse-error", "params.toml:1:", "", _params("a =\n", "params.toml")),
    Case(
        "config-key",
        ("save",),
        "config-error",
        "gitexp.yaml:2: there is no key 'metrcs'",
        "Did you mean metrics?",
        _config("\nmetrcs: x\n"),
    ),
    Case(
        "config-type", RUN, "config-error", "gitexp.yaml:1: 'metrics'", "metrics: [", _config("metrics: 3\n")
    ),
    Case(
        "no-such-file",
        ("run", "-S", "params.yml:a=1", "--", "true"),
        "unknown-param",
        "There is no file 'params.yml'",
        "Params files here: params.yaml.",
    ),
    Case(
        "reserved",
        ("save", "-n", "HEAD"),
        "invalid-name",
        "'HEAD' cannot be the name",
        "reserved",
        exit_code=2,
    ),
    Case("config-broken", ("save",), "parse-error", "gitexp.yaml:1:", "", _config("a: b: c\n")),
    Case(
        "override-unknown", ("run", "-S", "train.lt=1", "--", "true"), "unknown-param", "train.lt", "train.lr"
    ),
    Case(
        "override-bad",
        ("run", "-S", "train.lr", "--", "true"),
        "invalid-override",
        "train.lr",
        "",
        exit_code=2,
    ),
    Case(
        "sort-unknown",
        ("show", "--sort", "ac"),
        "unknown-column",
        "'ac'",
        "acc",
        lambda r: put(r, "one", metrics={"m": {"acc": 1}}),
        2,
    ),
    Case(
        "columns-unknown",
        ("show", "--columns", "x*"),
        "unknown-column",
        "'x*'",
        "train.lr",
        _experiments("one"),
        2,
    ),
    Case("filter", ("list", "--filter", "acc >"), "invalid-filter", "character 6", "", exit_code=2),
    Case(
        "filter-unknown",
        ("show", "--filter", "lr > 1"),
        "invalid-filter",
        "'lr'",
        "train.lr",
        lambda r: put(r, "one", params={"params.yaml": {"train": {"lr": 1}}}),
        2,
    ),
    Case("metric", ("run", "--metric", "acc=(", "--", "true"), "invalid-metric", "acc", "", exit_code=2),
    Case("best-unknown", ("best", "acc"), "none-found", "acc", "-A"),
    Case("tag-unknown", ("tag", "one", "-d", "x"), "unknown-tag", "'x'", "none", _experiments("one"), 2),
    Case("tag-invalid", ("tag", "one", "\n"), "invalid-name", "a tag", "", _experiments("one"), 2),
    Case("no-output", ("log", "one"), "no-output", "one", "gitexp diff one", _experiments("one")),
    Case("no-terminal", ("note", "one"), "no-terminal", "no terminal", "-m", _experiments("one"), 2),
    Case("no-screen", ("show", "--watch"), "no-terminal", "--watch", "--json", exit_code=2),
    Case("config-exists", ("init",), "config-exists", "gitexp.yaml", "--force", _config("command: x\n"), 2),
    Case("nothing-to-undo", ("undo",), "nothing-to-undo", "undo"),
    *(
        Case(f"still-running-{args[0]}", args, "still-running", "one", "", _running("one"))
        for args in (
            ("apply", "one"),
            ("branch", "one", "x"),
            ("rename", "one", "two"),
            ("remove", "-y", "one"),
            ("run", "--from", "one", "--", "true"),
        )
    ),
    Case(
        "foreign",
        ("note", "theirs", "-m", "x"),
        "foreign-experiment",
        "DVC",
        "",
        _stored_by_dvc("theirs"),
    ),
    Case("formats", ("show", "--watch", "--format", "md"), "usage", "--format and --watch", "", exit_code=2),
]


_FIRST = {case.code: case for case in reversed(CASES)}  # one of each code, for --json


def _with_json(args: tuple[str, ...]) -> tuple[str, ...]:
    at = args.index("--") if "--" in args else len(args)
    return (*args[:at], "--json", *args[at:])


def _state(repo: Workspace) -> tuple[list[str], str, set[str]]:
    """All refs, the number of objects, and what gitexp has begun and not ended."""
    refs = repo.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    local = repo.path / ".git" / "gitexp"
    left = {str(path) for name in ("tmp", "runs") for path in (local / name).glob("*")}
    return refs, repo.git("count-objects", "-v"), left


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_one_sentence_one_hint_and_nothing_written(repo: Workspace, case: Case) -> None:
    case.prepare(repo)
    before = _state(repo)
    done = repo.gitexp(*case.args, check=False)
    _check(done.exit_code, done.stdout, done.stderr, case)
    if case in _FIRST.values():
        answer = repo.gitexp(*_with_json(case.args), check=False)
        assert (answer.exit_code, answer.stderr) == (case.exit_code, "")
        error = json.loads(answer.stdout)["error"]
        assert error["code"] == case.code
        assert case.says in error["message"]
    assert _state(repo) == before


def _check(exit_code: int, stdout: str, stderr: str, case: Case) -> None:
    assert exit_code == case.exit_code, stderr
    assert stdout == ""
    lines = stderr.splitlines()
    assert lines[0].startswith("error: ")
    assert case.says in lines[0].replace("\\x1b", "\x1b")
    assert len(lines[0]) < 400
    assert len(lines) == (2 if case.hints else len(lines))
    assert len(lines) <= 2
    assert all(line.startswith("hint: ") for line in lines[1:])
    assert case.hints in "".join(lines[1:])
    assert "Traceback" not in stderr


# -- with --json ----------------------------------------------------------------------------------------


def _only_document(stdout: str) -> dict[str, Any]:
    """The error on stdout, of which there is one and nothing besides."""
    document = json.loads(stdout)
    assert list(document) == ["error"]
    return dict(document["error"])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_mistyped_option_is_one_document_too(repo: Workspace, command: str) -> None:
    done = repo.gitexp(command, "--jsno", "--json", check=False)
    assert (done.exit_code, done.stderr) == (2, "")
    error = _only_document(done.stdout)
    assert error["code"] == "usage"
    assert "--jsno" in error["message"]


@pytest.mark.parametrize(
    "args", [("shwo", "--json"), ("--json",), ("--json", "show"), ("tag", "--json", "--nope")]
)
def test_a_mistyped_command_is_one_document_too(repo: Workspace, args: tuple[str, ...]) -> None:
    done = repo.gitexp(*args, check=False)
    assert (done.exit_code, done.stderr) == (2, "")
    assert _only_document(done.stdout)["code"] == "usage"


def test_the_json_of_a_script_is_the_scripts(repo: Workspace) -> None:
    for words in (["-n", "../x"], ["--nmae", "x"]):
        mine = repo.gitexp("run", *words, "python", "train.py", "--json", check=False)
        assert mine.exit_code == 2
        assert (mine.stdout == "") == (words[0] == "-n")  # where it is not understood nobody can tell
    assert "error: " in repo.gitexp("run", "-n", "../x", "--", "true", "--json", check=False).stderr


def test_an_error_has_the_paths_and_places_it_is_about(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "params: [params.yaml]\n")
    repo.write("params.yaml", "a: 1\nb: [\n")
    broken = _only_document(repo.gitexp("run", "--json", "--", "true", check=False).stdout)
    assert (broken["file"], broken["line"], broken["column"]) == ("params.yaml", 3, 1)
    repo.git("checkout", "params.yaml")
    repo.write("train.py", "print('of two')")
    repo.gitexp("save", "-n", "two")
    repo.write("train.py", "print('mine')")
    refused = _only_document(repo.gitexp("apply", "two", "--json", check=False).stdout)
    assert (refused["code"], refused["paths"]) == ("unsaved-changes", ["train.py"])


def test_what_a_run_warns_of_before_and_after_is_in_its_document_too(repo: Workspace) -> None:
    repo.write(".env", "SECRET=1")
    done = repo.gitexp("run", "--json", "--metric", "acc=^acc (.+)", "--", "true")
    warnings = json.loads(done.stdout)["warnings"]
    assert len(warnings) == 2
    assert [line for line in done.stderr.splitlines() if line.startswith("warning: ")] == [
        f"warning: {text}" for text in warnings
    ]


def test_a_list_that_breaks_off_is_followed_by_no_second_document(repo: Workspace) -> None:
    put(repo, "one")
    program = (
        "import sys; from gitexp.catalog.fields import Row\n"
        "whole = Row.as_json\n"
        "def broken(row):\n"
        "    if row.kind == 'experiment': raise OSError(5, 'Input/output error')\n"
        "    return whole(row)\n"
        "Row.as_json = broken\n"
        "sys.argv = ['gitexp', 'show', '--json']\n"
        "from gitexp.cli.main import main; main()"
    )
    done = repo.gitexp("run", "-q", "--", sys.executable, "-c", program, check=False)
    assert done.exit_code == 1
    assert done.stdout.startswith("[\n{")
    assert '"error": {' not in done.stdout
    assert "error: Input/output error" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_is_an_answer(repo: Workspace) -> None:
    # Git waits for the FIFO that it is given as a config file, and gitexp for Git.
    fifo = repo.path / ".git" / "slow-config"
    with repo.by_user():
        os.mkfifo(fifo)
    process = repo.start("show", "--json", env={"GIT_CONFIG_GLOBAL": str(fifo)})
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    for _ in range(2):  # as `timeout -s INT` does
        os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (-signal.SIGINT, b""), out
    assert _only_document(out.decode())["code"] == "interrupted"
    with repo.by_user():
        fifo.unlink()


# -- where the repository is not what it should be ----------------------------------------------------


@pytest.mark.parametrize("command", ["show", "list", "save", "diff", "init", "run", "branch", "log"])
def test_outside_a_repository(repo: Workspace, tmp_path: Path, command: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    arguments = {"branch": ["x"], "log": ["x"], "run": ["--", "true"]}.get(command, [])
    done = repo.gitexp(command, *arguments, check=False, cwd="../elsewhere")
    _check(
        done.exit_code, done.stdout, done.stderr, Case("", (), "", "Not inside a Git repository", "git init")
    )
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("command", ["show", "save", "diff", "init"])
def test_in_a_bare_repository(repo: Workspace, tmp_path: Path, command: str) -> None:
    repo.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare"))
    for where in ("../bare", ".git"):
        done = repo.gitexp(command, check=False, cwd=where)
        _check(done.exit_code, done.stdout, done.stderr, Case("", (), "", "without a workspace", "clone"))


@pytest.mark.parametrize("args", [("save",), ("diff",), ("run", "--", "true")])
def test_before_the_first_commit(repo: Workspace, tmp_path: Path, args: tuple[str, ...]) -> None:
    repo.git("init", "--quiet", str(tmp_path / "new"))
    done = repo.gitexp(*args, check=False, cwd="../new")
    _check(done.exit_code, done.stdout, done.stderr, Case("", (), "", "no commit yet", "git commit"))
    assert repo.json("show", cwd="../new")[0]["kind"] == "workspace"
    assert repo.json("list", cwd="../new") == []


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX script")
@pytest.mark.parametrize(
    ("script", "says"),
    [(None, "not installed"), ("echo git version 2.29.9", "2.29.9 is too old"), ("exit 3", "")],
)
def test_git_that_is_missing_or_too_old(
    repo: Workspace, tmp_path: Path, script: str | None, says: str
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    if script is not None:
        (tools / "git").write_text(f"#!/bin/sh\n{script}\n")
        (tools / "git").chmod(0o755)
    done = repo.gitexp("show", check=False, env={"PATH": str(tools)})
    _check(done.exit_code, done.stdout, done.stderr, Case("", (), "", says, "2.30" if says else ""))


def test_a_repository_of_somebody_else(repo: Workspace) -> None:
    done = repo.gitexp("show", "--json", check=False, env={"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
    assert done.exit_code == 1
    error = _only_document(done.stdout)
    assert error["code"] == "untrusted-repository"
    assert "safe.directory" in str(error["hint"])


@pytest.mark.parametrize("args", [("save",), ("run", "--", "true"), ("branch", "one", "x")])
def test_a_repository_that_cannot_be_written(repo: Workspace, args: tuple[str, ...]) -> None:
    put(repo, "one")
    folders = [Path(top) for top, _, _ in os.walk(repo.path / ".git")]
    for folder in folders:
        folder.chmod(0o555)
    try:
        done = repo.gitexp(*args, check=False, unreadable=True)
        _check(done.exit_code, done.stdout, done.stderr, Case("", (), "", "", "ermission"))
        # Looking needs no permission to write.
        assert repo.gitexp("list", unreadable=True).stdout == "one\n"
        assert repo.gitexp("show", unreadable=True).exit_code == 0
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_an_unexpected_error_is_called_a_bug(repo: Workspace) -> None:
    program = (
        "import sys; import gitexp.views.table as show\n"
        "def broken(*a): raise ZeroDivisionError('\\x1b[31m')\n"
        "show.table = broken\n"
        "sys.argv = ['gitexp', 'show']\n"
        "from gitexp.cli.main import main; main()"
    )
    done = repo.gitexp("run", "-q", "--", sys.executable, "-c", program, check=False)
    assert done.exit_code == 1
    assert "error: Unexpected: ZeroDivisionError: \\x1b[31m" in done.stderr
    assert "GITEXP_DEBUG=1" in done.stderr


# -- the classes --------------------------------------------------------------------------------------


def _classes() -> list[type[errors.GitexpError]]:
    found = [value for value in vars(errors).values() if inspect.isclass(value)]
    return [value for value in found if issubclass(value, errors.GitexpError)]


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [found.code for found in _classes()]
    assert len(codes) == len(set(codes))
    for found in _classes():
        assert errors.CODES[found.code][0] is found
        assert found.exit_code in ((130,) if found is errors.Interrupted else (1, 2))
        assert issubclass(found, errors.UsageError) == (found.exit_code == 2)


def test_every_code_in_the_package_is_on_the_page() -> None:
    """With the class that it is raised as; and the page has no code that nobody raises."""
    raised = {found.code: found.__name__ for found in _classes()}
    for file in Path(errors.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            for keyword in node.keywords:
                if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                    name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
                    raised[str(keyword.value.value)] = name
    assert raised == {code: found.__name__ for code, (found, _) in errors.CODES.items()}


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({}, "what"),
        ({"file": "a.yaml"}, "a.yaml: what"),
        ({"file": "a.yaml", "line": 3}, "a.yaml:3: what"),
        ({"file": "a.yaml", "line": 3, "column": 5}, "a.yaml:3:5: what"),
        ({"file": "a.yaml", "column": 5}, "a.yaml: what"),
    ],
)
def test_an_error_in_a_file_begins_with_its_place(place: dict[str, object], message: str) -> None:
    assert errors.ParseError("what", **place).message == message  # type: ignore[arg-type]
