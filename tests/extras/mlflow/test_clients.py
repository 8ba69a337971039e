"""What MLflow's own client finds, asked by a pytest in MLflow's environment: see `client/`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.mlflow import ROOT, environment, python_of

CHECKS = Path(__file__).parent / "client"


def test_every_check_of_the_client_passes(tmp_path: Path, home: Path) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", f"--rootdir={ROOT}", "-W", "ignore"]
    options += [f"--confcutdir={CHECKS}", "-o", "python_files=check_*.py", f"--basetemp={tmp_path / 'base'}"]
    done = subprocess.run(
        [python_of(), "-m", "pytest", *options, CHECKS],
        cwd=tmp_path,
        env=environment(MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT="120"),  # MLflow's own value
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
