"""What MLflow's own client finds, asked by a pytest in MLflow's environment: see `client/`."""

from __future__ import annotations

from pathlib import Path

from tests.support.mlflow import ROOT, run_script

CHECKS = Path(__file__).parent / "client"


def test_every_check_of_the_client_passes(tmp_path: Path, home: Path) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", f"--rootdir={ROOT}", "-W", "ignore"]
    options += [f"--confcutdir={CHECKS}", "-o", "python_files=check_*.py", f"--basetemp={tmp_path / 'base'}"]
    own = {"MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "120"}  # MLflow's own value
    run_script(tmp_path, "-m", "pytest", *options, CHECKS, env=own)
