"""The documentation is true: its commands run, its lists are complete, its generated pages are fresh.

In a ```console block, lines after `$ ` are typed into a terminal, one after the other, in one folder for
the whole page. The lines below are what comes of them, in order: `…` stands for any lines, numbers, ids and
names made of ids may differ, `# exit N` is the exit status to expect (else 0), `^C` is Ctrl-C.
"""

from __future__ import annotations

import ast
import dataclasses
import doctest
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from gitexp import errors, model, plugins, version
from gitexp.catalog.fields import Use, used_for
from gitexp.catalog.filter_syntax import OPERATORS
from gitexp.cli.commands.looking.export import ExportFormat
from gitexp.objects.remotes import url
from gitexp.pipeline.graph import Graph
from gitexp.project import config, config_keys, config_loading, stage_files
from gitexp.repo import records
from tests.support.forkserver import AVAILABLE
from tests.support.processes import Terminal, fork_with_pty, run_with_pty
from tests.support.repositories import copy_repository, git
from tests.support.shared import made_once
from tests.support.workspace import Workspace, fork_server

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *sorted(DOCS.glob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_VARIABLE = re.compile(r"\b(?:GITEXP_[A-Z]+|NO_COLOR|CLICOLOR_FORCE|FORCE_COLOR)\b")
Demo = Callable[[Path], None]
DEMO = ["gitexp", "demo", "--quiet"]
_OF_A_SHELL = {"|", ">", ">>", "&&"}  # the words that are no argument
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_VARYING = (
    (re.compile(r"\bexp-[0-9a-f]{5,}"), "exp-#"),
    (re.compile(r"\b(?=[a-f]*[0-9])[0-9a-f]{7,64}\b"), "#"),
    (re.compile(r"[+-]?\b\d+(?:[.:]\d+)*(?:e[+-]?\d+)?\*?"), "#"),
    (re.compile(r"[+-]{2,}"), "++"),  # the length of git's histograms
    (re.compile(r"\s+"), " "),
)


# -- pages whose commands are run ---------------------------------------------------------------------


@dataclass(frozen=True)
class Command:
    """One command of a page, and what the page shows of it."""

    text: str
    shown: list[str]

    @property
    def exit_code(self) -> int:
        found = re.search(r"# exit (\d+)$", self.text)
        return int(found[1]) if found else 0

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Ctrl-C once the line before it has come, as far as that will be the same everywhere."""
        if "^C" not in self.shown:
            return []
        before = self.shown[self.shown.index("^C") - 1]
        return [(re.split(r"\d+\.\d", before)[0].rstrip(), "\x03")]


def commands_of(page: Path) -> Iterator[Command]:
    for language, block in _FENCE.findall(page.read_text("utf-8")):
        if language != "console":
            continue
        typed: list[Command] = []
        for line in block.splitlines():
            if line.startswith("$ "):
                typed.append(Command(line[2:], []))
            else:
                typed[-1].shown.append(line)
        yield from typed


def play(page: Path, folder: Path, demo: Demo) -> None:
    """Types a page's commands in a terminal that starts in `folder`; all must come as it shows.

    In place of `gitexp demo`, `demo` is called.
    """
    for command in commands_of(page):
        words = words_of(command.text)
        if words[:1] == ["cd"]:
            folder = folder / words[1]
            continue
        if words == [*DEMO, "iris"]:
            demo(folder / "iris")
            continue
        ended = typed(command, folder)
        output = _ESCAPE.sub("", ended.raw.decode("utf-8", "replace")).replace("\r", "").replace("^C", "\n")
        told = f"{page.name}: $ {command.text}\n{output}"
        status = 128 - ended.exit_code if ended.exit_code < 0 else ended.exit_code  # as a shell gives it
        assert status == command.exit_code, f"exit {status} from {told}"
        wanted = [plain(line) for line in command.shown if line.strip() not in ("", "…", "^C")]
        for line in output.splitlines():
            if wanted and plain(line) == wanted[0]:
                del wanted[0]
        assert not wanted, f"`{wanted[0]}` does not come (in this order) in {told}"


def typed(command: Command, folder: Path) -> Terminal:
    """What a command shows in a terminal; `python` is this environment's, which has scikit-learn."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # os.environ and not what this process would hand down: pytest's readline puts a COLUMNS there.
    # A network of this size learns no faster with more threads, which only wait for one another.
    env = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    words = words_of(command.text)
    if AVAILABLE and words[0] == "gitexp" and _OF_A_SHELL.isdisjoint(words):
        fork = partial(fork_server().start, words[1:], folder, env, terminal=True)
        return fork_with_pty(lambda terminal: fork([terminal] * 3), 100, 60, command.keys, 60.0)
    return run_with_pty(["bash", "-c", command.text], 100, 60, command.keys, cwd=folder, env=env)


def plain(line: str) -> str:
    """A line without what may differ from one machine to the next."""
    for pattern, same in _VARYING:
        line = pattern.sub(same, line)
    return line.strip()


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who tries it now and not on the suite's fixed day, and whose Git shows all at once."""
    for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_PAGER", "cat")


@pytest.fixture
def demo(reader: None, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Copies the project of `gitexp demo`, which is run once for all pages: it takes five seconds."""

    def make(folder: Path) -> None:
        ended = typed(Command(shlex.join([*DEMO, str(folder)]), []), folder.parent)
        assert ended.exit_code == 0, ended.lines

    return lambda folder: copy_repository(made_once(tmp_path_factory, "demo", make), folder)


def test_the_tutorial_runs(tmp_path: Path, demo: Demo) -> None:
    pytest.importorskip("sklearn")
    shutil.copytree(ROOT / "examples", tmp_path / "gitexp" / "examples")
    play(DOCS / "getting-started.md", tmp_path, demo)
    trained = tmp_path / "digits"
    first = "refs/gitexp/exps/first"
    assert json.loads(git(trained, "show", f"{first}:metrics.json"))["acc"] > 0.9
    assert len(git(trained, "show", f"{first}:logs.csv").splitlines()) == 21
    assert (trained / "models" / "digits.joblib").stat().st_size > 10_000


@pytest.mark.parametrize("page", ["pipelines.md", "data.md", "sharing.md", "many-runs.md"])
def test_the_guides_run(page: str, tmp_path: Path, demo: Demo) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "gitexp" / "examples")
    play(DOCS / page, tmp_path, demo)


def test_plain_git_reads_the_format(tmp_path: Path, demo: Demo) -> None:
    play(DOCS / "format.md", tmp_path, demo)


# -- pages that are generated -------------------------------------------------------------------------


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _generator()
COMMANDS = generate.commands()


def test_generated_pages_are_up_to_date() -> None:
    names = [page.name for page in generate.stale()]
    assert not names, f"not up to date: {', '.join(names)}; run: python docs/generate.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_argument_and_option_has_help(name: str) -> None:
    command = COMMANDS[name]
    assert (command.help or "").strip(), f"gitexp {name} has no help"
    assert name == "" or "gitexp " + name in (command.epilog or ""), f"gitexp {name} has no example"
    silent = [param.name for param in command.params if not (param.help or "").strip()]
    assert not silent, f"gitexp {name} says nothing about {', '.join(silent)}"


@pytest.mark.parametrize("name", [name for name in COMMANDS if name])
def test_examples_in_help_are_of_options_that_exist(name: str) -> None:
    for line in generate._examples(COMMANDS[name].epilog)[1:-2]:
        check_command_line(line)


def test_the_picture_is_of_the_present_table() -> None:
    svg = generate.PICTURE.read_text("utf-8")
    shown = re.sub(r"<[^>]+>", " ", svg).replace("&#160;", " ")
    for text in ("gitexp " + " ".join(generate.PICTURED), "Experiment", "workspace", "train.lr", "[exp-"):
        assert text in shown
    assert re.search(r"\d\*", shown), "the best value is not marked"
    assert "url(" not in svg.replace("url(#", ""), "the picture asks another site for something"


# -- lists that must be complete ----------------------------------------------------------------------


def section(page: Path, heading: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    match = re.search(rf"^#+ {re.escape(heading)}$\n(.*?)(?=^#+ |\Z)", page.read_text("utf-8"), re.M | re.S)
    assert match is not None, f"{page.name} has no section '{heading}'"
    return match[1]


def fields(page: Path, heading: str) -> list[str]:
    """The names in the first column of the table under a heading."""
    return re.findall(r"^\| `([^`]+)` \|", section(page, heading), re.M)


def test_every_field_of_the_record_is_in_the_format() -> None:
    documented = fields(DOCS / "format.md", "The record")
    known = {item.name for item in dataclasses.fields(model.Record)} - {
        "extra"
    }  # what is not of this version
    assert sorted(documented) == sorted(["format", *known])


def test_a_record_holds_what_the_format_says() -> None:
    record = model.Record(
        "a",
        model.Status.RUNNING,
        "0" * 40,
        "1" * 40,
        process=model.ProcessId("h", 1, "s"),
        group="0" * 64,
        replicate=1,
        sweep="sweep-1",
        trial={"number": 0},
        start="0" * 40,
        order=1,
        worker="h-1",
        engine="slurm",
        job="1",
        waits_at="origin",
        seen="2026-11-30T10:40:12.345Z",
        tries=1,
        limits={"timeout": 60.0},
        reason="timeout",
        parent="outer",
        resumed_from={"experiment": "a", "commit": "0" * 40, "record": "1" * 40, "step": 3},
        checkpoints=("ckpt",),
        series=("series.jsonl",),
        tables=("logs.csv",),
        system={"cpu": 95.0},
        mlflow={"run": "0" * 32},
        imported={"from": "wandb", "id": "1"},
        alerts=({"time": "", "level": "", "title": "", "text": ""},),
        holdout={"commit": "0" * 40, "command": "true", "timeout": 1.0},
        protected={"at": "0" * 40, "hash": "0" * 64},
        reproduces={"experiment": "a", "commit": "0" * 40},
        certificates=({"grade": "bitwise"},),
        loop={"id": "0", "round": 1},
        stages={"train": {"state": "ran"}},
    )
    written = json.loads(records.encode(record, "a: subject").split("\n\n", 1)[1])
    assert sorted(written) == sorted(fields(DOCS / "format.md", "The record"))


def test_every_status_is_in_the_format() -> None:
    text = section(DOCS / "format.md", "The record")
    assert all(f"`{status}`" in text for status in model.Status)


def test_every_name_in_filters_is_documented() -> None:
    text = section(DOCS / "filters.md", "Names")
    missing = [name for name in used_for(Use.FILTER) if f"`{name}`" not in text]
    assert missing == ["params", "metrics"]  # in `params.loss`, and among the operators


def test_every_field_of_one_experiment_is_documented() -> None:
    text = section(DOCS / "configuration.md", "show")
    assert [name for name in used_for(Use.DETAILS) if f"`{name}`" not in text] == []


def test_every_ending_of_metrics_is_documented() -> None:
    text = section(DOCS / "configuration.md", "Metrics")
    assert [ending for ending in plugins.names("metrics") if f"`{ending}`" not in text] == []


def test_every_file_format_of_export_is_documented() -> None:
    assert fields(DOCS / "export.md", "Tables") == [f".{form}" for form in ExportFormat]


def test_every_kind_of_engine_is_documented() -> None:
    known = fields(DOCS / "engines.md", "Which engine")
    assert [kind for kind in plugins.names("engine") if kind not in known] == []
    help = config_keys.KEYS["engines"]
    assert [kind for kind in plugins.names("engine") if kind not in help] == ["local"]  # it needs no options


@pytest.mark.parametrize("scheme", url._SCHEMES)
def test_every_scheme_of_data_remotes_is_documented(scheme: str) -> None:
    assert f"`{scheme}://" in section(DOCS / "configuration.md", "remotes")
    assert scheme == "file" or f"`{scheme}://" in (DOCS / "data.md").read_text("utf-8")


def test_every_operator_of_filters_is_documented() -> None:
    text = section(DOCS / "filters.md", "What can be said")
    assert all(f"`{how}`" in text for how in OPERATORS)


@pytest.mark.parametrize("key", config_keys.KEYS)
def test_every_config_key_has_an_example_that_loads(key: str, tmp_path: Path) -> None:
    blocks = dict(_FENCE.findall(section(DOCS / "configuration.md", key)))
    (tmp_path / config.CONFIG_FILE).write_text(blocks["yaml"], "utf-8")
    loaded = config_loading.load(tmp_path, tmp_path)
    attribute = "pipeline_file" if key in ("stages", "vars") else key
    assert getattr(loaded, attribute) != getattr(config.Config(), attribute) or key == "command"


def test_the_example_of_stages_can_be_run(tmp_path: Path) -> None:
    blocks = dict(_FENCE.findall(section(DOCS / "configuration.md", "stages")))
    (tmp_path / config.CONFIG_FILE).write_text(blocks["yaml"], "utf-8")
    pipeline = stage_files.read_stages(tmp_path, config_loading.load(tmp_path, tmp_path))
    assert pipeline is not None
    assert [stage.name for stage in Graph(pipeline).order()] == [
        *("prepare", "train@forest-1", "train@forest-2", "train@linear-1", "train@linear-2"),
    ]


def test_no_config_key_is_documented_that_is_not_there() -> None:
    page = (DOCS / "configuration.md").read_text("utf-8")
    keys = page.split("\n## gitexp.yaml\n")[1].split("\n## ")[0]
    assert re.findall(r"^### (\S+)$", keys, re.M) == list(config_keys.KEYS)


def test_json_has_the_fields_that_are_documented(repo: Workspace) -> None:
    page = DOCS / "configuration.md"
    repo.allow("files", "params.yaml", "gitexp.yaml")
    repo.writes("metrics.json")
    repo.allow("refs", "refs/heads/made")
    repo.allow("reflogs", "*")
    ran = repo.json("run", "-n", "one", "-S", "train.lr=0.2", "--", "python", "train.py")
    assert list(ran) == fields(page, "run, save")
    assert list(repo.json("save", "-n", "two")) == list(ran)
    rows = repo.json("show")
    assert {tuple(row) for row in rows} == {tuple(ran)}
    assert [row["kind"] for row in rows] == ["workspace", "baseline", "experiment", "experiment"]
    assert list(repo.json("list")[0]) == fields(page, "list")
    repo.git("init", "--quiet", "--bare", "../team.git")
    repo.git("remote", "add", "origin", "../team.git")
    for command in ("push", "pull"):
        shared = repo.json(command)
        assert list(shared) == fields(page, command)
        assert ", ".join(f'"{field}"' for field in shared["experiments"][0]) in section(page, command)
    there = ", ".join(f'"{field}"' for field in repo.json("list", "--remote", "origin")[0])
    assert there in section(page, "list")
    assert "removed" in repo.json("remove", "-y", "--remote", "origin", "two")
    assert list(repo.json("best", "eval.acc")) == fields(page, "best")
    compared = repo.json("diff", "HEAD", "one", "--code")
    assert list(compared) == fields(page, "diff")
    assert list(compared["a"]) == list(compared["b"]) == ["kind", "name", "commit"]
    assert list(compared["params"][0]) == ["key", "old", "new"]
    assert list(compared["metrics"][0]) == ["key", "new", "change", "percent"]
    assert list(repo.json("branch", "one", "made")) == fields(page, "branch")
    repo.write("dvc.yaml", "stages: {a: {cmd: x}}")
    drawn = repo.json("dag")
    assert list(drawn) == fields(page, "dag")
    assert ", ".join(f'"{field}"' for field in drawn["stages"][0]) in section(page, "dag")
    assert list(repo.json("status")) == fields(page, "status")
    assert list(repo.json("log", "one")) == fields(page, "log")
    assert list(repo.json("gc", "--yes")) == fields(page, "gc")
    assert list(repo.json("fsck")) == fields(page, "fsck")
    assert list(repo.json("init")) == fields(page, "init")
    repo.write("sets/x", "x")
    repo.allow("files", "gitexp.lock", "sets/.gitignore")
    assert list(repo.json("add", "sets/x")) == fields(page, "add")
    assert list(repo.json("checkout")) == fields(page, "checkout")


def test_errors_in_json_are_as_documented(repo: Workspace) -> None:
    example = dict(_FENCE.findall(section(DOCS / "configuration.md", "Errors")))["json"]
    answer = repo.gitexp("log", "nope", "--json", check=False)
    assert answer.exit_code == errors.ExperimentError.exit_code
    assert json.loads(answer.stdout) == json.loads(example)


def test_the_variables_of_a_run_are_documented(repo: Workspace) -> None:
    script = "import os; print(*(k for k in os.environ if k.startswith(('GITEXP_', 'DVC_'))))"
    told = repo.gitexp("run", "--", "python", "-c", script).stdout.split()
    text = section(DOCS / "configuration.md", "Environment variables")
    assert told
    assert all(f"`{name}`" in text for name in told)


def test_the_variables_that_gitexp_reads_are_documented() -> None:
    pages = "".join((ROOT / name).read_text("utf-8") for name in ("docs/configuration.md", "CONTRIBUTING.md"))
    for module in (ROOT / "gitexp").rglob("*.py"):
        for name in re.findall(
            r"\b(?:GITEXP_[A-Z]+|NO_COLOR|\w*COLOR_FORCE|FORCE_COLOR)\b", module.read_text("utf-8")
        ):
            assert name in pages, f"{module.name} knows {name}"


def test_the_examples_in_python_run(repo: Workspace) -> None:
    blocks = _FENCE.findall((DOCS / "python.md").read_text("utf-8"))
    example, many = (text for language, text in blocks if language == "python")
    repo.allow("files", "params.yaml")
    repo.writes("metrics.json")
    repo.allow("refs", "refs/heads/best")
    repo.allow("reflogs", "refs/heads/best")
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=repo.path, check=True, capture_output=True, text=True
    )
    shown = [line.split() for line in done.stdout.splitlines() if line.startswith("exp-")]
    losses = [float(loss) for _, _, loss in shown]
    assert len(losses) == 3
    assert losses == sorted(losses)
    done = subprocess.run(
        [sys.executable, "-c", many], cwd=repo.path, check=True, capture_output=True, text=True
    )
    grid, search, queue = done.stdout.splitlines()
    assert (grid.count("loss"), "{'done': 3} exp-" in search, queue.count("exp-")) == (2, True, 1)


READ_BACK = """import sys, gitexp
with gitexp.start_run(params={"opt": {"name": "sgd", "lr": float(sys.argv[1])}}) as run:
    for epoch in range(5):
        run.log({"loss": round(float(sys.argv[1]) / (epoch + 1), 3), "acc": epoch / 5})
    open("model.bin", "wb").write(b"0101")
    run.log_artifact("model.bin")
print("trained with", sys.argv[1])
"""


def test_the_examples_of_reading_back_run(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.git("rm", "--quiet", "params.yaml")
    repo.write(".gitignore", "*.bin\n")
    repo.write("train.py", READ_BACK)
    repo.commit()
    repo.writes("model.bin")
    for lr in ("0.1", "0.2"):
        repo.gitexp("run", "-n", f"lr-{lr}", "--", sys.executable, "train.py", lr)
    repo.gitexp("tag", "lr-0.1", "good")
    repo.gitexp("note", "lr-0.1", "-m", "the small one")
    monkeypatch.chdir(repo.path)
    blocks = _FENCE.findall((DOCS / "python.md").read_text("utf-8"))
    text = "\n".join(block for language, block in blocks if language == "pycon")
    examples = doctest.DocTestParser().get_doctest(text, {}, "python.md", "docs/python.md", 0)
    told: list[str] = []
    assert doctest.DocTestRunner(verbose=False).run(examples, out=told.append).failed == 0, "".join(told)
    assert examples.examples


# -- what the pages mention ---------------------------------------------------------------------------


def command_lines() -> Iterator[tuple[str, str]]:
    """Every gitexp command line in a block of a page, with the page's name."""
    for page in PAGES:
        for language, block in _FENCE.findall(page.read_text("utf-8")):
            if language not in ("console", "sh"):
                continue
            for line in block.splitlines():
                if (line := line.removeprefix("$ ")).startswith("gitexp "):
                    yield page.name, line


# What a group does that is given no command.
WITHOUT_WORD = {"queue": "list", "sweep": "run", "loop": "run", "model": "list"}


def words_of(line: str) -> list[str]:
    """The words of a line as a shell takes it: a comment begins with a word, and `clf#prod` has none."""
    return shlex.split(re.sub(r"(?:^|\s)#\s.*", "", line))


def check_command_line(line: str) -> None:
    """Asserts that a command line is one that gitexp understands, without running it."""
    words = words_of(line)[1:]
    words = words[: next((at for at, word in enumerate(words) if word in _OF_A_SHELL), None)]
    if not words or words[0].startswith("-"):
        assert set(words) <= {"--version", "--help", "--install-completion"}, line
        return
    if words[0] in WITHOUT_WORD and " ".join(words[:2]) not in COMMANDS:
        words.insert(1, WITHOUT_WORD[words[0]])
    length = 1 if words[0] in COMMANDS else 2  # `remote add`
    name = " ".join(words[:length])
    assert name in COMMANDS, f"there is no such command: {line}"
    COMMANDS[name].make_context(name, words[length:], resilient_parsing=False)


@pytest.mark.parametrize(("page", "line"), sorted(set(command_lines())))
def test_commands_on_pages_exist(page: str, line: str) -> None:
    check_command_line(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", _FENCE.sub("", page.read_text("utf-8"))):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        there = page.parent / path if path else page
        assert there.exists(), f"{page.name} links to {target}"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{page.name} links to {target}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page: of its headings, as MkDocs and forges make them, and its own."""
    text = page.read_text("utf-8")
    found = set(re.findall(r'<a id="([^"]+)"', text))
    for heading in re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        words = re.sub(r"[^\w\s-]", "", plain.lower()).strip()
        found |= {re.sub(r"[-\s]+", "-", words), re.sub(r"\s", "-", words)}
    return found


def test_make_targets_on_pages_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    for page in PAGES:
        named = set(re.findall(r"(?:^\$ |`)make ([a-z-]+)", page.read_text("utf-8"), re.M))
        assert named <= targets, f"{page.name} names make {', '.join(named - targets)}"


def test_files_that_pages_name_exist() -> None:
    for page in PAGES:
        named = set(re.findall(r"`((?:tests|gitexp|docs|benchmarks)/[\w./-]+)`", page.read_text("utf-8")))
        missing = sorted(name for name in named if not (ROOT / name).exists() and not named_module(name))
        assert not missing, f"{page.name} names {', '.join(missing)}"


def named_module(name: str) -> bool:
    return (ROOT / f"{name}.py").exists()


ARCHITECTURE = DOCS / "architecture.md"
PACKAGE = ROOT / "gitexp"
TREES = ("gitexp/", "tests/", "docs/", "benchmarks/")  # paths that begin so are below the repository
NOT_OURS = {"train.ipynb/parameters.py", "documents/export.js"}  # of a user, and of an export


def test_the_architecture_names_files_where_they_are() -> None:
    missing = [name for heading in headings(ARCHITECTURE) for name in missing_files(heading)]
    assert not missing, f"architecture.md names {', '.join(missing)}"


def missing_files(heading: str) -> list[str]:
    """The files of a section that are not where the page says.

    In a paragraph that begins with a folder, and in those below it, names are relative to the folder.
    Else a bare name is a file in `gitexp/` itself, or one that the section has named with its folder.
    """
    missing, named, folder = list[str](), set[str](), PACKAGE
    for paragraph in section(ARCHITECTURE, heading).strip().split("\n\n"):
        begins = re.match(r"`([a-z_/]+)/`", paragraph)
        if begins and (PACKAGE / begins[1]).is_dir():
            folder = PACKAGE / begins[1]
        for name in re.findall(r"`([\w./-]+\.(?:py|js|txt|md))`", paragraph):
            if name.startswith(TREES):
                is_there = (ROOT / name).is_file()
            elif "/" in name:
                is_there = (PACKAGE / name).is_file() or (folder / name).is_file() or name in NOT_OURS
            else:
                is_there = (folder / name).is_file() or name in named
            if is_there:
                named.add(Path(name).name)
            else:
                missing.append(f"{name} ({heading})")
    return missing


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text("utf-8")), re.M)


def test_plugins_are_asked_for_where_the_architecture_says() -> None:
    rows = re.findall(r"^\| (`.+`) \| .+ \| (.+) \|$", section(ARCHITECTURE, "The seam"), re.M)
    assert len(rows) > 20
    for kinds, places in rows:
        for place in re.findall(r"`([^`]+)`", places):
            sources = [PACKAGE / place] if place.endswith(".py") else [*(PACKAGE / place).rglob("*.py")]
            text = "".join(file.read_text("utf-8") for file in sources)
            for kind in re.findall(r"`([^`]+)`", kinds):
                assert f'"{kind}"' in text, f"{place} does not ask for plugins of the kind {kind}"


def test_each_user_of_a_foreign_package_is_in_the_architecture() -> None:
    told = section(ARCHITECTURE, "Foreign packages")
    places = re.findall(r"`([a-z_/]+(?:/|\.py))`", told)
    ours = {"gitexp", "typer", *sys.stdlib_module_names}  # typer is used by each file with a command
    unnamed = []
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if foreign_imports(file) - ours and not name.startswith(("testing/", *places)):
            unnamed.append(name)
    assert not unnamed, f"architecture.md does not name {', '.join(unnamed)}"


def foreign_imports(file: Path) -> set[str]:
    """The top names of all imports of a file, inside functions too."""
    found = set[str]()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_each_extra_is_in_the_architecture() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    told = set(re.findall(r"`([a-z0-9]+)`", section(ARCHITECTURE, "Dependencies")))
    assert set(extras) - {"dev", "docs"} <= told


def test_the_drawing_of_the_architecture_is_of_the_import_contract() -> None:
    page = ARCHITECTURE.read_text("utf-8")
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    layers = [
        line.replace("gitexp.", "").split(" | ") for line in tools["importlinter"]["contracts"][0]["layers"]
    ]
    drawn = [re.findall(r"[a-z_]+", line[:31]) for line in _FENCE.findall(page)[0][1].splitlines() if line]
    assert [sorted(rooms) for rooms in drawn] == [sorted(rooms) for rooms in layers]
    assert max(map(len, page.splitlines())) <= 100


def test_changelog_is_of_this_version() -> None:
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert versions[0] == version.__version__
    assert f"\nVersion {version.__version__}," in (ROOT / "README.md").read_text("utf-8")
