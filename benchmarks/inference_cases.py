"""What is measured of verdicts, `why`, `reproduce` and assistants."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import projects
from benchmarks.case import BARE, GITEXP, Case, side_of
from benchmarks.lab import Lab
from benchmarks.measure import Side

LARGE, SMALL = 10_000, 1_000
UNITS = 8
_PROBE = Path(__file__).with_name("mcp_probe.py")
# The seed decides the result, and eight params change it a little each.
_TRAIN = """import json, random, re
text = open("params.yaml").read()
numbers = [float(each) for each in re.findall(r": ([0-9.]+)", text)]
noise = random.Random(numbers[0]).random() / 100
json.dump({"acc": 0.5 + sum(numbers[1:]) / 100 + noise}, open("metrics.json", "w"))
"""


def _with_replicates(lab: Lab, folder: Path) -> tuple[str, str]:
    """Five runs of each of two variants in a repository; the name of one run of each."""
    params = "".join(f"unit_{number}: 1\n" for number in range(UNITS))
    for name, text in (("train.py", _TRAIN), ("params.yaml", f"seed: 1\n{params}")):
        (folder / name).write_text(text)
    (folder / "gitexp.yaml").write_text("command: python train.py\n")
    projects.tool(folder, lab.env, ["git", "add", "-A"])
    projects.tool(folder, lab.env, ["git", "commit", "-q", "-m", "variants"])
    second = [word for number in range(UNITS) for word in ("-S", f"unit_{number}=2")]
    names = []
    for changes in ([], second):
        words = [*lab.gitexp, "run", "--temp", "-j", "2", "--repeat", "5", "--json", *changes]
        done = subprocess.run(words, cwd=folder, env=dict(lab.env), check=True, capture_output=True)
        names.append(str(json.loads(done.stdout)[0]["name"]))
    return names[0], names[1]


def _judge(lab: Lab) -> Case:
    """What a verdict costs beyond the table: the table's time is taken off."""
    folder = Path(tempfile.mkdtemp(prefix="judge-", dir=lab.scratch)) / "project"
    shutil.copytree(lab.experiments(LARGE), folder, symlinks=True)
    first, second = _with_replicates(lab, folder)
    words = [*lab.gitexp, "judge", first, second, "--metric", "acc"]
    table = [*lab.gitexp, "show", "-A"]
    sides = {GITEXP: side_of(lab, words, folder), BARE: side_of(lab, table, folder)}
    return Case(f"`judge` among {LARGE:,} experiments, beyond the table", sides, goal=0.5)


def _why(lab: Lab) -> Case:
    """All that comes before the first hybrid: noise, units and plan."""
    folder = lab.project("gitexp", 0)
    first, second = _with_replicates(lab, folder)
    words = [*lab.gitexp, "why", first, second, "--metric", "acc", "--dry-run"]
    sides = {GITEXP: side_of(lab, words, folder)}
    return Case(f"`why` with {UNITS} units, to its first hybrid", sides, goal=1.0)


def _reproduce(lab: Lab) -> Case:
    """With an environment that is built anew each time, from what uv keeps."""
    folder, env = lab.project("gitexp", 0), {**lab.env, **_network()}
    (folder / "requirements.txt").write_text("tomlkit\n")
    projects.tool(folder, lab.env, ["git", "add", "-A"])
    projects.tool(folder, lab.env, ["git", "commit", "-q", "-m", "requirements"])
    projects.tool(folder, lab.env, [*lab.gitexp, "run", "-q", "-n", "one", "--", "python", "train.py"])
    built = folder / ".git" / "gitexp" / "environments"
    words = [*lab.gitexp, "reproduce", "-q", "one"]
    sides = {
        GITEXP: Side(lambda: words, folder, env, lambda: shutil.rmtree(built, ignore_errors=True)),
        BARE: side_of(lab, ["python", "train.py"], folder),
    }
    return Case("`reproduce` with a new environment, the packages at hand, less the command", sides, goal=3.0)


def _network() -> dict[str, str]:
    """What this machine says of certificates, proxies and uv."""
    found = {}
    for name, value in os.environ.items():
        if name.startswith(("SSL_CERT", "UV_")) or name.lower().endswith("_proxy"):
            found[name] = value
    return found


def _mcp(lab: Lab) -> Case:
    """An answer of a server that has answered before."""
    words = [lab.python, str(_PROBE), *lab.gitexp]
    side = Side(lambda: words, lab.experiments(SMALL), lab.env, told=lambda output: float(output.split()[-1]))
    return Case(f"`mcp`: a warm answer among {SMALL:,} experiments", {GITEXP: side}, goal=0.05)


CASES: dict[str, Callable[[Lab], Case]] = {
    "judge-10000": _judge,
    "why-8-units": _why,
    "reproduce-uv": _reproduce,
    "mcp-answer": _mcp,
}
