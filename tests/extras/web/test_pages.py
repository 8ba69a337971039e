"""The pages of an experiment, a comparison, sweeps, the queue and the pipeline, in a real browser."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.extras.web.conftest import Seen
from tests.support.browser import require_access
from tests.support.dashboard import Dashboard, running
from tests.support.experiments import copy_of
from tests.support.workspace import Workspace

HOSTILE = "</script><img src=x onerror=alert(1)><b>bold</b>"
SVG = (
    "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(4)'><script>alert(5)</script>"
    "<image href='http://evil.example/x.png'/><rect width='9' height='9'/></svg>"
)
TRAIN = f"""
import gitexp, json, sys
hostile = {HOSTILE!r}
lr = float(open("params.yaml").read().split("lr: ")[1].split()[0])
print("\\x1b[31m" + hostile + "\\x1b[0m")
for number in range(300):
    print("line", number)
with open("page.html", "w") as file:
    file.write("<script>alert(2)</script>" + hostile)
with open("picture.svg", "w") as file:
    file.write({SVG!r})
with open("note.md", "w") as file:
    file.write("# Title\\n" + hostile + "\\n![x](http://evil.example/y.png) [z](javascript:alert(3))")
with gitexp.start_run() as run:
    for step in range(50):
        acc = float("nan") if step == 3 else lr * step
        run.log({{"loss": lr / (step + 1), "acc": acc, hostile: step}}, step=step)
    for name in ("page.html", "picture.svg", "note.md"):
        run.log_artifact(name)
    run.log_artifact("picture.svg", "samples/step_1.svg")
    run.log_artifact("note.md", "odd/" + hostile.replace("/", "_") + ".md")
"""
CONFIG = "stages:\n  one: {cmd: echo 1 > one, outs: [one]}\n  two: {cmd: cat one, deps: [one]}\n"


@pytest.fixture(scope="module")
def trained(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A repository with three runs; hostile texts in every field that has room for one."""
    repo = copy_of(template, tmp_path_factory.mktemp("pages"))
    repo.write(".gitignore", "page.html\npicture.svg\nnote.md\n")
    repo.write("train.py", TRAIN)
    repo.write("params.yaml", f"lr: 0.1\nname: '{HOSTILE}'\n'{HOSTILE}': 1\n")
    repo.commit()
    repo.allow("files", "params.yaml")
    repo.writes("page.html", "picture.svg", "note.md")
    for name, lr in (("slow", "0.05"), ("quick", "0.5"), ("middle", "0.2")):
        repo.gitexp("run", "-q", "-n", name, "-S", f"lr={lr}", "--", "python", "train.py")
        repo.write("train.py", repo.read("train.py") + f"# {name} {HOSTILE}\n")
    repo.gitexp("note", "quick", "-m", HOSTILE)
    repo.gitexp("tag", "quick", "--add", HOSTILE)
    repo.gitexp("run", "--queue", "-q", "-n", "later", "-S", "lr=0.9", "--", "python", "train.py")
    repo.write("gitexp.yaml", CONFIG)
    yield repo
    repo.close()


@pytest.fixture(scope="module")
def dashboard(trained: Workspace) -> Iterator[Dashboard]:
    with running(trained) as found:
        yield found


@pytest.fixture
def visitor(seen: Seen, dashboard: Dashboard) -> Seen:
    """A browser that the dashboard has let in."""
    seen.page.on("dialog", lambda dialog: seen.wrong.append(f"a script has run: {dialog.message}"))
    seen.page.context.add_cookies([_cookie(dashboard)])
    return seen


_COOKIES: dict[int, dict[str, Any]] = {}


def _cookie(dashboard: Dashboard) -> dict[str, Any]:
    """The cookie of a dashboard, whose link works once."""
    if dashboard.port not in _COOKIES:
        name, _, value = dashboard.cookie()["Cookie"].partition("=")
        _COOKIES[dashboard.port] = {"name": name, "value": value, "url": dashboard.root}
    return _COOKIES[dashboard.port]


def check_access(seen: Seen) -> None:
    """Nothing that axe finds wrong, in either theme, wide and narrow; nothing stands out to the side."""
    for theme, width in (("light", 1600), ("dark", 400)):
        seen.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]  # one of its literals
        seen.page.set_viewport_size({"width": width, "height": 900})
        require_access(seen.page)
        assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            seen.page.url,
            width,
        )


def forget_answers_of_404(seen: Seen) -> None:
    """A page asks for an experiment that is gone, and the browser itself tells of that answer."""
    seen.wrong[:] = [text for text in seen.wrong if "404" not in text]


def opened(seen: Seen, dashboard: Dashboard, path: str) -> None:
    seen.page.goto(dashboard.root + path)


def test_an_experiment_from_its_facts_to_its_files(visitor: Seen, dashboard: Dashboard) -> None:
    page = visitor.page
    opened(visitor, dashboard, "experiments/quick.html")
    expect(page.get_by_role("heading", name="quick", exact=True)).to_be_visible()
    expect(page.locator(".note")).to_have_text(HOSTILE)
    expect(page.locator(".tag")).to_have_text(HOSTILE)
    expect(page.locator("code", has_text="gitexp apply quick").first).to_be_visible()
    check_access(visitor)
    page.get_by_role("tab", name="Overview").press("ArrowRight")
    expect(page.get_by_role("tab", name="Curves")).to_be_focused()
    assert page.url.endswith("#curves")
    chart = page.get_by_role("group", name="loss of quick")
    chart.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    for told in page.locator(".told").all():
        expect(told).to_contain_text("step 1")  # one cursor for all charts
    page.keyboard.press("Escape")
    check_access(visitor)
    page.get_by_role("tab", name="Log").click()
    expect(page.locator("pre.log .t-f1")).to_have_text(HOSTILE)
    page.get_by_label("Search the log").fill("line 29")
    expect(page.locator(".results li")).to_have_count(11)
    page.locator(".result").first.click()
    expect(page.locator(".is-found")).to_have_text("line 29\n", use_inner_text=False)
    check_access(visitor)
    page.get_by_role("tab", name="Files").click()
    for name, content in (("note.md", "Title"), ("page.html", "alert(2)")):
        page.locator(".pick", has_text=name).last.click()
        expect(page.locator(".preview")).to_contain_text(content)
        expect(page.locator(".preview")).to_contain_text("onerror")
    page.locator(".pick", has_text="picture.svg").click()
    assert page.locator(".preview img").evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    check_access(visitor)
    page.get_by_role("tab", name="Changes").click()
    expect(page.locator(".sides .come").first).to_contain_text("slow")
    check_access(visitor)
    page.get_by_role("tab", name="Environment").click()
    check_access(visitor)
    visitor.check(dashboard.root)


def test_three_are_compared(visitor: Seen, dashboard: Dashboard) -> None:
    page = visitor.page
    opened(visitor, dashboard, "compare.html?exp=slow&exp=quick&exp=middle")
    expect(page.get_by_role("region", name="Params").locator("tbody th")).to_have_text(["lr"])
    expect(page.locator(".sides .come").first).to_be_visible()
    expect(page.locator(".pictures img")).to_have_count(6)
    check_access(visitor)
    page.set_viewport_size({"width": 1600, "height": 900})
    runs = page.locator(".parallel .run")
    expect(runs).to_have_count(3)
    handle = page.get_by_role("slider", name="Range of lr")
    handle.press("ArrowUp")  # only what is high
    expect(page.locator(".parallel .count")).to_have_text("2 of 3 runs")
    expect(page.locator(".scatter .is-faint")).to_have_count(1)  # brushed in one, faint in the other
    page.get_by_role("slider", name="Range of lr").press("Escape")
    expect(page.locator(".scatter .is-faint")).to_have_count(0)
    visitor.check(dashboard.root)


def test_other_pages(visitor: Seen, dashboard: Dashboard) -> None:
    for path, text in (
        ("queue.html", "later"),
        ("pipeline.html", "two"),
        ("sweeps.html", "No sweeps"),
        ("models.html", "No model"),
        ("compare.html", "Choose two"),
        ("compare.html?exp=slow&exp=gone", "no experiment, branch or commit 'gone'"),
    ):
        opened(visitor, dashboard, path)
        expect(visitor.page.locator("main")).to_contain_text(text)
        check_access(visitor)
    forget_answers_of_404(visitor)
    visitor.check(dashboard.root)


def test_models_their_stages_and_who_put_them_there(repo: Workspace, seen: Seen, tmp_path: Path) -> None:
    repo.allow("refs", "refs/tags/*")
    for name in ("one", "two"):
        repo.write("train.py", f"# {name}\n")
        repo.gitexp("save", "-q", "-n", name)
        repo.gitexp("model", "register", f"{name}:train.py", "churn", "-q")
        repo.gitexp("model", "promote", "churn@latest", "prod", "-q", "-m", f"it is {name}")
    repo.gitexp("remove", "--yes", "-q", "two")
    site = tmp_path / "site"
    repo.gitexp("ui", "--export", str(site))
    page = seen.page
    page.goto(f"{site.as_uri()}/models.html")
    versions = page.get_by_role("region", name="Versions of churn")
    expect(versions.get_by_role("row")).to_have_count(3)
    expect(versions.get_by_role("link")).to_have_text(["one"])  # the other has no page any more
    expect(page.locator(".tenure")).to_have_count(2)
    expect(page.locator(".tenure.is-now")).to_have_text(re.compile("v0.0.2"))
    page.get_by_text("History (4)").click()
    expect(page.get_by_role("region", name="History of churn")).to_contain_text("put into prod")
    expect(page.get_by_role("region", name="History of churn")).to_contain_text("it is one")
    assert seen.wrong == []


def test_an_export_shows_the_same(
    trained: Workspace, seen: Seen, tmp_path: Path, dashboard: Dashboard
) -> None:
    site = tmp_path / "site"
    trained.gitexp("ui", "--export", str(site))
    page = seen.page
    page.on("dialog", lambda dialog: seen.wrong.append(f"a script has run: {dialog.message}"))
    shown = {}
    for root in (dashboard.root, f"{site.as_uri()}/"):
        page.context.add_cookies([_cookie(dashboard)])
        page.goto(f"{root}compare.html?exp=slow&exp=quick&exp=middle")
        expect(page.locator(".chart")).to_have_count(3)
        expect(page.locator(".pictures img")).to_have_count(6)
        for image in page.locator(".pictures img").all():
            assert image.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
        tables = [page.get_by_role("region", name=name).first.inner_text() for name in ("Params", "Metrics")]
        page.goto(f"{root}experiments/quick.html#curves")
        expect(page.locator(".chart")).to_have_count(3)
        charts = [one.get_attribute("aria-label") for one in page.locator(".canvas").all()]
        page.get_by_role("tab", name="Changes").click()
        code = page.locator(".sides").inner_text()
        page.get_by_role("tab", name="Log").click()
        shown[root] = tables, charts, code, page.locator("pre.log").inner_text()
    served, exported = shown.values()
    assert served == exported
    page.get_by_role("tab", name="Files").click()
    page.locator(".pick", has_text="picture.svg").click()
    expect(page.locator(".preview img")).to_be_visible()
    assert seen.wrong == []


# -- files of users, and changes ----------------------------------------------------------------------


def ask(dashboard: Dashboard, path: str, **options: Any) -> Any:
    cookie = _cookie(dashboard)
    headers = {"Cookie": f"{cookie['name']}={cookie['value']}", **options.pop("headers", {})}
    return dashboard.ask("/" + path, headers, **options)


def test_files_of_users_can_do_nothing(dashboard: Dashboard) -> None:
    for name, kind in (("page.html", "application/octet-stream"), ("picture.svg", "image/svg+xml")):
        answer = ask(dashboard, f"files/quick/artifacts/{name}")
        assert answer.status == 200
        assert answer.headers["content-type"] == kind
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert ("attachment" in answer.headers.get("content-disposition", "")) == (name == "page.html")


@pytest.mark.parametrize(
    "path",
    [
        "files/quick/artifacts/../../../../etc/passwd",
        "files/quick/artifacts/%2e%2e/%2e%2e/train.py",
        "files/quick/code/..%2f..%2fetc%2fpasswd",
        "files/quick/code//etc/passwd",
        "files/quick/code/.git/config",
        "files/quick/code/train.py%00.png",
        "files/quick/code/.",
        "files/quick/data/../code/train.py",
        "files/quick/nowhere/train.py",
        "files/..%2f..%2f/code/train.py",
        "files/gone/code/train.py",
        "documents/experiments/gone/log.json",
        "documents/experiments/quick/preview.json?place=code&path=../train.py",
        "documents/experiments/quick/log.json?start=-1",
        "documents/experiments/quick/log.json?start=99999999999999999999999",
        "documents/experiments/quick/news.json?cursor=[1",
        "documents/experiments/quick/news.json?cursor=" + "[" * 2000,
        "documents/comparison.json?exp=quick&exp=--help",
        "documents/comparison.json?exp=quick&exp=%00",
        "documents/comparison/difference.json?a=quick&b=--output=x",
        "documents/comparison/difference.json?a=quick&b=a..b",
        "documents/comparison/difference.json",
        "actions/undo",
    ],
)
def test_no_request_leads_anywhere_else(dashboard: Dashboard, path: str) -> None:
    answer = ask(dashboard, path)
    assert 400 <= answer.status < 500, answer
    assert b"root:" not in answer.body
    assert b"Traceback" not in answer.body


def test_a_dashboard_that_only_shows_changes_nothing(dashboard: Dashboard) -> None:
    headers = {"Content-Type": "application/json", "X-Gitexp": "1", "Origin": dashboard.root.rstrip("/")}
    body = json.dumps({"key": "quick", "values": {"note": "x"}}).encode()
    assert ask(dashboard, "actions/note", method="POST", headers=headers, body=body).status == 405


def test_a_page_does_what_its_command_line_says(repo: Workspace, seen: Seen) -> None:
    repo.write("train.py", "print(1)\n")
    repo.commit()
    repo.gitexp("run", "-q", "-n", "one", "--", "python", "train.py")
    repo.gitexp("run", "-q", "-n", "two", "--queue", "--", "python", "train.py")
    repo.gitexp("queue", "start", "-q")
    page = seen.page
    with running(repo, "--write") as dashboard:
        page.goto(dashboard.link)
        page.goto(f"{dashboard.root}experiments/one.html")
        page.locator("summary", has_text="Note").click()
        page.get_by_label("Note", exact=True).fill("it's <b>good</b>")
        expect(page.locator("code", has_text="note one")).to_have_text(
            """gitexp note one '--note=it'"'"'s <b>good</b>'"""
        )
        page.get_by_role("button", name="Note", exact=True).click()
        expect(page.locator(".note")).to_have_text("it's <b>good</b>")
        page.locator("summary", has_text="Remove").click()
        page.get_by_role("button", name="Remove", exact=True).click()
        page.get_by_role("button", name="Really: remove?").click()
        page.wait_for_url("**/index.html")
        forget_answers_of_404(seen)
        seen.check(dashboard.root)
        headers = {"Content-Type": "application/json", "X-Gitexp": "1", "Origin": dashboard.root.rstrip("/")}
        (cookie,) = page.context.cookies()
        headers["Cookie"] = f"{cookie['name']}={cookie['value']}"
        for body in (b"", b"[]", b"{", b'{"key": 1}', b'{"values": 1}', b'{"key": "", "values": {}}'):
            assert dashboard.ask("/actions/note", headers, method="POST", body=body).status == 400, body
        again = dashboard.ask("/actions/again", headers, method="POST", body=b'{"key": "two"}').json()
        assert again["status"] == 0, again
        gone = json.dumps({"key": "one", "values": {"note": "x"}}).encode()
        assert dashboard.ask("/actions/note", headers, method="POST", body=gone).status == 404
        assert dashboard.ask("/actions/nothing", headers, method="POST", body=b"{}").status == 400
        large = json.dumps({"values": {"note": "x" * 200_000}}).encode()
        assert dashboard.ask("/actions/note", headers, method="POST", body=large).status == 413
    (queued,) = repo.json("list", "-A", "--filter", "status == 'queued'")
    assert "one" not in repo.gitexp("list", "-A").stdout.split()
    assert queued["name"].startswith("two")
    repo.gitexp("restore", "-q", "one")
    assert repo.json("show", "one", "--json")[0]["note"] == "it's <b>good</b>"


def test_an_experiment_is_run_with_other_params(repo: Workspace, seen: Seen) -> None:
    repo.write("train.py", "print('its own code')\n")
    repo.write("params.yaml", "train: {lr: 0.1, name: a}\n")
    repo.commit()
    repo.gitexp("run", "-q", "-n", "one", "--", "python", "train.py")
    repo.write("train.py", "raise SystemExit('the workspace was run')\n")
    page = seen.page
    with running(repo, "--write") as dashboard:
        page.goto(dashboard.link)
        page.goto(f"{dashboard.root}experiments/one.html")
        page.locator("summary", has_text="Run it with other params").click()
        page.get_by_label("train.lr", exact=True).fill("0.2,0.3")
        page.get_by_label("Other changes").fill("+train.warmup=5")
        line = "gitexp run --queue --from=one --set=train.lr=0.2,0.3 --set=+train.warmup=5"
        expect(page.locator("code", has_text="--from=one")).to_have_text(line)
        check_access(seen)
        page.get_by_role("button", name="Run it with other params").click()
        expect(page.locator(".said", has_text="2 runs")).to_be_visible(timeout=60_000)
        page.goto(f"{dashboard.root}queue.html")
        expect(page.locator("tbody tr")).to_have_count(2)
        seen.check(dashboard.root)
    repo.gitexp("queue", "start", "-q")
    found = repo.json("show", "-A", "--filter", "params.train.warmup == 5 and status == 'done'")
    assert sorted(one["params"]["train.lr"] for one in found if one["kind"] == "experiment") == [0.2, 0.3]


@pytest.mark.usefixtures("drawing")
def test_plots_of_files_are_pictures_on_the_pages(repo: Workspace, seen: Seen, site: Path) -> None:
    repo.write("roc.csv", "fpr,tpr\n0,0\n0.2,0.7\n1,1\n")
    own = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "mark": "bar"}
    own |= {"data": {"values": "<DVC_METRIC_DATA>"}, "encoding": {"x": {"field": "<DVC_METRIC_X>"}}}
    repo.write(".dvc/plots/own.json", json.dumps(own))
    plots = [
        {"roc.csv": {"x": "fpr", "y": "tpr"}},
        {HOSTILE: {"x": "fpr", "y": {"roc.csv": "tpr"}, "template": "own"}},
    ]
    repo.write("gitexp.yaml", json.dumps({"plots": plots}))
    repo.write("train.py", "import gitexp\ngitexp.log_confusion('digits', [0, 1, 1], [0, 1, 0])\n")
    repo.commit()
    for name in ("one", "two"):
        repo.gitexp("run", "-q", "-n", name, "--", "python", "train.py")
    page = seen.page
    repo.gitexp("ui", "-q", "--export", str(site))
    with running(repo) as dashboard:
        page.goto(dashboard.link)
        for address, count in (
            (f"{site.as_uri()}/experiments/one.html#plots", 3),
            (f"{dashboard.root}experiments/one.html#plots", 3),
            (f"{dashboard.root}compare.html?exp=one&exp=two", 3),
        ):
            page.goto(address)
            expect(page.locator(".plot img")).to_have_count(count, timeout=60_000)
            for one in page.locator(".plot img").all():
                assert one.evaluate("image => image.decode().then(() => image.naturalWidth > 20)")
        check_access(seen)
        assert seen.wrong == []


# -- what goes on -------------------------------------------------------------------------------------

LIVE = """
import os, time
import gitexp
for step in range(5):
    gitexp.log({"loss": 1.0 / (step + 1)}, step=step)
    print("step", step, flush=True)
    while not os.path.exists(f"go{step}"):
        time.sleep(0.01)
"""


def test_a_run_is_seen_as_it_goes_on(repo: Workspace, seen: Seen) -> None:
    repo.write("train.py", LIVE)
    repo.write(".gitignore", "go*\n")
    repo.commit()
    started = repo.start("run", "-q", "-n", "live", "--", "python", "train.py")
    page = seen.page
    with running(repo) as dashboard:
        for _ in range(500):
            if "live" in repo.gitexp("list", "-A").stdout:
                break
            time.sleep(0.02)
        page.goto(dashboard.link)
        page.goto(f"{dashboard.root}experiments/live.html#log")
        expect(page.locator("pre.log")).to_contain_text("step 0")
        repo.write("go0", "")
        expect(page.locator("pre.log")).to_contain_text("step 1")
        page.goto(f"{dashboard.root}experiments/live.html#curves")
        expect(page.locator(".canvas").first).to_have_attribute("aria-label", re.compile("step 0 to 1"))
        for step in range(1, 5):
            repo.write(f"go{step}", "")
        started.wait(timeout=60)
        expect(page.locator(".canvas").first).to_have_attribute("aria-label", re.compile("step 0 to 4"))
        expect(page.locator(".names .state")).to_have_text("done")
        repo.gitexp("note", "live", "-m", "as it was")
        expect(page.locator(".note")).to_have_text("as it was")
        repo.gitexp("rename", "live", "later")
        expect(page.get_by_role("alert")).to_contain_text("removed or renamed")
        forget_answers_of_404(seen)
        seen.check(dashboard.root)
