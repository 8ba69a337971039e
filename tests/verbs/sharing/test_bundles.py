"""Bundles: `gitexp export --as bundle` and `gitexp import FILE`, whole, subset, damaged and hostile."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitexp.project.project import Project
from gitexp.repo import records
from gitexp.sharing.bundles.contents import GIT, LIST, contents_of
from tests.support.clones import assert_whole, experiment, refs_of
from tests.support.experiments import copy_of, put
from tests.support.repositories import git
from tests.support.workspace import Workspace

Members = dict[str, bytes]


@pytest.fixture
def other(template: Path, tmp_path: Path) -> Iterator[Workspace]:
    """Another project, with three experiments: one has data, and one a large result."""
    (tmp_path / "other").mkdir()
    other = copy_of(template, tmp_path / "other")
    other.allow("files", "all.gitexp", ".gitignore", "gitexp.lock", "gitexp.yaml")
    other.write("gitexp.yaml", "max_untracked: 1kB\nouts: [model.bin]\n")
    other.write("folder/a.csv", "a\n1\n")
    other.write("folder/deep/b.csv", "b\n")
    other.gitexp("add", "-q", "folder")
    other.commit("another project")
    other.write("model.bin", "x" * 5000)
    other.writes("model.bin")
    other.gitexp("save", "-q", "-n", "one", "-m", "theirs")
    put(other, "two", metrics={"metrics.json": {"acc": 0.9}})
    put(other, "three")
    yield other
    other.close()


@pytest.fixture
def bundle(other: Workspace) -> Path:
    other.gitexp("export", "-q", "-A", "--as", "bundle", "-o", "all.gitexp")
    return other.path / "all.gitexp"


def objects_of(repo: Workspace) -> set[str]:
    store = Path(repo.path, ".git/gitexp/objects")
    return {path.parent.name + path.name for path in store.glob("??/*") if path.is_file()}


def members(bundle: Path) -> Members:
    with tarfile.open(bundle) as found:
        return {each.name: found.extractfile(each).read() for each in found}  # type: ignore[union-attr] # files


def rewritten(bundle: Path, content: Members) -> None:
    """Write a tar file with these members, as any program may."""
    with tarfile.open(bundle, "w", format=tarfile.GNU_FORMAT) as new:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            new.addfile(info, io.BytesIO(data))


def test_everything_comes_without_a_network(repo: Workspace, other: Workspace, bundle: Path) -> None:
    done = repo.gitexp("import", str(bundle))
    assert done.stderr.splitlines()[0] == "Imported 3 experiments: one, three, two."
    assert refs_of(repo.path) == refs_of(other.path)  # the same commits, so with all signatures
    assert objects_of(repo) == objects_of(other)
    assert_whole(repo.path)
    assert experiment(repo, "one").record.note == "theirs"
    repo.gitexp("fsck")
    again = repo.gitexp("import", str(bundle)).stderr
    assert again == "Up to date: 3 experiments.\n"
    assert repo.gitexp("undo").stderr.startswith("Taken back: import all.gitexp")
    assert refs_of(repo.path) == {}


def test_some_come_by_name_and_pattern(repo: Workspace, other: Workspace, bundle: Path) -> None:
    repo.gitexp("import", "-q", str(bundle), "t*")
    assert set(refs_of(repo.path)) == {"two", "three"}
    assert objects_of(repo) < objects_of(other)
    repo.gitexp("import", "-q", str(bundle), "on", "--name", "uno")
    assert experiment(repo, "uno").record.note == "theirs"
    assert objects_of(repo) == objects_of(other)
    for words, code in (
        (("nothing",), "unknown-experiment"),
        (("t",), "ambiguous-experiment"),
        (("t*", "--name", "x"), "usage"),
        (("--filter", "acc > 1"), "usage"),
    ):
        assert repo.json("import", str(bundle), *words, check=False)["error"]["code"] == code


def test_a_dry_run_changes_nothing(repo: Workspace, bundle: Path) -> None:
    done = repo.json("import", str(bundle), "--dry-run")
    assert [one["outcome"] for one in done["experiments"]] == ["new"] * 3
    assert (done["objects"], done["missing"]) == (4, [])
    assert (refs_of(repo.path), objects_of(repo)) == ({}, set())


def test_a_namesake_gets_another_name_and_edits_are_united(
    repo: Workspace, other: Workspace, bundle: Path
) -> None:
    put(repo, "two")
    assert "two of all.gitexp is two-2 here" in repo.gitexp("import", str(bundle)).stderr
    other.gitexp("note", "-q", "three", "-m", "best")
    repo.gitexp("tag", "-q", "three", "mine")
    done = other.gitexp("export", "-A", "--as", "bundle", "-o", "all.gitexp").stderr
    assert done.startswith("1 experiment written to all.gitexp for gitexp import; 2 were there already.")
    assert "United with what was changed here: three." in repo.gitexp("import", str(bundle)).stderr
    record = experiment(repo, "three").record
    assert (record.note, record.tags) == ("best", ("mine",))


def test_older_experiments_stay_in_the_file(other: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "all.gitexp"
    other.gitexp("export", "-q", "two", "--as", "bundle", "-o", str(file))
    other.gitexp("export", "-q", "three", "--as", "bundle", "-o", str(file))
    assert set(contents_of(file, "").experiments) == {"two", "three"}
    other.gitexp("remove", "-q", "-y", "two")
    error = other.json("export", "one", "--as", "bundle", "-o", str(file), check=False)["error"]
    assert error["message"] == f"{file} has experiments that are not here: two."
    file.write_text("something else")
    assert other.gitexp("export", "one", "--as", "bundle", "-o", str(file), check=False).exit_code == 2
    assert file.read_text() == "something else"


def test_data_that_is_nowhere_is_said_on_both_sides(
    repo: Workspace, other: Workspace, tmp_path: Path
) -> None:
    store = Path(other.path, ".git/gitexp/objects")
    store.rename(tmp_path / "kept")
    out = other.gitexp("export", "-A", "--as", "bundle", "-o", "all.gitexp").stderr
    assert "warning: model.bin is left out: It is not on this machine" in out
    done = repo.gitexp("import", str(other.path / "all.gitexp"))
    assert "warning: not in all.gitexp, and not here: folder, model.bin" in done.stderr
    assert set(refs_of(repo.path)) == {"one", "two", "three"}
    shutil.rmtree(store, ignore_errors=True)
    (tmp_path / "kept").rename(store)
    other.gitexp("export", "-q", "-A", "--as", "bundle", "-o", "all.gitexp")
    repo.gitexp("import", "-q", str(other.path / "all.gitexp"))
    assert objects_of(repo) == objects_of(other)


@pytest.mark.skipif(sys.platform == "win32", reason="ssh-keygen")
def test_signatures_hold_after_the_import(repo: Workspace, other: Workspace, tmp_path: Path) -> None:
    key, allowed = tmp_path / "alice", tmp_path / "allowed"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    public = key.with_suffix(".pub").read_text().split()[:2]
    allowed.write_text(f"alice@lab {' '.join(public)}\n")
    settings = {"gpg.format": "ssh", "user.signingkey": f"{key}.pub", "commit.gpgsign": "true"}
    for workspace in (other, repo):
        for name, value in {**settings, "gpg.ssh.allowedSignersFile": str(allowed)}.items():
            workspace.git("config", name, value)
    other.gitexp("save", "-q", "-n", "signed")
    other.gitexp("export", "-q", "signed", "--as", "bundle", "-o", "all.gitexp")
    repo.gitexp("import", "-q", str(other.path / "all.gitexp"))
    (one,) = repo.json("verify", "signed")
    assert one["signature"] == "good", one


def test_a_shallow_clone_says_what_it_lacks(other: Workspace, tmp_path: Path) -> None:
    other.write("more.txt", "x\n")
    other.commit("more")
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{other.path}", str(tmp_path / "shallow"))
    shallow = Workspace(tmp_path / "shallow")
    shallow.gitexp("save", "-q", "-n", "one")
    error = shallow.json("export", "one", "--as", "bundle", "-o", str(tmp_path / "x.gitexp"), check=False)
    assert error["error"]["code"] == "bad-transfer"
    assert not (tmp_path / "x.gitexp").exists()
    shallow.git("fetch", "--quiet", "--unshallow")
    shallow.gitexp("export", "-q", "one", "--as", "bundle", "-o", str(tmp_path / "x.gitexp"))
    shallow.close()


# -- damaged and hostile files ------------------------------------------------------------------------


def edited(change: Callable[[Any], object]) -> Callable[[Members], Members]:
    """A change of the list of a bundle."""

    def apply(content: Members) -> Members:
        document = json.loads(content[LIST])
        change(document)
        return {**content, LIST: json.dumps(document).encode()}

    return apply


def renamed(old: str, new: str) -> Callable[[Members], Members]:
    def apply(content: Members) -> Members:
        return {name.replace(old, new): data for name, data in content.items()}

    return apply


def with_other_git(content: Members) -> Members:
    """Git's part has a further ref, and the list has its hash."""
    git = content[GIT]
    line = git.partition(b"\n")[2].partition(b"\n")[0]
    further = line.partition(b" ")[0] + b" refs/heads/main\n"
    head, _, rest = git.partition(b"\n")
    changed = head + b"\n" + further + rest
    document = json.loads(content[LIST])
    document["git"] = {"size": len(changed), "sha256": hashlib.sha256(changed).hexdigest()}
    return {**content, LIST: json.dumps(document).encode(), GIT: changed}


def with_spoilt_object(content: Members) -> Members:
    name = next(name for name in content if name.startswith("objects/") and not name.endswith(".dir"))
    return {**content, name: bytes(len(content[name]))}


def with_spoilt_pack(content: Members) -> Members:
    git = bytearray(content[GIT])
    git[-40] ^= 0xFF
    document = json.loads(content[LIST])
    document["git"]["sha256"] = hashlib.sha256(git).hexdigest()
    return {**content, LIST: json.dumps(document).encode(), GIT: bytes(git)}


HOSTILE: dict[str, Callable[[Members], Members]] = {
    "a path that leads out": renamed("objects/", "../../objects/"),
    "an absolute path": renamed("objects/", "/tmp/objects/"),
    "no bundle of Git": lambda content: {name: data for name, data in content.items() if name != GIT},
    "an object more": lambda content: {**content, "objects/aa/" + "0" * 62: b"x"},
    "an object less": lambda content: dict(list(content.items())[:-1]),
    "other content": with_spoilt_object,
    "another pack": lambda content: {**content, GIT: bytes(len(content[GIT]))},
    "a spoilt pack": with_spoilt_pack,
    "a ref elsewhere": with_other_git,
    "a name that is none": edited(lambda doc: doc["experiments"].update({"../x": "0" * 40})),
    "an id that is none": edited(lambda doc: doc["experiments"].update({"two": "--all"})),
    "another id": edited(lambda doc: doc["experiments"].update({"two": "0" * 40})),
    "a hash that is none": edited(lambda doc: doc["objects"].update({"../../x": 1})),
    "a size that is none": edited(lambda doc: doc["objects"].update({"ab" * 32: -1})),
    "a later version": edited(lambda doc: doc.update(format=2)),
    "another form": edited(lambda doc: doc.pop("experiments")),
    "another kind of ids": edited(lambda doc: doc.update(object_format="md5")),
    "no JSON": lambda content: {**content, LIST: b"[" * 100_000},
}


def test_a_hostile_bundle_brings_nothing(repo: Workspace, bundle: Path) -> None:
    content = members(bundle)
    for what, change in HOSTILE.items():
        rewritten(bundle, change(content))
        done = repo.json("import", str(bundle), check=False)
        assert "error" in done, what
        assert done["error"]["code"] in ("damaged-bundle", "bad-transfer"), (what, done)
        assert "all.gitexp" in done["error"]["message"], what
        assert (refs_of(repo.path), objects_of(repo)) == ({}, set()), what
    assert not Path("/tmp/objects").exists()


def test_a_link_among_the_members_is_refused(repo: Workspace, bundle: Path) -> None:
    content = members(bundle)
    with tarfile.open(bundle, "w", format=tarfile.GNU_FORMAT) as new:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if name.startswith("objects/"):
                info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0
            new.addfile(info, io.BytesIO(data))
    assert "is no plain file" in repo.json("import", str(bundle), check=False)["error"]["message"]


def test_a_truncated_bundle_brings_nothing(repo: Workspace, bundle: Path) -> None:
    data = bundle.read_bytes()
    for part in (0, 0.03, 0.3, 0.6, 0.9):
        bundle.write_bytes(data[: int(len(data) * part)])
        assert repo.json("import", str(bundle), check=False)["error"]["code"] == "damaged-bundle"
        assert (refs_of(repo.path), objects_of(repo)) == ({}, set())


def test_git_objects_are_checked_one_by_one(repo: Workspace, other: Workspace, tmp_path: Path) -> None:
    """A tree with a file `..`: Git itself takes it out of a bundle."""
    project = Project.open(other.path)
    blob = project.repo.write_blob(b"x")
    content = b"100644 ..\0" + bytes.fromhex(blob)
    tree = other.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", input=content)
    one = experiment(other, "two")
    commit = project.repo.write_commit(tree, [one.record.baseline], "evil\n")
    record = replace(one.record, name="evil", commit=commit)
    oid = project.repo.write_commit(tree, [commit], records.encode(record, "evil"))
    other.git("update-ref", "refs/gitexp/exps/evil", oid)
    file = tmp_path / "evil.gitexp"
    other.gitexp("export", "-q", "evil", "--as", "bundle", "-o", str(file))
    error = repo.json("import", str(file), check=False)["error"]
    assert error["code"] == "bad-transfer"
    assert refs_of(repo.path) == {}
