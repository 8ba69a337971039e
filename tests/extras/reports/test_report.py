"""`gitexp report`: a document of its own in each format, and the comment on a pull request."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.experiments import put
from tests.support.workspace import Workspace

pytestmark = pytest.mark.usefixtures("drawing")

ACTION = Path(__file__).parents[3] / ".github" / "actions" / "report"
TEMPLATE = """# Larger steps

Loss $L(\\theta) = \\frac{1}{n}\\sum_i \\ell_i$ fell to {{ exp.metrics.acc }} at {{ exp.params.train.lr }}

$$\\theta_{t+1} = \\theta_t - \\eta \\nabla L$$

{{ plot("loss", smooth=0.5) }}
"""


@pytest.fixture
def several(repo: Workspace) -> Workspace:
    for at in range(10):
        series = b""
        for step in range(20):
            point = {"_step": step, "_time": 1000 + step, "loss": 1 / (1 + step * (at + 1))}
            series += json.dumps(point).encode() + b"\n"
        put(
            repo,
            f"run-{at}",
            params={"params.yaml": {"train": {"lr": (at + 1) / 10}}},
            metrics={"metrics.json": {"acc": 0.5 + at / 100}},
            command="python train.py",
            run_files={"series.jsonl": series},
            series=("series.jsonl",),
        )
    repo.allow("files", "out*")
    return repo


def test_markdown_has_all_parts(several: Workspace) -> None:
    text = several.gitexp("report", "--question", "Is more better?").stdout
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    assert headings[:4] == ["Experiments", "Results", "The best: run-9", "Curves"]
    assert headings[4:] == ["Params that matter", "What was changed", "How to reproduce it"]
    assert "Is more better?" in text
    assert "| run-9 | **0.59** | 1.0 |" in text
    assert "gitexp run --from run-9" in text
    (curve,) = re.findall(r"^\| run-9 \| ([▁-█]+) \|", text, re.MULTILINE)
    assert (len(curve), curve[0], curve[-1]) == (16, "█", "▁")


def test_a_file_of_data_leaves_room_for_the_code(repo: Workspace) -> None:
    repo.write("data.txt", "".join(f"{number}\n" for number in range(5000)))
    repo.write("train.py", "print('changed')\n")
    repo.writes("metrics.json")
    write = "import json; json.dump({'acc': 1}, open('metrics.json', 'w'))"
    repo.gitexp("run", "-n", "one", "--", sys.executable, "-c", write)
    text = repo.gitexp("report").stdout
    assert "+13\n… 4,986 more lines of this file\ndiff --git a/train.py b/train.py\n" in text
    assert "+print('changed')\n" in text


@pytest.mark.parametrize("ending", ["html", "pdf", "tex", "md"])
def test_the_same_experiments_are_the_same_bytes(several: Workspace, ending: str) -> None:
    several.write("report.md.j2", TEMPLATE)
    made = []
    for stem, process in (("out-a", False), ("out-b", True)):
        several.gitexp("report", "-q", "-o", f"{stem}.{ending}", process=process)
        made.append((several.path / f"{stem}.{ending}").read_bytes().replace(stem.encode(), b"out"))
    assert made[0] == made[1]
    if ending == "tex":
        assert b"\\includegraphics[width=.85\\linewidth]{out_files/plot-1.pdf}" in made[0]
        plots = [(several.path / f"{stem}_files/plot-1.pdf").read_bytes() for stem in ("out-a", "out-b")]
        assert plots[0] == plots[1]
        assert plots[0].startswith(b"%PDF-")
        assert b"$L(\\theta) = \\frac{1}{n}" in made[0]
    if ending == "html":
        assert b"<mfrac>" in made[0]
        assert not re.search(rb'(src|href)="(?!data:)|<script|@import|url\(', made[0])
        assert b"fell to 0.59 at 1" in made[0]


def test_the_comment_of_a_pull_request_is_written_anew(several: Workspace, tmp_path: Path) -> None:
    several.gitexp("report", "--pr", "-o", "out.md")
    text = several.read("out.md")
    assert text.startswith("<!-- gitexp report: root -->\n### Experiments\n")
    assert text.count("<details>") == text.count("</details>") >= 3
    summary = several.gitexp("report", "--summary").stdout
    assert summary == text.partition("\n")[2]
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "gh").write_text(
        '#!/bin/sh\necho "$@" >> calls\ncase "$*" in *--paginate*) cat earlier ;; esac\n'
    )
    (programs / "gh").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "NUMBER": "7", "GITHUB_REPOSITORY": "a/b"}
    for earlier, call in (("", "--method POST repos/a/b/issues/7/comments"), ("99\n", "--method PATCH")):
        (tmp_path / "earlier").write_text(earlier)
        command = ["bash", str(ACTION / "comment.sh"), str(several.path / "out.md")]
        subprocess.run(command, cwd=tmp_path, env=env, check=True)
        last = (tmp_path / "calls").read_text().splitlines()[-1]
        assert call in last
        assert f"body=@{several.path}/out.md" in last


def test_a_comment_fits_whatever_there_is_to_say(repo: Workspace) -> None:
    for at in range(60):
        put(repo, f"run-{at}", metrics={"m.json": {f"m{key}": at + key / 7 for key in range(60)}})
    text = repo.gitexp("report", "--pr").stdout
    assert 1000 < len(text) <= 60_100
    assert "more experiments not shown" in text


def test_what_there_is_not(repo: Workspace) -> None:
    assert "0 experiments." in repo.gitexp("report").stdout
    for line in (("--format", "doc"), ("-o", "x.docx"), ("--format", "pdf"), ("--pr", "--summary")):
        assert repo.gitexp("report", *line, check=False).exit_code == 2
    assert repo.gitexp("report", "--template", "none.md", check=False).exit_code == 2
    put(repo, "broken", body="{")
    assert "| broken (unreadable) |" in repo.gitexp("report").stdout
    with repo.by_user():
        (repo.path / "report.md.j2").symlink_to("/etc/passwd")  # a repository may be a stranger's
    done = repo.gitexp("report", check=False)
    assert (done.exit_code, done.stdout) == (2, "")
