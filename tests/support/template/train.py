"""Stands for a training script: the metrics follow from the parameters alone."""

import json
from pathlib import Path

params = {}
section = ""
for line in Path("params.yaml").read_text().splitlines():
    key, _, value = line.split("#")[0].partition(":")
    if not line.startswith(" "):
        section = key
    if value.strip():
        params[f"{section}.{key.strip()}"] = json.loads(value)

lr, epochs = params["train.lr"], params["train.epochs"]
loss = 1.0
for epoch in range(1, epochs + 1):
    loss *= 0.5 + abs(lr - 0.3)
    print(f"epoch {epoch}: loss {loss:.4f}", flush=True)

metrics = {"loss": round(loss, 6), "eval": {"acc": round(1 / (1 + loss), 6)}}
Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
