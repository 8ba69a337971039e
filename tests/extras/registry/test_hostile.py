"""Tags that somebody else has made up: nothing is believed unchecked, and nothing hides the others."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitexp.extras.registry.registry import Registry
from gitexp.project.project import Project
from tests.extras.registry.test_registry import refused, sha
from tests.support.hostile import Lair
from tests.support.workspace import Workspace

NOW = int(time.time())


@pytest.fixture
def lair(models: Workspace, tmp_path: Path) -> Lair:
    models.gitexp("model", "register", "-q", "one", "clf")
    models.allow("refs", "*")
    return Lair(models, tmp_path)


def tag(
    lair: Lair, name: str, body: str | bytes, *, target: str = "", kind: str = "commit", at: int = NOW
) -> str:
    """Makes a tag by hand; `body` is its message."""
    target = target or lair.git("rev-parse", "clf@v0.0.1^{commit}")
    head = f"object {target}\ntype {kind}\ntag {name}\ntagger Eve\x1b[31m <e@e> {at} +0000\n\n"
    oid = lair.object("tag", head.encode() + (body.encode() if isinstance(body, str) else body))
    lair.ref(f"refs/tags/{name}", oid)
    lair.repo.guard.retake()
    return oid


def facts(**values: object) -> str:
    return "subject\n\n" + json.dumps({"format": 1, **values}) + "\n"


BODIES: dict[str, str | bytes] = {
    "cut": facts(experiment="x")[:-8],
    "empty": "",
    "no text": b"\xff\xfe\x00\n\n{\xff}",
    "deep": "s\n\n" + '{"format":1,"a":' + "[" * 100_000 + "\n",
    "huge": "s\n\n" + "x" * 3_000_000 + "\n" + facts(path="model.pt"),
    "many digits": 's\n\n{"format":1,"size":' + "9" * 5000 + ',"metrics":{"a":1}}\n',
    "a huge number": 's\n\n{"format":1,"size":-1,"files":true,"metrics":{"a":1e999,"b":' + "9" * 400 + "}}\n",
    "wrong types": facts(experiment=[1], path={"a": 1}, metrics=[1], signature="x", hash=5, size="5"),
    "nested metrics": facts(
        metrics={"a": {"b": [1]}, "c": None, "d\x1b[2J": "\x1b[31m"}, signature={"inputs": {}}
    ),
    "later format": 's\n\n{"format":2,"path":"model.pt"}\n',
    "many lines": "s\n" + "{\n" * 100_000,
}


def test_an_annotation_may_be_anything(lair: Lair) -> None:
    """Each of them stands at a version and at a stage of its own."""
    repo = lair.repo
    for at, body in enumerate(BODIES.values()):
        tag(lair, f"clf@v9.0.{at}", body, target=lair.commit(lair.head_tree, b"x%d" % at))
        tag(lair, f"clf#stage{at}#{at + 1}", body, target=lair.git("rev-parse", f"clf@v9.0.{at}^{{commit}}"))
    looks = ["list", "show clf", "history clf", "history clf --at now", "diff clf@v0.0.1 clf@v9.0.0"]
    looks += [f"show clf#stage{at}" for at in range(len(BODIES))]
    for words in looks:
        done = repo.gitexp("model", *words.split())
        assert "\x1b" not in done.stdout + done.stderr
        assert repo.gitexp("model", *words.split(), "--json").stdout.isascii()
    assert len(repo.json("model")[0]["stages"]) == len(BODIES)
    for at in range(len(BODIES)):
        refused(repo, "model", "get", f"clf@v9.0.{at}", "--to", "new")
    assert not (repo.path / "new").exists()


PATHS = (
    "../x",
    "/etc/passwd",
    ".git/config",
    ".gitexp/run/output.log",
    "a/../../x",
    "C:\\x",
    "",
    ".",
    "con",
    "x\0y",
)


def test_a_path_stays_in_the_commit(lair: Lair) -> None:
    for at, path in enumerate(PATHS):
        tag(lair, f"clf@v9.0.{at}", facts(path=path))
        code, _ = refused(lair.repo, "model", "get", f"clf@v9.0.{at}", "--to", "new")
        assert code in ("unsafe-path", "missing-data", "usage"), path
    assert not (lair.path / "new").exists()


def test_another_content_than_the_tag_says_is_not_copied(lair: Lair) -> None:
    tag(lair, "clf@v9.0.0", facts(path="model.pt", hash=sha("another one")))
    assert refused(lair.repo, "model", "get", "clf@v9.0.0", "--to", "new")[0] == "damaged-object"
    tag(lair, "clf@v9.0.1", facts(path="model.pt", hash=sha("weights of one")))
    lair.repo.allow("files", "new/*")
    lair.repo.gitexp("model", "get", "clf@v9.0.1", "--to", "new")


def test_odd_targets(lair: Lair) -> None:
    """A blob, a tag of a tag, an absent object, a ref without an object, a tag without an annotation."""
    head = lair.head
    tag(lair, "clf@v2.0.0", facts(), target=lair.blob(), kind="blob")
    inner = tag(lair, "inner", "x", target=head)
    tag(lair, "clf@v3.0.0", facts(experiment="nested"), target=inner, kind="tag")
    tag(lair, "clf@v4.0.0", facts(), target="1" * 40)
    lair.ref("refs/tags/clf@v5.0.0", "2" * 40)
    lair.ref("refs/tags/clf@v6.0.0", "garbage")
    lair.ref("refs/tags/clf@v1.0.0", head)
    lair.repo.guard.retake()
    done = lair.repo.gitexp("model", "show", "clf", "--json")
    found = {one["version"]: one for one in json.loads(done.stdout)["versions"]}
    assert set(found) >= {"v0.0.1", "v1.0.0", "v3.0.0"}
    assert not found.keys() & {"v2.0.0", "v5.0.0", "v6.0.0"}
    assert found["v3.0.0"]["commit"] == found["v1.0.0"]["commit"] == head
    assert (found["v1.0.0"]["by"], found["v1.0.0"]["experiment"]) == ("", None)
    for name in ("v2.0.0", "v5.0.0", "v6.0.0"):
        assert f"clf@{name}" in done.stderr
    for words in ("get clf@v4.0.0 --to new", "diff clf@v0.0.1 clf@v4.0.0", "promote clf@v4.0.0 prod"):
        done = lair.repo.gitexp(
            "model", *words.split(), "--dry-run" if "diff" not in words else "-q", check=False
        )
        assert "Traceback" not in done.stderr
    lair.repo.gitexp("model", "promote", "clf@v0.0.1", "prod")


def test_an_operation_may_be_made_up(lair: Lair) -> None:
    """`undo` and `redo` move no tag of somebody's but those about models, and make none without its text."""
    repo, tags = lair.repo, ("for-each-ref", "refs/tags")
    repo.git("tag", "-a", "-m", "mine", "release")
    for ref in ("refs/tags/release", "refs/tags/clf@v0.0.1/../x", "refs/tags/clf@v9.0.0"):
        before = lair.git(*tags)
        change = [ref, None, "3" * 40]
        body = {"format": 1, "created": "2026-11-29T10:00:00Z", "refs": [change]}
        undone = {**body, "refs": [[ref, "3" * 40, None]], "undoes": 900}
        text = lair.tree(("100644", "3" * 40, lair.blob(b"no tag")))
        for number, made in ((900, body), (901, undone)):
            commit = lair.commit(lair.tree(("40000", "tags", text)), f"x\n\n{json.dumps(made)}\n".encode())
            lair.ref(f"refs/gitexp/undo/{number:08}", commit)
        repo.guard.retake()
        for verb in ("redo", "undo"):
            done = repo.gitexp(verb, "900" if verb == "redo" else "901", check=False)
            assert done.exit_code == 1
            assert "Traceback" not in done.stderr
        assert lair.git(*tags) == before


def test_a_wrong_clock_is_followed_or_told(lair: Lair) -> None:
    """A stage given an hour ahead is overtaken; one given in the year 2099 cannot be, and that is said."""
    lair.repo.gitexp("model", "register", "-q", "two", "clf")
    tag(lair, "clf#prod#1", "x", at=NOW + 3600)
    lair.repo.gitexp("model", "promote", "clf@v0.0.2", "prod")
    assert lair.repo.json("model")[0]["stages"] == {"prod": "v0.0.2"}
    tag(lair, "clf#prod#3", "x", at=NOW + 80 * 365 * 86400)
    lair.repo.gitexp("model", "register", "-q", "three", "clf")
    done = lair.repo.gitexp("model", "promote", "clf@v0.0.3", "prod")
    assert "clf#prod#3 is dated" in done.stderr
    assert lair.repo.json("model")[0]["stages"] == {"prod": "v0.0.1"}


def links(folder: Path, outside: Path) -> None:
    folder.mkdir()
    (folder / "net").symlink_to(outside, target_is_directory=True)


def link_for_a_file(folder: Path, outside: Path) -> None:
    (folder / "net").mkdir(parents=True)
    (folder / "net/a.pt").symlink_to(outside / "there")


def folder_for_a_file(folder: Path, outside: Path) -> None:
    (folder / "net/a.pt/x").mkdir(parents=True)


def file_for_a_folder(folder: Path, outside: Path) -> None:
    folder.mkdir()
    (folder / "net").write_text("mine")


def test_nothing_is_written_through_links(repo: Workspace, tmp_path: Path) -> None:
    repo.allow("refs", "refs/tags/*")
    repo.write("net/a.pt", "a")
    repo.write("net/deep/b.txt", "b")
    repo.commit()
    repo.gitexp("model", "register", "-q", "HEAD:net", "net")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "there").write_text("theirs")
    obstacles: list[Callable[[Path, Path], None]] = [
        links,
        link_for_a_file,
        folder_for_a_file,
        file_for_a_folder,
    ]
    for obstacle in obstacles:
        folder = tmp_path / obstacle.__name__
        obstacle(folder, outside)
        for force in ((), ("--force",)):
            refused(repo, "model", "get", "net@latest", "--to", str(folder), *force)
            assert [path.name for path in outside.iterdir()] == ["there"]
            assert (outside / "there").read_text() == "theirs"


def test_a_folder_that_no_system_can_hold_is_refused(lair: Lair) -> None:
    net = lair.tree(("100644", "A.pt", lair.blob()), ("100644", "a.pt", lair.blob()))
    for name, tree in {
        "v1.0.0": net,
        "v2.0.0": lair.tree(("40000", "..", net)),
        "v3.0.0": lair.tree(("120000", "l", lair.blob(b"/etc/passwd"))),
    }.items():
        commit = lair.commit(lair.tree(("40000", "net", tree)), b"x")
        tag(lair, f"net@{name}", facts(path="net"), target=commit)
        assert refused(lair.repo, "model", "get", f"net@{name}", "--to", "new")[0] in (
            "unsafe-path",
            "unstorable-data",
        )
    assert not (lair.path / "new").exists()


def test_five_thousand_tags(tmp_path: Path) -> None:
    """50 models with 60 versions and 40 changes of a stage each: read in a moment, as one question."""
    lines = []
    for model in range(50):
        for version in range(60):
            who = f"A <a@b> {1_700_000_000 + version} +0000\n"
            mark = model * 60 + version + 1
            lines.append(f"commit refs/heads/x\nmark :{mark}\ncommitter {who}data 1\nx\n")
            lines.append(f"tag m{model}@v0.0.{version}\nfrom :{mark}\ntagger {who}data 1\nx\n")
            if version < 40:
                lines.append(f"tag m{model}#prod#{version + 1}\nfrom :{mark}\ntagger {who}data 1\nx\n")
    for command in (["init", "-q"], ["fast-import", "--quiet"], ["pack-refs", "--all"]):
        subprocess.run(["git", *command], cwd=tmp_path, input="".join(lines).encode(), check=True)
    project = Project.open(tmp_path)
    began = time.process_time()
    found = Registry.read(project).models()
    assert time.process_time() - began < 1
    assert len(found) == 50
    for one in found:
        assert one.latest is not None
        assert (one.latest.version, one.stages["prod"].version.version) == ("v0.0.59", "v0.0.39")
