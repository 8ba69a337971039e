"""Nothing is deleted for its age on the word of one clock."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitexp import nofollow
from gitexp.history import remove as removal
from gitexp.history import restore
from gitexp.project.project import Project
from gitexp.repo import trash
from gitexp.upkeep import doctor
from tests.support.experiments import put
from tests.support.workspace import Workspace

NOW = datetime.now(UTC)


@pytest.fixture
def project(repo: Workspace) -> Project:
    for name in ("one", "two", "three"):
        put(repo, name)
    return Project.open(repo.path)


class Clock:
    """What `datetime.now` says to the code that removes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = NOW
        for module in (removal, doctor):
            monkeypatch.setattr(module, "datetime", self)

    def now(self, zone: object) -> datetime:
        return self.time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def remove(project: Project, name: str) -> None:
    removal.remove(project, [project.store.require(name)])


def lying(project: Project) -> set[str]:
    return {gone.experiment.name for gone in restore.trashed(project)}


def found(project: Project, *, mend: bool = False) -> set[str]:
    return {finding.code for finding in doctor.examine(project, mend=mend).findings}


@pytest.mark.parametrize("years", [-50, -1, 1, 50])
def test_a_clock_that_is_wrong_at_a_removal(project: Project, clock: Clock, years: int) -> None:
    remove(project, "one")
    clock.time = NOW + timedelta(days=365 * years)
    remove(project, "two")
    clock.time = NOW + timedelta(seconds=1)
    remove(project, "three")
    assert lying(project) == {"one", "two", "three"}
    found(project, mend=True)
    assert lying(project) == {"one", "two", "three"}


def test_a_clock_that_was_behind_at_the_first_removal(project: Project, clock: Clock) -> None:
    clock.time = datetime(1970, 1, 1, tzinfo=UTC)
    remove(project, "one")
    clock.time = NOW
    remove(project, "two")
    assert lying(project) == {"one", "two"}


def test_a_clock_that_begins_anew_at_each_start(project: Project, clock: Clock) -> None:
    remove(project, "one")
    for minutes in range(20):
        clock.time = datetime(1970, 1, 1, tzinfo=UTC)
        found(project)
        clock.time = NOW + timedelta(minutes=minutes)
        found(project)
    assert "trash-expired" not in found(project)


def test_a_clock_that_has_jumped_is_noticed(project: Project, clock: Clock) -> None:
    clock.time = NOW + timedelta(days=3650)
    remove(project, "one")
    clock.time = NOW
    assert "clock-jumped" in found(project)
    found(project, mend=True)
    assert "clock-jumped" not in found(project)
    assert lying(project) == {"one"}


def test_what_was_seen_for_thirty_days_goes(project: Project, clock: Clock) -> None:
    remove(project, "one")
    for days in range(7, 30, 6):
        clock.time = NOW + timedelta(days=days)
        assert "trash-expired" not in found(project)
    clock.time = NOW + timedelta(days=30, hours=1)
    assert "trash-expired" in found(project, mend=True)
    assert lying(project) == set()


def test_a_memory_that_cannot_be_read_stays(
    project: Project, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else all that lies in the trash would be new there."""
    remove(project, "one")
    memory = Path(project.local.root, "trash.json").read_bytes()

    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "trash.json")

    with monkeypatch.context() as patch:
        patch.setattr(nofollow.Folder, "read", fail)
        with pytest.raises(OSError, match=r"trash\.json"):
            trash.look(project.repo, NOW)
        remove(project, "two")
    assert Path(project.local.root, "trash.json").read_bytes() == memory
    assert lying(project) == {"one", "two"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"latest": 1e999, "ages": {}}', '{"latest": 0, "ages": [1]}']
)
def test_a_damaged_memory_makes_nothing_old(project: Project, clock: Clock, text: str) -> None:
    remove(project, "one")
    Path(project.local.root, "trash.json").write_text(text)
    remove(project, "two")
    assert lying(project) == {"one", "two"}
    assert trash.look(project.repo, NOW).ages.keys() == {one.ref for one in trash.contents(project.repo)}
