"""Writes what the documentation says of the code from the code itself.

    python docs/generate.py            commands.md, the generated parts of other pages
    python docs/generate.py --check    the same, nothing written: exit 1 and the names of stale pages
    python docs/generate.py --picture  images/show.svg and images/dashboard.png, from a demo that is run for
                                       them; the dashboard needs the extra ui, and Chromium

A generated part of a page stands between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import html
import inspect
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import typer.main

import gitexp
from gitexp import errors
from gitexp.cli.kit.help import leaves
from gitexp.cli.main import app
from gitexp.objects.remotes.url import OPTIONS
from gitexp.pipeline.read import FIELDS, OUT_FIELDS
from gitexp.project.config import USUAL_METRICS, USUAL_PARAMS, USUAL_PLOTS
from gitexp.project.config_keys import KEYS
from gitexp.project.exclusions import SECRETS

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "results.json"
COMPARED = (
    "table-1000-cold",
    "table-1000-warm",
    "json-10000-cold",
    "run-small",
    "run-20000",
    "run-20000-temp",
    "store-10000",
    "status-10000",
    "push-data",
    "pull-data",
    "stages-50",
)
PICTURE = DOCS / "images" / "show.svg"
PICTURED = ("show", "--sort", "acc", "--desc", "--only-changed")
DASHBOARD = DOCS / "images" / "dashboard.png"
# What the picture of the dashboard shows beside the runs of the demo.
GRID = ("run", "-q", "-S", "train.lr=0.02,0.05,0.2,0.3", "-S", "train.epochs=100,200", "-j", "2")

_PART = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_NOTE = re.compile(r"^(.*?)\s{2,}\((.*)\)$")

# What each error code means to a program that meets it; the classes' docstrings speak to programmers.


# -- commands.md ------------------------------------------------------------------------------------


def commands() -> dict[str, Any]:
    """The commands of the command line by name, in the order of `gitexp --help`; "" is gitexp itself."""
    root: Any = typer.main.get_command(app)
    return {"": root, **leaves(root)}


def commands_page() -> str:
    """docs/commands.md."""
    found = commands()
    root = found.pop("")
    lines = [
        "# Commands",
        "",
        "<!-- Written by docs/generate.py from the command line itself: change the help texts there. -->",
        "",
        _text(root.help),
        "",
        "`gitexp COMMAND --help` says the same in the terminal. The answer goes to stdout, what is meant for",
        "people to stderr. Exit codes and the shapes of `--json` are under",
        "[Configuration](configuration.md#exit-codes).",
        "",
        "| command | does |",
        "| --- | --- |",
        *(
            f"| [`{name}`](#gitexp-{name.replace(' ', '-')}) | {_cell(_first(command.help))} |"
            for name, command in found.items()
        ),
        "",
        "## gitexp",
        "",
        *_options(root),
    ]
    for name, command in found.items():
        lines += [f"## gitexp {name}", "", *_usage(name, command), _text(command.help), ""]
        lines += [*_arguments(command), *_options(command), *_examples(command.epilog)]
    return "\n".join(lines).rstrip() + "\n"


def arguments_of(command: Any) -> list[Any]:
    return [param for param in command.params if param.param_type_name == "argument"]


def options_of(command: Any) -> list[Any]:
    return [param for param in command.params if param.param_type_name == "option"]


def _usage(name: str, command: Any) -> list[str]:
    words = ["gitexp", name, "[OPTIONS]", *(_shown(argument) for argument in arguments_of(command))]
    return ["```text", " ".join(words), "```", ""]


def _arguments(command: Any) -> list[str]:
    rows = [f"| {_code(_shown(each))} | {_cell(each.help)} |" for each in arguments_of(command)]
    return ["| argument | |", "| --- | --- |", *rows, ""] if rows else []


def _options(command: Any) -> list[str]:
    rows = [f"| {_spelled(each)} | {_cell(each.help)}{_default(each)} |" for each in options_of(command)]
    rows.append("| `-h`, `--help` | Show this message and exit. |")
    return ["| option | |", "| --- | --- |", *rows, ""]


def _shown(argument: Any) -> str:
    if argument.metavar:
        return str(argument.metavar)
    name = argument.name.upper()
    return name if argument.required else f"[{name}]"


def _spelled(option: Any) -> str:
    """An option as it is typed: short form first, its value's name after the last one."""
    names = sorted(option.opts, key=len) + sorted(option.secondary_opts, key=len)
    value = "" if option.is_flag or option.count else f" {option.metavar or _kind(option)}"
    return ", ".join(_code(name + (value if name == names[-1] else "")) for name in names)


def _kind(option: Any) -> str:
    kinds = {"integer": "N", "integer range": "N", "int": "N", "int range": "N"}
    return kinds.get(option.type.name.strip("<>").lower(), option.name.upper())


def _code(text: str) -> str:
    """Code in a cell; a bar in it would end the cell, and renderers differ in how to escape it."""
    return f"<code>{html.escape(text).replace('|', '&#124;')}</code>" if "|" in text else f"`{text}`"


def _default(option: Any) -> str:
    default = option.default
    plain = isinstance(default, (int, str)) and not isinstance(default, bool) and default != ""
    return f" Default: `{default}`." if plain else ""


def _examples(epilog: str | None) -> list[str]:
    """The examples of an epilog as a block of shell lines, remarks in brackets as comments."""
    if not epilog:
        return []
    lines = [line.strip() for line in epilog.splitlines() if line.strip() and line.strip() != "Examples:"]
    shown = [f"{match[1]}  # {match[2]}" if (match := _NOTE.match(line)) else line for line in lines]
    return ["```sh", *shown, "```", ""]


def _text(text: str | None) -> str:
    return inspect.cleandoc(text or "")


def _first(text: str | None) -> str:
    return " ".join(_text(text).split("\n\n")[0].split())


def _cell(text: str | None) -> str:
    words = " ".join((text or "").split())
    return re.sub(r"([|*<])", r"\\\1", words)


# -- parts of other pages -----------------------------------------------------------------------------


def config_keys() -> Iterator[str]:
    yield from ["| key | |", "| --- | --- |"]
    yield from (f"| [`{key}`](#{key}) | {_cell(text)} |" for key, text in KEYS.items())


def stage_fields() -> Iterator[str]:
    yield from ("| field | |", "| --- | --- |")
    yield from (f"| `{name}` | {text} |" for name, text in FIELDS.items())


def out_fields() -> Iterator[str]:
    yield from ("| of an output | |", "| --- | --- |")
    yield from (f"| `{name}` | {text} |" for name, text in OUT_FIELDS.items())


def usual_files() -> Iterator[str]:
    yield from ["| what | found by itself |", "| --- | --- |"]
    for what, names in (("params", USUAL_PARAMS), ("metrics", USUAL_METRICS), ("plots", USUAL_PLOTS)):
        yield f"| {what} | {_names(names)} |"


def secrets() -> Iterator[str]:
    yield _names(SECRETS)


def remote_options() -> Iterator[str]:
    yield from ["| option | of | |", "| --- | --- | --- |"]
    for name, text in OPTIONS.items():
        of, _, what = text.partition(": ")
        yield f"| `{name}` | `{of}` | {what[:1].upper()}{_cell(what[1:])} |"


def error_codes() -> Iterator[str]:
    yield from ["| code | exit | means |", "| --- | --- | --- |"]
    for code, (raised_as, meaning) in errors.CODES.items():
        yield f"| `{code}` | {raised_as.exit_code} | {meaning} |"


_CONSTANTS = {
    "MISSING": "Stands for a value that is not there, which None is not.",
    "__version__": "The version of gitexp.",
}


def python_api() -> Iterator[str]:
    """The public names, each with the first sentence that its own docstring says of it."""
    yield from ["| name | |", "| --- | --- |"]
    for name in gitexp.__all__:
        thing = getattr(gitexp, name)
        documented = inspect.isclass(thing) or inspect.isfunction(thing) or inspect.ismodule(thing)
        text = thing.__doc__ if documented else _CONSTANTS[name]
        yield f"| `{name}` | {_cell(_first(text))} |"


def reading_api() -> Iterator[str]:
    """What an experiment that is read back has, each with the first sentence that the code says of it."""
    for of in (gitexp.OpenedExperiment, gitexp.History, gitexp.Series):
        yield from [f"| of `{of.__name__}` | |", "| --- | --- |"]
        for name, text in _attributes(of):
            yield f"| `{name}` | {_cell(text)} |"
        for name, thing in vars(of).items():
            if not name.startswith("_") and (inspect.isfunction(thing) or isinstance(thing, property)):
                shown = f"{name}()" if inspect.isfunction(thing) else name
                yield f"| `{shown}` | {_cell(_first(thing.__doc__))} |"
        yield ""


def _attributes(of: type) -> Iterator[tuple[str, str]]:
    """Yield the attributes that a class lists in its docstring, each with its text."""
    listed = inspect.cleandoc(of.__doc__ or "").partition("Attributes:\n")[2]
    for match in re.finditer(r"^    (\w+): (.+)$", listed, re.MULTILINE):
        yield match[1], match[2]


def speed() -> Iterator[str]:
    """The cases that say most, of the last whole measurement."""
    if not RESULTS.exists():
        yield "`make bench` measures them on your machine."
        return
    measured = {each["name"]: each for each in json.loads(RESULTS.read_text("utf-8"))["cases"]}
    yield from ["| seconds | gitexp | DVC 3.67 |", "| --- | --- | --- |"]
    for name in COMPARED:
        case = measured.get(name, {"sides": {}})
        if {"gitexp", "dvc"} <= case["sides"].keys():
            ours, theirs = (_net_seconds(case["sides"], side) for side in ("gitexp", "dvc"))
            yield f"| {case['work']} | {ours} | {theirs} |"
    yield from [
        "",
        "All of them, and how they were measured: [benchmarks/RESULTS.md](benchmarks/RESULTS.md).",
    ]


def _net_seconds(sides: Mapping[str, Any], side: str) -> str:
    """The median of a side, less that of the bare command where there is one."""
    bare = median(sides["bare"]["seconds"]) if "bare" in sides else 0.0
    seconds = median(sides[side]["seconds"]) - bare
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


PARTS: Mapping[str, Callable[[], Iterable[str]]] = {
    "config-keys": config_keys,
    "stage-fields": stage_fields,
    "out-fields": out_fields,
    "remote-options": remote_options,
    "usual-files": usual_files,
    "secrets": secrets,
    "error-codes": error_codes,
    "python-api": python_api,
    "reading-api": reading_api,
    "speed": speed,
}


def with_parts(page: str) -> str:
    """A page with its generated parts as they must be."""
    return _PART.sub(
        lambda part: "\n".join([part[1].rstrip(), "", *PARTS[part["name"]](), "", part[3]]), page
    )


def pages() -> dict[Path, str]:
    """What each page that is generated, or has generated parts, must hold."""
    found = {
        page: with_parts(text)
        for page in (*sorted(DOCS.glob("*.md")), DOCS.parent / "README.md")
        if "<!-- generated: " in (text := page.read_text("utf-8"))
    }
    return {**found, DOCS / "commands.md": commands_page()}


def stale() -> list[Path]:
    """The pages that do not hold what they must."""
    return [page for page, text in pages().items() if not page.exists() or page.read_text("utf-8") != text]


# -- the picture --------------------------------------------------------------------------------------

_CELL = 12.2  # width of one character in rich's SVG
_DRAWN = re.compile(
    r'<text class="(?P<style>[^"]+-r\d+)" x="(?P<x>[\d.]+)" (?P<rest>[^>]*)>(?P<text>.*?)</text>'
)
_LENGTH = re.compile(r'textLength="[\d.]+"')


def draw() -> None:
    """Run the demo, and draw its table as a terminal and as a browser show it."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "iris"
        _gitexp("demo", "--quiet", str(project))
        _draw_table(project)
        _gitexp(*GRID, "--", sys.executable, "train.py", cwd=project)
        _gitexp("ui", "--export", f"{folder}/site", cwd=project)
        _draw_page(Path(folder) / "site" / "index.html")


def _gitexp(*arguments: str, cwd: Path | None = None, **more: str) -> str:
    """What a command of gitexp prints; `more`: environment variables."""
    command = [sys.executable, "-m", "gitexp", *arguments]
    environment = {**os.environ, **more}
    done = subprocess.run(
        command, cwd=cwd, env=environment, check=True, stdout=subprocess.PIPE, encoding="utf-8"
    )
    return done.stdout


def _draw_page(page: Path) -> None:
    """Draw a page of the dashboard as Chromium shows it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        window = browser.new_page(viewport={"width": 1280, "height": 626}, color_scheme="light")
        window.goto(page.as_uri())
        window.get_by_text("12 experiments").wait_for()
        window.screenshot(path=DASHBOARD)
        browser.close()


def _draw_table(project: Path) -> None:
    """Draw the table of a project as a terminal shows it."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI
    from rich.text import Text

    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    shown = _gitexp(*PICTURED, cwd=project, **terminal)
    text = Text.assemble("$ ", (f"gitexp {' '.join(PICTURED)}", "bold"), "\n", Text.from_ansi(shown.rstrip()))
    width = max(map(len, text.plain.splitlines())) + 1
    console = Console(record=True, width=width, file=io.StringIO())
    console.print(text)
    svg = console.export_svg(title="gitexp", theme=MONOKAI, unique_id="gitexp-show")
    # No page of ours asks a third party for a font: the reader's own monospaced one will do.
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = _DRAWN.sub(_by_cell, svg)
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", "utf-8")


def _by_cell(drawn: re.Match[str]) -> str:
    """Each cell of a line at a place of its own, so that columns stand in line in any font."""
    text = html.unescape(drawn["text"]).replace("\xa0", " ")
    pieces = []
    for cell in re.finditer(r"\S+(?: \S+)*", text):
        x = float(drawn["x"]) + _CELL * cell.start()
        rest = _LENGTH.sub(f'textLength="{_CELL * len(cell[0]):.1f}"', drawn["rest"])
        content = html.escape(cell[0], quote=False).replace(" ", "&#160;")
        pieces.append(f'<text class="{drawn["style"]}" x="{x:.1f}" {rest}>{content}</text>')
    return "".join(pieces)


def main(arguments: Sequence[str]) -> int:
    """Do as the module's text says; return the exit status."""
    if "--picture" in arguments:
        draw()
        return 0
    old = stale()
    for page in old:
        if "--check" not in arguments:
            page.write_text(pages()[page], "utf-8")
        sys.stdout.write(
            f"{'stale' if '--check' in arguments else 'wrote'}: {page.relative_to(DOCS.parent)}\n"
        )
    return 1 if old and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
