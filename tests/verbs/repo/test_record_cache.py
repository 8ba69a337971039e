"""The cache of records: it says what Git says, whatever becomes of its files."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gitexp.model import Damaged, Experiment, Record, Status, Stored
from gitexp.project.project import Project
from gitexp.repo import experiments, record_cache
from gitexp.repo.experiments import PREFIX
from tests.support.experiments import copy_of, put
from tests.support.repositories import git, lose
from tests.support.workspace import Workspace

NAMES = [f"exp-{number}" for number in range(8)]


@pytest.fixture(scope="module")
def many(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Eight experiments with all kinds of values."""
    repo = copy_of(template, tmp_path_factory.mktemp("many"))
    for number, name in enumerate(NAMES):
        put(
            repo,
            name,
            params={"params.yaml": {"lr": number / 3, "one": [1, 1.0, True][number % 3], "l": [{"a": None}]}},
            metrics={"metrics.json": {"acc": 0.1 * number, "big": 10**30, "text": "ä\udcff“"}},
            tags=("a", "b") if number % 2 else (),
            note="a note" if number == 3 else "",
            duration=[1, 1.0, 2.5][number % 3],
            command="python train.py",
            alerts=({"time": "t", "level": "warn", "title": "x", "text": ""},) if number == 5 else (),
            stages={"prepare": {"state": "ran"}} if number == 6 else {},
        )
    return repo


@pytest.fixture
def repo(repo: Workspace, many: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    repo.git("fetch", "--quiet", str(many.path), f"+{PREFIX}*:{PREFIX}*")
    monkeypatch.setattr(record_cache, "MANY", 6)
    monkeypatch.setattr(record_cache, "_NEWS", 2)
    monkeypatch.setattr(record_cache, "_IN_FILE", 3)
    return repo


def from_git(repo: Workspace) -> list[Stored]:
    return Project.open(repo.path).store.all()


def cached(repo: Workspace) -> list[Stored]:
    store = Project.open(repo.path).store
    store.use_cache()
    return store.all()


def files(repo: Workspace) -> list[Path]:
    return sorted((repo.path / ".git" / "gitexp" / "records").glob("*"))


def told(found: list[Stored]) -> list[str]:
    """All that is known of the experiments, with the types of all values."""
    return [repr(one) + repr(one.record if isinstance(one, Experiment) else "") for one in found]


def rewrite(file: Path, content: bytes) -> None:
    """Put a file with this content, named by its hash, in place of one."""
    file.unlink()
    file.with_name(hashlib.sha256(content).hexdigest() + ".json").write_bytes(content)


def test_the_cache_says_what_git_says(repo: Workspace) -> None:
    first = cached(repo)
    assert len(files(repo)) == 3
    assert told(first) == told(cached(repo)) == told(from_git(repo))


def test_what_is_kept_is_not_read_from_git(repo: Workspace) -> None:
    first = cached(repo)
    lose(repo.path, f"{PREFIX}exp-3")
    assert told(cached(repo)) == told(first)
    assert isinstance(from_git(repo)[3], Damaged)


def test_doctor_looks_at_git(repo: Workspace) -> None:
    repo.gitexp("show", "-A", "--json")
    assert files(repo)
    lose(repo.path, f"{PREFIX}exp-3")
    found = repo.gitexp("doctor", check=False)
    assert found.exit_code == 1
    assert "exp-3" in found.stdout


@pytest.mark.parametrize("command", [("judge", "exp-3", "exp-2"), ("reproduce", "exp-3", "--dry-run")])
def test_what_judges_or_repeats_looks_at_git(repo: Workspace, command: tuple[str, ...]) -> None:
    repo.gitexp("show", "-A", "--json")
    lose(repo.path, f"{PREFIX}exp-3")
    assert "exp-3" in repo.gitexp("list", "-A").stdout
    assert "The commit of exp-3 cannot be read" in repo.gitexp(*command, check=False).stderr


def test_few_experiments_are_not_kept(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_cache, "MANY", len(NAMES) + 1)
    assert told(cached(repo)) == told(from_git(repo))
    assert not files(repo)


def test_new_experiments_are_kept_when_there_are_some(repo: Workspace) -> None:
    cached(repo)
    put(repo, "new-1")
    assert told(cached(repo)) == told(from_git(repo))
    assert len(files(repo)) == 3
    put(repo, "new-2")
    cached(repo)
    assert len(files(repo)) == 4
    assert told(cached(repo)) == told(from_git(repo))
    assert len(from_git(repo)) == len(NAMES) + 2


def test_changed_and_removed_experiments(repo: Workspace) -> None:
    cached(repo)
    repo.gitexp("tag", "exp-1", "best")
    repo.gitexp("note", "exp-2", "-m", "another")
    repo.gitexp("rename", "exp-4", "renamed")
    repo.gitexp("remove", "-y", "exp-7")
    git(repo.path, "update-ref", f"{PREFIX}exp-5", f"{PREFIX}exp-6")
    assert told(cached(repo)) == told(from_git(repo))
    assert told(cached(repo)) == told(from_git(repo))


def test_when_most_are_gone_the_files_are_made_anew(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    cached(repo)
    before = files(repo)
    for name in NAMES[:6]:
        git(repo.path, "update-ref", "-d", PREFIX + name)
    for number in range(2):
        put(repo, f"new-{number}")
    monkeypatch.setattr(record_cache, "MANY", 4)
    assert told(cached(repo)) == told(from_git(repo))
    assert not set(before) & set(files(repo))
    assert len(files(repo)) == 2


def test_when_few_are_left_nothing_is_kept(repo: Workspace) -> None:
    cached(repo)
    assert files(repo)
    for name in NAMES[:6]:
        git(repo.path, "update-ref", "-d", PREFIX + name)
    assert told(cached(repo)) == told(from_git(repo))
    assert not files(repo)


def test_what_is_not_kept(repo: Workspace) -> None:
    """What may still change, and what is damaged."""
    put(repo, "queued", status=Status.QUEUED)
    put(repo, "broken", body="{")
    for _ in range(2):
        assert told(cached(repo)) == told(from_git(repo))
    kept = "".join(file.read_text() for file in files(repo))
    assert [name for name in ("queued", "broken") if f'"{name}"' in kept] == []
    assert [name for name in NAMES if f'"{name}"' not in kept] == []


def test_numbers_that_json_lacks_and_keys_of_a_later_version(repo: Workspace) -> None:
    """Many runs diverge: were those not kept, each table would read them anew."""
    put(repo, "nan", metrics={"metrics.json": {"acc": math.nan, "loss": -math.inf, "text": "x"}})
    put(repo, "later", extra={"of_tomorrow": [1, 2.0, None]})
    for _ in range(2):
        assert told(cached(repo)) == told(from_git(repo))
    kept = "".join(file.read_text() for file in files(repo))
    assert [name for name in (*NAMES, "nan", "later") if f'"{name}"' not in kept] == []


def test_one_that_does_not_come_back_keeps_no_other_out() -> None:
    record = Record("x", Status.DONE, "c" * 40, "b" * 40)
    fine = [
        Experiment(f"n{number}", f"{number:040x}", replace(record, name=f"n{number}")) for number in range(9)
    ]
    odd = Experiment("odd", "f" * 40, replace(record, name="odd", argv=object()))  # type: ignore[arg-type]  # what JSON has not
    (content,) = record_cache._files([*fine[:4], odd, *fine[4:]])
    assert record_cache._experiments(content) == fine


@pytest.mark.parametrize("extra", [None, "x", [], {"note": "x"}])
def test_keys_of_a_later_version_are_none_of_this_one(extra: object) -> None:
    record = Record("x", Status.DONE, "c" * 40, "b" * 40, extra={"later": 1})
    document = json.loads(record_cache._content([Experiment("x", "d" * 40, record)]))
    assert record_cache._experiments(json.dumps({**document, "extra": [extra]}).encode()) == []


def test_more_than_fit_on_a_command_line(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    cached(repo)
    monkeypatch.setattr(experiments, "_MOST_PATTERNS", 1)
    monkeypatch.setattr(record_cache, "_NEWS", 100)
    for number in range(3):
        put(repo, f"new-{number}")
    assert told(cached(repo)) == told(from_git(repo))


CONTENTS = {
    "empty": b"",
    "half": b'{"gitexp":',
    "a list": b"[]",
    "no names": b'{"gitexp":"0"}',
    "bytes": b"\xff\xfe",
    "bracket": b"[" * 100_000,
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_file_of_nobody(repo: Workspace, content: bytes) -> None:
    first = cached(repo)
    rewrite(files(repo)[1], content)
    assert told(cached(repo)) == told(first)
    assert content not in [file.read_bytes() for file in files(repo)]
    assert len(files(repo)) == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gitexp", "0.0.1"),
        ("names", [1, 2, 3]),
        ("ids", ["0" * 40]),
        ("columns", {}),
        ("columns", None),
        ("columns", {"status": {"all": "done"}, "commit": ["x"] * 3, "baseline": ["0" * 40] * 3}),
        ("columns", {"status": {"all": "asleep"}, "commit": ["0" * 40] * 3, "baseline": ["0" * 40] * 3}),
        ("columns", {"status": {"none": 1}}),
        ("columns", {"status": ["done"]}),
    ],
)
def test_a_file_with_another_value(repo: Workspace, key: str, value: object) -> None:
    first = cached(repo)
    document = json.loads(files(repo)[1].read_bytes())
    rewrite(files(repo)[1], json.dumps({**document, key: value}).encode())
    assert told(cached(repo)) == told(first)
    assert told(cached(repo)) == told(first)
    assert len(files(repo)) == 3


def test_a_file_that_is_too_deep(repo: Workspace) -> None:
    first = cached(repo)
    content = files(repo)[1].read_bytes()
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    rewrite(files(repo)[1], content.replace(b'{"lr":', b'{"deep":' + deep + b',"lr":', 1))
    assert told(cached(repo)) == told(first)
    assert all(deep not in file.read_bytes() for file in files(repo))


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def _edit(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"a note", b"a lie!"))


def _link(file: Path) -> None:
    file.rename(file.parent.parent / "elsewhere")
    file.symlink_to(file.parent.parent / "elsewhere")


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _rename(file: Path) -> None:
    file.rename(file.with_name("0" * 64 + ".json"))


@pytest.mark.parametrize("spoil", [_truncate, _edit, _link, _pipe, _rename, Path.unlink])
def test_a_damaged_file(repo: Workspace, spoil: Callable[[Path], object]) -> None:
    first = cached(repo)
    for file in files(repo):
        spoil(file)
    assert told(cached(repo)) == told(first)
    assert told(cached(repo)) == told(first)
    assert len(files(repo)) == 3


def test_the_cache_stands_in_the_way_of_nothing(repo: Workspace) -> None:
    """A folder where a file is to be, which cannot be removed as one."""
    first = cached(repo)
    (repo.path / ".git" / "gitexp" / "records" / "a folder").mkdir()
    assert told(cached(repo)) == told(first)
