"""What all imports share: code, names, a second import, filters, and what was killed half way."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.extras.integrations.importers import importing
from gitexp.extras.integrations.importers.foreign import ForeignRun, Importer, Read, Unread
from gitexp.extras.integrations.importers.importing import ImportedRuns, Request, import_runs
from gitexp.files.lines.series import LoggedPoint
from gitexp.model import Status
from gitexp.project.project import Project
from tests.support.workspace import Workspace


class Some(Importer):
    """An importer of given runs."""

    title = "Some Tool"
    looks_for = "a folder of some tool's"

    def __init__(self, runs: Sequence[Read]) -> None:
        self.runs = runs

    def finds(self, place: Path) -> bool:
        return False

    def read(self, place: Path) -> Iterator[Read]:
        yield from self.runs


def bring(repo: Workspace, *runs: Read, into: str = "") -> ImportedRuns:
    """The result of an import of some runs."""
    return import_runs(Project.open(repo.path), Some(runs), Request("some", repo.path, into))


def points(count: int) -> Iterable[LoggedPoint]:
    return [LoggedPoint(step, 1e9 + step, {"loss": 1 / (step + 1)}) for step in range(count)]


def test_code_is_that_of_the_commit_with_the_patch_of_the_run(repo: Workspace) -> None:
    commit = repo.git("rev-parse", "HEAD").strip()
    repo.write("train.py", repo.read("train.py") + "# tried\n")
    patch = repo.git("diff").encode() + b"\n"
    repo.git("checkout", "train.py")
    whole = ForeignRun("1", name="whole", commit=commit, patch=patch)
    plain = ForeignRun("2", name="plain", commit=commit)
    broken = ForeignRun("3", name="broken", commit=commit, patch=patch.replace(b"\n ", b"\n other "))
    elsewhere = ForeignRun("4", name="elsewhere", commit="0" * 39 + "1", code={"a/train.py": b"print(1)\n"})
    unknown = ForeignRun("5", name="unknown", commit="--output=x")
    bring(repo, whole, plain, broken, elsewhere, unknown)
    store = Project.open(repo.path).store
    assert repo.git("show", f"{store.require('whole').record.commit}:train.py").endswith("# tried")
    assert "with its changes" in store.require("whole").record.warnings[0]
    assert store.require("plain").record.baseline == commit
    assert "does not apply" in store.require("broken").record.warnings[0]
    kept = store.run_file(store.require("broken"), "artifacts/code.patch")
    assert kept is not None
    assert b"other" in kept
    record = store.require("elsewhere").record
    assert repo.git("show", f"{record.commit}:a/train.py") == "print(1)"
    assert "what Some Tool has kept of it" in record.warnings[0]
    orphan = store.require("unknown").record.baseline
    assert orphan == record.baseline
    assert repo.git("ls-tree", orphan) == ""
    (shown,) = [row for row in repo.json("show", "-A") if row["commit"] == orphan]
    assert shown["created"] is None  # nobody knows, and 1970 it was not
    assert "not known" in store.require("unknown").record.warnings[0]


def test_runs_can_be_put_on_a_commit(repo: Workspace) -> None:
    bring(repo, ForeignRun("1", name="one"), into="HEAD")
    record = Project.open(repo.path).store.require("one").record
    assert record.baseline == repo.git("rev-parse", "HEAD").strip()
    with pytest.raises(errors.UsageError, match="no commit 'nowhere'"):
        bring(repo, ForeignRun("2"), into="nowhere")


def test_a_second_import_brings_what_is_new_and_keeps_what_people_have_said(repo: Workspace) -> None:
    one = ForeignRun("1", name="one", state="3", points=lambda: points(3), status=Status.INTERRUPTED)
    assert [each.name for each in bring(repo, one, ForeignRun("2", name="two")).experiments] == ["one", "two"]
    repo.gitexp("note", "one", "-m", "mine")
    repo.gitexp("tag", "one", "good")
    longer = ForeignRun("1", name="renamed", state="5", points=lambda: points(5), tags=("there",), note="its")
    done = bring(repo, longer, ForeignRun("2", name="two"), ForeignRun("3", name="one"))
    assert [each.name for each in done.experiments] == ["one-2"]
    assert [each.name for each in done.grown] == ["one"]
    assert done.known == 1
    project = Project.open(repo.path)
    record = project.store.require("one").record
    assert (record.status, record.note, record.tags) == (Status.DONE, "mine", ("good", "there"))
    assert record.metrics[".gitexp/run/summary.json"] == {"loss": 0.2}
    repo.gitexp("undo")
    assert project.store.require("one").record.metrics[".gitexp/run/summary.json"] == {"loss": 1 / 3}


def test_names_tags_and_files_that_cannot_be(repo: Workspace) -> None:
    odd = ForeignRun(
        "1",
        name="../a b{c}\n",
        tags=("", " \n", "x" * 500, "a\x1b[31mb"),
        files={"../out": b"1", "ok/in.txt": b"2", ".git/config": b"3", "gone": repo.path / "gone"},
        params={"a": {"b": [1, None]}},
        metrics={"nan": float("nan"), "a.b": 1, "a": 2},
        created=1e30,
        note="x" * 100_000,
    )
    done = bring(repo, odd, ForeignRun("2", name="///"), ForeignRun("1", name="again"))
    assert [one.name[:4] for one in done.experiments] == ["a-b-", "exp-"]
    assert "there is another run of its id" in done.warnings[0]
    store = Project.open(repo.path).store
    one = store.require(done.experiments[0].name)
    assert store.run_file(one, "artifacts/ok/in.txt") == b"2"
    assert sum("not stored" in warning for warning in one.record.warnings) == 3
    assert all(tag.isprintable() for tag in one.record.tags)
    assert len(one.record.tags) == 2
    assert repo.gitexp("show", one.name).stdout
    assert repo.gitexp("fsck", check=False).exit_code == 0


def test_what_cannot_be_read_is_said_and_alone_an_error(repo: Workspace) -> None:
    done = bring(repo, Unread("a/file", "its header is wrong"), ForeignRun("1", name="one"))
    assert done.warnings == ["not imported: a/file: its header is wrong"]
    with pytest.raises(errors.UsageError, match="No run of Some Tool could be read") as caught:
        bring(repo, Unread("a/file", "its header is wrong"))
    assert f"in {repo.path}. a/file: its header is wrong." in caught.value.message


def test_options_of_one_experiment_are_refused_beside_a_tool(repo: Workspace) -> None:
    for words in (["--name", "mine"], ["--data-from", "store"]):
        done = repo.gitexp("import", "csv", "results.csv", *words, check=False)
        assert done.exit_code == 2
        assert "are for experiments of another repository" in done.stderr


def test_a_path_that_is_not_there(repo: Workspace) -> None:
    done = repo.gitexp("import", "missing.gitexp", check=False)
    assert done.exit_code == 2
    assert "missing.gitexp is not there." in done.stderr


@contextlib.contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """Have the system refuse to write larger files, as a full disk does, as long as the block lasts."""
    import resource  # which Windows has not

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def download(path: Path) -> None:
    path.write_bytes(bytes(300_000))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize(
    "large",
    [
        ForeignRun("2", name="two", files={"model.bin": bytes(300_000)}),
        ForeignRun("2", name="two", points=lambda: points(20_000)),
        ForeignRun(
            "2", name="two", downloads=lambda: {"model.bin": lambda path: path.write_bytes(b"1" * 300_000)}
        ),
    ],
    ids=["file", "curve", "download"],
)
def test_a_fault_of_our_own_disk_stops_the_import(
    repo: Workspace, monkeypatch: pytest.MonkeyPatch, large: ForeignRun
) -> None:
    """What is stored stays, and the next import goes on from there."""
    monkeypatch.setattr(importing, "_TOGETHER", 1)
    runs = (ForeignRun("1", name="one"), large, ForeignRun("3", name="three"))
    with no_file_over(100_000), pytest.raises(OSError, match="File too large"):
        bring(repo, *runs)
    assert Project.open(repo.path).store.names() == ["one"]
    assert list((repo.path / ".git/gitexp/tmp").iterdir()) == []
    done = bring(repo, *runs)
    assert done.known == 1
    assert [each.name for each in done.experiments] == ["two", "three"]


def fail(error: Exception) -> Iterator[LoggedPoint]:
    yield LoggedPoint(0, 0.0, {"loss": 1.0})
    raise error


def refuse(path: Path) -> None:
    raise errors.SharingError("It refuses (403).", code="server-failed")


def test_a_fault_of_a_run_leaves_out_that_run(repo: Workspace, tmp_path: Path) -> None:
    """A run of which a part cannot be read is named, and comes when it can be read; the others come."""
    (tmp_path / "there").mkdir()
    broken = [
        ForeignRun(
            "1", name="curve", points=lambda: fail(PermissionError(13, "Permission denied", "/x/loss"))
        ),
        ForeignRun(
            "2", name="machine", system=lambda: fail(errors.ParseError("it is damaged.", file="x.db"))
        ),
        ForeignRun("3", name="file", files={"a": tmp_path / "there"}),
        ForeignRun("4", name="server", downloads=lambda: {"a": refuse}),
    ]
    done = bring(repo, ForeignRun("0", name="good"), *broken)
    assert [each.name for each in done.experiments] == ["good"]
    said = dict(warning.removeprefix("not imported: ").split(": ", 1) for warning in done.warnings)
    assert said["curve"] == "/x/loss cannot be read: Permission denied"
    assert said["machine"] == "x.db: it is damaged"
    assert said["file"].startswith(f"{tmp_path / 'there'} cannot be read: ")
    assert said["server"] == "It refuses (403)"
    assert [each.name for each in bring(repo, ForeignRun("1", name="curve")).experiments] == ["curve"]


def test_files_of_code_that_are_left_out_are_said(repo: Workspace) -> None:
    code = {"ok.py": b"1", "large.py": bytes(2**20 + 1), ".git/x": b"2", "gone.py": repo.path / "gone"}
    bring(repo, ForeignRun("1", name="one", code=code))
    record = Project.open(repo.path).store.require("one").record
    assert repo.git("ls-tree", "-r", "--name-only", record.commit) == "ok.py"
    assert [name in " ".join(record.warnings) for name in ("large.py", ".git/x", "gone.py")] == [True] * 3


def test_a_file_of_code_that_cannot_be_read_leaves_out_the_run(repo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    done = bring(repo, ForeignRun("1", name="one", code={"a.py": tmp_path / "folder"}))
    assert done.experiments == []
    assert "folder cannot be read: " in done.warnings[0]


def test_files_of_one_run_are_not_those_of_the_next(repo: Workspace) -> None:
    bring(
        repo, ForeignRun("1", name="one", files={"a": b"1"}), ForeignRun("2", name="two", files={"b": b"2"})
    )
    store = Project.open(repo.path).store
    assert store.run_file(store.require("two"), "artifacts/a") is None
    assert store.run_file(store.require("two"), "artifacts/b") == b"2"
