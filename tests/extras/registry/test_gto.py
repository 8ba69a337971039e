"""GTO itself on the tags that gitexp makes, and gitexp on those that GTO makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.extras.registry.conftest import Gto
from tests.support.workspace import Workspace


def state(version: str | None, stage: dict[str, str | None]) -> dict[str, Any]:
    """A model as `gto show` has it."""
    return {"version": version, "stage": stage, "registered": True, "active": True}


def test_gto_reads_what_gitexp_writes(models: Workspace, gto: Gto) -> None:
    for name in ("one", "two", "three"):
        models.gitexp("model", "register", "-q", name, "clf", "-m", "a note\nof two lines")
    for version in ("v0.0.1", "v0.0.3", "v0.0.2"):  # all within a second
        models.gitexp("model", "promote", "-q", f"clf@{version}", "prod")
    models.gitexp("model", "promote", "-q", "clf@latest", "eu/staging")
    every, (in_prod,), checked, history = gto.json(
        "show", "show clf#prod", "check-ref clf#prod#3", "history clf"
    )
    assert every["clf"] == state("v0.0.3", {"prod": "v0.0.2", "eu/staging": "v0.0.3"})
    shown = models.json("model", "show", "clf#prod")
    assert (in_prod["version"], in_prod["commit_hexsha"]) == (shown["version"], shown["commit"])
    event = checked[0] if isinstance(checked, list) else checked
    assert (event["version"], event["stage"]) == ("v0.0.2", "prod")
    mine = [(one["tag"], one["version"], one["by"]) for one in models.json("model", "history", "clf")]
    assert [(one["ref"], one["version"], one["author"]) for one in history] == mine
    models.gitexp("model", "demote", "-q", "clf@v0.0.2", "prod")
    models.gitexp("model", "deprecate", "-q", "clf@v0.0.3")
    assert gto.json("show")[0]["clf"] == state("v0.0.2", {"prod": "v0.0.1"})
    models.gitexp("model", "demote", "-q", "clf", "prod")
    models.gitexp("model", "register", "-q", "one", "gone")
    models.gitexp("model", "deprecate", "-q", "gone")
    assert gto.json("show")[0] == {"clf": state("v0.0.2", {})}


def test_gitexp_reads_what_gto_writes(repo: Workspace, gto: Gto, tmp_path: Path) -> None:
    """Commits, names with a folder, stages of commits without a version, and tags in both forms."""
    repo.allow("refs", "refs/tags/*")
    repo.write("artifacts.yaml", "clf:\n  type: model\n  path: weights.dat\n")
    for text in ("a", "b"):
        repo.write("weights.dat", text)
        repo.commit()
    with repo.by_user():
        *_, shown = gto(
            "register clf HEAD~1",
            "register clf HEAD --bump-major",
            "assign clf --version v1.0.0 --stage prod",
            "register old HEAD",
            "sleep",
            "assign clf --version v0.0.1 --stage prod",
            "register models:net HEAD --version v3.0.0-rc.1",
            "assign bare HEAD --stage dev --skip-registration",
            "deprecate old",
            "show --json",
        )
    found = {one["name"]: one for one in repo.json("model", "list")}
    assert found["clf"]["stages"] == {"prod": "v0.0.1"}
    assert found["models:net"]["latest"] == "v3.0.0-rc.1"
    assert found["bare"]["stages"] == {"dev": repo.git("rev-parse", "HEAD")}
    assert found["old"]["deprecated"]
    for name, one in json.loads(shown).items():
        assert one["version"] == found[name]["latest"]
        assert {stage: held for stage, held in one["stage"].items() if held} == found[name]["stages"]
    got = repo.json("model", "get", "clf#prod", "--to", str(tmp_path / "to"))
    assert Path(got["place"]).read_text() == "a"
    assert repo.json("model", "diff", "clf@v0.0.1", "clf@v1.0.0")["code"][0]["path"] == "weights.dat"
    assert len(repo.json("model", "history", "clf", "--stage", "prod")) == 2


def test_both_go_on_from_each_other(models: Workspace, gto: Gto) -> None:
    with models.by_user():
        gto("register clf HEAD")
    assert models.json("model", "register", "one", "clf")["version"] == "v0.0.2"
    models.gitexp("model", "promote", "-q", "clf@v0.0.2", "prod")
    assert models.json("model", "promote", "clf@v0.0.1", "prod")["tags"] == ["clf#prod#2"]
    with models.by_user():
        *_, shown = gto(
            "register clf HEAD~1 --bump-minor", "assign clf --version v0.1.0 --stage dev", "show --json"
        )
    stages = {"dev": "v0.1.0", "prod": "v0.0.1"}
    assert models.json("model", "list")[0]["stages"] == json.loads(shown)["clf"]["stage"] == stages
    assert models.json("model", "promote", "clf@v0.0.2", "dev")["tags"] == ["clf#dev#4"]
