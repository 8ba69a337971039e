"""`gitexp mlflow`."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from typing import Annotated
from urllib.parse import quote

import typer

from gitexp import errors
from gitexp.cli.kit.help import Command, Subcommands
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render

EPILOG_UI = """Examples:
gitexp mlflow ui
gitexp mlflow ui --port 5050
"""

Port = Annotated[int, typer.Option("--port", metavar="PORT", min=1, max=65535, help="The port to listen at.")]
Host = Annotated[str, typer.Option("--host", metavar="HOST", help="The address to listen at.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="mlflow", cls=Subcommands, help="MLflow's UI on the experiments of this repository."
    )
    group.command("ui", cls=Command, epilog=EPILOG_UI)(ui)
    app.add_typer(group)


def ui(port: Port = 5000, host: Host = "127.0.0.1") -> None:
    """Start MLflow's UI on the experiments of this repository; Ctrl-C ends it.

    It needs MLflow in the same Python as gitexp: pip install 'gitexp[mlflow]'. Whoever reaches the address
    can read and change the runs.
    """
    project = open_project()
    uri = f"gitexp://{quote(project.repo.root.resolve().as_posix())}"
    command = [*_program(), "ui", "--backend-store-uri", uri, "--host", host, "--port", str(port)]
    command += ["--workers", "1"]
    render.say(f"MLflow's UI for {project.repo.root}: http://{host}:{port}")
    try:
        status = subprocess.run(command, env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}, check=False)
    except KeyboardInterrupt:
        raise errors.Interrupted("The UI has ended.") from None
    if status.returncode:
        raise typer.Exit(status.returncode)


def _program() -> list[str]:
    """The command line of MLflow. Raises UsageError without MLflow."""
    if importlib.util.find_spec("mlflow") is not None:
        return [sys.executable, "-m", "mlflow"]
    found = shutil.which("mlflow")
    if found is None:
        raise errors.UsageError(
            "MLflow is not installed.", "Install it beside gitexp: pip install 'gitexp[mlflow]'"
        )
    return [found]
