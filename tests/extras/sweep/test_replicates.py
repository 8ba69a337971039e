"""`gitexp run --repeat`: each point with several seeds, and the group that the runs are in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gitexp.catalog.replicates import Replicates
from gitexp.cli.kit.terminal import render
from gitexp.errors import ConfigError, OverrideError, UsageError
from gitexp.extras.sweep.commands import _print_table
from gitexp.extras.sweep.spaces.grid import MOST
from gitexp.extras.sweep.spaces.replicates import repeated, seeds_from
from gitexp.model import Experiment, Status, Value
from gitexp.project.config import Config
from gitexp.project.config_loading import load
from gitexp.project.params import COMMAND
from gitexp.project.project import Project
from gitexp.runs.checks import seeds
from gitexp.runs.checks.seeds import Seed
from tests.support.experiments import put
from tests.support.workspace import Workspace

SEED = Seed("params.yaml", "train.seed", 7, "train.seed")
TRAIN = ("--", "python", "train.py")


def experiments(repo: Workspace) -> list[Experiment]:
    return Project.open(repo.path).store.readable()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (7, [7, 8, 9]),
        (0, [0, 1, 2]),
        (None, [0, 1, 2]),
        (-1, [0, 1, 2]),
        (2**32 - 2, [2**32 - 2, 2**32 - 1, 0]),
        (2**40, [2**40, 2**40 + 1, 2**40 + 2]),
    ],
)
def test_the_seeds(value: Value, found: list[int]) -> None:
    assert seeds_from(SEED._replace(value=value), 3) == found
    assert seeds_from(SEED._replace(value=value), 2) == found[:2]


@pytest.mark.parametrize("value", ["a", True, 1.5, [1]])
def test_a_seed_that_cannot_be_counted_from(value: Value) -> None:
    with pytest.raises(OverrideError, match="needs a whole number"):
        seeds_from(SEED._replace(value=value), 2)


def test_the_points() -> None:
    grid = [("lr=0.1",), ("lr=0.2",)]
    assert [(*point.overrides, point.replicate) for point in repeated(grid, 2, SEED)] == [
        ("lr=0.1", "train.seed=7", 1),
        ("lr=0.1", "train.seed=8", 2),
        ("lr=0.2", "train.seed=7", 1),
        ("lr=0.2", "train.seed=8", 2),
    ]
    assert [(*point.overrides, point.replicate) for point in repeated(grid[:1], 2, None)] == [
        ("lr=0.1", 1),
        ("lr=0.1", 2),
    ]
    given = repeated([("params.yaml:train.seed=30", "lr=1")], 2, SEED._replace(value=30))
    assert [point.overrides[0] for point in given] == [
        "params.yaml:train.seed=30",
        "params.yaml:train.seed=31",
    ]
    other = repeated([("other.yaml:train.seed=30",)], 1, SEED)
    assert other[0].overrides == ("other.yaml:train.seed=30", "train.seed=7")


def test_points_that_are_refused() -> None:
    with pytest.raises(OverrideError, match="several values already"):
        repeated([("train.seed=1",), ("train.seed=2",)], 2, SEED)
    with pytest.raises(OverrideError, match="are the most"):
        repeated([("lr=1",)] * 2, MOST, SEED)


@pytest.mark.parametrize(
    ("params", "config", "names"),
    [
        ({"p.yaml": {"lr": 1}}, "", []),
        ({"p.yaml": {"train": {"Random_State": 1}}}, "", ["train.Random_State"]),
        ({"p.yaml": {"seed": 1}, COMMAND: {"args": {"random-seed": 2}}}, "", ["seed", "args.random-seed"]),
        ({"p.yaml": {"data": {"seed": 1}, "seed": 2}}, "", ["seed"]),
        ({"p.yaml": {"a": {"seed": 1}, "b": {"random_seed": 2}}}, "", ["a.seed", "b.random_seed"]),
        ({"p.yaml": {"seed": 1}, COMMAND: {"args": {"seed": 2}}}, "", ["seed", "args.seed"]),
        ({"p.yaml": {"seed": 1}, "sub/q.yaml": {"seed": 1}}, "q.yaml:seed", ["sub/q.yaml:seed"]),
        ({"p.yaml": {"seed": 1, "init": 2}}, "init", ["init"]),
        ({"p.yaml": {"seed": 1}}, "init", []),
        ({"p.yaml": {"seed": {"a": 1}, "seeds": [1]}}, "", []),
    ],
)
def test_which_param_is_the_seed(params: dict[str, Any], config: str, names: list[str]) -> None:
    found = seeds.candidates(params, Config(folder="sub", seed=config))
    assert [seed.name for seed in found] == names


def test_a_seed_that_is_not_known_is_asked_for() -> None:
    with pytest.raises(UsageError, match="Several params") as caught:
        seeds.required({"p.yaml": {"a": {"seed": 1}, "b": {"seed": 1}}}, Config())
    assert caught.value.hint == "Say in gitexp.yaml which one is the seed: seed: a.seed"
    with pytest.raises(UsageError, match="no params file has it"):
        seeds.required({"p.yaml": {"seed": 1}}, Config(seed="sed"))


@pytest.mark.parametrize("value", ["3", "a=b", "[1]", "~a", "''"])
def test_a_config_that_names_no_param(tmp_path: Path, value: str) -> None:
    (tmp_path / "gitexp.yaml").write_text(f"seed: {value}\n")
    with pytest.raises(ConfigError, match="'seed' must be the key of a param"):
        load(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("file", "one", "other", "different"),
    [
        ("p.yaml", "seed: 1  # a\nlr: 1\n", "lr: 1\nseed: 22\n", "seed: 1\nlr: 2\n"),
        ("p.json", '{"seed": 1, "lr": 1}', '{"seed": null, "lr": 1}', '{"seed": 1, "lr": 1.5}'),
        ("p.toml", "seed = 1\nlr = 1\n", "seed = 2\nlr = 1\n", "seed = 1\nlr = 2\n"),
        ("p.py", "seed = 1\nprint()\n", "seed = 2\nprint()\n", "seed = 1\nprint(1)\n"),
    ],
)
def test_the_content_without_the_seed(file: str, one: str, other: str, different: str) -> None:
    seed = Seed(file, "seed", 1, "seed")
    assert seeds.without_seed(seed, one.encode()) == seeds.without_seed(seed, other.encode())
    assert seeds.without_seed(seed, one.encode()) != seeds.without_seed(seed, different.encode())


def test_repeated_with_seeds(repo: Workspace) -> None:
    repo.write("params.yaml", repo.read("params.yaml") + "seed: 3\n")
    repo.gitexp("run", "--temp", "-q", "-n", "mine", "-S", "seed=4", "-S", "train.lr=0.3", *TRAIN)
    grid = ("run", "-S", "train.lr=0.3,0.5", "-j", "2", "--json")
    told = repo.gitexp(*grid, "--repeat", "2", *TRAIN)
    assert "4 runs, 1 of them known already: 1 done, seed from 3 to 4" in told.stderr
    before = experiments(repo)
    assert len(before) == 4
    rows = json.loads(repo.gitexp(*grid, "--repeat", "3", *TRAIN).stdout)
    assert sorted((row["params"]["train.lr"], row["params"]["seed"]) for row in rows) == [
        *((0.3, seed) for seed in (3, 4, 5)),
        *((0.5, seed) for seed in (3, 4, 5)),
    ]
    after = {one.name: one for one in experiments(repo)}
    assert len(after) == 6
    assert all(after[one.name].id == one.id for one in before)
    groups: dict[str, set[int]] = {}
    for one in after.values():
        groups.setdefault(one.record.group, set()).add(one.record.replicate)
    assert sorted(map(sorted, groups.values())) == [[0, 1, 3], [1, 2, 3]]
    assert len({one.record.sweep for one in after.values()}) == 2


def test_simply_repeated(repo: Workspace) -> None:
    repo.gitexp("run", "--temp", "-q", "-n", "mine", *TRAIN)
    several = ("run", "--queue", "--repeat")
    assert "no param is called like a seed" in repo.gitexp(*several, "2", *TRAIN).stderr
    assert sorted(one.record.replicate for one in experiments(repo)) == [0, 2]
    told = repo.gitexp(*several, "4", *TRAIN).stderr
    assert "4 runs, 2 of them known already" in told
    assert sorted(one.record.replicate for one in experiments(repo)) == [0, 2, 3, 4]
    assert {one.record.group for one in experiments(repo)} == {experiments(repo)[0].record.identity}
    points = repo.gitexp("run", "--dry-run", "--repeat", "5", *TRAIN).stdout.splitlines()
    assert points[0] == "run 1  (mine, done)"
    assert points[4] == "run 5"
    refused = repo.gitexp("run", "--repeat", "2", "--once", *TRAIN, check=False)
    assert refused.exit_code == 2
    assert "--once does not go together" in refused.stderr


def test_an_option_is_the_seed(repo: Workspace) -> None:
    for seed in ("5", "6"):
        repo.gitexp("run", "--temp", "-q", *TRAIN, "--seed", seed)
    repo.gitexp("run", "--queue", "--repeat", "3", *TRAIN, "--seed", "5")
    found = experiments(repo)
    assert sorted(one.record.command or "" for one in found) == [
        f"python train.py --seed {seed}" for seed in (5, 6, 7)
    ]
    assert len({one.record.group for one in found}) == 1


def test_replicates_are_one_row(
    repo: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, (group, loss, status) in enumerate(
        [
            ("g", 0.1, "done"),
            ("g", 0.3, "done"),
            ("g", 9.0, "failed"),
            ("h", 0.25, "done"),
            ("h", 0.35, "done"),
        ]
    ):
        put(
            repo,
            f"{group}{number}",
            status=Status(status),
            created=f"2024-01-01T10:0{number}:00.000Z",
            group=group,
            identity=f"{number}",
            replicate=number + 1,
            params={"params.yaml": {"seed": number}},
            metrics={"metrics.json": {"loss": loss}},
        )
    put(repo, "alone", metrics={"metrics.json": {"loss": 0.22}}, created="2024-01-01T10:09:00.000Z")
    shown = repo.gitexp("show", "--sort", "loss", "--columns", "loss")
    lines = shown.stdout.splitlines()
    assert re.search(r"\[g0\] 3 runs .* 1 failed .*0\.20 ± 0\.14 \(2\)\*$", lines[3])
    assert "[alone]" in lines[4]
    assert re.search(r"\[h3\] 2 runs .*0\.30 ± 0\.071 \(2\)≈$", lines[5])
    assert "Left out of the means: 1 failed or interrupted run" in shown.stderr
    assert repo.gitexp("show", "--each", "--columns", "loss").stdout.count("\n") == 10  # with a legend
    failed = json.loads(repo.gitexp("show", "--failed", "--json").stdout)
    assert [(row["kind"], row["name"]) for row in failed][2:] == [("experiment", "g2")]
    rows = json.loads(repo.gitexp("show", "--json", "-l", "2").stdout)
    assert [row["name"] for row in rows if row["kind"] in ("group", "experiment")] == ["alone", "h3"]
    assert rows[-1]["replicates"]["members"] == ["h3", "h4"]
    told = repo.gitexp("show", "--format", "md").stdout
    assert (
        "Replicates: mean ± standard deviation (n). Left out of the means: 1 failed or interrupted run"
        in told
    )
    filters = ("done", ["alone", "h3", "g0"]), ("failed", ["g0"])
    for status, names in filters:  # one failed seed hides no group
        asked = repo.gitexp("show", "--json", "--filter", f"status == '{status}' and loss < 5").stdout
        rows = [row for row in json.loads(asked) if row["kind"] in ("group", "experiment")]
        assert [row["name"] for row in rows] == names
        assert rows[-1]["replicates"]["metrics"]["loss"]["n"] == 2
    assert repo.gitexp("best", "loss", "--filter", "not status == 'failed'").stdout == "g0\n"
    assert repo.gitexp("best", "loss").stdout == "g0\n"
    assert repo.gitexp("best", "loss", "--each").stdout == "g0\n"
    best = json.loads(repo.gitexp("best", "loss", "--max", "--json").stdout)
    assert (best["experiment"], best["value"]) == ("h3", pytest.approx(0.3))
    assert repo.gitexp("best", "loss", "--max", "--each").stdout == "g2\n"
    assert "| **0.20 ± 0.14 (2)≈** |" in repo.gitexp("compare", "--format", "md").stdout
    compared = json.loads(repo.gitexp("compare", "--json", "--filter", "loss > 0.21").stdout)
    assert [point["name"] for point in compared["points"]] == ["alone", "h3"]
    assert compared["metrics"][0]["replicates"]["h3"]["n"] == 2
    assert "0.3 ± 0.071 (2)" in repo.gitexp("diff", "g0", "h4", "--group", "replicates").stdout
    means = (
        "g0 is one of 3 replicates, h4 is one of 2 replicates. The means: gitexp {} --group replicates g0 h4"
    )
    for command in ("diff", "compare"):
        assert means.format(command) in repo.gitexp(command, "g0", "h4").stderr
        assert "The means" not in repo.gitexp(command, "g0", "g1").stderr
        assert "replicates" not in repo.gitexp(command, "g0", "h4", "--json").stdout
    several = repo.gitexp("compare", "g0", "h3", "h4").stderr
    assert "g0 is one of 3 replicates, h3, h4 are each one of 2 replicates. The means:" in several
    assert "one of 3 replicates: g0, g1, g2. The means: gitexp show" in repo.gitexp("show", "g0").stdout
    assert "replicates" not in repo.gitexp("show", "alone").stdout
    wrong = repo.gitexp("show", "--each", "--group", "replicates", check=False)
    assert wrong.exit_code == 2
    monkeypatch.setattr(render, "width", lambda: 40)
    _print_table(Project.open(repo.path), ["g0", "g1", "g2", "alone"], Replicates.REPEATED)
    said = capsys.readouterr()
    assert "column left out: " in said.out
    assert "Left out of the means: 1 failed or interrupted run" in said.err


def test_stages_are_a_group_by_their_inputs(repo: Workspace) -> None:
    stage = "{cmd: cat data.txt params.yaml > model.txt, deps: [data.txt], params: [seed], outs: [model.txt]}"
    repo.write("gitexp.yaml", f"stages: {{train: {stage}}}\nmax_untracked: 1 kB\n")
    repo.write("params.yaml", "seed: 3\n")
    repo.write(".gitignore", "data.txt\nmodel.txt\n")
    repo.write("data.txt", "one\n")
    repo.writes("model.txt", "gitexp.lock", "params.yaml")
    repo.gitexp("run", "-q", "-S", "seed=4")
    repo.gitexp("run", "--queue", "-q", "-S", "seed=3", "--repeat", "3")
    found = experiments(repo)
    assert sorted(one.record.params["params.yaml"]["seed"] for one in found) == [3, 4, 5]
    assert len({one.record.group for one in found}) == 1
    repo.write("data.txt", "two\n")
    repo.gitexp("run", "--queue", "-q", "-S", "seed=3", "--repeat", "2")
    assert len(experiments(repo)) == 5
    assert len({one.record.group for one in experiments(repo)}) == 2
