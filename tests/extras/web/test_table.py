"""The page with the table, from a server and from the disk, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.extras.web.conftest import Seen
from tests.support.dashboard import running
from tests.support.experiments import put
from tests.support.workspace import Workspace


@pytest.fixture
def stored(repo: Workspace) -> Workspace:
    """A repository with a few experiments, one with a hostile note, param and name of a param."""
    for number, acc in enumerate((0.5, 0.9125, 0.7)):
        params = {"params.yaml": {"train": {"lr": 0.1 / 10**number, "optimizer": "adam"}}}
        created = f"2024-01-01T10:0{number}:00.000Z"
        put(repo, f"exp-{number}", params=params, metrics={"m.json": {"acc": acc}}, created=created)
    hostile = "</script><img src=x onerror=alert(1)>"
    put(repo, "odd", params={"params.yaml": {hostile: hostile}}, note=hostile, tags=(hostile,))
    return repo


def names(seen: Seen) -> list[str]:
    return seen.page.locator("tr.line .name").all_inner_texts()


def test_the_page_is_the_same_from_a_server_and_from_the_disk(
    stored: Workspace, seen: Seen, site: Path
) -> None:
    expected = ["workspace", "main", "exp-2", "exp-1", "exp-0", "odd"]
    with running(stored) as dashboard:
        seen.page.goto(dashboard.link)
        assert seen.page.url == dashboard.root
        assert names(seen) == expected
        assert seen.page.locator("td.best").inner_text() == "★0.9125"
        seen.check(dashboard.root)
        served = seen.page.locator("table").inner_text()
        seen.page.goto("about:blank")  # an open page would ask the server that ends
    stored.gitexp("ui", "--export", str(site))
    seen.asked.clear()
    seen.page.goto((site / "index.html").as_uri())
    assert seen.page.locator("table").inner_text() == served
    seen.check(site.as_uri())
    stored.gitexp("ui", "--export", str(site))  # again, over the same pages


def test_an_export_goes_into_no_folder_of_something_else(repo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    refused = repo.gitexp("ui", "--export", str(tmp_path), check=False)
    assert refused.exit_code == 2, refused
    assert "other files" in refused.stderr


def test_an_export_is_written_over_an_earlier_one_and_over_nothing_else(
    repo: Workspace, tmp_path: Path
) -> None:
    # Names that are one file on some disks, and that are none on others.
    for name in ("gone", "A", "a", "nul.x", "left"):
        put(repo, name)
    site, own = tmp_path / "site", tmp_path / "own"
    own.write_text("of the user's")
    repo.gitexp("ui", "-q", "--export", str(site))
    pages = {file.name.lower() for file in (site / "experiments").iterdir()}
    assert len(pages) == 5
    assert not pages & {"a.html", "nul.x.html"}
    (site / "index.html").unlink()
    (site / "index.html").symlink_to(own)
    (site / "experiments/mine.html").touch()
    with (site / ".gitexp-dashboard").open("a") as mark:
        mark.write("documents/../../own\n")
    repo.gitexp("remove", "-q", "--yes", "gone")
    repo.gitexp("ui", "-q", "--export", str(site))
    assert own.read_text() == "of the user's"
    assert {file.name for file in (site / "experiments").iterdir()} >= {"left.html", "mine.html"}
    assert not (site / "experiments/gone.html").exists()
    assert not (site / "documents/experiments/gone").exists()


def shown(seen: Seen) -> list[str]:
    return seen.page.locator("tr.line:not(.is-workspace):not(.is-baseline) .name").all_inner_texts()


def test_what_is_seen_is_in_the_address_and_in_a_copy(stored: Workspace, seen: Seen, site: Path) -> None:
    page = seen.page
    with running(stored) as dashboard:
        page.goto(dashboard.link)
        page.get_by_label("Filter").fill("ac")
        page.get_by_role("option", name="acc").click()
        page.get_by_label("Filter").press_sequentially("> 0.6")
        assert page.locator("#count").inner_text() == "2 of 4"
        page.get_by_role("button", name="acc").click()
        assert shown(seen) == ["exp-1", "exp-2"]  # the best of a metric that is to be high comes first
        page.get_by_role("button", name="acc").click()
        assert shown(seen) == ["exp-2", "exp-1"]
        page.get_by_role("button", name="Columns").click()
        page.get_by_role("checkbox", name="train.optimizer").check()
        page.get_by_role("button", name="Pin train.optimizer").click()
        page.get_by_role("checkbox", name="created").uncheck()
        page.keyboard.press("Escape")
        page.get_by_role("checkbox", name="Select exp-2").check()
        heads = page.locator("thead .title").all_inner_texts()
        assert heads[:3] == ["Experiment", "train.optimizer", "acc"]
        # A wrong filter is said, and does not pass for one that nothing passes.
        query = page.url.partition("?")[2]
        page.get_by_label("Filter").fill("acc > ")
        assert "character 7" in page.get_by_role("alert").inner_text()
        assert shown(seen) == ["exp-2", "exp-1"]
        seen.check(dashboard.root)
        page.goto("about:blank")
    stored.gitexp("ui", "--export", str(site))
    seen.asked.clear()
    page.goto(f"{(site / 'index.html').as_uri()}?{query}")
    assert shown(seen) == ["exp-2", "exp-1"]
    assert page.locator("thead .title").all_inner_texts() == heads
    assert page.get_by_role("checkbox", name="Select exp-2").is_checked()
    seen.check(site.as_uri())


def test_all_of_it_without_a_mouse(stored: Workspace, seen: Seen, site: Path) -> None:
    stored.gitexp("ui", "--export", str(site))
    page, keys = seen.page, seen.page.keyboard
    page.goto((site / "index.html").as_uri())
    keys.press("/")
    keys.type("acc > 0.6")
    keys.press("Escape")
    keys.press("ArrowDown")
    keys.press("ArrowLeft")  # closes the baseline
    assert shown(seen) == []
    keys.press("ArrowRight")
    keys.press("j")
    keys.press("x")
    assert page.locator("tr.is-selected .name").all_inner_texts() == ["exp-2"]
    keys.press("?")
    assert page.get_by_role("dialog").is_visible()
    keys.press("Escape")
    keys.press("End")
    assert page.evaluate("document.activeElement.dataset.id") == "exp-1"


def test_a_page_follows_the_repository(stored: Workspace, seen: Seen) -> None:
    page = seen.page
    with running(stored) as dashboard:
        page.goto(dashboard.link)
        page.locator(".live.is-on").wait_for()
        put(
            stored, "newest", metrics={"m.json": {"acc": 0.99, "f1": 1.5}}, created="2025-01-01T10:00:00.000Z"
        )
        page.locator("tr[data-id=newest]").wait_for()
        assert shown(seen)[0] == "newest"
        assert page.locator("td.best").first.inner_text() == "★0.9900"
        assert "f1" in page.locator("thead").inner_text()
        stored.gitexp("note", "exp-1", "-m", "seen at once")
        page.get_by_text("seen at once").wait_for()
        # The repository changes under the server: packed, renamed, removed.
        with stored.by_user():
            stored.git("pack-refs", "--all")
            stored.git("gc", "--quiet", "--prune=now")
        stored.gitexp("rename", "exp-0", "other")
        page.locator("tr[data-id=other]").wait_for()
        stored.gitexp("remove", "other", "-y")
        page.locator("tr[data-id=other]").wait_for(state="detached")
        assert shown(seen) == ["newest", "exp-2", "exp-1", "odd"]
        # Only what has changed is sent.
        whole = dashboard.cookie_of(page.context.cookies())
        cursor = dashboard.ask("/documents/index.json", whole).json()["table"]["cursor"]
        told = dashboard.ask(f"/documents/changes.json?since={int(cursor) - 2}", whole).json()
        assert told["from"].count(-1) == 0
        assert len(told["from"]) == 6
        seen.check(dashboard.root)
    page.get_by_text("the server has ended").wait_for()


def test_a_page_that_is_not_live_says_so_and_goes_on(repo: Workspace, seen: Seen) -> None:
    put(repo, "one")
    page, git_dir, away = seen.page, repo.path / ".git", repo.path / "away"
    page.set_default_timeout(60_000)
    with running(repo) as dashboard:
        page.goto(dashboard.link)
        page.locator(".live.is-on").wait_for()
        git_dir.rename(away)
        page.get_by_text("live updates stopped: ").wait_for()
        known = dashboard.cookie_of(page.context.cookies())
        assert dashboard.ask("/documents/experiments/one/log.json", known).status == 404
        assert dashboard.ask("/pipeline.html", known).status == 404
        away.rename(git_dir)
        page.locator(".live.is-on").wait_for()
    page.get_by_text("the server has ended").wait_for()
    put(repo, "two")
    with running(repo, "--port", str(dashboard.port)) as again:
        page.get_by_text("the server was started again: open its new link").wait_for()
        page.context.new_page().goto(again.link)
        page.locator("tr[data-id=two]").wait_for()


LOGS = """
import pathlib, time
import gitexp
for step in range(100_000):
    gitexp.log({"loss": 1000 - step})
    if pathlib.Path("stop").exists():
        break
    time.sleep(0.05)
"""


def test_a_run_that_goes_on_is_followed(repo: Workspace, seen: Seen) -> None:
    page = seen.page
    repo.write("train.py", LOGS)
    repo.writes("stop")
    process = repo.start("run", "-n", "long", "--", "python", "train.py")
    with running(repo) as dashboard:
        page.goto(dashboard.link)
        row = page.locator("tr[data-id=long]")
        row.locator(".of-running").wait_for()
        value = row.locator("td.number").first
        expect(value).to_have_text(re.compile("…$"), timeout=30_000)
        expect(value).not_to_have_text(value.inner_text(), timeout=30_000)
        repo.write("stop", "")
        row.locator(".of-running").wait_for(state="detached")
        assert not value.inner_text().endswith("…")
        row.locator(".sparkline").wait_for()
        seen.check(dashboard.root)
    assert process.wait(60) == 0
