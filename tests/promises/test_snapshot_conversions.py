"""Line ends, filters and encodings: what stands on disk comes back out of an experiment byte for byte.

A checkout of the experiment with the user's own settings gives the bytes, or else the blob holds them;
the few shapes where Git's attributes allow neither say so in a warning.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from gitexp.project.project import Project
from gitexp.runs.save import save
from tests.support.snapshots import entry_of, experiment_commit, stored
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Git for Windows has settings of its own")

LF, CRLF, MIXED, CR = b"one\ntwo\n", b"one\r\ntwo\r\n", b"one\r\ntwo\n", b"one\rtwo\r"
LINES = {"lf": LF, "crlf": CRLF, "mixed": MIXED, "cr": CR, "nul": b"\0\r\n\n", "none": b"", "open": b"a\r\nb"}

NOTEBOOK = b'{"cells": [], "outputs": "large"}\n'
ZIP = "import sys, zlib; sys.stdout.buffer.write(zlib.{}(sys.stdin.buffer.read()))"
PYTHON = f"'{sys.executable}' -c"


@dataclass(frozen=True)
class Shape:
    """Attributes and settings; the files; which come back only as blobs, which not at all."""

    attributes: str
    config: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=lambda: LINES)
    raw: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()


def lines(*names: str) -> frozenset[str]:
    return frozenset(names)


SHAPES = {
    "nothing": Shape(""),
    "binary": Shape("* -text\n", {"core.autocrlf": "true"}),
    "autocrlf=true": Shape("", {"core.autocrlf": "true"}, raw=lines("lf")),
    "autocrlf=input": Shape("", {"core.autocrlf": "input"}),
    "autocrlf beside safecrlf=warn": Shape("", {"core.autocrlf": "input", "core.safecrlf": "warn"}),
    "text=auto": Shape("* text=auto\n"),
    "text": Shape("* text\n"),
    "eol=lf": Shape("* text eol=lf\n"),
    "eol=crlf": Shape("* text eol=crlf\n", raw=lines("lf"), lost=lines("mixed", "nul")),
    "text=auto eol=crlf": Shape("* text=auto eol=crlf\n", raw=lines("lf")),
    "ident": Shape(
        "* ident\n",
        files={"new": b"$Id$\n", "stale": b"$Id: 0123456789 $\n", "no": b"$Identity$\n"},
        raw=lines("new"),
        lost=lines("stale"),
    ),
    "UTF-16": Shape(
        "* working-tree-encoding=UTF-16\n",
        files={"big": "\ufeffbig \N{SNOWMAN}\n".encode("utf-16-be")},
    ),
    "UTF-16LE-BOM": Shape(
        "* working-tree-encoding=UTF-16LE-BOM\n",
        files={"little": "\ufefflittle \N{SNOWMAN}\r\n".encode("utf-16-le")},
    ),
    "latin-1": Shape(
        "* working-tree-encoding=latin1 text\n", files={"old": "caf\u00e9\r\n".encode("latin-1")}
    ),
    "a filter that comes back": Shape(
        "/z-* filter=zip\n",
        {
            "filter.zip.clean": f'{PYTHON} "{ZIP.format("compress")}"',
            "filter.zip.smudge": f'{PYTHON} "{ZIP.format("decompress")}"',
            "filter.zip.required": "true",
        },
        files={f"z-{name}": content for name, content in LINES.items()},
    ),
    "a filter that takes away": Shape(
        "*.ipynb filter=strip\n",
        {
            "filter.strip.clean": "sed s/large//",
            "filter.strip.smudge": "cat",
            "filter.strip.required": "true",
        },
        files={"a.ipynb": NOTEBOOK, "b.txt": NOTEBOOK},
        lost=lines("a.ipynb"),
    ),
    "a filter that cannot give back": Shape(
        "*.dat filter=broken\n",
        {
            "filter.broken.clean": "sed s/o/0/",
            "filter.broken.smudge": "false",
            "filter.broken.required": "true",
        },
        files={"a.dat": b"one\n"},
        lost=lines("a.dat"),
    ),
    "a filter that fails but is not required": Shape(
        "* filter=weak\n", {"filter.weak.clean": "false", "filter.weak.smudge": "false"}
    ),
    "a filter that nobody has set up": Shape("* filter=lfs diff=lfs merge=lfs -text\n"),
    "odd names": Shape(
        "* text=auto\n",
        {"core.autocrlf": "true"},
        files=dict.fromkeys(("new\nline", "-dash", "sp ace", 'qu"ote', "[a]*", "caf\u00e9/x"), MIXED),
    ),
}


@pytest.mark.parametrize("state", ["untracked", "modified"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_bytes_come_back(repo: Workspace, shape: Shape, state: str) -> None:
    for name in shape.files if state == "modified" else ():
        repo.write(name, b"earlier\n")
    repo.commit()
    for key, value in shape.config.items():
        repo.git("config", key, value)
    if shape.attributes:
        repo.write(".git/info/attributes", shape.attributes)
    for name, content in shape.files.items():
        repo.write(name, content)
    saved = save(Project.open(repo.path))
    commit = experiment_commit(repo, saved.name)
    if whole := shape.files.keys() - shape.raw - shape.lost:
        checkout = stored(repo, commit)
        for name in whole:
            assert checkout[name] == entry_of(repo.path / name), name
    blobs = stored(repo, commit, raw=True)
    for name in shape.raw - shape.lost:
        assert blobs[name] == entry_of(repo.path / name), name
    told = [name for text in saved.record.warnings for name in text.rpartition(": ")[2].split(", ")]
    assert sorted(told) == sorted(shape.lost)
    assert len(saved.record.warnings) <= 1


def test_unchanged_files_stay_as_committed(repo: Workspace) -> None:
    """What Git finds unmodified is not read again, whatever a later setting would make of it."""
    repo.write("crlf.txt", CRLF)
    repo.commit()
    repo.git("config", "core.autocrlf", "input")
    saved = save(Project.open(repo.path))
    assert repo.git("rev-parse", f"{experiment_commit(repo, saved.name)}^{{tree}}") == repo.git(
        "rev-parse", "HEAD^{tree}"
    )


@pytest.mark.parametrize("state", ["modified", "staged", "removed"])
def test_new_attributes_hold_for_unchanged_files_too(repo: Workspace, state: str) -> None:
    """A checkout goes by the experiment's own .gitattributes; the files were committed by the old ones."""
    repo.write(".gitattributes", "*.txt text eol=crlf\n")
    repo.write("sub/a.txt", CRLF)
    with repo.by_user():
        os.utime(repo.path / "sub/a.txt", (1e9, 1e9))
    repo.commit()
    if state == "removed":
        repo.git("rm", "-q", ".gitattributes")
    else:
        repo.write(".gitattributes", "*.txt -text\n")
    if state == "staged":
        repo.git("add", ".gitattributes")
    saved = save(Project.open(repo.path))
    assert stored(repo, experiment_commit(repo, saved.name))["sub/a.txt"] == ("100644", CRLF)
    assert saved.record.warnings == ()


def test_large_files_go_through_a_filter_once(repo: Workspace) -> None:
    """Like Git LFS: a pointer is stored, the content is kept elsewhere and comes back from there."""
    store = repo.path.parent / "store"
    store.mkdir()
    clean = (
        "import sys, hashlib, pathlib; data = sys.stdin.buffer.read(); "
        "oid = hashlib.sha256(data).hexdigest(); "
        f"pathlib.Path('{store}', oid).write_bytes(data); "
        "open(r'{count}', 'a').write('c'); print('oid', oid)"
    ).format(count=store / "count")
    smudge = (
        "import sys, pathlib; oid = sys.stdin.read().split()[1]; "
        f"sys.stdout.buffer.write(pathlib.Path('{store}', oid).read_bytes())"
    )
    repo.git("config", "filter.big.clean", f'{PYTHON} "{clean}"')
    repo.git("config", "filter.big.smudge", f'{PYTHON} "{smudge}"')
    repo.git("config", "filter.big.required", "true")
    repo.write(".gitattributes", "*.pt filter=big -text\n")
    repo.write("model.pt", bytes(range(256)) * 100)
    with repo.by_user():  # a file younger than a second is read again, to be sure that it stands still
        os.utime(repo.path / "model.pt", (1e9, 1e9))
    saved = save(Project.open(repo.path))
    commit = experiment_commit(repo, saved.name)
    assert repo.git("cat-file", "blob", f"{commit}:model.pt").startswith("oid ")
    assert stored(repo, commit)["model.pt"] == ("100644", bytes(range(256)) * 100)
    assert (store / "count").read_text() == "c"
    assert saved.record.warnings == ()


def test_many_converted_files_take_few_processes(repo: Workspace) -> None:
    repo.write(".gitattributes", "* text=auto\n")
    with repo.by_user():
        for number in range(300):
            (repo.path / f"f{number}.txt").write_bytes(MIXED)
    saved = save(Project.open(repo.path))
    kept = stored(repo, experiment_commit(repo, saved.name))
    assert all(kept[f"f{number}.txt"] == ("100644", MIXED) for number in range(300))
    subprocess.run(["git", "fsck", "--strict"], cwd=repo.path, check=True, capture_output=True)
