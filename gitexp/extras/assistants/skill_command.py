"""`gitexp skill`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gitexp.cli.commands.set_up import guide
from gitexp.cli.kit import options
from gitexp.cli.kit.help import Command, Subcommands, leaves
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.extras.assistants import skill
from gitexp.extras.assistants.skill import SkillFolder

EPILOG = """Examples:
gitexp skill install
gitexp skill install claude agents
gitexp skill install --dry-run
"""

Folders = Annotated[
    list[SkillFolder] | None,
    typer.Argument(
        metavar="[claude|agents]...",
        help="Where: .claude/skills or .agents/skills; default: those in use here, else claude.",
    ),
]
Force = Annotated[bool, options.force("Replace a page that was changed.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(name="skill", cls=Subcommands, help="One page about gitexp for coding assistants.")
    group.command("install", cls=Command, epilog=EPILOG)(install)
    app.add_typer(group)


def install(
    ctx: typer.Context,
    folders: Folders = None,
    force: Force = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Write the page where coding assistants look for it: SKILL.md, made from gitexp guide.

    A page changed by hand is left alone, unless --force is given.
    """
    project = open_project(dry_run=dry_run, quiet=quiet)
    wanted = list(dict.fromkeys(folders or skill.folders_here(project.repo.root)))
    commands: Any = leaves(ctx.find_root().command)
    found = skill.plan(project, guide.text(commands), wanted, force=force)
    if not dry_run:
        skill.write(project, found)
    if json:
        render.as_json({"written": [one.path for one in found if one.is_new]})
    elif not quiet:
        verb = "Would write" if dry_run else "Wrote"
        for one in found:
            render.say(f"{verb} {one.path}." if one.is_new else f"{one.path} is up to date.")
