"""`gitexp model` as people and programs meet it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.extras.registry import annotation, versions
from gitexp.extras.registry.contents.choosing_models import models_among
from gitexp.extras.registry.values import ModelFacts
from gitexp.extras.registry.versions import Bump
from gitexp.project.project import Project
from gitexp.repo import model_tags
from tests.support.clones import assert_whole, make_team
from tests.support.stored import age, forget_store, store_of
from tests.support.workspace import Workspace


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def refused(repo: Workspace, *words: str) -> tuple[str, str]:
    """The code and the hint of the error of a command."""
    done = repo.gitexp(*words, "--json", check=False)
    assert done.exit_code in (1, 2), done
    error = json.loads(done.stdout)["error"]
    return error["code"], error["hint"] or ""


# -- grammar and versions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tag",
    [
        *("clf@v1.2.3", "clf@v1.2.3!", "clf#prod#3", "clf#prod!#4", "clf#prod", "clf@deprecated#2"),
        *("a/b-c_d@v0.0.1-rc.1+build.5", "models/x=clf@v1.0.0", "clf@v1.0.0#7", "a@v10.0.0"),
    ],
)
def test_tags_of_gtos_grammar(tag: str) -> None:
    parsed = model_tags.parse(tag)
    assert parsed is not None
    assert parsed.text == tag


@pytest.mark.parametrize(
    "tag",
    [
        *("v1.0.0", "clf@1.0.0", "clf@v1.0", "clf@v01.0.0", "-clf@v1.0.0", "clf-@v1.0.0", "clf@latest"),
        *("clf@v1.0.0\n", "clf @v1.0.0", "clf#", "clf#prod#", "clf#prod#1#2", "ünïcode@v1.0.0", "@v1.0.0"),
        f"{'a' * 400}@v1.0.0",
    ],
)
def test_other_tags_are_left_alone(tag: str) -> None:
    assert model_tags.parse(tag) is None


def test_versions_are_ordered_by_semver() -> None:
    ordered = (
        "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0"
    )
    found = [f"v{text}" for text in [*ordered.split(), "1.2.0", "1.10.0", "2.0.0"]]
    assert sorted(set(found), key=versions.order) == found
    assert versions.following("v1.2.3", Bump.PATCH) == "v1.2.4"
    assert versions.following("v1.2.3", Bump.MINOR) == "v1.3.0"
    assert versions.following("v1.2.3+b1", Bump.MAJOR) == "v2.0.0"
    assert versions.following("v2.0.0-rc.1", Bump.PATCH) == "v2.0.0"
    assert versions.following("v2.0.0-rc.1", Bump.MAJOR) == "v2.0.0"
    assert versions.following("v2.0.1-rc.1", Bump.MINOR) == "v2.1.0"
    with pytest.raises(errors.UsageError):
        versions.parse("1.2")


def test_what_looks_like_a_model() -> None:
    found = models_among(
        ["src/model.py", "m/MLmodel", "m/data/model.pkl", "best.ckpt", "model.json", "loss.csv"]
    )
    assert found == ["best.ckpt", "m", "model.json"]
    assert models_among(["remodelled.txt", "params.yaml", "config.json", "a/config.json"]) == []
    parts = [
        "out/config.json",
        "out/model-00001-of-00002.safetensors",
        "out/model-00002-of-00002.safetensors",
    ]
    assert models_among([*parts, "tf/saved_model.pb", "tf/variables/x.ckpt"]) == ["out", "tf"]


def test_an_annotation_comes_back() -> None:
    facts = ModelFacts(
        "exp", "c" * 40, "m.pt", "h" * 64, 5, 2, {"acc": 0.5}, {"inputs": "[]"}, "v1.0.0", "why\nso"
    )
    text = annotation.write("Register\nit", facts)
    assert text.startswith("Register it\n\nwhy\nso\n\n{")
    assert annotation.read(b"object x\n\n" + text.encode()) == facts
    signed = text.encode() + b'-----BEGIN SSH SIGNATURE-----\n{"format":1}\n'
    assert annotation.read(b"object x\n\n" + signed) == facts


# -- register, promote, look --------------------------------------------------------------------------


def test_from_an_experiment_to_production(models: Workspace, tmp_path: Path) -> None:
    first = models.json("model", "register", "one", "clf", "-m", "the first")
    assert first["version"] == "v0.0.1"
    assert first["tags"] == ["clf@v0.0.1"]
    assert (first["path"], first["hash"], first["size"]) == ("model.pt", sha("weights of one"), 14)
    assert first["metrics"] == {"acc": 0.5}  # the list is no single value
    models.gitexp("model", "register", "two:model.pt", "clf", "--bump", "minor")
    models.gitexp("model", "register", "three", "clf", "--version", "v2.0.0-rc.1")
    models.gitexp("model", "promote", "clf@v0.1.0", "prod")
    models.gitexp("model", "promote", "clf@v0.0.1", "prod", "-m", "back")
    (row,) = models.json("model")
    assert row == {
        "name": "clf",
        "latest": "v2.0.0-rc.1",
        "stages": {"prod": "v0.0.1"},
        "experiment": "three",
        "versions": 3,
        "deprecated": False,
    }
    shown = models.json("model", "show", "clf#prod")
    assert (shown["version"], shown["experiment"], shown["note"]) == ("v0.0.1", "one", "the first")
    assert shown["stages"] == ["prod"]
    assert [one["version"] for one in models.json("model", "show", "clf")["versions"]] == [
        "v2.0.0-rc.1",
        "v0.1.0",
        "v0.0.1",
    ]
    events = models.json("model", "history", "clf")
    assert [(one["event"], one["version"], one["note"]) for one in events[:2]] == [
        ("assigned", "v0.0.1", "back"),
        ("assigned", "v0.1.0", ""),
    ]
    got = models.json("model", "get", "clf#prod", "--to", str(tmp_path / "to"))
    assert Path(got["place"]).read_text() == "weights of one"
    assert "acc" in models.gitexp("model", "diff", "clf@v0.1.0", "clf#prod").stdout
    for line in models.gitexp("model", "show", "clf@latest").stdout.splitlines():
        assert line.isprintable()


def test_a_model_that_the_run_has_not_stored(repo: Workspace) -> None:
    """A file that gitexp.yaml does not name is code: the experiment has the one of the run before."""
    repo.allow("refs", "refs/tags/*")
    repo.write("model.pt", "of the run before")
    repo.writes("model.pt")
    script = ("--", "python", "-c", "open('model.pt', 'w').write('of this run')")
    repo.gitexp("run", "-n", "one", *script)
    told = repo.gitexp("model", "register", "one", "clf").stderr
    assert "warning: one has model.pt as it was before the run; what a run writes is stored if" in told
    repo.write("gitexp.yaml", "outs: [model.pt]\n")
    repo.gitexp("run", "-n", "two", *script)
    assert "before the run" not in repo.gitexp("model", "register", "two", "clf").stderr
    repo.gitexp("save", "-n", "three")
    (repo.path / "gitexp.yaml").unlink()
    repo.guard.retake()
    assert "before the run" not in repo.gitexp("model", "register", "two", "other").stderr
    assert "before the run" not in repo.gitexp("model", "register", "three:model.pt", "clf").stderr


def test_what_cannot_be_is_refused(models: Workspace) -> None:
    models.gitexp("model", "register", "one", "clf", "--version", "1.0.0")
    models.gitexp("model", "promote", "clf@v1.0.0", "prod")
    assert refused(models, "model", "register", "one", "clf")[0] == "version-exists"
    models.gitexp("note", "one", "-q", "-m", "another record of the same")
    assert "promote clf@v1.0.0" in refused(models, "model", "register", "one", "clf")[1]
    assert refused(models, "model", "register", "two", "clf", "--version", "1.0.0")[0] == "version-exists"
    assert refused(models, "model", "register", "two", "a b")[0] == "invalid-name"
    assert refused(models, "model", "register", "two", "clf", "--version", "one")[0] == "usage"
    assert refused(models, "model", "register", "two:", "clf")[0] == "usage"
    assert refused(models, "model", "register", "two:nope.pt", "clf")[0] == "missing-data"
    assert refused(models, "model", "register", "two:../x", "clf")[0] == "unsafe-path"
    assert refused(models, "model", "register", "workspace:params.yaml", "clf")[0] == "usage"
    assert refused(models, "model", "promote", "clf@v1.0.0", "prod")[0] == "version-exists"
    assert refused(models, "model", "promote", "clf@v3.0.0", "prod")[0] == "unknown-version"
    assert refused(models, "model", "promote", "clf", "pr od")[0] == "invalid-name"
    assert refused(models, "model", "demote", "clf", "dev")[0] == "unknown-version"
    assert refused(models, "model", "show", "cl")[0] == "unknown-model"
    assert refused(models, "model", "show", "clf#dev")[0] == "unknown-version"
    assert refused(models, "model", "get", "clf@", "--to", "x")[0] == "usage"
    assert refused(models, "model", "history", "clf", "--at", "some day")[0] == "usage"
    assert refused(models, "model", "promote", "clf", "dev", "--remote", "origin")[0] == "usage"
    models.write(".gto", "stages: [dev, prod]\n")
    assert refused(models, "model", "promote", "clf", "prd") == ("usage", "Did you mean prod?")


def test_versions_and_stages_are_taken_back(models: Workspace) -> None:
    for name in ("one", "two", "three"):
        models.gitexp("model", "register", name, "clf")
        models.gitexp("model", "promote", "clf@latest", "prod")
    assert models.json("model", "demote", "clf@v0.0.3", "prod")["now"] == "v0.0.2"
    models.gitexp("model", "deprecate", "clf@v0.0.2", "-m", "leaks")
    assert models.json("model", "list")[0]["stages"] == {"prod": "v0.0.1"}
    assert refused(models, "model", "promote", "clf@v0.0.2", "prod")[0] == "unknown-version"
    done = models.json("model", "demote", "clf", "prod")
    assert (done["versions"], done["now"]) == (["v0.0.1"], None)
    assert "taken back" in models.gitexp("model", "show", "clf").stdout
    models.gitexp("model", "deprecate", "clf")
    assert models.json("model", "list")[0]["deprecated"]
    models.gitexp("model", "register", "two:model.pt", "clf", "--version", "0.0.2")  # the same one again
    assert not models.json("model", "list")[0]["deprecated"]
    assert "clf@v0.0.2#6" in models.git("tag").split()


def test_a_version_may_be_named_by_its_stage(models: Workspace) -> None:
    for name in ("one", "two"):
        models.gitexp("model", "register", name, "clf")
        models.gitexp("model", "promote", "clf@latest", "dev")
    models.gitexp("model", "promote", "clf#dev", "prod", "-m", "as in dev")
    assert models.json("model")[0]["stages"] == {"dev": "v0.0.2", "prod": "v0.0.2"}
    (row,) = models.json("model", "history", "clf#prod")
    assert (row["version"], row["note"]) == ("v0.0.2", "as in dev")
    assert len(models.json("model", "history", "clf@v0.0.1")) == 2
    assert models.json("model", "demote", "clf#prod", "dev")["now"] == "v0.0.1"
    models.gitexp("model", "deprecate", "clf#prod")  # the version, and not the model
    assert models.json("model")[0]["latest"] == "v0.0.1"
    assert not models.json("model")[0]["deprecated"]
    table = models.gitexp("model", "list", "--format", "csv").stdout.splitlines()
    assert table[1].startswith("clf,v0.0.1,dev v0.0.1,one,1")


def test_what_was_in_a_stage_at_a_time(repo: Workspace) -> None:
    """Three days: v1, then v2 from noon on, then v1 again; the times are those of the tags."""
    repo.allow("refs", "refs/tags/*")
    commits = [repo.git("rev-parse", name) for name in ("HEAD~1", "HEAD")]
    for name, commit, at in (
        ("clf@v1.0.0", commits[0], "2026-05-01T08:00:00"),
        ("clf@v2.0.0", commits[1], "2026-05-01T08:00:00"),
        ("clf#prod#1", commits[0], "2026-05-02T10:00:00"),
        ("clf#prod#2", commits[1], "2026-05-03T12:00:00"),
        ("clf@v2.0.0!", commits[1], "2026-05-04T12:00:00"),
        ("clf#prod!#3", commits[0], "2026-05-05T12:00:00"),
    ):
        env = {**os.environ, "GIT_COMMITTER_DATE": at, "GIT_COMMITTER_NAME": f"maker of {name}"}
        with repo.by_user():
            subprocess.run(["git", "tag", "-a", "-m", "x", name, commit], cwd=repo.path, env=env, check=True)

    def held(at: str) -> list[tuple[str, str]]:
        rows = repo.json("model", "history", "clf", "--stage", "prod", "--at", at)
        return [(row["version"], row["by"]) for row in rows]

    first, second = ("v1.0.0", "maker of clf#prod#1"), ("v2.0.0", "maker of clf#prod#2")
    assert held("2026-05-01") == []
    assert held("2026-05-02") == [first]
    assert held("2026-05-03") == [first, second]
    assert held("2026-05-03 11:59") == [first]
    assert held("2026-05-03 12:00") == [second]
    assert held("2026-05-04") == [second, first]
    assert held("2026-05-05 11:00") == [first]
    assert held("2026-05-06") == held("now") == []
    (row,) = repo.json("model", "history", "clf@v1.0.0", "--at", "2026-05-05 11:00")
    assert (row["since"][:10], row["until"][:10], row["ended_by"]) == (
        "2026-05-04",
        "2026-05-05",
        "maker of clf#prod!#3",
    )


def test_undo_and_redo_even_after_a_prune(models: Workspace) -> None:
    models.gitexp("model", "register", "one", "clf")
    before = models.git("rev-parse", "refs/tags/clf@v0.0.1")
    models.gitexp("undo", "-q")
    assert models.git("tag") == ""
    for keep in (models.path / ".git/objects/pack").glob("*.keep"):
        keep.unlink()
    models.git("gc", "-q", "--prune=now")
    assert models.git("cat-file", "-t", before, check=False) == ""
    models.gitexp("redo", "-q")
    assert models.git("rev-parse", "refs/tags/clf@v0.0.1") == before
    assert_whole(models.path)


def test_the_tag_alone_keeps_all_of_it(models: Workspace, tmp_path: Path) -> None:
    """After `remove` and an empty trash, and in a clone without experiments."""
    models.gitexp("model", "register", "one", "clf")
    models.gitexp("model", "register", "two", "clf")
    models.gitexp("remove", "-q", "-y", "one", "two", "three")
    for ref in models.git("for-each-ref", "--format=%(refname)", "refs/gitexp").split():
        models.git("update-ref", "-d", ref)
    for keep in (models.path / ".git/objects/pack").glob("*.keep"):
        keep.unlink()
    models.git("gc", "-q", "--prune=now")
    team = make_team(models, tmp_path)
    models.git("push", "-q", "origin", "--tags")
    bob = team.bob
    bob.git("fetch", "-q", "--tags")
    for place in (models, bob):
        found = place.json("model", "diff", "clf@v0.0.1", "clf@v0.0.2")
        assert found["metrics"][0]["new"] == 0.6
        got = place.json("model", "get", "clf@v0.0.2", "--to", str(tmp_path / f"to-{place.path.name}"))
        assert Path(got["place"]).read_text() == "weights of two"
    bob.close()


def test_a_tag_is_its_experiment_for_other_commands(models: Workspace) -> None:
    models.gitexp("model", "register", "one", "clf")
    models.gitexp("model", "register", "two", "clf")
    models.gitexp("remove", "-q", "-y", "one", "two")
    found = models.json("diff", "clf@v0.0.1", "clf@v0.0.2")
    assert [one["path"] for one in found["code"] + found["results"]] == ["model.pt"]
    assert found["metrics"][0]["new"] == 0.6
    models.gitexp("run", "-q", "-n", "again", "--from", "clf@v0.0.2", "--", "true")
    record = Project.open(models.path).store.require("again").record
    assert record.baseline == Project.open(models.path).repo.resolve("clf@v0.0.2^1")
    assert ".gitexp" not in models.git("ls-tree", "--name-only", record.commit)
    other = models.json("model", "register", "clf@v0.0.1:model.pt", "other")
    assert (other["experiment"], other["hash"]) == ("one", sha("weights of one"))


def test_data_in_the_store_is_kept_and_travels(models: Workspace, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    config = models.read("gitexp.yaml") + f"max_untracked: 1kB\nremotes: {{store: {tmp_path / 'store'}}}\n"
    models.write("gitexp.yaml", config)
    models.commit()
    models.write("model.pt", "large" * 1000)
    models.gitexp("save", "-q", "-n", "large")
    models.allow("files", "gitexp.lock")
    said = models.gitexp("model", "register", "large", "clf").stderr
    assert "Its data is not in Git; to share it: gitexp data push clf@v0.0.1" in said
    models.gitexp("remove", "-q", "-y", "large")
    for ref in models.git("for-each-ref", "--format=%(refname)", "refs/gitexp").split():
        models.git("update-ref", "-d", ref)
    (models.path / "model.pt").unlink()
    models.guard.retake()
    age(store_of(models).path(sha("large" * 1000)))
    assert models.json("gc", "-y")["unused"]["objects"] == 0
    assert models.json("model", "get", "clf@latest", "--to", str(tmp_path / "a"))["size"] == 5000
    assert "Pushed" in models.gitexp("data", "push", "--all").stderr
    forget_store(models)
    got = models.json("model", "get", "clf@latest", "--to", str(tmp_path / "b"))
    assert Path(got["place"]).read_text() == "large" * 1000
