"""The projects under examples/ work as they stand."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_digits_trains(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    project = shutil.copytree(EXAMPLES / "digits", tmp_path / "digits")
    subprocess.run([sys.executable, "train.py"], cwd=project, check=True, capture_output=True, timeout=60)
    metrics = json.loads((project / "metrics.json").read_text())
    assert metrics["acc"] > 0.9
    assert len((project / "logs.csv").read_text().splitlines()) == 21
    assert (project / "models" / "digits.joblib").stat().st_size > 10_000
