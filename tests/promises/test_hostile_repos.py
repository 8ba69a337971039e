"""A repository that somebody else has made runs nothing, breaks nothing and hangs nothing.

Two kinds of maker. From a clone come the files of the worktree, and all objects and refs. From an
archive that was unpacked comes `.git` too, its config and hooks. Nothing of either runs, with one
exception that Git itself has: filters that `.git/config` names (LFS is one) run where files are read
from the worktree or written there. A clone cannot bring these: its config is not the maker's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gitexp.repo.experiments import PREFIX
from tests.support.experiments import copy_of
from tests.support.hostile import HOOKS, Lair, check_answer, completion
from tests.support.kills import kill
from tests.support.workspace import GITEXP, Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and scripts of POSIX")

# What is done in each hostile repository; `one` is an experiment that was there before.
COMMANDS = ("show -A", "show --json", "diff --code", "diff one --json", "log one", "save -n mine")
EDITS = (
    *("branch one promoted", "note one -m text", "tag one best", "rename one two", "remove -y two"),
    *("undo", "restore two", "apply two", "undo"),
)
COMPLETED = "gitexp diff "

Maker = Callable[[Lair], None]


@dataclass(frozen=True)
class Case:
    """`triggers` is a shell command that springs the trap: a proof that there is one.

    `filters` says that Git's own filters are the trap, which run where files are read or written.
    `commands` are those to be tried, where not all. `refused` says that Git itself works there no more.
    """

    name: str
    make: Maker
    triggers: str = ""
    filters: bool = False
    refused: bool = False
    commands: tuple[str, ...] = COMMANDS
    marks: tuple[pytest.MarkDecorator, ...] = field(default=())


CASES: list[Case] = []


def case(triggers: str = "", **options: object) -> Callable[[Maker], Maker]:
    def register(make: Maker) -> Maker:
        CASES.append(Case(make.__name__, make, triggers, **options))  # type: ignore[arg-type]
        return make

    return register


def setting(
    name: str,
    triggers: str = "",
    *,
    prepare: Maker = lambda lair: None,
    refused: bool = False,
    **config: str,
) -> None:
    """A case of configuration alone; `BITE` in a value is the script."""

    def make(lair: Lair) -> None:
        prepare(lair)
        lair.config(**{key: value.replace("BITE", str(lair.bite)) for key, value in config.items()})

    CASES.append(Case(name, make, triggers, refused=refused))


@pytest.fixture(scope="module")
def with_one(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = copy_of(template, tmp_path_factory.mktemp("one"))
    repo.allow("refs", "refs/heads/*")
    repo.write("model.py", "first = 1\n")
    repo.gitexp("save", "-q", "-n", "one")
    repo.write("model.py", "second = 2\n")
    return repo.path


@pytest.fixture
def lair(with_one: Path, tmp_path: Path) -> Lair:
    folder = tmp_path / "repo"
    subprocess.run(["cp", "-a", str(with_one), str(folder)], check=True)
    subprocess.run(["git", "update-index", "-q", "--refresh"], cwd=folder, check=False)
    return Lair(Workspace(folder), tmp_path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "hostile" in metafunc.fixturenames:
        cases = [pytest.param(one, id=one.name, marks=one.marks) for one in CASES]
        metafunc.parametrize("hostile", cases)


def test_nothing_runs_and_nothing_breaks(lair: Lair, hostile: Case) -> None:
    hostile.make(lair)
    lair.bites()
    repo, outside = lair.repo, sorted(lair.outside.iterdir())
    if not hostile.refused:
        repo.guard.retake()
    repo.allow("refs", "refs/heads/promoted")
    repo.allow("reflogs", "refs/heads/promoted")
    check_answer(repo.gitexp(env=completion(COMPLETED), check=False), "completion")
    assert not lair.bites(), "completion"
    for command in hostile.commands:
        done = repo.gitexp(*command.split(), check=False)
        check_answer(done, command)
        ran = lair.bites()
        assert not ran or (hostile.filters and command.split()[0] in ("save", "diff")), f"{command}: {ran}"
    assert sorted(lair.outside.iterdir()) == outside
    if not hostile.refused:
        repo.guard.check()
    assert not hostile.triggers or lair.is_triggered_by(hostile.triggers), "the trap catches nobody"


# -- from an archive: configuration and hooks ----------------------------------------------------------


@case(triggers="git commit --allow-empty -m x", commands=COMMANDS + EDITS)
def hooks_of_all_names(lair: Lair) -> None:
    folder = lair.path / ".git" / "hooks"
    folder.mkdir(exist_ok=True)
    for name in HOOKS:
        (folder / name).symlink_to(lair.bite)


@case(triggers="git commit --allow-empty -m x")
def hooks_path_into_the_worktree(lair: Lair) -> None:
    for name in HOOKS:
        lair.program(f"tools/{name}")
    lair.config(core__hooksPath="tools")


def _attributes(lair: Lair) -> None:
    lair.file(".gitattributes", "* diff=evil merge=evil\n")


def _staged(lair: Lair) -> None:
    lair.git("add", "-A")


setting("fsmonitor", "git status", core__fsmonitor="BITE")
setting("fsmonitor_of_version_1", "git status", core__fsmonitor="BITE", core__fsmonitorHookVersion="1")
setting("external_diff", "git diff HEAD", prepare=_staged, diff__external="BITE")
setting(
    "diff_driver",
    "git add -A; git diff HEAD",
    prepare=_attributes,
    diff__evil__command="BITE",
)
setting(
    "text_conversion",
    "git add -A; git diff HEAD",
    prepare=_attributes,
    diff__evil__textconv="BITE",
    diff__evil__cachetextconv="true",
)
setting("merge_driver", prepare=_attributes, merge__evil__driver="BITE %A", merge__default="evil")
setting("diff_hunk_regex", prepare=_attributes, diff__evil__xfuncname="(a*)*(a*)*b$")
setting("ssh_command", "git fetch ssh://host/x", core__sshCommand="BITE", ssh__variant="ssh")
setting("pager", core__pager="BITE", pager__diff="BITE", pager__log="BITE")
setting("editor", "git commit --allow-empty", core__editor="BITE", sequence__editor="BITE")
setting(
    "signing",
    "git commit --allow-empty -m x -S",
    gpg__program="BITE",
    commit__gpgSign="true",
    tag__gpgSign="true",
    log__showSignature="true",
    user__signingKey="me",
)
setting("signing_by_ssh", "git commit --allow-empty -m x -S", gpg__format="ssh", gpg__ssh__program="BITE",
        user__signingKey="/dev/null", commit__gpgSign="true")  # fmt: skip
setting("credential_helper", "git credential fill </dev/null; echo url=https://x/y | git credential fill",
        credential__helper="BITE")  # fmt: skip
setting("askpass", core__askPass="BITE")
setting("git_proxy", "git fetch git://host/x", core__gitProxy="BITE")
setting("diff_filter", interactive__diffFilter="BITE")
setting("aliases_of_all_we_use", "git unknown", alias__unknown="!BITE", **{
    f"alias__{verb.replace('-', '_')}": "!BITE"
    for verb in ("status", "diff", "log", "rev-parse", "for-each-ref", "cat-file", "ls-files", "update-ref")
})  # fmt: skip
setting("trailers", trailer__x__command="BITE", trailer__x__cmd="BITE")
setting("upload_pack_hook", uploadpack__packObjectsHook="BITE", core__alternateRefsCommand="BITE")
setting("format_of_everything", format__pretty="%x1b[31m%H", log__date="format:%n", log__showRoot="false",
        color__ui="always", color__status="always", diff__noprefix="true", diff__mnemonicPrefix="true",
        diff__renames="copies", diff__context="0", status__short="true", status__branch="true",
        status__showUntrackedFiles="no", status__relativePaths="true", core__quotePath="true",
        core__abbrev="4", log__follow="true", log__decorate="full", diff__submodule="log",
        diff__orderFile="nothing", diff__wsErrorHighlight="all", diff__colorMoved="zebra")  # fmt: skip
setting("version_from_the_future", refused=True, core__repositoryFormatVersion="99")
setting("unknown_extension", refused=True, core__repositoryFormatVersion="1", extensions__evil="true")
setting("bare_though_it_is_not", core__bare="true")
setting("worktree_that_is_not_there", refused=True, core__worktree="/nowhere/at/all")
setting(
    "numbers_that_are_none",
    refused=True,
    core__compression="evil",
    core__bigFileThreshold="evil",
    pack__threads="x",
)


@case(triggers="git status")
def included_from_the_worktree(lair: Lair) -> None:
    lair.file("config", f"[core]\n\tfsmonitor = {lair.bite}\n")
    lair.config(include__path="../config")


@case(refused=True)
def included_by_itself(lair: Lair) -> None:
    lair.config(include__path="config")


@case(commands=COMMANDS[:-1])
def worktree_elsewhere(lair: Lair) -> None:
    other = lair.outside / "elsewhere"
    other.mkdir()
    (other / "params.yaml").write_text("theirs: 1\n")
    lair.config(core__worktree=str(other))


@case(triggers="git submodule update --init")
def submodule_with_a_command(lair: Lair) -> None:
    inner = lair.path / "inner"
    subprocess.run(["git", "clone", "-q", str(lair.path), str(inner)], check=True)
    lair.git("config", "-f", ".gitmodules", "submodule.inner.path", "inner")
    lair.git("config", "-f", ".gitmodules", "submodule.inner.url", "./inner")
    lair.git("-c", "core.hooksPath=/dev/null", "add", "inner", ".gitmodules")
    lair.config(submodule__inner__update=f"!{lair.bite}", submodule__inner__url=str(inner))
    lair.config(submodule__recurse="true", status__submoduleSummary="true", diff__submodule="diff")
    subprocess.run(["git", "checkout", "-q", "HEAD~1"], cwd=inner, check=True)


@case(triggers="git -C inner status")
def submodule_with_settings_of_its_own(lair: Lair) -> None:
    inner = lair.path / "inner"
    subprocess.run(["git", "clone", "-q", str(lair.path), str(inner)], check=True)
    lair.git("add", "inner")
    for key in ("core.fsmonitor", "diff.external", "core.pager"):
        subprocess.run(["git", "config", key, str(lair.bite)], cwd=inner, check=True)
    hooks = inner / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in HOOKS:
        (hooks / name).symlink_to(lair.bite)


def _filtered(lair: Lair, **settings: str) -> None:
    lair.file(".gitattributes", "*.py filter=evil\n")
    lair.config(**settings)


@case(triggers="git add -A", filters=True)
def filter_to_clean(lair: Lair) -> None:
    _filtered(lair, filter__evil__clean=str(lair.bite))


@case(triggers="rm train.py; git checkout train.py", filters=True)
def filter_to_smudge(lair: Lair) -> None:
    _filtered(lair, filter__evil__smudge=str(lair.bite))


@case(triggers="git add -A", filters=True)
def filter_as_a_process(lair: Lair) -> None:
    _filtered(lair, filter__evil__process=str(lair.bite), filter__evil__required="true")


def _promised(lair: Lair, url: str, **settings: str) -> None:
    """Has a file of HEAD missing, which Git would fetch from a remote that it was promised by."""
    for name in ("HEAD:params.yaml", "HEAD:train.py"):
        oid = lair.git("rev-parse", name)
        (lair.path / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    lair.file("params.yaml", "other: 1\n")
    lair.config(
        core__repositoryFormatVersion="1",
        extensions__partialClone="evil",
        remote__evil__promisor="true",
        remote__evil__url=url,
        **settings,
    )


@case(triggers="git cat-file -p HEAD:params.yaml")
def promised_by_a_command(lair: Lair) -> None:
    _promised(lair, f"ext::{lair.bite}", protocol__ext__allow="always")


@case(triggers="git cat-file -p HEAD:params.yaml")
def promised_by_upload_pack(lair: Lair) -> None:
    _promised(lair, str(lair.outside), remote__evil__uploadpack=str(lair.bite))


@case(triggers="git cat-file -p HEAD:params.yaml")
def promised_by_ssh(lair: Lair) -> None:
    _promised(lair, "ssh://host/x", core__sshCommand=str(lair.bite))


# -- from a clone: the worktree ------------------------------------------------------------------------


@case()
def filters_that_nobody_has_configured(lair: Lair) -> None:
    lair.file(".gitattributes", "* filter=lfs diff=evil merge=evil working-tree-encoding=evil ident text\n")
    lair.file("sub/.gitattributes", "[attr]x\n* " + "filter=x " * 5000)
    lair.file(".lfsconfig", f"[lfs]\n\tcustomtransfer.x.path = {lair.bite}\n")
    lair.file(".gitmodules", f'[submodule "x"]\n\tpath = x\n\turl = -u{lair.bite}\n\tupdate = !{lair.bite}\n')
    lair.file(".gitconfig", f"[core]\n\tfsmonitor = {lair.bite}\n")


@case()
def config_that_names_commands(lair: Lair) -> None:
    lair.file("gitexp.yaml", f"command: {lair.bite}\nshare: [../..]\n")
    lair.file("gitexp.yaml", f"command: {lair.bite}\nparams: [params.yaml, train.py]\nshare: [data]\n")
    lair.file("dvc.yaml", f"stages:\n  train:\n    cmd: {lair.bite}\n    params: [../../x:\n")
    lair.program("train.py")
    for name in ("Makefile", "setup.py", "conftest.py", "pyproject.toml", "tox.ini", ".envrc"):
        lair.program(name)


@case()
def config_with_paths_to_outside(lair: Lair) -> None:
    (lair.outside / "secret.yaml").write_text("secret: 1\n")
    lair.file("gitexp.yaml", "params: [../secret.yaml]\nmetrics: [/etc/passwd]\nouts: [.git/config]\n")


@case()
def config_of_every_wrong_type(lair: Lair) -> None:
    lair.file("gitexp.yaml", "command: {a: [1]}\nparams: {x: y}\nmax_untracked: -1 PB\nouts: 7\n")


@case()
def config_that_grows(lair: Lair) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join(['*' + a] * 9)}]" for a, b in zip("abcdefg", "bcdefgh", strict=True)]
    lair.file("gitexp.yaml", "\n".join(lines) + "\n")
    lair.file("params.yaml", "\n".join(lines) + "\n")


@case()
def config_with_python_in_it(lair: Lair) -> None:
    text = f"a: !!python/object/apply:os.system [{lair.bite}]\n"
    for name in ("gitexp.yaml", "params.yaml", "metrics.yaml", "dvc.yaml"):
        lair.file(name, text)


@case()
def params_of_python_that_would_run(lair: Lair) -> None:
    lair.file("gitexp.yaml", "params: [params.py]\n")
    lair.file("params.py", f"import os\nx = os.system({str(lair.bite)!r})\nlr = 1\n")


@case()
def params_as_deep_as_can_be(lair: Lair) -> None:
    lair.file("params.yaml", "{a: " * 50_000)
    lair.file("params.json", "[" * 500_000)
    lair.file("params.toml", "a" + ".a" * 20_000 + " = 1\n")
    lair.file("metrics.json", '{"a":' * 100_000)


@case()
def params_too_large(lair: Lair) -> None:
    lair.file("params.yaml", b"a: 1\n" + b"#" * (3 << 20))
    lair.file("metrics.json", b"[" + b"1," * (1 << 20) + b"1]")


_TARGETS = {
    "passwd": "/etc/passwd",
    "zeros": "/dev/zero",
    "random": "/dev/urandom",
    "memory": "/proc/self/mem",
    "nothing": "nowhere/at/all",
    "folder": "/etc",
    "git_folder": ".git/config",
}
_READ = ("params.yaml", "metrics.json", "gitexp.yaml", ".gitexpignore", "dvc.yaml", "logs.csv")


def _links(name: str, target: str) -> None:
    def make(lair: Lair) -> None:
        for file in _READ:
            lair.link(file, target)

    CASES.append(Case(f"links_to_{name}", make))


for _name, _target in _TARGETS.items():
    _links(_name, _target)


@case()
def links_to_themselves(lair: Lair) -> None:
    for name in _READ:
        lair.link(name, name)
    lair.link("loop", ".")


@case()
def links_to_a_pipe_outside(lair: Lair) -> None:
    os.mkfifo(lair.outside / "pipe")
    for name in _READ:
        lair.link(name, lair.outside / "pipe")


@case()
def pipes_in_their_place(lair: Lair) -> None:
    for name in _READ:
        (lair.path / name).unlink(missing_ok=True)
        os.mkfifo(lair.path / name)


@case()
def folders_in_their_place(lair: Lair) -> None:
    for name in _READ:
        (lair.path / name).unlink(missing_ok=True)
        (lair.path / name).mkdir()
        lair.file(f"{name}/params.yaml", "a: 1\n")


@case()
def ignore_file_that_takes_for_ever(lair: Lair) -> None:
    lair.file(".gitexpignore", "*a" * 12 + "*b\n" + "**/a/" * 12 + "b\n" + "?*" * 30 + "x\n")
    lair.file("a" * 200)
    lair.file("a/" * 60 + "c")


@case()
def ignore_file_that_is_none(lair: Lair) -> None:
    lair.file(".gitexpignore", b"\xff\xfe\0[[[\n[z-a]\n\\\n!\n/\n**\n[!]\n[]\n***/***\n" + b"x" * 100_000)


@case()
def modules_with_the_names_of_ours(lair: Lair) -> None:
    for name in ("git", "yaml", "rich", "typer", "json", "gitexp", "sitecustomize", "usercustomize", "os"):
        lair.file(f"{name}.py", f"import os; os.system({str(lair.bite)!r})\n")


@case()
def programs_with_the_names_of_ours(lair: Lair) -> None:
    for name in ("git", "git.exe", "git.bat", "less", "sh", "python", "nvidia-smi", "gitexp", "editor"):
        lair.program(name)


@case()
def a_bare_repository_among_the_files(lair: Lair) -> None:
    folder = lair.path / "bare"
    subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True)
    subprocess.run(["git", "config", "core.fsmonitor", str(lair.bite)], cwd=folder, check=True)


@case()
def names_with_every_odd_byte(lair: Lair) -> None:
    for name in (
        b"\xff\xfe",
        b"a\nb",
        b"\x1b[31m",
        b"--output=x",
        b"-",
        b":(top)x",
        b"a\tb",
        b"\x9b31m",
        b"'\"`$",
    ):
        (lair.path / os.fsdecode(name)).write_bytes(b"x\n")


# -- from a clone: objects and refs --------------------------------------------------------------------


@case(commands=("show -A", "list -A --json", "log large", "save -n mine"))
def a_message_of_100_megabytes(lair: Lair) -> None:
    lair.record("large", b'{"format": 1, "note": "' + b"x" * 100_000_000 + b'"}')


@case()
def records_of_every_wrong_type(lair: Lair) -> None:
    wrong = (None, True, -1, 1e308, "\x1b[31m", [], ["\x1b"], {}, {"\x1b": 1}, [[]], {"a": {"b": []}})
    fields = ("format", "status", "commit", "baseline", "branch", "command", "argv", "params", "metrics",
              "cut_params", "cut_metrics", "created", "finished", "duration", "exit_code", "cpus", "gpus",
              "tags", "note", "warnings", "process", "overrides", "host")  # fmt: skip
    for at, field_name in enumerate(fields):
        for nr in range(3):
            lair.record(f"w-{field_name}-{nr}", **{field_name: wrong[(at + nr * 4) % len(wrong)]})


@case()
def records_with_times_of_no_calendar(lair: Lair) -> None:
    times = ("0000-00-00", "9999-12-31T23:59:59Z", "-1", "2024-02-30T00:00:00Z", "1e999", "٢٠٢٤-01-01", "")
    for at, time in enumerate(times):
        lair.record(f"t{at}", created=time, finished=time, duration=[-1e14, 1e14, 0.1][at % 3])


@case()
def records_that_say_they_run(lair: Lair) -> None:
    for at, pid in enumerate((1, 0, -1, 2**70)):
        lair.record(
            f"r{at}", status="running", process={"host": os.uname().nodename, "pid": pid, "started": "never"}
        )
    lair.record("queued", status="queued")


@case()
def records_deeper_than_the_stack(lair: Lair) -> None:
    lair.record("deep", '{"format": 1, "params": ' + '{"a":' * 100_000)
    lair.record("flat", "[" * 5_000_000)


@case()
def records_that_name_other_objects(lair: Lair) -> None:
    tree, blob = lair.head_tree, lair.blob()
    for name, oid in (("tree", tree), ("blob", blob), ("gone", "1" * 40), ("sha", "2" * 64)):
        lair.record(f"commit-{name}", commit=oid)
        lair.record(f"baseline-{name}", baseline=oid)


@case()
def records_of_files_that_are_nowhere(lair: Lair) -> None:
    names = ("../x", "/etc/passwd", ".git/config", "a/../../b", "", "x\0y", "-x", "HEAD:x", "\x1b[31m.yaml")
    for at, name in enumerate(names):
        lair.record(f"n{at}", params={name: {"a": 1}}, metrics={name: {"b": 2}}, cut_params=[name])
        lair.record(f"c{at}", cut_params=[name], cut_metrics=[name])


def _odd_tree(lair: Lair, *names: str) -> str:
    blob = lair.blob(b"#!/bin/sh\n")
    inner = lair.tree(("100755", "pre-commit", blob), ("100644", "config", blob))
    head = lair.tree(("040000", "hooks", inner))
    entries = [("40000", name, head) for name in names]
    return lair.tree(*entries, ("100644", "params.yaml", lair.blob(b"a: 1\n")))


for _at, _names in enumerate([("..",), (".git",), (".GIT", "git~1"), (".", ""), ("a/../../b", "c\\d")]):

    def _make(lair: Lair, names: tuple[str, ...] = _names) -> None:
        lair.record("odd", tree=_odd_tree(lair, *names))

    CASES.append(
        Case(f"tree_with_{'_'.join(_names)}", _make, commands=(*COMMANDS, "diff odd", "diff --code odd"))
    )


@case(commands=(*COMMANDS, "diff odd", "diff --code odd", "log odd"))
def trees_that_are_no_trees(lair: Lair) -> None:
    lair.record("odd", tree=lair.object("tree", b"100644 x\0short"))
    lair.record("odd2", tree=lair.blob())
    lair.record("odd3", tree="3" * 40)


@case(commands=(*COMMANDS, "log twice"))
def run_files_of_another_kind(lair: Lair) -> None:
    inner = lair.tree(
        ("120000", "output.log", lair.blob(b"/etc/passwd")), ("40000", "environment.txt", lair.tree())
    )
    tree = lair.tree(("40000", ".gitexp", lair.tree(("40000", "run", inner))))
    lair.record("twice", tree=tree)


@case(commands=COMMANDS + EDITS)
def refs_with_odd_names(lair: Lair) -> None:
    for name in ("\x9b31m", "-x", "--help", "$(x)", "\u202e", "HEAD", "x/y/z", "'", '"', "%n", "`id`", "|sh"):
        lair.ref(f"refs/gitexp/exps/{name}", lair.head)
        lair.ref(f"refs/exps/{lair.head[:2]}/{lair.head[2:]}/{name}", lair.head)
    lair.ref("refs/exps/zz/not/hex", lair.head)
    lair.ref("refs/exps/exec/EXEC_HEAD", lair.head)


@case(refused=True)
def packed_refs_that_git_would_not_write(lair: Lair) -> None:
    with (lair.path / ".git" / "packed-refs").open("a") as refs:
        refs.writelines(
            f"{lair.head} refs/gitexp/exps/{name}\n" for name in ("..", "x.lock", "a b", "\x1b[31m")
        )


@case(commands=COMMANDS + EDITS)
def symbolic_refs(lair: Lair) -> None:
    lair.git("symbolic-ref", "refs/gitexp/exps/main", "refs/heads/main")
    lair.git("symbolic-ref", "refs/gitexp/exps/mine", "refs/heads/planted")
    lair.git("symbolic-ref", "refs/gitexp/exps/loop", "refs/gitexp/exps/loop")
    lair.git("symbolic-ref", "refs/gitexp/trash/one", "refs/heads/main")
    lair.git("symbolic-ref", "refs/heads/promoted", "refs/heads/planted")


@case(commands=("show", "list -A", "log one", "save -n mine"))
def thousands_of_refs(lair: Lair) -> None:
    one = lair.git("rev-parse", "refs/gitexp/exps/one")
    with (lair.path / ".git" / "packed-refs").open("a") as refs:
        refs.writelines(f"{one} refs/gitexp/exps/x{at:06}\n" for at in range(5_000))


@case(commands=(*COMMANDS, "undo --list", *EDITS))
def operations_that_never_were(lair: Lair) -> None:
    head = lair.head
    work = {"git_dir": str(lair.path / ".git"), "before": "4" * 40, "after": "5" * 40, "modes": {"x": 1}}
    bodies = (
        {"format": 1, "created": "9", "refs": [["refs/heads/main", head, None]], "undoes": 10**9},
        {"format": 1, "created": "9", "refs": [["HEAD", None, head], ["refs/stash", None, head]]},
        {"format": 1, "created": "9", "refs": [["refs/heads/../../config", None, head]]},
        {"format": 1, "created": "9", "refs": [], "workspace": work},
        {"format": 1, "created": "9", "refs": [], "workspace": {**work, "before": head, "after": head}},
        {"format": 1, "created": {"\x1b": 1}, "refs": [[1, 2, 3]]},
    )
    for at, body in enumerate(bodies):
        text = f"\x1b[31mevil\n\n{json.dumps(body)}\n".encode()
        oid = lair.commit(lair.head_tree, text, head)
        lair.ref(f"refs/gitexp/undo/{10**11 + at}", oid)


@case()
def replaced_and_grafted(lair: Lair) -> None:
    head = lair.head
    lair.git("replace", "-f", lair.git("rev-parse", "HEAD:params.yaml"), lair.blob(b"replaced: 1\n"))
    (lair.path / ".git" / "info").mkdir(exist_ok=True)
    (lair.path / ".git" / "info" / "grafts").write_text(f"{head} {'6' * 40}\nnonsense\n")


@case()
def garbage_beside_the_objects(lair: Lair) -> None:
    info = lair.path / ".git" / "objects" / "info"
    info.mkdir(exist_ok=True)
    (info / "commit-graph").write_bytes(b"CGPH\1\1\4\0" + b"\xff" * 500)
    (info / "alternates").write_text(f'/nowhere\n{lair.path}/.git/objects\n"\\777\n../objects\n')
    pack = lair.path / ".git" / "objects" / "pack"
    pack.mkdir(exist_ok=True)
    (pack / "multi-pack-index").write_bytes(b"MIDX" + b"\xff" * 100)
    (pack / f"pack-{'7' * 40}.idx").write_bytes(b"\xfftOc" + b"\0" * 100)


@case()
def an_index_of_garbage(lair: Lair) -> None:
    (lair.path / ".git" / "index").write_bytes(b"DIRC\0\0\0\2\xff\xff\xff\xff" + b"\0" * 100)


@case()
def state_of_runs_that_never_were(lair: Lair) -> None:
    folder = lair.path / ".git" / "gitexp"
    state = {"root": "/etc", "git_dir": str(lair.outside), "results": ["passwd", "../../x"], "name": "one"}
    for at, text in enumerate((json.dumps(state), "[" * 100_000, "\xff", "{}")):
        run = folder / "runs" / f"r{at}"
        run.mkdir(parents=True)
        (run / "state.json").write_text(text)
        (run / "lock").touch()
    (folder / "pending").mkdir()
    for name in ("1", "x\x1b[31m", "99999999999999999999"):
        (folder / "pending" / name).touch()


@pytest.mark.parametrize("name", ["", "tmp", "locks", "runs", "worktrees", "left", "pending", "broken"])
def test_nothing_is_deleted_where_a_link_leads(lair: Lair, name: str) -> None:
    theirs = lair.outside / "theirs"
    (theirs / "folder").mkdir(parents=True)
    (theirs / "file").touch()
    for path in theirs.iterdir():
        os.utime(path, (0, 0))
    before = sorted(theirs.iterdir())
    ours = lair.path / ".git" / "gitexp" / name
    shutil.rmtree(ours, ignore_errors=True)
    ours.parent.mkdir(exist_ok=True)
    ours.symlink_to(theirs)
    for command in ("show", "save", "doctor --fix"):
        done = lair.repo.gitexp(*command.split(), check=False)
        assert done.exit_code == 1
        assert f"{ours} is a link" in done.stderr
    assert sorted(theirs.iterdir()) == before


def test_the_lock_for_refs_is_no_link(lair: Lair) -> None:
    theirs = lair.outside / "theirs"
    theirs.write_text("refs/heads/main\n")
    lock = lair.path / ".git" / "gitexp" / "locks" / "refs"
    lock.unlink(missing_ok=True)
    lock.symlink_to(theirs)
    for command in ("show", "note one -m text"):
        lair.repo.gitexp(*command.split())
    assert theirs.read_text() == "refs/heads/main\n"


def test_no_lock_but_of_a_ref_is_removed(lair: Lair) -> None:
    locks = [lair.file("uv.lock"), lair.file("poetry.lock")]
    lair.repo.guard.retake()
    named = lair.path / ".git" / "gitexp" / "locks" / "refs"
    (lair.path / ".git" / "refs" / "gitexp" / "odd").symlink_to(lair.path)
    named.write_text("../uv\nrefs/../../uv\nrefs/gitexp/odd/poetry\n")
    os.utime(named, (0, 0))
    os.utime(locks[1], (0, 0))  # for the doctor, who looks at old ones
    lair.repo.gitexp("show")
    lair.repo.gitexp("doctor", "--fix", check=False)
    assert [lock.exists() for lock in locks] == [True, True]


def test_a_kept_worktree_that_is_a_link_is_not_followed(lair: Lair) -> None:
    folder = lair.outside / "theirs" / "folder"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    slot = lair.path / ".git" / "gitexp" / "worktrees" / "gitexp-0"
    slot.symlink_to(folder.parent)
    lair.repo.gitexp("doctor", "--fix")
    assert folder.stat().st_mode & 0o777 == 0o755
    assert not slot.is_symlink()


@pytest.mark.parametrize("elsewhere", ["root", "metrics", "log"])
def test_nothing_is_read_where_a_dead_run_never_was(lair: Lair, elsewhere: str) -> None:
    theirs = lair.outside / "theirs"
    (theirs / ".git").mkdir(parents=True)
    (theirs / "metrics.json").write_text('{"secret": 1}')
    lair.repo.guard.retake()
    kill(lair.repo, "run:created", "run", "-n", "dead", "--", "true")
    (folder,) = (lair.path / ".git" / "gitexp" / "runs").iterdir()
    state = json.loads((folder / "state.json").read_text())
    if elsewhere == "root":
        state |= {"root": str(theirs), "git_dir": str(theirs / ".git")}
    elif elsewhere == "metrics":
        state["metrics"] = ["../theirs/metrics.json", str(theirs / "metrics.json")]
    else:
        (folder / "output.log").unlink(missing_ok=True)
        (folder / "output.log").symlink_to(theirs / "metrics.json")
    (folder / "state.json").write_text(json.dumps(state))
    lair.repo.gitexp("show")
    (row,) = [row for row in lair.repo.json("show", "-A") if row["name"] == "dead"]
    assert row["status"] == "interrupted"
    assert row["metrics"] == {}
    assert "secret" not in lair.repo.gitexp("log", "dead", check=False).stdout


@case(commands=(*COMMANDS, "restore --list", "undo --list", "doctor"))
def operations_and_a_trash_that_cannot_be(lair: Lair) -> None:
    lair.ref("refs/gitexp/trash/99999999T999999.999Z/one", lair.git("rev-parse", f"{PREFIX}one"))
    for number, undoes in ((1, 2), (2, 1), (3, 3), (4, -1), (5, "x")):
        text = json.dumps({"format": 1, "created": "2999-01-01", "refs": [], "undoes": undoes})
        lair.ref(f"refs/gitexp/undo/{number:08}", lair.commit(lair.tree(), f"x\n\n{text}\n".encode()))


def test_what_a_link_leads_to_is_not_recorded(lair: Lair) -> None:
    secret = lair.outside / "secret.yaml"
    secret.write_text("secret: 1\n")
    lair.link("params.yaml", secret)
    lair.link("metrics.json", lair.path / ".git" / "secret.json")
    (lair.path / ".git" / "secret.json").write_text('{"secret": 1}')
    lair.repo.guard.retake()
    for command in (["save", "-n", "saved"], ["run", "-n", "ran", "--", "true"]):
        done = lair.repo.json(*command)
        assert done["params"] == done["metrics"] == {}
        assert any("a link to outside the repository: params.yaml" in text for text in done["warnings"])
    assert lair.repo.gitexp("run", "-S", "secret=2", "--", "true", check=False).exit_code == 1


# -- besides ---------------------------------------------------------------------------------------------


def test_there_are_enough() -> None:
    assert len(CASES) >= 60
    assert len({one.name for one in CASES}) == len(CASES)


def test_modules_in_the_current_folder_are_not_ours(lair: Lair) -> None:
    for name in ("git", "yaml", "rich", "typer", "json", "pathspec", "sitecustomize", "usercustomize", "gc"):
        lair.file(f"{name}.py", f"open({str(lair.bitten)!r}, 'w')\n")
    for command in ("show", "save"):
        subprocess.run([*GITEXP, command], cwd=lair.path, check=True, capture_output=True)
        assert not lair.bites()
    python = subprocess.run([sys.executable, "-c", "import typer"], cwd=lair.path, check=False)
    assert python.returncode == 0
    assert lair.bitten.exists(), "the trap catches nobody"


def test_programs_in_the_current_folder_are_not_ours(lair: Lair) -> None:
    for name in ("git", "git.exe", "git.bat", "less", "sh", "python", "gitexp"):
        lair.program(name)
    for after in (".", "", ".:"):
        env = {"PATH": f"{os.environ['PATH']}:{after}"}
        check_answer(lair.repo.gitexp("diff", "--code", env=env), "diff")
        assert not lair.bites()


def test_a_repository_that_came_as_files_of_another(lair: Lair) -> None:
    inner = lair.path / "inner"
    subprocess.run(["git", "clone", "-q", "--bare", str(lair.path), str(inner)], check=True)
    for key, value in {"bare": "false", "worktree": ".", "fsmonitor": str(lair.bite)}.items():
        subprocess.run(["git", "config", f"core.{key}", value], cwd=inner, check=True)
    subprocess.run(["git", "config", "filter.evil.clean", str(lair.bite)], cwd=inner, check=True)
    (inner / ".gitattributes").write_text("* filter=evil\n")
    for command in ("show", "save", "diff"):
        done = lair.repo.gitexp(command, cwd="inner", check=False)
        check_answer(done, command)
        assert done.exit_code == 1, command
        assert not lair.bites()


@pytest.mark.parametrize("name", ["..", ".git"])
def test_applying_writes_nothing_outside(lair: Lair, name: str) -> None:
    # Files are checked out into a scratch folder first; `to-write` stands one above them there.
    entries = [("40000", name, lair.tree(("100644", "to-write", lair.blob())))]
    lair.record("odd", tree=lair.tree(*entries, ("100644", "zzz", lair.blob())))
    lair.repo.guard.retake()
    outside = sorted(lair.outside.iterdir())
    done = lair.repo.gitexp("apply", "--force", "odd", check=False)
    check_answer(done, "apply")
    assert done.exit_code == 1
    assert sorted(lair.outside.iterdir()) == outside
    lair.repo.guard.check()
