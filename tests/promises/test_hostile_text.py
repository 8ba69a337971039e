"""No escape sequence, markup or invisible text from a repository reaches the screen as such.

Each payload goes through every text of a record and every command, into a pipe and into a terminal.
`gitexp log --raw` is the one exception; JSON escapes everything that is not ASCII.
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp.model import Status
from tests.support.experiments import adopt, copy_of, put
from tests.support.workspace import Workspace

PAYLOADS = {
    "color": "\x1b[31mred\x1b[0m",
    "clear": "\x1b[2J\x1b[H",
    "cursor": "\x1b[1A\x1b[2K",
    "title": "\x1b]0;pwned\x07",
    "link": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "device": '\x1bP$q"p\x1b\\\x1b[c\x1b[6n',
    "reset": "\x1bc\x1b7\x1b8",
    "c1": "\x9b31m\x9d0;x\x9c\x85\x84",
    "bell": "\x07\x08\x08\x0b\x0c\x7f",
    "return": "safe\rpwned",
    "lines": "one\ntwo\r\nthree\u2028four\u2029five",
    "bidi": "\u202eevil\u202c \u2066x\u2069 \u200e\u200f",
    "zero-width": "a\u200bb\u200cc\u2060d\ufeffe\u00adf\U000e0041",
    "rich": "[bold red]x[/] [link=http://evil.example]y[/link] :smile: [/]",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>&lt;",
    "markdown": "a|b`c`**d**[e](http://evil.example)\n\n# f",
    "formula": "=cmd|'/c calc'!A1",
    "huge": "x" * 5000,
    "percent": "%s %(refname) %n {0} ${HOME} `id` $(id)",
}
# What only some fields can hold.
SURROGATE = "caf\udce9 \udc9b31m"
NUL = "a\0b"
ALL = " ".join(text for name, text in PAYLOADS.items() if name not in ("huge", "lines", "return"))
TEXTS = PAYLOADS | {"surrogate": SURROGATE, "nul": NUL, "all": ALL}

_SGR = re.compile(r"\x1b\[[0-9;]*m")


def hostile(text: str) -> list[str]:
    """The characters in `text` that may not reach a screen."""
    return [
        f"U+{ord(char):04X}"
        for char in text
        if not char.isprintable() and char not in "\n\t" and unicodedata.category(char) != "Zs"
    ]


def check_pipe(text: str) -> None:
    assert not hostile(text), repr(text[:2000])


def check_terminal(raw: bytes) -> None:
    """Colours are gitexp's own, and lines end in CR LF because of the terminal."""
    text = _SGR.sub("", raw.decode("utf-8", "surrogateescape")).replace("\r\n", "\n")
    assert not hostile(text), repr(text[:2000])


def file_name(text: str) -> str:
    """The text as a file's name, less what makes a record damaged."""
    return re.sub(r"[\0\n/\ud800-\udc7f\udd00-\udfff]", "_", text)


@pytest.fixture(scope="module")
def hostile_repository(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which every text of every record is hostile."""
    repo = copy_of(template, tmp_path_factory.mktemp("hostile"))
    for at, (name, text) in enumerate(TEXTS.items()):
        put(
            repo,
            f"e-{name}",
            run_files={
                "output.log": text.encode("utf-8", "surrogateescape") + b"\n",
                "environment.txt": f"# python {text}\n{text}=={text}\n".encode("utf-8", "surrogateescape"),
            },
            status=(Status.DONE, Status.FAILED, Status.INTERRUPTED, Status.RUNNING)[at % 4],
            branch=text,
            command=text,
            argv=(text,),
            overrides=(text,),
            params={
                f"{file_name(text)}.yaml": {text: text, "list": [text, {text: text}], "same": text},
                "params.yaml": {"alike": text},
            },
            metrics={
                f"{file_name(text)}.json": {text: at, "text": text, "acc": at / 10},
                "metrics.json": {"score": at / 10},
            },
            created=text,
            finished=text,
            user=text,
            host=text,
            platform=text,
            python=text,
            gpus=(text,),
            gitexp=text,
            tags=(text,),
            note=text,
            warnings=(text,),
            alerts=(
                {
                    **dict.fromkeys(("time", "level", "title", "text", "rule"), text),
                    "actions": [{"do": text, "ok": False, "told": text}],
                },
            ),
        )
    put(repo, "e-damaged", body='{"format": "\x1b]0;x\x07\u202e"}')
    put(repo, "e\u202e\u009b31m\u200b")
    repo.git("tag", "v\u202e\u009b1", "HEAD")
    return repo.path


@pytest.fixture
def evil(repo: Workspace, hostile_repository: Path) -> Workspace:
    return adopt(repo, hostile_repository)


EVERY = [
    "show",
    "show -A --sort score",
    "show --group alike",
    "show --format md",
    "show --format csv",
    "list",
    "show --json",
    "alerts",
    "alerts --json",
    "watch --json -A",
]


@pytest.mark.parametrize("args", EVERY)
def test_the_table_in_a_pipe(evil: Workspace, args: str) -> None:
    done = evil.gitexp(*args.split())
    check_pipe(done.stdout + done.stderr)
    assert "\t" not in done.stdout
    if "--json" not in args and args != "alerts":
        assert "e-title" in done.stdout
    if args == "show":
        assert "[bold red]x[/]" in done.stdout
        assert len(done.stdout.splitlines()) == 3 + len(TEXTS) + 3


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize("args", [*EVERY[:3], "alerts"])
@pytest.mark.parametrize("cols", [60, 200])
def test_the_table_in_a_terminal(evil: Workspace, args: str, cols: int) -> None:
    seen = evil.tty(*args.split(), cols=cols, env={"PAGER": "cat"})
    assert seen.exit_code == 0
    check_terminal(seen.raw)


def test_markdown_has_no_markup_of_theirs(evil: Workspace) -> None:
    text = evil.gitexp("show", "--format", "md").stdout
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) > len(TEXTS)
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
    assert not re.search(r"(?<!\\)[<>`*\[]", text)


def test_json_is_the_same_text(evil: Workspace) -> None:
    out = evil.gitexp("show", "--json").stdout
    assert out.isascii()
    found = {row["name"]: row for row in json.loads(out)}
    for name, text in PAYLOADS.items():
        assert found[f"e-{name}"]["note"] == text
        (warning,) = found[f"e-{name}"]["warnings"]
        if name == "huge":  # a record stays readable, whatever it is warned of
            assert len(warning) < len(text)
        else:
            assert warning == text
    assert found["e-surrogate"]["note"] == "caf\\xe9 \\x9b31m"


@pytest.mark.parametrize("name", ["all", "huge", "lines", "surrogate", "nul"])
def test_one_experiment(evil: Workspace, name: str) -> None:
    for args in (
        ["diff", f"e-{name}"],
        ["diff", "e-rich", f"e-{name}", "--format", "md"],
        ["log", f"e-{name}"],
        ["show", f"e-{name}"],
    ):
        done = evil.gitexp(*args, check=False)
        check_pipe(done.stdout + done.stderr)
        assert done.exit_code == 0, done.stderr
    assert evil.gitexp("diff", f"e-{name}", "--json").stdout.isascii()
    if sys.platform != "win32":
        check_terminal(evil.tty("diff", "e-rich", f"e-{name}", env={"PAGER": "cat"}).raw)
        check_terminal(evil.tty("log", f"e-{name}", env={"PAGER": "cat"}).raw)


def test_raw_is_raw(evil: Workspace) -> None:
    assert evil.gitexp("log", "--raw", "e-title").stdout == PAYLOADS["title"] + "\n"


def _names() -> Iterator[str]:
    for text in [*PAYLOADS.values(), SURROGATE]:
        if len(text) < 200 and "/" not in text:
            yield f"x{text}.py"


@pytest.mark.skipif(sys.platform == "win32", reason="no such file names")
def test_file_names_and_patches(repo: Workspace) -> None:
    for name in _names():
        repo.write(name, "".join(f"{text}\n" for text in PAYLOADS.values()))
    for options in ([], ["--code"], ["--format", "md", "--code"]):
        done = repo.gitexp("diff", *options)
        check_pipe(done.stdout + done.stderr)
        seen = repo.tty("diff", *options, env={"PAGER": "cat"})
        check_terminal(seen.raw)
    assert repo.gitexp("diff", "--json", "--code").stdout.isascii()
    repo.git("config", "color.ui", "always")
    check_pipe(repo.gitexp("diff", "--code").stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="no such arguments")
@pytest.mark.parametrize("name", ["all", "huge", "lines", "return", "surrogate"])
def test_arguments_that_are_echoed(repo: Workspace, name: str) -> None:
    put(repo, "one")
    text = TEXTS[name]
    for args in (
        ["log", "--", text],
        ["diff", "--", text],
        ["show", "--sort", text],
        ["save", "-n", text],
        ["run", "-S", f"{text}=1", "--", "true"],
        ["run", "--", f"no-{text}"],
        [text],
        ["show", f"--{text}"],
        ["show", "--limit", text],
    ):
        done = repo.gitexp(*args, check=False)
        assert done.exit_code in (1, 2), args
        assert done.stdout == ""
        check_pipe(done.stderr)
        assert len(done.stderr) < 6000
    answer = repo.gitexp("log", "--json", "--", text, check=False).stdout
    assert answer.isascii()
    assert name == "surrogate" or text[:40] in json.loads(answer)["error"]["message"]


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_what_a_run_says(repo: Workspace) -> None:
    repo.writes("metrics.json", "params.yaml")
    program = (
        f"import json; print('done'); json.dump({{{PAYLOADS['title']!r}: {PAYLOADS['bidi']!r},"
        f" {PAYLOADS['c1']!r}: 1}}, open('metrics.json', 'w'))"
    )
    note = PAYLOADS["clipboard"]
    seen = repo.tty("run", "-m", note, "-S", f"+note={PAYLOADS['bidi']}", "--", sys.executable, "-c", program)
    assert seen.exit_code == 0
    check_terminal(seen.raw)
    check_terminal(repo.tty("show", "-A").raw)
    check_pipe(repo.git("log", "--all", "--format=%s"))


@pytest.mark.parametrize("name", ["title", "all"])
def test_config_and_params_errors(repo: Workspace, name: str) -> None:
    text = json.dumps(TEXTS[name])
    for config in (f"{text}: 1\n", f"params: [{text}, ../x]\n", f"a: [{text}\n"):
        repo.write("gitexp.yaml", config)
        done = repo.gitexp("show", check=False)
        check_pipe(done.stdout + done.stderr)
    repo.write("gitexp.yaml", f"metrics: [{text}]\n")
    repo.write("params.yaml", f"{text}: 1\n{text}: 2\n")
    for args in (["run", "--", "true"], ["show"], ["diff"]):
        done = repo.gitexp(*args, check=False)
        check_pipe(done.stdout + done.stderr)


@pytest.mark.skipif(sys.platform == "win32", reason="no such names")
def test_a_hostile_folder(repo: Workspace) -> None:
    folder = "x\x1b]0;t\x07\u202e"
    repo.write(f"{folder}/params.yaml", "a: [\n")
    for args in (["run", "--", "true"], ["show"], ["diff"]):
        done = repo.gitexp(*args, check=False, cwd=folder)
        check_pipe(done.stdout + done.stderr)
    with repo.by_user():
        (repo.path / folder).rename(repo.path / "plain")
