"""`gitexp model export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gitexp import plugins
from gitexp.cli.kit import options
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.extras.registry import addresses
from gitexp.extras.registry.handoff import exporting
from gitexp.extras.registry.registry import Registry

EPILOG = """Examples:
gitexp model export churn#prod --as mlflow
gitexp model export churn@v1.2.0 --as docker-context -o build/churn
gitexp model export churn#prod --as mlflow -o /srv/churn --force
"""

_KINDS = ", ".join(plugins.names(exporting.KIND))

Address = Annotated[
    str, typer.Argument(metavar="NAME[@VERSION]", help="A model, such as churn@v1.2.0 or churn#prod.")
]
Form = Annotated[
    str, typer.Option("--as", metavar="FORM", help=f"For which server: {_KINDS}, or another package's.")
]
Place = Annotated[
    str, typer.Option("--output", "-o", metavar="DIR", help="The new folder; default: NAME-VERSION-FORM.")
]


def export(
    model: Address,
    form: Form,
    place: Place = "",
    force: Annotated[bool, options.force("Replace an earlier export in the folder.")] = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Write a version as a folder for a server.

    The servers are other programs: mlflow models serve, BentoML, Triton, a container. The framework is read
    from the file, and nothing of the model is run; versions of packages are those of the experiment. The
    bytes are compared with the tag's hash.
    """
    project = open_project(quiet=quiet or json, dry_run=dry_run)
    render.warn_all(plugins.load("models", "pending")(project))
    registry = Registry.read(project)
    _, version = addresses.require_version(registry, addresses.parse(model))
    if not version.is_active:
        render.warn(f"{version.label} was taken back.")
    folder = project.here / Path(place or exporting.default_folder(version, form)).expanduser()
    done = exporting.export(project, registry, version, form, folder, force=force)
    render.warn_all(done.remarks)
    if json:
        document = {"model": version.model, "version": version.version, "as": form}
        render.as_json({**document, "place": str(done.place), "hash": done.hash, "next": done.next_step})
        return
    render.answer([str(done.place)])
    if not quiet:
        render.say(f"{version.label} exported: {form}.")
        if done.next_step:
            render.say(f"To serve it: {done.next_step}", "dim")
