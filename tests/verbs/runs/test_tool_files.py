"""What known tools write while a command runs: results of that run, and no code of the next one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.project import config_loading, patterns
from gitexp.project.project import Project
from gitexp.project.tools import tool_files
from gitexp.runs.request import RunRequest
from gitexp.runs.run import Result, run
from tests.support.snapshots import experiment_commit, stored
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written in sh")

LIVE = """
rm -rf results/live; mkdir -p results/live/plots/metrics results/live/static models
echo "{\\"acc\\": $LR}" >results/live/metrics.json
echo "rate: $LR" >results/live/params.yaml
printf 'step\\tacc\\n0\\t%s\\n' $LR >results/live/plots/metrics/acc.tsv
echo "# $LR" >results/live/report.md
echo $LR >results/live/static/acc.png
echo "model $LR" >models/m.pt
printf 'outs:\\n- path: m.pt\\n  md5: %s\\n' $LR >models/m.pt.dvc
echo /m.pt >models/.gitignore
"""
DVC_YAML = """
cat >dvc.yaml <<'END'
params: [results/live/params.yaml]
metrics: [results/live/metrics.json]
plots: [{results/live/plots/metrics: {x: step}}]
artifacts: {m: {path: models/m.pt, type: model}}
END
"""
OF_LIVE = (
    *("metrics.json", "params.yaml", "plots/metrics/acc.tsv", "report.md", "static/acc.png"),
    *("../../models/m.pt", "../../models/m.pt.dvc", "../../models/.gitignore"),
)
OTHERS = """
for file in mlruns/0/$LR/meta.yaml mlruns/0/meta.yaml wandb/run-20261129_120000-$LR/files/a \\
  lightning_logs/version_$LR/hparams.yaml outputs/2026-11-29/12-00-$LR/.hydra/config.yaml \\
  outputs/2026-11-29/12-00-$LR/metrics.json sub/multirun/2026-11-29/$LR/a sub/outputs/model-$LR \\
  deep/er/logs/events.out.tfevents.$LR logs/2026-11-29_$LR/.hydra/hydra.yaml logs/2026-11-29_$LR/a \
  2026-11-29-mine/.hydra/hydra.yaml
do mkdir -p $(dirname $file); echo "{\\"loss\\": $LR}" >$file; done
"""
MINE = (
    "2026-11-29-mine/code.py",
    "wandb/__init__.py",
    "wandb/code.py",
    "mlruns/notes.txt",
    "lightning_logs/plot.py",
)


def start(
    repo: Workspace, name: str, script: str, lr: str, *, temp: bool = False, once: bool = False
) -> Result:
    repo.write("lr.txt", lr)
    repo.write("script.sh", f"LR=$(cat lr.txt)\n{script}")
    request = RunRequest(("sh", "script.sh"), name=name, temp=temp, once=once)
    return run(Project.open(repo.path), request)


def tree(repo: Workspace, name: str) -> dict[str, str]:
    return {path: data.decode() for path, (_, data) in stored(repo, experiment_commit(repo, name)).items()}


@pytest.mark.parametrize("dvc_yaml", ["", DVC_YAML])
@pytest.mark.parametrize("temp", [False, True])
def test_all_that_dvclive_writes_in_any_folder(repo: Workspace, dvc_yaml: str, temp: bool) -> None:
    repo.writes("results", "results/*", "models", "models/*", "dvc.yaml")
    repo.write("results/code.py", "mine = 1\n")
    for name, lr in (("one", "1"), ("two", "2")):
        record = start(repo, name, LIVE + dvc_yaml, lr, temp=temp).experiment.record
        assert record.metrics == {"results/live/metrics.json": {"acc": int(lr)}}
        assert record.params["results/live/params.yaml"] == {"rate": int(lr)}
        found = tree(repo, name)
        for path in OF_LIVE:
            path = str(Path("results/live") / path).replace("results/live/../../", "")
            assert lr in found[path] or path == "models/.gitignore"
        assert found["results/code.py"] == "mine = 1\n"
        assert ("dvc.yaml" in found) == bool(dvc_yaml)
    again = start(repo, "", LIVE + dvc_yaml, "2", temp=temp, once=True)
    assert again.experiment.name == "two"
    repo.write("models/m.pt.dvc", "outs:\n- path: m.pt\n  md5: of-my-own\n")
    if not dvc_yaml:
        assert start(repo, "three", LIVE, "2", temp=temp, once=True).experiment.name == "three"


@pytest.mark.parametrize("temp", [False, True])
def test_logs_belong_to_the_run_that_wrote_them(repo: Workspace, temp: bool) -> None:
    repo.writes("*")
    for path in MINE:
        repo.write(path, "code\n")
    one = start(repo, "one", OTHERS, "1", temp=temp).experiment
    assert start(repo, "same", OTHERS, "1", temp=temp, once=True).experiment == one
    start(repo, "two", OTHERS, "2", temp=temp)
    for name, lr, other in (("one", "1", "2"), ("two", "2", "1")):
        found = tree(repo, name)
        assert set(MINE) <= set(found)
        for path in (
            *(f"mlruns/0/{lr}/meta.yaml", "mlruns/0/meta.yaml", f"lightning_logs/version_{lr}/hparams.yaml"),
            *(f"wandb/run-20261129_120000-{lr}/files/a", f"sub/multirun/2026-11-29/{lr}/a"),
            *(f"outputs/2026-11-29/12-00-{lr}/.hydra/config.yaml", f"deep/er/logs/events.out.tfevents.{lr}"),
            *(f"sub/outputs/model-{lr}", f"logs/2026-11-29_{lr}/a"),
        ):
            assert found[path] == f'{{"loss": {lr}}}\n'
        older = [
            path
            for path in found
            if f"-{other}/" in path or f"_{other}/" in path or path.endswith(f"tfevents.{other}")
        ]
        assert older == []


def test_a_checkpoint_that_the_command_names_is_an_input(repo: Workspace) -> None:
    repo.writes("*")
    repo.write("lightning_logs/version_0/last.ckpt", "weights\n")
    line = "test -f lightning_logs/version_0/last.ckpt # --ckpt=lightning_logs/version_0/last.ckpt"
    result = run(Project.open(repo.path), RunRequest(line, name="resumed", temp=True))
    assert result.exit_code == 0
    assert tree(repo, "resumed")["lightning_logs/version_0/last.ckpt"] == "weights\n"


def test_what_git_ignores_is_not_stored(repo: Workspace) -> None:
    repo.writes("*")
    repo.write(".gitignore", "mlruns/\nwandb/\n")
    start(repo, "one", OTHERS, "1")
    found = tree(repo, "one")
    assert not [path for path in found if path.startswith(("mlruns/", "wandb/"))]
    assert "lightning_logs/version_1/hparams.yaml" in found


# -- patterns ------------------------------------------------------------------------------------------


def test_a_pattern_means_what_this_run_wrote(repo: Workspace) -> None:
    repo.writes("*")
    repo.write("gitexp.yaml", "metrics: ['outputs/**/metrics.json']\nouts: ['models/*.w']\n")
    repo.write("models/old.w", "old")
    for name, lr in (("one", "1"), ("two", "2")):
        start(repo, name, OTHERS + "echo $LR >models/$LR.w", lr)
        (found,) = repo.json("show", name)
        assert (found["metrics"], found["warnings"]) == ({"loss": int(lr)}, [])
    assert {tuple(row["metrics"]) for row in repo.json("show") if row["kind"] == "experiment"} == {("loss",)}
    assert {"models/old.w", "models/1.w", "models/2.w"} <= set(tree(repo, "two"))


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("outputs/**/m.json", ["outputs/m.json", "outputs/a/b/m.json"], ["outputs/xm.json", "m.json"]),
        ("**/m.json", ["m.json", "a/m.json"], ["a/xm.json"]),
        ("*/m?.json", ["a/m1.json"], ["a/b/m1.json", "a/m.json"]),
        ("a/**", ["a/x", "a/b/c"], ["ab"]),
        ("a[1]/*.x", ["a[1]/b.x"], ["a1/b.x"]),
    ],
)
def test_what_a_pattern_matches(tmp_path: Path, pattern: str, yes: list[str], no: list[str]) -> None:
    for path in (*yes, *no):
        if not (tmp_path / path).exists():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).touch()
    assert patterns.matching(tmp_path, [pattern]) == sorted(yes)


def test_a_pattern_of_too_many_stars_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gitexp.yaml").write_text("data: ['*/*/*/*/*/*/*/*']\nmetrics: ['*/*/*/*/*/*/*/*']")
    with pytest.raises(errors.ConfigError, match=r"gitexp.yaml:2: .* more than 6 stars"):
        config_loading.load(tmp_path, tmp_path)


def test_a_folder_of_data_is_not_searched(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(2001):
        (tmp_path / "data" / f"{number}.dvc").touch()
    assert tool_files.find(tmp_path).pointers == []
