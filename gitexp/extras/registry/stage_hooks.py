"""What gitexp.yaml says is done when another version comes into a stage: `on_promote`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitexp import errors, plugins
from gitexp.extras.registry.registry import Registry
from gitexp.extras.registry.values import RegisteredModel, StageAssignment
from gitexp.extras.registry.writing import MadeTags
from gitexp.named_tuple import NamedTuple
from gitexp.project.config import CONFIG_FILE
from gitexp.project.project import Project
from gitexp.project.sections.actions import COMMAND, Action


class DoneAction(NamedTuple):
    """An action that was tried.

    Attributes:
        stage: the stage.
        kind: `command` or `webhook`.
        told: why it did not work; "" if it did.
    """

    stage: str
    kind: str
    told: str


class StageHooks(NamedTuple):
    """The actions for the stages of a model, and the model before a change.

    Attributes:
        actions: by stage; {} for none.
        model: the model before the change; None without actions.
    """

    project: Project
    actions: Mapping[str, tuple[Action, ...]]
    model: RegisteredModel | None

    @classmethod
    def before(cls, project: Project, model: str, stage: str = "") -> StageHooks:
        """The actions for a change of one stage, or of any, which is still to be made.

        Raises ConfigError for a webhook whose variable is not set.
        """
        actions = dict(project.config.on_promote)
        if stage:
            actions = {stage: actions.get(stage, ())}
        actions = {name: found for name, found in actions.items() if found}
        for name, found in actions.items():
            for action in found:
                if action.unset:
                    raise errors.ConfigError(
                        f"on_promote of {name} takes its webhook from ${action.unset}, which is not set.",
                        f"export {action.unset}=https://…",
                        file=CONFIG_FILE,
                    )
        if not actions:
            return cls(project, {}, None)
        return cls(project, actions, Registry.read(project).model(model))

    def after(self, event: str, made: MadeTags, pushed: str) -> list[DoneAction]:
        """Do the actions of the stages that have another version now; none in a dry run.

        `event`: `promoted`, `demoted` or `deprecated`. `pushed`: the Git remote with the tags; "" for none.
        """
        if self.model is None or self.project.dry_run:
            return []
        now = made.registry.model(self.model.name)
        done = []
        for stage, actions in self.actions.items():
            assignment = now.stages.get(stage)
            before = self.model.stages.get(stage)
            if assignment is None or _is_same(before, assignment):
                continue
            document = _document(event, assignment, before, made, pushed)
            for action in actions:
                done.append(DoneAction(stage, action.kind, self._carry_out(action, document)))
        return done

    def _carry_out(self, action: Action, document: Mapping[str, Any]) -> str:
        """Do an action; why it did not work, else ""."""
        told: str
        if action.kind != COMMAND:
            told = plugins.load("action", "webhook")(action, document)
            return told
        variables = dict[str, str]()
        for name in ("event", "name", "version", "before", "stage", "experiment", "commit", "tag", "hash"):
            variables[f"GITEXP_MODEL_{name.upper()}"] = str(document[name] or "")
        root = self.project.repo.root / self.project.config.folder
        told = plugins.load("action", "command")(action.target, variables, root, _never)
        return told


def _never() -> bool:
    """Whether a command is to end before its time."""
    return False


def _is_same(before: StageAssignment | None, now: StageAssignment) -> bool:
    return before is not None and before.version.version == now.version.version


def _document(
    event: str, now: StageAssignment, before: StageAssignment | None, made: MadeTags, pushed: str
) -> dict[str, Any]:
    """The change for a webhook; `text` and `content` are what chat services show."""
    facts = made.registry.facts_of(now.version)
    tag = made.events[-1]
    for event_here in made.registry.events.get(now.version.model, ()):
        if event_here.name == tag.name:
            tag = event_here  # with its author
    line = f"{now.version.label} is in {now.stage}"
    if before is not None:
        line += f", in the place of {before.version.version[:30]}"
    if tag.author:
        line += f": {event} by {tag.author}"
    return {
        "event": event,
        "name": now.version.model,
        "version": now.version.version,
        "stage": now.stage,
        "before": before.version.version if before is not None else None,
        "experiment": facts.experiment or None,
        "commit": now.version.commit,
        "path": facts.path or None,
        "hash": facts.hash or None,
        "size": facts.size,
        "metrics": dict(facts.metrics),
        "tag": tag.name.text,
        "by": tag.author or None,
        "time": tag.created,
        "note": made.registry.facts([tag]).get(tag.id, facts).note,
        "pushed": pushed or None,
        "text": line,
        "content": line,
    }
