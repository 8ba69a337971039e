"""No file may be larger than so many bytes (`ulimit -f`): a write fails with EFBIG, and kills who does not
expect it with SIGXFSZ, as it does Git."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.crash.campaign import Bench, Progress, Tally, count
from tests.crash.promises import Before
from tests.crash.scenario import Scenario
from tests.crash.strace import Struck
from tests.support.workspace import GITEXP, TIMEOUT

SIZES = (0, 1, 20, 60, 100, 150, 200, 300, 400, 600, 800, 1000, 1500, 2000, 3000, 4096, 5000, 6000, 8192)
SIZES += (12_000, 16_384, 20_000, 24_000, 32_768, 65_536)


def why_not() -> str:
    """Why there is no such limit here, or nothing."""
    return "" if shutil.which("prlimit") else "prlimit is not installed"


def lower(folder: Path, scenario: Scenario, sizes: tuple[int, ...], tally: Tally, progress: Progress) -> None:
    """Have gitexp do its work under each limit."""
    bench = Bench(folder, folder)
    wanted = bench.undisturbed(scenario)
    for number, size in enumerate(sizes):
        with bench.repo(scenario) as repo:
            before = Before.of(repo)
            struck = _limited(repo.path, scenario, size)
            of = f"{scenario.name}, no file over {size} bytes"
            count(repo, of, (before, wanted), scenario, struck, tally, look_first=number % 2 == 1)
        progress(tally)


def _limited(where: Path, scenario: Scenario, size: int) -> Struck:
    # Coverage would be written to a file, too.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = ["prlimit", f"--fsize={size}", *GITEXP, *scenario.args]
    done = subprocess.run(
        command,
        cwd=where,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return Struck(done.returncode, out, err, hit=done.returncode != 0)
