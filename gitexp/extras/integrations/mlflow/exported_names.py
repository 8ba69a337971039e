"""The tags and files by which an exported run says what it was in gitexp."""

from __future__ import annotations

# Tags: the experiment, its name, its state, which is written last, and metrics without a place in MLflow.
ID, NAME, STATE, METRICS = "gitexp.id", "gitexp.name", "gitexp.record", "gitexp.metrics"
# Files among the artifacts.
OUTPUT, PACKAGES, PATCH_FILE = "gitexp/output.log", "gitexp/environment.txt", "gitexp/changes.patch"
