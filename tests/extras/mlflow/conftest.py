"""What a pytest in MLflow's own environment collects: see `test_clients.py`."""

from __future__ import annotations

collect_ignore = ["client"]
