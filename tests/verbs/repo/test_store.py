"""Experiments as refs: names, finding, compare-and-swap, and refs that somebody else has written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from gitexp import errors
from gitexp.catalog import lookup, query
from gitexp.model import Damaged, Experiment, Record, Status
from gitexp.project.project import Project
from gitexp.repo.experiments import PREFIX, Store, check_name, is_name, newest_first, subject
from gitexp.repo.git.repository import Repository
from gitexp.repo.known_records import KnownRecords
from gitexp.views import table as ops
from tests.support.codes import has_code
from tests.support.repositories import git, lose
from tests.support.workspace import Workspace

Add = Callable[..., Experiment]


@pytest.fixture
def store(repo: Workspace) -> Store:
    return Store(Repository.find(repo.path))


@pytest.fixture
def add(store: Store) -> Add:
    """Adds an experiment with the name and record fields given."""
    head = store.repo.head().commit
    tree = store.repo.resolve("HEAD", "tree")
    assert tree is not None

    def add(name: str = "", seed: str = "c0ffee" * 6 + "1234", **changes: object) -> Experiment:
        record = replace(Record(name, Status.DONE, head, head), **changes)  # type: ignore[arg-type]
        return store.create(name, seed, lambda name: (replace(record, name=name), tree))

    return add


# -- reading --------------------------------------------------------------------------------------


def test_known_records_are_not_read_again(add: Add, store: Store, repo: Workspace) -> None:
    add("a"), add("b"), add("c")
    store.remember(KnownRecords())
    first = store.all()
    assert [one.name for one in first] == ["a", "b", "c"]
    git(repo.path, "update-ref", "-d", f"{PREFIX}a")
    git(repo.path, "update-ref", f"{PREFIX}b", first[2].id)
    add("d")
    again = store.all()
    assert again == Store(store.repo).all()
    assert [one.name for one in again] == ["b", "c", "d"]
    assert again[1] is first[2]
    assert store.get("c") is first[2]
    assert store.get("a") is None


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["a", "7", "exp-333c9", "Best_one.v2", "a.b-c_d", "x" * 63, "lock", "heads", "a.locked"]
)
def test_a_name_that_is_allowed(name: str, add: Add, store: Store) -> None:
    assert add(name).name == name
    assert store.names() == [name]


@pytest.mark.parametrize(
    "name",
    [
        *("-x", "--upload-pack=touch x", "-", "--", ".", "..", ".a", "_a"),
        *(
            "../x",
            "a/b",
            "/",
            "a\\b",
            "a..b",
            "a.",
            "x.lock",
            "X.LOCK",
            "HEAD",
            "head",
            "workspace",
            "Workspace",
        ),
        *(
            "x" * 64,
            "x" * 300,
            "",
            " ",
            "a b",
            "a\n",
            "a\0",
            "a\x1b[31m",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "[a]",
        ),
        *("@{1}", "@", "exp-é", "ёлка", "模型", "a\u202eb", "a\u200bb", "a\udcff", "\uff41", "\uff11"),
    ],
)
def test_a_name_that_is_refused(name: str, store: Store) -> None:
    assert not is_name(name)
    with pytest.raises(errors.InvalidName) as caught:
        check_name(name)
    assert len(caught.value.message) < 140
    assert caught.value.hint is not None
    if name:
        with pytest.raises(errors.InvalidName):
            store.create(name, "", lambda name: pytest.fail("nothing is to be built"))
    assert store.get(name) is None
    assert store.find(name) is None
    assert store.names() == []


@pytest.mark.parametrize(
    "name", ["-x", "--upload-pack=x", "../x", "x" * 300, "a..b", "HEAD", "workspace", "模型"]
)
@pytest.mark.parametrize("command", [("save", "-q"), ("run", "-q")], ids=["save", "run"])
def test_the_command_line_refuses_it_before_anything(
    repo: Workspace, command: tuple[str, ...], name: str
) -> None:
    training = ("--", "python", "train.py") if command[0] == "run" else ()
    result = repo.gitexp(*command, f"--name={name}", *training, check=False)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) <= 3
    assert "cannot be the name" in result.stderr
    assert repo.git("for-each-ref", "refs/gitexp") == ""


def test_names_are_taken_whatever_their_case(add: Add, store: Store) -> None:
    add("Best")
    for name in ("Best", "best", "BEST"):
        with pytest.raises(errors.NameTaken, match="'Best' already"):
            add(name)
    assert store.names() == ["Best"]


def test_automatic_names_have_five_digits_and_more_where_these_are_taken(add: Add, store: Store) -> None:
    assert [add().name for _ in range(3)] == ["exp-c0ffe", "exp-c0ffee", "exp-c0ffeec"]
    add("EXP-C0FFEEC0")
    assert add().name == "exp-c0ffeec0f"


def test_there_are_automatic_names_for_ever(add: Add, store: Store) -> None:
    """A loop of saves makes many equal snapshots within one second."""
    names = [add().name for _ in range(30)]
    assert len({name.lower() for name in names}) == 30
    assert all(is_name(name) and len(name) <= 16 for name in names)


# -- finding --------------------------------------------------------------------------------------


def test_finding(add: Add, store: Store) -> None:
    one, two, other = add("exp-1a"), add("exp-1b"), add("Best-of-all")
    assert store.find("exp-1a") == one
    assert store.find("EXP-1B") == two
    assert store.find("best") == other
    assert store.find(one.id) == one
    assert store.find(two.id[:9].upper()) == two
    assert store.find("nothing") is None
    with pytest.raises(
        errors.ExperimentError,
        check=has_code("ambiguous-experiment"),
        match="'exp-1' could be any of 2 experiments: exp-1a, exp-1b",
    ):
        store.find("exp-1")
    with pytest.raises(errors.ExperimentError, check=has_code("unknown-experiment")) as caught:
        store.require("exp-2a")
    assert "exp-1a" in (caught.value.hint or "")


def test_an_exact_name_wins_over_longer_ones(add: Add, store: Store) -> None:
    short = add("exp-1")
    add("exp-11")
    assert store.find("exp-1") == short
    assert store.find("EXP-1") == short


def test_a_commit_that_two_experiments_share_is_ambiguous(add: Add, store: Store) -> None:
    one, _ = add("one"), add("two")
    with pytest.raises(errors.ExperimentError, check=has_code("ambiguous-experiment"), match="one, two"):
        store.find(one.record.commit[:8])
    assert store.find(one.record.commit[:3]) is None, "three digits are too few to be an id"


def test_words_that_mean_something_else_are_no_prefixes(add: Add, store: Store) -> None:
    add("header")
    add("workspace-2")
    assert store.find("HEAD") is None
    assert store.find("workspace") is None


# -- compare and swap -----------------------------------------------------------------------------


def test_the_ref_is_made_once(add: Add, store: Store, repo: Workspace) -> None:
    one = add("one")
    assert repo.git("rev-parse", PREFIX + "one") == one.id
    assert repo.git("show", "-s", "--format=%P", one.id) == one.record.commit
    assert store.get("one") == one
    with pytest.raises(errors.NameTaken):
        add("one")
    assert repo.git("rev-parse", PREFIX + "one") == one.id


def test_an_advance_keeps_a_note_and_tags_that_were_set_meanwhile(add: Add, store: Store) -> None:
    one = add("one", status=Status.RUNNING)
    tree = store.repo.resolve("HEAD", "tree")
    assert tree is not None
    store.advance(one, replace(one.record), tree)
    meanwhile = replace(one.record, note="looks good", tags=("best",))
    oid = store.repo.write_commit(tree, [one.record.commit], "")
    assert oid
    current = store.get("one")
    assert current is not None
    store._write(meanwhile, tree, current.id)
    ended = store.advance(one, replace(one.record, status=Status.DONE, exit_code=0), tree)
    assert (ended.record.note, ended.record.tags) == ("looks good", ("best",))
    assert (ended.record.status, ended.record.exit_code) == (Status.DONE, 0)
    assert store.get("one") == ended


def test_an_advance_brings_back_what_was_removed_meanwhile(add: Add, store: Store, repo: Workspace) -> None:
    one = add("one", status=Status.RUNNING, note="mine")
    repo.git("update-ref", "-d", PREFIX + "one")
    tree = store.repo.resolve("HEAD", "tree")
    assert tree is not None
    assert store.advance(one, replace(one.record, status=Status.DONE), tree).record.note == "mine"
    assert [e.record.status for e in store.all()] == [Status.DONE]


def test_the_order_of_creation(add: Add) -> None:
    one, two, three = add("one", created="2024"), add("two", created="2025"), add("three", created="2024")
    assert newest_first([one, two, three]) == [two, one, three]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"overrides": ("lr=1", "~x")}, "one: lr=1, ~x"),
        ({"note": "first\nsecond", "command": "python"}, "one: first"),
        ({"command": "python train.py\n\trm"}, "one: python train.py  rm"),
        ({}, "one: saved"),
        ({"note": "\x1b]0;t\x07\u202e\udcff"}, "one:  ]0;t   "),
        ({"note": "x" * 500}, "one: " + "x" * 94 + "…"),
    ],
)
def test_the_subject_line(changes: dict[str, object], line: str) -> None:
    assert subject(replace(Record("one", Status.DONE, "", ""), **changes)) == line  # type: ignore[arg-type]


# -- what others have written ---------------------------------------------------------------------

VALID = {"format": 1, "status": "done", "commit": "a" * 40, "baseline": "b" * 40}
HOSTILE = {
    "a-empty": "",
    "b-text": "subject\n\nno JSON\n",
    "c-list": "subject\n\n[]\n",
    "d-later": 'subject\n\n{"format": 99}\n',
    "e-types": "subject\n\n" + json.dumps({**VALID, "status": ["done"], "tags": {"x": 1}}),
    "f-deep": "subject\n\n" + json.dumps(VALID)[:-1] + ',"params":{"p":' + '{"a":' * 500 + "1" + "}" * 502,
    "g-brackets": "subject\n\n" + "[" * 200_000,
    "h-utf16": "subject\n\n" + json.dumps(VALID).encode("utf-16").decode("latin-1"),
    "i-number": "subject\n\n" + json.dumps(VALID)[:-1] + ',"exit_code":' + "9" * 5000 + "}",
    "j-large": "subject\n\n" + json.dumps({**VALID, "note": "x" * (17 << 20)}),
}
LIVELY = "subject\n\n" + json.dumps(
    {**VALID, "note": "\ud800\x1b[2J[red]", "params": {"\udcff": {"\x1b": "\u202e"}}, "command": "\ud800"}
)


PERSONS = "author A <a> 0 +0000\ncommitter A <a> 0 +0000"


@pytest.fixture
def hostile(repo: Workspace) -> Workspace:
    repo.gitexp("save", "-q", "-n", "good")
    tree = repo.git("rev-parse", "HEAD^{tree}")
    for name, message in {**HOSTILE, "lively": LIVELY}.items():
        commit = repo.git(
            *("hash-object", "-w", "-t", "commit", "--literally", "--stdin"),
            input=f"tree {tree}\n{PERSONS}\n\n".encode() + message.encode("utf-8", "surrogatepass"),
        )
        repo.git("update-ref", PREFIX + name, commit)
    repo.git(
        "update-ref", PREFIX + "k-blob", repo.git("hash-object", "-w", "--stdin", input=json.dumps(VALID))
    )
    repo.git("update-ref", PREFIX + "l-tree", tree)
    repo.git("update-ref", PREFIX + "folder/inside", "HEAD")
    repo.git("update-ref", PREFIX + "-x", "HEAD")
    repo.git("update-ref", PREFIX + "ünï", "HEAD")
    return repo


ODD = {"k-blob", "l-tree", "folder/inside", "-x", "ünï"}


def test_a_damaged_record_is_a_row_that_says_so(hostile: Workspace) -> None:
    found = {e.name: e for e in Store(Repository.find(hostile.path)).all()}
    assert found.keys() == {*HOSTILE, *ODD, "good", "lively"}
    assert {name for name, e in found.items() if isinstance(e, Damaged)} == {*HOSTILE, *ODD}
    later = found["d-later"]
    assert isinstance(later, Damaged)
    assert "knows 1" in later.error


def test_damaged_records_hinder_no_command(hostile: Workspace) -> None:
    rows = {row["name"]: row for row in hostile.json("list", "-A")}
    assert rows["b-text"]["error"]
    for command in (
        ("show", "-A"),
        ("show", "-A", "--format", "csv"),
        ("list", "-A"),
        ("diff", "good", "HEAD"),
    ):
        assert "\x1b[2J" not in hostile.gitexp(*command).stdout
    hostile.gitexp("save", "-q")
    result = hostile.gitexp("branch", "b-text", check=False)
    assert (result.exit_code, "record" in result.stderr) == (1, True)
    result = hostile.gitexp("log", "d-later", check=False)
    assert "pip install -U gitexp" in result.stderr


def test_one_experiment_without_its_commit_hides_no_other(repo: Workspace) -> None:
    repo.gitexp("save", "-q", "-n", "good")
    repo.gitexp("save", "-q", "-n", "gone", "-m", "another message")
    repo.gitexp("save", "-q", "-n", "last")
    with repo.by_user():
        lose(repo.path, PREFIX + "gone")
    found = Store(Repository.find(repo.path)).all()
    assert [(type(e), e.name) for e in found] == [
        (Damaged, "gone"),
        (Experiment, "good"),
        (Experiment, "last"),
    ]
    assert set(repo.gitexp("list", "-A").stdout.split()) == {"gone", "good", "last"}
    result = repo.gitexp("log", "gone", check=False)
    assert (result.exit_code, "cannot be read" in result.stderr) == (1, True)
    repo.git("update-ref", "-d", PREFIX + "gone")


def test_one_large_file_that_cannot_be_read_hides_no_other(
    repo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("good", "bad"):
        repo.write("params.yaml", f"{name}: {'x' * 70_000}\n")
        repo.gitexp("save", "-q", "-n", name)
    bad = repo.git("rev-parse", PREFIX + "bad~1")
    read_blobs = Repository.read_blobs

    def fails_for_bad(self: Repository, names: Sequence[str]) -> list[bytes | None]:
        if any(name.startswith(bad) for name in names):
            raise errors.GitFailed("git cat-file failed: loose object is corrupt")
        return read_blobs(self, names)

    monkeypatch.setattr(Repository, "read_blobs", fails_for_bad)
    project = Project.open(repo.path)
    found = {row.name: row.error for row in ops.table(project, query.Query()).experiments}
    assert "loose object is corrupt" in (found["bad"] or "")
    assert found["good"] is None
    with pytest.raises(errors.BadRecord, match="cannot be read"):
        lookup.find(project, "bad")
