"""The `gitexp` command: the app, and the one place where errors become words and an exit status."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Annotated, Any, NoReturn

import typer

from gitexp import errors
from gitexp.version import __version__

app = typer.Typer(
    name="gitexp",
    help="Experiment versioning in Git: every run is a ref with its exact code, params, metrics and log.",
    epilog="Start here: gitexp demo shows it all in ten seconds; gitexp init looks at your own project.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS = ("init", "run", "save", "show", "list", "diff", "branch", "log", "demo")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gitexp {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None: ...


def _register() -> None:
    for name in COMMANDS:
        module = importlib.import_module(f"gitexp.cli.commands.{name}")
        module.register(app)


_register()


def main() -> NoReturn:
    """Run the command line and exit with the status of DESIGN section 5."""
    try:
        app(standalone_mode=True)
    except errors.GitexpError as error:
        _report(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone: that is their right, and no error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + getattr(signal, "SIGPIPE", 13))
    except OSError as error:
        _report(_translated(error))
        sys.exit(1)
    except Exception as error:
        _report(errors.GitexpError(f"Unexpected: {type(error).__name__}: {error}", _DEBUG_HINT))
        sys.exit(1)
    sys.exit(0)


_DEBUG_HINT = "This is a bug in gitexp; GITEXP_DEBUG=1 shows where it happened."


def _translated(error: OSError) -> errors.GitexpError:
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return errors.StorageError("The disk is full.", "Free some space and run the command again.")
    where = f" ({error.filename})" if error.filename else ""
    return errors.StorageError(f"{error.strerror or error}{where}.", "GITEXP_DEBUG=1 shows where.")


def _report(error: errors.GitexpError) -> None:
    from gitexp.cli import render

    if os.environ.get("GITEXP_DEBUG"):
        import traceback

        traceback.print_exc()
    if _wants_json(sys.argv[1:]):
        document: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
        render.as_json({"error": document})
    else:
        render.fail(error)


def _wants_json(arguments: list[str]) -> bool:
    """Return whether --json was among gitexp's own options, which end at `--`."""
    return "--json" in (arguments[: arguments.index("--")] if "--" in arguments else arguments)
