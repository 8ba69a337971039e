"""`on_promote`: commands and webhooks when another version comes into a stage."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitexp.repo import model_tags
from gitexp.repo.model_tags import TagAction
from tests.outside.test_docs import generate
from tests.support.webhooks import https_hook
from tests.support.workspace import Workspace

_LINE = "echo $GITEXP_MODEL_EVENT $GITEXP_MODEL_NAME $GITEXP_MODEL_VERSION $GITEXP_MODEL_BEFORE."


def configure(models: Workspace, text: str) -> None:
    before = (models.path / "gitexp.yaml").read_text("utf-8").partition("on_promote")[0]
    models.write("gitexp.yaml", f"{before}on_promote:\n{text}")


def test_a_command_runs_when_another_version_comes_into_a_stage(models: Workspace, tmp_path: Path) -> None:
    told = tmp_path / "told"
    configure(
        models, f"  prod: [{{command: '{_LINE} >> {told}'}}]\n  dev: [{{command: 'echo no >&2; exit 3'}}]\n"
    )
    for name in ("one", "two"):
        models.gitexp("model", "register", "-q", name, "clf")
    models.gitexp("model", "promote", "clf@v0.0.1", "prod", "--dry-run")
    assert not told.exists()
    done = models.json("model", "promote", "clf@v0.0.1", "prod")
    assert done["actions"] == [{"stage": "prod", "do": "command", "ok": True, "told": ""}]
    models.gitexp("model", "promote", "-q", "clf@v0.0.2", "prod")
    models.gitexp("model", "promote", "-q", "clf@v0.0.2", "staging")
    models.gitexp("model", "demote", "-q", "clf@v0.0.2", "prod")  # the first is there again
    models.gitexp("model", "promote", "-q", "clf@v0.0.2", "prod")
    models.gitexp("model", "deprecate", "-q", "clf@v0.0.2")
    models.gitexp("model", "demote", "-q", "clf", "prod")  # nobody is there
    assert told.read_text().splitlines() == [
        "promoted clf v0.0.1 .",
        "promoted clf v0.0.2 v0.0.1.",
        "demoted clf v0.0.1 v0.0.2.",
        "promoted clf v0.0.2 v0.0.1.",
        "deprecated clf v0.0.1 v0.0.2.",
    ]
    failed = models.gitexp("model", "promote", "clf@v0.0.1", "dev")  # the tag is made all the same
    assert failed.exit_code == 0
    assert "on_promote of dev: command did not work: exit 3: no" in failed.stderr
    assert models.json("model", "show", "clf#dev")["version"] == "v0.0.1"


def test_a_webhook_is_sent_the_change(models: Workspace, tmp_path: Path) -> None:
    with https_hook(tmp_path) as hook:
        text = f"  prod:\n  - {{webhook: $HOOK, private: true}}\n  - webhook: {hook.url}/secret\n"
        configure(models, text)
        models.gitexp("model", "register", "-q", "one", "clf")
        refused = models.gitexp("model", "promote", "clf@v0.0.1", "prod", check=False)
        assert "takes its webhook from $HOOK, which is not set" in refused.stderr
        assert models.git("tag", "--list", "*#*") == ""
        env = {"HOOK": f"{hook.url}/taken", "SSL_CERT_FILE": str(hook.certificate)}
        done = models.gitexp("model", "promote", "clf@v0.0.1", "prod", "-m", "passed", env=env)
        (message,) = hook.messages
    assert (message["event"], message["version"], message["stage"]) == ("promoted", "v0.0.1", "prod")
    assert (message["note"], message["tag"], message["experiment"]) == ("passed", "clf#prod#1", "one")
    assert message["by"] == models.git("log", "-1", "--format=%cn")
    assert message["text"] == f"clf@v0.0.1 is in prod: promoted by {message['by']}"
    assert "localhost has a private address" in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("  prod: [stop]\n", "'stop' is nothing that a promotion can do"),
        ("  prod: [{webhook: 'http://example.org'}]\n", "no https:// address"),
        ("  'a b': [{command: x}]\n", "'a b' cannot be the name of a stage"),
        ("  - prod\n", "must be a map of stages to actions"),
    ],
)
def test_what_is_no_action_is_refused_with_its_line(models: Workspace, text: str, why: str) -> None:
    configure(models, text)
    done = models.gitexp("model", "promote", "clf@v0.0.1", "prod", check=False)
    assert why in done.stderr
    assert "gitexp.yaml:4" in done.stderr


# -- deployment by a forge ----------------------------------------------------------------------------


def _blocks() -> dict[str, Any]:
    """The examples of the page about models: GitHub's workflow, and GitLab's pipeline."""
    page = (Path(__file__).parents[3] / "docs" / "models.md").read_text("utf-8")
    found = {}
    for forge in ("GitHub", "GitLab"):
        text = re.search(rf"^{forge}:\n\n```yaml\n(.*?)```", page, re.M | re.S)
        assert text is not None
        found[forge] = yaml.safe_load(text[1])
    return found


def _commands(script: str) -> list[list[str]]:
    return [shlex.split(line) for line in script.splitlines() if line.startswith("gitexp ")]


def test_the_examples_of_a_forge_deploy_on_the_tags_of_a_stage() -> None:
    """The patterns match the tags that gitexp makes, and the commands have words that gitexp knows."""
    blocks = _blocks()
    (pattern,) = blocks["GitHub"][True]["push"]["tags"]  # to YAML 1.1, `on` is true
    by_github = re.compile(re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*"))
    rule = blocks["GitLab"]["deploy"]["rules"][0]["if"]
    by_gitlab = re.compile(re.fullmatch(r"\$CI_COMMIT_TAG =~ /(.*)/", rule)[1])  # type: ignore[index]
    for name, is_deployed in (("team/churn#prod#3", True), ("churn#prod!#4", False), ("churn@v1.0.0", False)):
        parsed = model_tags.parse(name)
        assert parsed is not None
        assert (parsed.action is TagAction.ASSIGN) == is_deployed
        assert (by_github.fullmatch(name) is not None) == is_deployed
        assert (by_gitlab.search(name) is not None) == is_deployed
    steps = blocks["GitHub"]["jobs"]["deploy"]["steps"]
    script = "\n".join(step.get("run", "") for step in steps)
    commands = [*_commands(script), *_commands("\n".join(blocks["GitLab"]["deploy"]["script"]))]
    assert [words[1:3] for words in commands] == [["model", "get"], ["model", "export"]]
    known_commands = generate.commands()
    for words in commands:
        command = known_commands[" ".join(words[1:3])]
        known = {spelled for param in command.params for spelled in param.opts}
        assert {word for word in words if word.startswith("-")} <= known
        assert words[3] == "$MODEL#prod"
