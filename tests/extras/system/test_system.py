"""What a run takes of its machine, measured by the real psutil; GPUs by a driver made for the test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gitexp import plugins
from gitexp.extras.system.control_group import memory_percent
from gitexp.model import Record
from gitexp.project.project import Project
from gitexp.project.sections.intervals import read_interval
from gitexp.runs.logged_values.system_summary import summary
from tests.support.workspace import Workspace

MB = 1024 * 1024
# A command with a child that works and has memory; each look comes soon after the last.
HUNGRY = """
import subprocess, sys
child = "import time\\nheld = bytearray(80 * 2**20)\\nend = time.time() + 1.5\\nwhile time.time() < end: pass"
subprocess.run([sys.executable, "-c", child])
"""

# A script that ends when it was looked at for the second time.
LOOKED_AT = """
import pathlib, time, gitexp
gitexp.log({"loss": 1})
lines = ""
while lines.count("\\n") < 2:
    time.sleep(0.05)
    for file in pathlib.Path(".git/gitexp/runs").glob("*/logged/system.jsonl"):
        lines = file.read_text()
"""


def record(repo: Workspace, name: str) -> Record:
    (found,) = [each for each in Project.open(repo.path).store.readable() if each.name == name]
    return found.record


def points(repo: Workspace, name: str) -> list[dict[str, Any]]:
    text = repo.git("cat-file", "blob", f"refs/gitexp/exps/{name}:.gitexp/run/system.jsonl")
    return [json.loads(line) for line in text.splitlines()]


def test_a_run_is_measured_with_the_processes_that_it_starts(repo: Workspace) -> None:
    repo.write("train.py", HUNGRY)
    repo.gitexp("run", "-n", "one", "--system-interval", "0.2", "--", sys.executable, "train.py")
    found = record(repo, "one")
    assert found.series == ("system.jsonl",)
    assert found.metrics == {}
    assert found.system["memory"] > 80 * MB
    assert found.system["cpu"] > 0  # how much, depends on whom the machine serves besides
    lines = points(repo, "one")
    assert max(line["processes"] for line in lines) == 2
    assert [line["_step"] for line in lines] == [*range(len(lines))]
    assert {"machine.cpu", "machine.memory", "machine.disk", "machine.net_sent"} <= set(lines[-1])
    assert "memory" in repo.gitexp("show", "one").stdout
    table = repo.gitexp("show", "--columns", "system.memory", "--filter", "system.cpu > 0").stdout
    assert f"{found.system['memory']:.0f}" in table
    assert "system" not in repo.gitexp("show").stdout  # unless it is asked for


def test_a_run_of_its_own_is_measured(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "system_interval: 0.2 s\n")
    repo.write("train.py", LOOKED_AT)
    subprocess.run([sys.executable, "-W", "error", "train.py"], cwd=repo.path, check=True)
    (found,) = Project.open(repo.path).store.readable()
    assert found.record.series == ("series.jsonl", "system.jsonl")
    assert found.record.system["memory"] > 5 * MB
    assert found.record.metrics == {".gitexp/run/summary.json": {"loss": 1}}


def test_nobody_looks_who_is_not_asked(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "system_interval: off\n")
    repo.gitexp("run", "-n", "one", "--", sys.executable, "-c", "import time; time.sleep(0.5)")
    assert record(repo, "one").system == {}
    assert plugins.find_installed("observer", "system", "no_such_package") is None
    # A run that is over before the first look has imported nothing.
    repo.write("gitexp.yaml", "")
    script = (
        "import sys, gitexp\n"
        "gitexp.run_experiment(gitexp.Project.open(), gitexp.RunRequest(('true',), name='two'))\n"
        "print([name for name in ('psutil', 'pynvml') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=repo.path, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_an_interval_that_is_none_is_refused_before_the_run(repo: Workspace) -> None:
    told = repo.gitexp("run", "--system-interval", "soon", "--", "true", check=False).stderr
    assert "--system-interval soon must be a duration, or off" in told
    repo.write("gitexp.yaml", "command: ls\nsystem_interval: 0.01\n")
    told = repo.gitexp("run", check=False).stderr
    assert "gitexp.yaml:2: 'system_interval' must be from 0.1 s to a day, or off" in told
    assert [read_interval(text) for text in ("off", False, 0, "1 min", 2)] == [0, 0, 0, 60, 2]


def test_without_a_driver_there_are_no_gpus() -> None:
    script = "from gitexp.extras.system.nvml import Gpus; print(Gpus().sample())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "{}\n"


@pytest.mark.skipif(
    shutil.which("cc") is None or sys.platform != "linux", reason="needs a C compiler on Linux"
)
def test_the_gpus_of_a_driver(tmp_path: Path) -> None:
    source = Path(__file__).with_name("driver.c")
    library = tmp_path / "libnvidia-ml.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    script = "from gitexp.extras.system.nvml import Gpus; import json; print(json.dumps(Gpus().sample()))"

    def sample(visible: str | None) -> dict[str, float]:
        env = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}
        if visible is not None:
            env["CUDA_VISIBLE_DEVICES"] = visible
        done = subprocess.run(
            [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
        )
        found: dict[str, float] = json.loads(done.stdout)
        return found

    first = {
        "gpu.0.use": 80.0,
        "gpu.0.memory": 1000.0,
        "gpu.0.memory_percent": 25.0,
        "gpu.0.power": 250.5,
        "gpu.0.temperature": 61.0,
    }
    assert sample("0") == sample("GPU-aaaa") == first
    both = sample(None)
    assert both.keys() - first.keys() == {
        f"gpu.1.{name}" for name in ("use", "memory", "memory_percent", "temperature")
    }
    assert sample("") == {}


def test_the_limit_of_a_container_or_a_job_counts(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("1:name=old:/x\n0::/job/step\n")
    assert memory_percent(tmp_path, own) is None
    for folder, most in (("job/step", "max"), ("job", "1000"), (".", "4000")):
        group = tmp_path / folder
        group.mkdir(parents=True, exist_ok=True)
        (group / "memory.max").write_text(f"{most}\n")
        (group / "memory.current").write_text("900\n")
        (group / "memory.stat").write_text("anon 1\ninactive_file 100\n")
    assert memory_percent(tmp_path, own) == 80.0
    assert memory_percent(tmp_path, tmp_path / "missing") is None
    own.write_text("4:cpu,memory:/job\n")  # version 1
    for folder, most in (("memory/job", "2000"), ("memory", str(2**63 - 4096))):
        group = tmp_path / folder
        group.mkdir(parents=True, exist_ok=True)
        (group / "memory.limit_in_bytes").write_text(f"{most}\n")
        (group / "memory.usage_in_bytes").write_text("900\n")
        (group / "memory.stat").write_text("total_inactive_file 100\n")
    assert memory_percent(tmp_path, own) == 40.0


def test_the_numbers_for_the_record() -> None:
    lines = [
        b'{"_step":0,"_time":1,"cpu":100,"memory":5,"gpu.0.use":50,"gpu.1.use":100,"gpu.0.memory":3,"gpu.1.memory":4}\n',
        b'{"_step":1,"_time":2,"cpu":200,"memory":9,"gpu.0.use":100,"gpu.1.use":100,"gpu.0.memory":1}\n',
        b'{"_step":2,"_ti',
    ]
    assert summary(lines) == {"cpu": 150.0, "gpu": 87.5, "memory": 9, "gpu_memory": 7}
    assert summary([]) == {}
