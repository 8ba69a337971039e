"""`gitexp skill install`: a page for assistants, and nothing of the user's overwritten."""

from __future__ import annotations

import hashlib

import yaml

from tests.support.workspace import Workspace

CLAUDE, AGENTS = ".claude/skills/gitexp/SKILL.md", ".agents/skills/gitexp/SKILL.md"


def test_it_is_written_where_assistants_look(repo: Workspace) -> None:
    assert repo.json("skill", "install", "--dry-run") == {"written": [CLAUDE], "dry_run": True}
    assert not (repo.path / ".claude").exists()
    repo.writes(CLAUDE, AGENTS)
    assert repo.json("skill", "install") == {"written": [CLAUDE]}
    assert repo.json("skill", "install", "claude", "agents") == {"written": [AGENTS]}
    assert repo.json("skill", "install") == {"written": []}  # both are in use
    page = repo.read(CLAUDE)
    assert page == repo.read(AGENTS)
    _, front, body = page.split("---\n", 2)
    facts = yaml.safe_load(front)
    assert facts["name"] == "gitexp"
    assert len(facts["description"]) <= 1024
    assert "gitexp run --json --once" in body
    assert "## Rules" in body
    assert len(body.splitlines()) <= 100


def test_a_changed_page_stays(repo: Workspace) -> None:
    repo.writes(CLAUDE)
    repo.gitexp("skill", "install")
    old = repo.read(CLAUDE)
    repo.write(CLAUDE, old + "Use only two GPUs.\n")
    refused = repo.gitexp("skill", "install", check=False)
    assert refused.exit_code == 1
    assert "gitexp skill install claude --force" in refused.stderr
    repo.gitexp("skill", "install", "claude", "--force")
    assert repo.read(CLAUDE) == old


def test_the_page_of_another_version_is_replaced(repo: Workspace) -> None:
    repo.writes(CLAUDE)
    repo.gitexp("skill", "install")
    new = repo.read(CLAUDE)
    front, _, _ = new.partition("---\n\n")
    old = "# gitexp 0.1\n"
    seal = hashlib.sha256(old.encode()).hexdigest()[:16]
    repo.write(CLAUDE, front.replace(new.partition("seal: ")[2][:16], seal) + "---\n\n" + old)
    repo.gitexp("skill", "install")
    assert repo.read(CLAUDE) == new


def test_a_link_leads_nowhere_else(repo: Workspace) -> None:
    (repo.path.parent / "home").mkdir()
    with repo.by_user():
        (repo.path / ".claude").symlink_to(repo.path.parent / "home")
    refused = repo.gitexp("skill", "install", "claude", check=False)
    assert refused.exit_code == 1
    assert list((repo.path.parent / "home").iterdir()) == []
