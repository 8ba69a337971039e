"""`gitexp loop` with scripted editors: good ones, and such that break what they can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gitexp.model import Status
from tests.support.kills import experiments
from tests.support.workspace import Workspace

TRAIN = """\
. ./gain.sh
. ./evaluate.sh
printf '{"acc": %s}\\n' "$(measured)" > metrics.json
"""
EVALUATE = """\
measured() { awk -v gain="$GAIN" "$PROGRAM" params.yaml; }
PROGRAM='
$2 !~ /^[0-9]+$/ { exit 1 }
{ noise = sin($2 + 99 * gain) * 1000; print gain + (noise - int(noise)) / 1000 }
'
"""

# An editor that raises the gain each third round by 0.1, by 0.00001 the next, and lowers it then.
EDIT = """\
number=$GITEXP_LOOP_ROUND
step=$(echo "0.1 1e-05 -0.1$number" | cut -d " " -f $(((number - 1) % 3 + 1)))
. ./gain.sh
awk "BEGIN { printf \\"GAIN=%.6f\\\\n\\", $GAIN + $step }" > gain.sh
echo "step $step" > "$GITEXP_LOOP_NOTE"
echo "edited $number"
"""


@pytest.fixture
def project(repo: Workspace) -> Workspace:
    for name, text in (("train.sh", TRAIN), ("evaluate.sh", EVALUATE), ("gain.sh", "GAIN=0.5\n")):
        repo.write(name, text)
    repo.write("params.yaml", "seed: 1\n")
    repo.write("gitexp.yaml", "command: sh train.sh\nprotected: [evaluate.sh]\nmetrics: {acc: max}\n")
    repo.commit()
    return repo


def rounds(project: Workspace, *words: str, code: str = EDIT, **options: Any) -> dict[str, Any]:
    """Make rounds with an editor of some shell code, and give the report."""
    script = project.path.parent / "edit.sh"
    script.write_text(code, "utf-8")
    found: dict[str, Any] = project.json("loop", "--edit", f". {script}", *words, **options)
    return found


def one_by_one(project: Workspace, last: int, *words: str, **options: Any) -> dict[str, Any]:
    """The same, each round by a command of its own."""
    for number in range(1, last + 1):
        report = rounds(project, "--rounds", str(number), *words, **options)
    return report


def test_only_what_is_more_than_noise_is_kept(project: Workspace) -> None:
    report = one_by_one(project, 3, "--replicates", "3")
    outcomes = [one["outcome"] for one in report["rounds"]]
    assert outcomes == ["kept", "dropped", "dropped"]  # the second is inside the noise
    assert [one["tried"] for one in report["rounds"][:2]] == ["step 0.1", "step 1e-05"]
    assert "edited 1" in report["rounds"][0]["printed"]
    assert report["judgement"]["verdict"] == "better"
    assert report["judgement"]["effect"] == pytest.approx(0.1, abs=0.01)
    assert report["best"] == report["rounds"][0]["experiment"] == report["rounds"][2]["from"]
    again = rounds(project, "--rounds", "3", "--replicates", "3")
    assert again == report  # the same command has nothing to do
    assert project.json("loop", "report", "--limit", "1")["rounds"] == report["rounds"][-1:]
    assert "best so far" in project.gitexp("loop", "report").stdout
    code = project.git("show", f"{report['best']}".replace("exp-", "refs/gitexp/exps/exp-") + ":gain.sh")
    assert code == "GAIN=0.600000"


LOOKS = """\
python - <<'END'
import json, os, pathlib
number = int(os.environ["GITEXP_LOOP_ROUND"])
folder = pathlib.Path(os.environ["GITEXP_LOOP_FOLDER"])
tried = json.loads(pathlib.Path(os.environ["GITEXP_LOOP_TRIED"]).read_text())
goal = (folder / "GOAL.md").read_text()
assert "as high as possible" in goal and "evaluate.sh" in goal
if number == 2:
    assert tried[0]["kept"] and tried[0]["value"] > 0.55, tried
    assert "+GAIN=0.6" in (folder / "patches" / "1.patch").read_text()
    assert float(os.environ["GITEXP_LOOP_BEST"]) > 0.55
pathlib.Path("gain.sh").write_text(f"GAIN={0.5 + number / 10}\\n")
END
"""


def test_an_editor_is_told_the_goal_and_what_was_tried(project: Workspace) -> None:
    report = rounds(project, "--rounds", "2", "--replicates", "2", code=LOOKS)
    assert [one["outcome"] for one in report["rounds"]] == ["kept", "kept"], report["rounds"]


# What an editor may do -> what becomes of the round. Nothing is kept: of one run each, there is no telling.
MISCHIEF = {
    "rm -rf -- * .git .[a-z]*": "protected",
    "git commit -qam mine && git checkout -q -b other && git reset -q --hard HEAD~1": "no change",
    "git config user.name Mallory && git config --global user.name Mallory && git gc -q --prune=now "
    "&& printf 'exit 1' > .git/hooks/pre-commit": "dropped",
    "git update-ref -d HEAD; rm -rf .git; git init -q . ; git add -A; git stash -q || true": "dropped",
    "head -c 10000000 /dev/zero | tr '\\0' 'x'; printf '\\033[2Jend'": "dropped",
    "sleep 600": "timeout",
    "(setsid sleep 601 >/dev/null 2>&1 &) ; sleep 602 &": "dropped",
    "echo 'measured() { echo 1e9; }' > evaluate.sh": "protected",
    "rm evaluate.sh && ln -s gain.sh evaluate.sh": "protected",
    "printf 'protected: []\\ncommand: sh train.sh\\n' > gitexp.yaml; echo 'measured() { echo 9; }' "
    "> evaluate.sh": "protected",
    "echo 'echo \"# more\" >> evaluate.sh' >> gain.sh": "no number",
    "mkfifo pipe; ln -s /etc/passwd link; mkdir -p sub/.git && echo x > sub/.git/config": "dropped",
    "exit 3": "failed",
    "printf 'seed: [' > params.yaml": "no number",
}


def test_a_bad_editor_breaks_nothing(project: Workspace, tmp_path: Path) -> None:
    """All in one loop; the guard of the workspace looks at the user's files, index, HEAD and config."""
    lines = ["case $GITEXP_LOOP_ROUND in"]
    for number, mischief in enumerate(MISCHIEF, 1):
        lines.append(f"{number}) echo GAIN={number}.0 > gain.sh; {mischief};;")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Ann\n\temail = ann@example.com\n", "utf-8")
    words = ["--replicates", "1", "--max-failures", "0", "--edit-minutes", "0.05"]
    env = {"HOME": str(home), "GIT_CONFIG_GLOBAL": str(home / ".gitconfig")}
    code = "\n".join([*lines, "esac", ""])
    left_behind = [number for number, mischief in enumerate(MISCHIEF, 1) if "sleep" in mischief]
    for last in (left_behind[0] - 1, left_behind[-1], len(MISCHIEF)):
        process = last == left_behind[-1]  # its orphans are not to become this process's children
        report = rounds(project, "--rounds", str(last), *words, code=code, env=env, process=process)
    found = {mischief: one["outcome"] for mischief, one in zip(MISCHIEF, report["rounds"], strict=True)}
    assert found == MISCHIEF
    assert "Mallory" not in (home / ".gitconfig").read_text("utf-8")
    assert max(len(one["printed"]) for one in report["rounds"]) <= 4000
    printed = json.dumps(report["rounds"][4]["printed"])
    assert printed.endswith('xend"')
    assert not [one for one in Path("/proc").iterdir() if b"sleep\x0060" in _command_line(one)]
    assert len(experiments(project)) == len(MISCHIEF) + 1
    assert all(one.record.commit for one in experiments(project))
    assert project.gitexp("doctor", check=False).exit_code == 0


CHEAT = """\
value=$(echo 0.1 0.9 | cut -d " " -f $GITEXP_LOOP_ROUND)
echo "echo $value > model.txt; echo '{\\"acc\\": 99}' > metrics.json" > train.sh
"""


def test_a_number_that_the_run_writes_itself_is_worth_nothing_beside_a_holdout(project: Workspace) -> None:
    project.write("train.sh", TRAIN + "echo 0.5 > model.txt\n")
    project.write("check.sh", "echo acc: $(cat model.txt)\n")
    holdout = "holdout: {cmd: sh check.sh}\nmetrics_from_output: {acc: 'acc: (\\S+)'}\nouts: [model.txt]\n"
    project.write("gitexp.yaml", project.read("gitexp.yaml") + holdout)
    project.write(".gitignore", "model.txt\n")
    project.commit()
    words = ("--metric", "holdout.acc", "--max", "--replicates", "2")
    report = rounds(project, "--rounds", "2", *words, code=CHEAT)
    assert [(one["outcome"], one["value"]) for one in report["rounds"]] == [("dropped", 0.1), ("kept", 0.9)]
    assert "holdout.acc" not in json.dumps(project.json("show", "-A"))  # and it stays hidden


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_it_ends_with_its_budgets(project: Workspace) -> None:
    code = "echo no idea; exit 1"
    assert rounds(project, "--dry-run", code=code)["rounds"] == []
    assert experiments(project) == []
    report = rounds(project, "--max-failures", "2", "--replicates", "1", code=code)
    assert [one["outcome"] for one in report["rounds"]] == ["failed", "failed"]
    assert "no idea" in project.gitexp("log", report["rounds"][0]["experiment"]).stdout
    report = rounds(project, "--budget", "4", "--replicates", "4", "--rounds", "9")
    assert report["runs"] <= 4
    refused = project.gitexp("loop", "--edit", "true", "--metric", "loss", "--rounds", "1", check=False)
    assert refused.exit_code == 2
    assert "no metric 'loss'" in refused.stderr
    assert all(one.record.status in (Status.DONE, Status.FAILED) for one in experiments(project))
