"""`gitexp model`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gitexp import errors
from gitexp.cli.commands.looking.diff import lines as diff_lines
from gitexp.cli.kit import options
from gitexp.cli.kit.documents import answer
from gitexp.cli.kit.exchange import contact
from gitexp.cli.kit.help import Command, ListingGroup
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.cells import in_columns
from gitexp.extras.registry import addresses, comparing, documents, getting, registering, staging
from gitexp.extras.registry.publishing import Publisher
from gitexp.extras.registry.registering import RegisterRequest
from gitexp.extras.registry.registry import Registry
from gitexp.extras.registry.tenures import at, parse_at, tenures
from gitexp.extras.registry.values import ModelEvent, ModelFacts
from gitexp.extras.registry.versions import Bump
from gitexp.extras.registry.writing import MadeTags, TagOrder
from gitexp.project.project import Project
from gitexp.sharing import partner
from gitexp.views import diff_json
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
EPILOG_LIST = """Examples:
gitexp model list
gitexp model list --json
"""
EPILOG_SHOW = """Examples:
gitexp model show churn
gitexp model show churn@v1.2.0
gitexp model show churn#prod --json
"""
EPILOG_HISTORY = """Examples:
gitexp model history churn
gitexp model history churn --stage prod --at 2026-05-03
"""
EPILOG_GET = """Examples:
gitexp model get churn#prod --to /srv/models
gitexp model get churn@v1.2.0 --to . --force
"""
EPILOG_DIFF = """Examples:
gitexp model diff churn@v1.1.0 churn@v1.2.0
gitexp model diff churn#prod churn@latest --json
"""

Subject = Annotated[
    str, options.argument("EXP[:PATH]", "An experiment, and the file or folder that is the model.", "points")
]
ModelName = Annotated[str, typer.Argument(metavar="NAME", help="The name of the model.")]
Address = Annotated[str, typer.Argument(metavar="MODEL", help="A model, such as churn@v1.2.0 or churn#prod.")]
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
OneStage = Annotated[str, typer.Option("--stage", metavar="STAGE", help="Only this stage.")]
At = Annotated[str, typer.Option("--at", metavar="TIME", help="Who was in a stage then, such as 2026-05-03.")]
To = Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to copy it into.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="model", cls=ListingGroup, help="Versions of models and their stages, as Git tags."
    )
    group.command("register", cls=Command, epilog=EPILOG_REGISTER)(register_)
    group.command("promote", cls=Command, epilog=EPILOG_PROMOTE)(promote)
    group.command("demote", cls=Command, epilog=EPILOG_DEMOTE)(demote)
    group.command("deprecate", cls=Command, epilog=EPILOG_DEPRECATE)(deprecate)
    group.command("list", cls=Command, epilog=EPILOG_LIST)(list_)
    group.command("show", cls=Command, epilog=EPILOG_SHOW)(show)
    group.command("history", cls=Command, epilog=EPILOG_HISTORY)(history)
    group.command("get", cls=Command, epilog=EPILOG_GET)(get)
    group.command("diff", cls=Command, epilog=EPILOG_DIFF)(diff)
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
        _say_next(order, done.made, f"{name}@{done.version}")
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
    with _order(project, sign, remote, push=push, quiet=quiet or json) as order:
        done = staging.promote(project, address, stage, note, order)
    version = done.assignment.version
    render.warn_all(done.made.warnings)
    if json:
        before = done.before.version if done.before is not None else None
        document = {"version": version.version, "stage": stage, "before": before}
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
    with _order(project, sign, remote, push=push, quiet=quiet or json) as order:
        done = staging.demote(project, address, stage, note, order)
    render.warn_all(done.made.warnings)
    now = done.now.version if done.now is not None else None
    if json:
        document = {"versions": [one.version for one in done.versions], "stage": stage, "now": now}
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
    with _order(project, sign, remote, push=push, quiet=quiet or json) as order:
        made = staging.deprecate(project, address, note, order)
    render.warn_all(made.warnings)
    if json:
        return _answer(address.model, made, order, {"version": made.events[0].name.version or None})
    if not quiet:
        if address.version:
            render.say(f"{address.model}@{made.events[0].name.version} is taken back.")
        else:
            render.say(f"{address.model} is deprecated.")
        _say_next(order, made)
    return None


@contextlib.contextmanager
def _order(
    project: Project, sign: bool | None, remote: str | None, *, push: bool, quiet: bool
) -> Iterator[TagOrder]:
    """The way to make tags that the options ask for."""
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


def _say_next(order: TagOrder, made: MadeTags, data: str = "") -> None:
    """Say which tags were made and where, and how they travel."""
    tags = " ".join(event.name.text for event in made.events)
    if order.publisher is not None:
        render.say(f"Tag: {tags}, also at {order.publisher.where}.", "dim")
        return
    render.say(f"Tag: {tags}. git push --tags takes it along.", "dim")


# -- answers ------------------------------------------------------------------------------------------


def list_(
    limit: options.Limit = None,
    form: options.AsTable = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Print the models, with what is in their stages."""
    registry = _opened(quiet)[1]
    models = registry.models()[:limit]
    latest = [model.latest.registration if model.latest is not None else None for model in models]
    facts = registry.facts(latest)
    found = []
    for model, event in zip(models, latest, strict=True):
        found.append(documents.model_document(model, _facts(facts, event)))
    _print(documents.MODEL_HEADS, found, documents.model_row, form, json=json)
    if not (found or quiet or json or form):
        render.say("No model is registered; gitexp model register EXP NAME registers one.", "dim")


def show(model: Address, quiet: options.Quiet = False, json: options.Json = False) -> None:
    """Print the versions of a model, or all about one of them.

    Of one: its metrics, experiment, hash, size, signature, who registered it, and its stages.
    """
    _, registry = _opened(quiet)
    address = addresses.parse(model)
    if address.version or address.stage:
        found, version = addresses.require_version(registry, address)
        document = documents.version_document(found, version, registry.facts_of(version))
        if json:
            return render.as_json(document)
        width = max(len(name) for name, _ in documents.version_lines(document))
        return render.answer(f"{name:<{width}}  {text}" for name, text in documents.version_lines(document))
    found = registry.require(address.model)
    facts = registry.facts(version.registration for version in found.versions)
    rows = []
    for version in found.versions:
        rows.append(documents.version_document(found, version, _facts(facts, version.registration)))
    if json:
        stages = {stage: one.version.version for stage, one in found.stages.items()}
        head = {"name": found.name, "deprecated": found.is_deprecated, "stages": stages}
        return render.as_json({**head, "versions": rows})
    render.answer(in_columns([documents.VERSION_HEADS, *map(documents.version_row, rows)], render.width()))
    if found.is_deprecated and not quiet:
        render.say(f"{found.name} is deprecated.", "dim")
    return None


def history(
    name: ModelName,
    stage: OneStage = "",
    moment: At = "",
    limit: options.Limit = None,
    form: options.AsTable = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Print what happened to a model, or what was in its stages at a time.

    Each line is a Git tag: who made it, and when, is the tagger. A day means any time of that day.
    """
    _, registry = _opened(quiet)
    model = registry.require(addresses.parse(name).model)
    if moment:
        held = at(tenures(model, stage), parse_at(moment))[:limit]
        facts = registry.facts([one.version.registration for one in held] + [one.given for one in held])
        rows = []
        for one in held:
            own, given = _facts(facts, one.version.registration), _facts(facts, one.given)
            rows.append(documents.tenure_document(one, own._replace(note=given.note)))
        _print(documents.TENURE_HEADS, rows, documents.tenure_row, form, json=json)
        if not (held or quiet or json or form):
            render.say(f"No version of {model.name} was in {stage or 'a stage'} then.", "dim")
        return
    events = [event for event in reversed(model.events) if stage in ("", event.name.stage)][:limit]
    facts = registry.facts(events)
    rows = [documents.event_document(model, event, _facts(facts, event)) for event in events]
    _print(documents.EVENT_HEADS, rows, documents.event_row, form, json=json)


def get(
    model: Address,
    to: To,
    force: Annotated[bool, options.force("Replace files in the folder of --to.")] = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Copy a version into a folder, and print its place.

    churn#prod is whatever is in production. The bytes come from Git, the object store or the data remote,
    and are compared with the tag's hash.
    """
    project, registry = _opened(quiet or json, dry_run=dry_run)
    _, version = addresses.require_version(registry, addresses.parse(model))
    if not version.is_active:
        render.warn(f"{version.label} was taken back.")
    done = getting.get(project, registry, version, project.here / to, force=force)
    if json:
        document = {"model": version.model, "version": version.version, "place": str(done.place)}
        render.as_json({**document, "hash": done.hash, "size": done.content.size})
        return
    render.answer([str(done.place)])
    if not quiet:
        size = done.content.size
        render.say(f"{version.label}{'' if size is None else f' ({human_size(size)})'} copied.")


def diff(
    old: Annotated[str, typer.Argument(metavar="A", help="A version, such as churn@v1.1.0.")],
    new: Annotated[str, typer.Argument(metavar="B", help="A version to compare with it.")],
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Compare two versions: metrics, params, code, data.

    It works after the experiments were removed, and in a clone that has the tags alone.
    """
    project, registry = _opened(quiet or json)
    sides = [addresses.require_version(registry, addresses.parse(text))[1] for text in (old, new)]
    found = comparing.compare(project, *sides)
    render.warn_all([*found.old.complaints, *found.new.complaints])
    if json:
        return render.as_json(diff_json.as_json(found, None))
    render.answer(diff_lines(found, b"", width=render.width(), colors=render.colors()))
    if not found and not quiet:
        render.say(f"Nothing differs between {found.old.label} and {found.new.label}.", "dim")
    return None


def _opened(quiet: bool, *, dry_run: bool = False) -> tuple[Project, Registry]:
    """The project and its registry; tags that cannot be read are warned of."""
    project = open_project(quiet=quiet, dry_run=dry_run)
    registry = Registry.read(project)
    render.warn_all(registry.complaints[:10])
    if len(registry.complaints) > 10:
        render.warn(f"and {len(registry.complaints) - 10:,} more tags that cannot be read.")
    return project, registry


def _facts(found: dict[str, ModelFacts], event: ModelEvent | None) -> ModelFacts:
    if event is None:
        return ModelFacts()
    return found.get(event.id, ModelFacts())


def _print(heads: Sequence[str], found: Sequence[dict[str, Any]], row: Any, form: Any, *, json: bool) -> None:
    """Print objects as JSON, as a table of another program, or in columns."""
    if json or form is not None:
        answer(found if json else documents.columns(found), form, json=json)
    elif found:
        render.answer(in_columns([tuple(heads), *map(row, found)], render.width()))
