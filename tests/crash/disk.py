"""A disk that is nearly full: a file system in memory of one megabyte, with more and more of it taken."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.crash.campaign import Bench, Progress, Tally, count
from tests.crash.promises import Before
from tests.crash.scenario import Scenario
from tests.crash.strace import Struck

_PAGE = 4096  # bytes, of which such a file system has so many
_MEGABYTE = 1 << 20
_RESERVE = 2 << 20  # bytes that a run sets aside for its end


@cache
def why_not() -> str:
    """Why no file system can be made here, or nothing."""
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True
    )
    return "" if tried.returncode == 0 else "file systems may not be mounted here"


@contextmanager
def disk(place: Path, size: int) -> Iterator[Path]:
    """Give a file system of that many bytes, mounted at `place`."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(folder: Path, scenario: Scenario, levels: range, tally: Tally, progress: Progress) -> None:
    """Have gitexp do its work with so many pages left on the disk, for each level."""
    runs = scenario.args[0] == "run"
    size, kept = (4 * _MEGABYTE, _RESERVE) if runs else (_MEGABYTE, 0)
    with disk(folder / "disk", size) as place:
        bench = Bench(place, folder)
        wanted = bench.undisturbed(scenario)
        for level in levels:
            with bench.repo(scenario) as repo:
                before = Before.of(repo)
                with _all_taken_but(place, kept + level * _PAGE):
                    done = repo.gitexp(*scenario.args, check=False)
                    repo.guard.check()
                struck = Struck(done.exit_code, done.stdout, done.stderr, hit=done.exit_code != 0)
                of = f"{scenario.name} with {level} pages left"
                count(repo, of, (before, wanted), scenario, struck, tally, look_first=level % 4 == 2)
            progress(tally)


@contextmanager
def _all_taken_but(place: Path, left: int) -> Iterator[None]:
    """Fill a disk as long as the block lasts."""
    free = os.statvfs(place)
    filler = place / "filler"
    with filler.open("wb") as file:
        file.write(bytes(max(0, free.f_bavail * free.f_frsize - left)))
    try:
        yield
    finally:
        filler.unlink()
