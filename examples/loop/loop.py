"""An automated research loop: edits train.py, runs it, keeps or drops it, goes on from the best.

    python loop.py [--rounds 20] [--seed 1]

It remembers nothing by itself: each round begins with what `gitexp show -A --json` says was tried, and Git
has the code of all of it. So it can be stopped at any time, in any way, and started again.

It edits and runs in a folder of its own beside the project, a linked worktree of Git's, whose HEAD it puts on
the best experiment so far. What is run there has that experiment as its baseline: a line of experiments.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Row = dict[str, Any]  # of `gitexp show --json`

# What may be changed in train.py: these numbers, to half or double, and these lines, for one another.
# EPOCHS is not among them: the budget is the same for all.
NUMBERS = ("HIDDEN", "LEARNING_RATE", "MOMENTUM", "WEIGHT_DECAY")
LINES = {
    "scaling": {
        "centred": "return [x - sum(column) / len(column) for x in column]",
        "0 to 1": "return [(x - min(column)) / (max(column) - min(column)) for x in column]",
        "at most 1": "return [x / max(column) for x in column]",
    },
    "features": {
        "plain": "return [*flower, 1.0]",
        "squares": "return [*flower, *(x * x for x in flower), 1.0]",
        "products": "return [*flower, *(x * y for x in flower for y in flower), 1.0]",
    },
    "activation": {
        "relu": "return (x, 1.0) if x > 0 else (0.0, 0.0)",
        "leaky relu": "return (x, 1.0) if x > 0 else (0.1 * x, 0.1)",
        "tanh": "return math.tanh(x), 1 - math.tanh(x) ** 2",
    },
    "schedule": {
        "constant": "return LEARNING_RATE",
        "linear": "return LEARNING_RATE * (1 - epoch / EPOCHS)",
        "cosine": "return LEARNING_RATE * math.cos(math.pi / 2 * epoch / EPOCHS)",
        "harmonic": "return LEARNING_RATE / epoch",  # a mistake: the first epoch is 0
    },
}


# -- what a loop of yours may do otherwise --------------------------------------------------------------


def edits(code: str) -> Iterator[tuple[str, str]]:
    """What could be tried next: each edit in words, and the code with it."""
    for name in NUMBERS:
        if found := re.search(rf"^{name} = (.+)$", code, re.MULTILINE):
            number = json.loads(found[1])
            for other in {number * 2, number // 2 if isinstance(number, int) else number / 2} - {number, 0}:
                yield f"{name} {number} -> {other}", code.replace(found[0], f"{name} = {other}")
    for part, lines in LINES.items():
        for now, line in lines.items():
            for other, instead in lines.items():
                if other != now and f"    {line}\n" in code:
                    yield f"{part} {now} -> {other}", code.replace(f"    {line}\n", f"    {instead}\n")


def score(row: Row) -> float:
    """What is to become small; infinite where there is nothing to compare."""
    value = row["metrics"].get("val_loss") if row["status"] == "done" else None
    return value if isinstance(value, (int, float)) else float("inf")  # NaN is text in JSON


# -- the loop ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loop:
    """One loop of possibly several at a time: each has its seed and its desk, and all the same memory."""

    project: Path
    seed: int

    @property
    def desk(self) -> Path:
        """The folder that this loop edits and runs in."""
        return self.project.with_name(f"{self.project.name}-loop-{self.seed}")

    def go(self, rounds: int) -> None:
        """Try edits until as many have been tried as wanted, counting those of earlier starts."""
        if not self.desk.exists():
            git(self.project, "worktree", "add", "--quiet", "--detach", str(self.desk))
        while True:
            rows = gitexp(self.project, "show", "-A", "--each")
            memory = [row for row in rows if row["kind"] == "experiment"]
            mine = [row for row in memory if row["note"].startswith((f"loop {self.seed}, ", "as it is"))]
            if any(row["status"] == "running" for row in mine):
                time.sleep(0.2)  # of an earlier start that was killed: it goes on by itself
                continue
            best = min(memory, key=score, default=None)
            if best is None or score(best) == float("inf"):
                first = self.measure("as it is")
                if first is not None and first["status"] != "done":
                    sys.exit(f"train.py does not run as it is: gitexp log {first['name']}")
                continue
            done = sum(row["status"] in ("done", "failed") and row["note"] != "as it is" for row in mine)
            if done >= rounds or not self.round(done + 1, memory, best):
                return

    def round(self, number: int, memory: Sequence[Row], best: Row) -> bool:
        """Try one more edit of the best code; return whether there was one that nobody has tried."""
        git(self.desk, "switch", "--quiet", "--detach", "--discard-changes", best["commit"])
        tried = {code_of(self.project, row["commit"]) for row in memory if row["status"] != "interrupted"}
        code = (self.desk / "train.py").read_text("utf-8")
        untried = [(what, edited) for what, edited in edits(code) if edited not in tried]
        if not untried:
            return False
        what, edited = random.Random(f"{self.seed} {number}").choice(untried)
        (self.desk / "train.py").write_text(edited, "utf-8")
        row = self.measure(f"loop {self.seed}, round {number}: {what}")
        if row is not None:
            verdict = "kept" if score(row) < score(best) else "dropped"
            said = f"val_loss {score(row):.4f}" if row["status"] == "done" else row["status"]
            print(f"round {number:>2}  {row['name']}  {said:<15}  {verdict:<7}  {what}", flush=True)
        return True

    def measure(self, note: str) -> Row | None:
        """Run what lies on the desk; None if that has to wait for another run."""
        try:
            row: Row = gitexp(self.desk, "run", "--quiet", "--once", "--note", note)
        except Refused as error:
            if error.code not in ("workspace-busy", "still-running"):
                raise
            time.sleep(0.2)
            return None
        return row


@cache
def code_of(project: Path, commit: str) -> str:
    """The train.py of an experiment, to the byte; empty if it has none."""
    command = ["git", "-C", str(project), "show", f"{commit}:train.py"]
    return subprocess.run(command, capture_output=True).stdout.decode()


# -- gitexp and Git --------------------------------------------------------------------------------------


class Refused(Exception):
    """gitexp ended with an error of its own; `code` says which one, and stays the same over versions."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def gitexp(folder: Path, verb: str, *arguments: str) -> Any:
    """What gitexp answers, which is JSON; a failed training is an answer too."""
    command = ["gitexp", verb, "--json", *arguments]
    answer = json.loads(subprocess.run(command, cwd=folder, capture_output=True).stdout)
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        raise Refused(answer["error"]["code"], answer["error"]["message"])
    return answer


def git(folder: Path, *arguments: str) -> str:
    """What Git says."""
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    project = Path(git(Path(), "rev-parse", "--show-toplevel"))
    Loop(project, options.seed).go(options.rounds)
    table = ["gitexp", "show", "-A", "--columns", "val_*"]
    subprocess.run(table, cwd=project, check=True)


if __name__ == "__main__":
    main()
