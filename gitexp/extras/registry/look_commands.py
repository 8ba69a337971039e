"""`gitexp model list`, `show`, `history`, `get` and `diff`: what the registry knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gitexp import plugins
from gitexp.cli.commands.looking.diff import lines as diff_lines
from gitexp.cli.kit import options
from gitexp.cli.kit.documents import answer
from gitexp.cli.kit.help import Command
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.cells import in_columns
from gitexp.extras.registry import addresses, comparing, documents, getting
from gitexp.extras.registry.registry import Registry
from gitexp.extras.registry.tenures import Tenure, at, parse_at, tenures
from gitexp.extras.registry.values import ModelEvent, ModelFacts
from gitexp.project.project import Project
from gitexp.views import diff_json
from gitexp.views.markup import TableFormat
from gitexp.words import human_size

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

OneStage = Annotated[str, typer.Option("--stage", metavar="STAGE", help="Only this stage.")]
At = Annotated[str, typer.Option("--at", metavar="TIME", help="Who was in a stage then, such as 2026-05-03.")]
To = Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to copy it into.")]
ModelName = Annotated[str, options.argument("NAME", "The name of the model.", "models")]
Address = Annotated[
    str, options.argument("MODEL", "A model, such as churn@v1.2.0, churn@latest or churn#prod.", "models")
]


def register(group: typer.Typer) -> None:
    """Add the commands that only look."""
    group.command("list", cls=Command, epilog=EPILOG_LIST)(list_)
    group.command("show", cls=Command, epilog=EPILOG_SHOW)(show)
    group.command("history", cls=Command, epilog=EPILOG_HISTORY)(history)
    group.command("get", cls=Command, epilog=EPILOG_GET)(get)
    group.command("diff", cls=Command, epilog=EPILOG_DIFF)(diff)


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
    if address.is_of_version:
        found, version = addresses.require_version(registry, address)
        return _show_version(
            documents.version_document(found, version, registry.facts_of(version)), json=json
        )
    found = registry.require(address.model)
    facts = registry.facts(version.registration for version in found.versions)
    rows = []
    for version in found.versions:
        rows.append(documents.version_document(found, version, _facts(facts, version.registration)))
    if json:
        stages = {stage: one.version.version for stage, one in found.stages.items()}
        head = {"name": found.name, "deprecated": found.is_deprecated, "stages": stages}
        return render.as_json({**head, "versions": rows})
    _print(documents.VERSION_HEADS, rows, documents.version_row, None, json=False)
    if found.is_deprecated and not quiet:
        render.say(f"{found.name} is deprecated.", "dim")
    return None


def _show_version(document: dict[str, Any], *, json: bool) -> None:
    """Print all about a version."""
    if json:
        return render.as_json(document)
    lines = documents.version_lines(document)
    width = max(len(name) for name, _ in lines)
    return render.answer(f"{name:<{width}}  {text}" for name, text in lines)


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
    address = addresses.parse(name)
    model = registry.require(address.model)
    stage = stage or address.stage
    if moment:
        rows = _tenure_rows(registry, at(tenures(model, stage), parse_at(moment)))
        rows = [row for row in rows if address.version in ("", row["version"])]
        _print(documents.TENURE_HEADS, rows[:limit], documents.tenure_row, form, json=json)
        if not (rows or quiet or json or form):
            render.say(f"No version of {model.name} was in {stage or 'a stage'} then.", "dim")
        return
    events = [event for event in reversed(model.events) if stage in ("", event.name.stage)]
    facts = registry.facts(events)
    rows = [documents.event_document(model, event, _facts(facts, event)) for event in events]
    if address.version:
        _, version = addresses.require_version(registry, address)
        rows = [row for row in rows if row["version"] == version.version]
    _print(documents.EVENT_HEADS, rows[:limit], documents.event_row, form, json=json)


def _tenure_rows(registry: Registry, held: Sequence[Tenure]) -> list[dict[str, Any]]:
    """The objects of versions in stages."""
    facts = registry.facts([one.version.registration for one in held] + [one.given for one in held])
    rows = []
    for one in held:
        own, given = _facts(facts, one.version.registration), _facts(facts, one.given)
        rows.append(documents.tenure_document(one, own._replace(note=given.note)))
    return rows


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
    old: Annotated[str, options.argument("A", "A version, such as churn@v1.1.0.", "models")],
    new: Annotated[str, options.argument("B", "A version to compare with it.", "models")],
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
    render.warn_all(plugins.load("models", "pending")(project))
    registry = Registry.read(project)
    render.warn_all(registry.complaints[:10])
    if len(registry.complaints) > 10:
        render.warn(f"and {len(registry.complaints) - 10:,} more tags that cannot be read.")
    return project, registry


def _facts(found: dict[str, ModelFacts], event: ModelEvent | None) -> ModelFacts:
    if event is None:
        return ModelFacts()
    return found.get(event.id, ModelFacts())


def _print(
    heads: Sequence[str],
    found: Sequence[dict[str, Any]],
    row: Callable[[Mapping[str, Any]], tuple[str, ...]],
    form: TableFormat | None,
    *,
    json: bool,
) -> None:
    """Print objects as JSON, as a table of another program, or in columns."""
    if json or form is not None:
        answer(found if json else documents.columns(found), form, json=json)
    elif found:
        render.answer(in_columns([tuple(heads), *map(row, found)], render.width()))
