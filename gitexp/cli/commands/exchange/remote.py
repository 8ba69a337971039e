"""`gitexp remote`."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any

import typer

from gitexp.cli.kit import options
from gitexp.cli.kit.documents import answer
from gitexp.cli.kit.help import Command, Subcommands
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.datasets import remotes as ops
from gitexp.masks import without_credentials
from gitexp.objects.remotes.url import OPTIONS, SCHEMES
from gitexp.project.config import CONFIG_FILE
from gitexp.words import clean

EPILOG_ADD = """Examples:
gitexp remote add store /mnt/shared/store
gitexp remote add store s3://bucket/folder --option region=eu-central-1
gitexp remote add minio s3://bucket/folder --option endpoint_url=https://minio.example.com
gitexp remote add server ssh://someone@server/srv/store
"""
EPILOG_LIST = """Examples:
gitexp remote list
gitexp remote list --json
"""
EPILOG_REMOVE = """Examples:
gitexp remote remove store
"""


Name = Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")]
Known = Annotated[str, options.argument("NAME", "Its name.", "data_remotes")]
Url = Annotated[str, typer.Argument(metavar="URL", help=f"A folder, or {SCHEMES}.")]
ProtocolOption = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="KEY=VALUE",
        help=f"What its protocol has to know: {', '.join(OPTIONS)}. Repeatable.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    remote = typer.Typer(name="remote", cls=Subcommands, help="Where data is pushed to and pulled from.")
    remote.command("add", cls=Command, epilog=EPILOG_ADD)(add)
    remote.command("list", cls=Command, epilog=EPILOG_LIST)(list_)
    remote.command("remove", cls=Command, epilog=EPILOG_REMOVE)(remove)
    app.add_typer(remote)


def add(
    name: Name,
    url: Url,
    option: ProtocolOption = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Add a data remote to gitexp.yaml; the first is the default.

    A relative folder begins at gitexp.yaml. A missing folder is made now, and never later: then its disk may
    not be mounted. Passwords and keys do not go into the URL: gitexp finds them in the usual places of the
    protocol's own tools (environment, ~/.aws, SSH agent, ~/.netrc).
    """
    project = open_project(needs_config=True, dry_run=dry_run)
    found = ops.add(project, name, url, options.pairs(option, "--option"))
    if json:
        render.as_json({"name": name, **found})
    elif not quiet:
        render.say(f"The data remote '{name}' is in gitexp.yaml: {url}")
        file = posixpath.join(project.at_home().config.folder, CONFIG_FILE)
        render.say(f"To commit: git add {project.typed(file)}", "dim")
    if not dry_run and (absent := ops.absence(project, name, found)) is not None:
        render.warn(absent.message)
        render.hint(absent.hint or "")


def list_(
    limit: options.Limit = None,
    form: options.AsTable = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """List the data remotes, the default one first."""
    every = open_project(needs_config=True, quiet=quiet).config.remotes
    remotes = dict(islice(every.items(), limit))
    if json or form:
        documents = [{"name": name, **_shown(described)} for name, described in remotes.items()]
        return answer(documents, form, json=json)
    if not remotes:
        if not quiet and not every:
            render.say("There is no data remote; gitexp remote add NAME URL adds one.", "dim")
        return None
    width = max(map(len, remotes))
    lines = []
    for name, described in remotes.items():
        shown = _shown(described)
        rest = [f"{key}={value}" for key, value in shown.items() if key != "url"]
        lines.append(clean("  ".join([f"{name:<{width}}", shown["url"], *rest])))
    return render.answer(lines)


def _shown(described: Mapping[str, Any]) -> dict[str, Any]:
    """A remote's options without passwords: a gitexp.yaml written by hand may have one."""
    found = dict(described)
    for key, value in described.items():
        if isinstance(value, str):
            found[key] = without_credentials(value)
    return found


def remove(
    name: Known, dry_run: options.DryRun = False, quiet: options.Quiet = False, json: options.Json = False
) -> None:
    """Take a data remote out of gitexp.yaml; its content stays."""
    url = ops.remove(open_project(needs_config=True, dry_run=dry_run), name)
    if json:
        render.as_json({"removed": name, "url": without_credentials(url)})
    elif not quiet:
        render.say(f"The data remote '{name}' is not in gitexp.yaml any more; what is at {url} stays.")
