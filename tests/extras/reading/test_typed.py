"""A user's script with types: mypy understands all that is read back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
from datetime import datetime
from typing import BinaryIO

import gitexp

def show(exp: gitexp.OpenedExperiment) -> float:
    loss: gitexp.Series = exp.history("loss")
    every: gitexp.History = exp.history()
    steps: list[int] = list(loss.steps)
    started: datetime | None = exp.created
    file: BinaryIO = exp.open("model.bin")
    code: str = exp.code("train.py")
    changes: list[str] = [change.key for change in exp.diff("HEAD").params]
    names: list[str] = [each.name for each in exp.artifacts()]
    print(steps, started, file.read(), code, changes, names, sorted(every), exp.log(), exp.status.ended)
    return loss.last + loss[0] + max(loss)

found: list[gitexp.OpenedExperiment] = gitexp.experiments("acc > 0.9", baseline="HEAD", repo=".")
for exp in found:
    print(show(exp), exp.params["lr"], exp.tags, exp.note)
project = gitexp.Project.open()
stored, elsewhere = gitexp.experiments(project, gitexp.Query())
beside: int = elsewhere
print(gitexp.dataframe(), gitexp.experiment("last").name, [one.name for one in stored])
cleanup: gitexp.Cleanup = gitexp.gc(project, older_than="30d")
report: gitexp.FsckReport = gitexp.fsck(project)
transfer: gitexp.DataTransfer = gitexp.push_data(project, ["last"])
print(cleanup.garbage.unused, beside, report.healthy, transfer.bytes, gitexp.pull_data(project).failed)
"""


def test_mypy_takes_a_typed_script(tmp_path: Path) -> None:
    script = tmp_path / "analysis.py"
    script.write_text(SCRIPT)
    # What mypy knows of gitexp's files is kept for the next time, apart from what `make check` keeps.
    cache = Path(__file__).parents[3] / ".mypy_cache" / "typed_script"
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
