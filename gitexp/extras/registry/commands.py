"""`gitexp model`: the commands that change the registry."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from gitexp import errors, plugins
from gitexp.cli.kit import options
from gitexp.cli.kit.exchange import contact
from gitexp.cli.kit.help import Command, ListingGroup
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.extras.registry import addresses, documents, export_command, look_commands, registering, staging
from gitexp.extras.registry.look_commands import Address, ModelName
from gitexp.extras.registry.publishing import Publisher
from gitexp.extras.registry.registering import RegisterRequest
from gitexp.extras.registry.stage_hooks import StageHooks
from gitexp.extras.registry.versions import Bump
from gitexp.extras.registry.writing import MadeTags, TagOrder
from gitexp.project.project import Project
from gitexp.sharing import partner
from gitexp.words import human_size

EPILOG_REGISTER = """Examples:
gitexp model register exp-333c9 churn
gitexp model register exp-333c9:models/best.pt churn --version 1.2.0
gitexp model register best-run churn --bump minor --push
"""
EPILOG_PROMOTE = """Examples:
gitexp model promote churn@v1.2.0 prod
gitexp model promote churn@latest staging -m "ready for a week of shadow traffic"
gitexp model promote churn@v1.1.0 prod --push    (back to the one before)
"""
EPILOG_DEMOTE = """Examples:
gitexp model demote churn prod
gitexp model demote churn@v1.2.0 prod
"""
EPILOG_DEPRECATE = """Examples:
gitexp model deprecate churn@v1.2.0 -m "leaks the label"
gitexp model deprecate churn
"""

Subject = Annotated[
    str, options.argument("EXP[:PATH]", "An experiment, and the file or folder that is the model.", "points")
]
StageName = Annotated[str, typer.Argument(metavar="STAGE", help="A stage, such as prod or staging.")]
Version = Annotated[
    str, typer.Option("--version", metavar="VERSION", help="The version, such as 1.2.0; default: the next.")
]
BumpPart = Annotated[
    Bump, typer.Option("--bump", help="The part of the last version that is counted up for the next.")
]
Why = Annotated[str, options.note("Why: words to keep with the tag.")]
Sign = Annotated[
    bool | None, typer.Option("--sign/--no-sign", help="Sign the tag or not; default: as the settings say.")
]
Push = Annotated[bool, typer.Option("--push", help="Make the tag at the Git remote first, then here.")]
Remote = Annotated[str | None, options.git_remote("The Git remote of --push; default: as for git push.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="model", cls=ListingGroup, help="Versions of models and their stages, as Git tags."
    )
    group.command("register", cls=Command, epilog=EPILOG_REGISTER)(register_)
    group.command("promote", cls=Command, epilog=EPILOG_PROMOTE)(promote)
    group.command("demote", cls=Command, epilog=EPILOG_DEMOTE)(demote)
    group.command("deprecate", cls=Command, epilog=EPILOG_DEPRECATE)(deprecate)
    group.command("export", cls=Command, epilog=export_command.EPILOG)(export_command.export)
    look_commands.register(group)
    app.add_typer(group)


# -- changes ------------------------------------------------------------------------------------------


def register_(
    exp: Subject,
    name: ModelName,
    version: Version = "",
    bump: BumpPart = Bump.PATCH,
    note: Why = "",
    sign: Sign = None,
    push: Push = False,
    remote: Remote = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Register a model of an experiment as a version.

    That is an annotated Git tag, NAME@v1.2.0. It names the model's hash, its size, the metrics, the
    experiment and the model's signature, and keeps the experiment even after gitexp remove. Without PATH
    it is the one result that looks like a model, or the path that artifacts.yaml has for NAME.
    """
    if version and bump is not Bump.PATCH:
        raise errors.UsageError("--version and --bump do not go together.", "Ask for one of them.")
    project = open_project(quiet=quiet or json, dry_run=dry_run)
    request = RegisterRequest(exp, name, version, bump, note)
    with _order(project, sign, remote, push=push, quiet=quiet or json) as order:
        done = registering.register(project, request, order)
    facts = done.found.facts
    render.warn_all([*done.found.warnings, *done.made.warnings])
    if json:
        document = {"version": done.version, **documents.facts_document(facts), "note": note}
        return _answer(name, done.made, order, document)
    if not quiet:
        size = "" if facts.size is None else f" ({human_size(facts.size)})"
        render.say(f"{name}@{done.version} is {facts.path} of {done.found.label}{size}.")
        _say_next(order, done.made)
        if any(file.hash for file in done.found.content.files):
            render.say(f"Its data is not in Git; to share it: gitexp data push {name}@{done.version}", "dim")
    return None


def promote(
    model: Address,
    stage: StageName,
    note: Why = "",
    sign: Sign = None,
    push: Push = False,
    remote: Remote = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Put a version into a stage, in the place of the one there.

    That is an annotated Git tag, NAME#STAGE#N. Nothing is moved: what was in the stage before, and who
    changed it, stays in gitexp model history.
    """
    project = open_project(quiet=quiet or json, dry_run=dry_run)
    address = addresses.parse(model)
    hooks = StageHooks.before(project, address.model, stage)
    with _order(project, sign, remote, push=push, quiet=quiet or json) as order:
        done = staging.promote(project, address, stage, note, order)
    version = done.assignment.version
    render.warn_all(done.made.warnings)
    actions = _act(hooks, "promoted", done.made, order)
    if json:
        before = done.before.version if done.before is not None else None
        document = {"version": version.version, "stage": stage, "before": before, "actions": actions}
        return _answer(version.model, done.made, order, document)
    if not quiet:
        instead = f", in the place of {done.before.version[:30]}" if done.before is not None else ""
        render.say(f"{version.label} is in {stage}{instead}.")
        _say_next(order, done.made)
    return None


def demote(
    model: Address,
    stage: StageName,
    note: Why = "",
    sign: Sign = None,
    push: Push = False,
    remote: Remote = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Take a version out of a stage, or all of them.

    Without a version the stage is empty then. When one version goes, the version that was there before it
    is in the stage again, as with GTO.
    """
    project = open_project(quiet=quiet or json, dry_run=dry_run)
    address = addresses.parse(model)
    hooks = StageHooks.before(project, address.model, stage)
    with _order(project, sign, remote, push=push, quiet=quiet or json) as order:
        done = staging.demote(project, address, stage, note, order)
    render.warn_all(done.made.warnings)
    actions = _act(hooks, "demoted", done.made, order)
    now = done.now.version if done.now is not None else None
    if json:
        document = {
            "versions": [one.version for one in done.versions],
            "stage": stage,
            "now": now,
            "actions": actions,
        }
        return _answer(address.model, done.made, order, document)
    if not quiet:
        names = ", ".join(one.label for one in done.versions)
        left = f"{now[:30]} is there again" if now else "no version is there now"
        render.say(f"{names} out of {stage}: {left}.")
        _say_next(order, done.made)
    return None


def deprecate(
    model: Address,
    note: Why = "",
    sign: Sign = None,
    push: Push = False,
    remote: Remote = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Take a version back, or retire a whole model.

    A version that is taken back leaves its stages too.
    """
    project = open_project(quiet=quiet or json, dry_run=dry_run)
    address = addresses.parse(model)
    hooks = StageHooks.before(project, address.model)
    with _order(project, sign, remote, push=push, quiet=quiet or json) as order:
        made = staging.deprecate(project, address, note, order)
    render.warn_all(made.warnings)
    actions = _act(hooks, "deprecated", made, order)
    if json:
        version = made.events[0].name.version or None
        return _answer(address.model, made, order, {"version": version, "actions": actions})
    if not quiet:
        if made.events[0].name.version:
            render.say(f"{address.model}@{made.events[0].name.version} is taken back.")
        else:
            render.say(f"{address.model} is deprecated.")
        _say_next(order, made)
    return None


def _act(hooks: StageHooks, event: str, made: MadeTags, order: TagOrder) -> list[dict[str, Any]]:
    """Do what gitexp.yaml says for a change of stages; what was done, for --json."""
    pushed = order.publisher.where if order.publisher is not None else ""
    found = hooks.after(event, made, pushed)
    for one in found:
        if one.told:
            render.warn(f"on_promote of {one.stage}: {one.kind} did not work: {one.told}")
    return [{"stage": one.stage, "do": one.kind, "ok": not one.told, "told": one.told} for one in found]


@contextlib.contextmanager
def _order(
    project: Project, sign: bool | None, remote: str | None, *, push: bool, quiet: bool
) -> Iterator[TagOrder]:
    """The way to make tags that the options ask for."""
    render.warn_all(plugins.load("models", "pending")(project))
    if not push:
        if remote is not None:
            raise errors.UsageError("--remote says where --push goes.", f"Such as: --push --remote {remote}")
        yield TagOrder(sign)
        return
    with contact(quiet=quiet) as reach:
        yield TagOrder(sign, Publisher(partner.connect(project, remote, reach, push=True)))


def _answer(model: str, made: MadeTags, order: TagOrder, document: dict[str, Any]) -> None:
    """Print the outcome of a change as JSON."""
    tags = [event.name.text for event in made.events]
    pushed = order.publisher.where if order.publisher is not None else None
    render.as_json({"model": model, **document, "tags": tags, "pushed": pushed})


def _say_next(order: TagOrder, made: MadeTags) -> None:
    """Say which tags were made and where, and how they travel."""
    tags = " ".join(event.name.text for event in made.events)
    if order.publisher is not None:
        render.say(f"Tag: {tags}, also at {order.publisher.where}.", "dim")
        return
    render.say(f"Tag: {tags}. git push --tags takes it along.", "dim")
