"""An exported comparison reckons itself what is inside the noise, as `compare` does: it has no server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from gitexp.extras.inference import student
from gitexp.extras.web import pages
from gitexp.model import Status
from tests.extras.web.conftest import Seen
from tests.support.experiments import put
from tests.support.workspace import Workspace

PLACES = [
    (t, dof) for t in (-40.0, -3.0, -1e-9, 0.0, 0.1, 2.0, 7.0) for dof in (0.3, 1.0, 1.85, 2.0, 30.0, 1e4)
]


def test_students_distribution_in_a_page_is_that_of_judge(seen: Seen) -> None:
    for name in ("core", "student"):
        seen.page.add_script_tag(content=pages.static_files()[f"{name}.js"].decode())
    found = seen.page.evaluate("places => places.map(([t, dof]) => gitexp.student.twoSided(t, dof))", PLACES)
    assert found == pytest.approx([student.two_sided(t, dof) for t, dof in PLACES], rel=1e-9)


def test_an_export_marks_what_compare_marks(repo: Workspace, seen: Seen, tmp_path: Path) -> None:
    # A difference of 0.02 is just enough for one comparison, and not for eight.
    for number, value in enumerate([0.900, 0.905, 0.895, 0.902, 0.898], 1):
        metrics = {"metrics.json": {"acc": value, "loss": 1.0}}
        same = {"group": "rep", "identity": f"rep-{number}", "replicate": number}
        put(repo, f"rep-{number}", params={"params.yaml": {"lr": 1}}, metrics=metrics, **same)
    singles = {"a": 0.80, "b": 0.802, "c": 0.815, "d": 0.95}
    for name, value in singles.items():
        metrics = {"metrics.json": {"acc": value, "loss": value, "alone": value}}
        put(repo, name, params={"params.yaml": {"lr": name}}, metrics=metrics)
    broken = {"metrics.json": {"acc": 0.801, "loss": 1.5}}
    put(repo, "broken", params={"params.yaml": {"lr": 9}}, metrics=broken, status=Status.FAILED)
    site = tmp_path / "site"
    repo.gitexp("ui", "--export", str(site))
    marked = 0
    for names in (["a", "c"], ["a", "b", "c", "d", "broken"], ["d", "rep-1", "rep-2"], ["broken", "a"]):
        seen.page.goto(f"{site.as_uri()}/compare.html?" + "&".join(f"exp={name}" for name in names))
        metrics = seen.page.get_by_role("region", name="Metrics").first
        row = metrics.get_by_role("row").filter(has_text="acc")
        expect(row.get_by_role("cell")).to_have_count(len(names))
        shown = ["≈" in text for text in row.get_by_role("cell").all_inner_texts()]
        (told,) = [
            one
            for one in json.loads(repo.gitexp("compare", *names, "--json").stdout)["metrics"]
            if one["key"] == "acc"
        ]
        inside = {name: one["inside"] for name, one in told.get("noise", {}).items()}
        assert shown == [inside.get(name, False) for name in names], names
        marked += sum(shown)
        assert "≈" not in metrics.get_by_role("row").filter(has_text="loss").first.inner_text()
    assert marked >= 3
    assert seen.wrong == []
