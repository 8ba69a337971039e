"""Stands for a training script: the metrics follow from the parameters alone.

It imports nothing: json and pathlib together take longer than Python's start, a thousand times over.
"""

params = {}
section = ""
with open("params.yaml") as file:  # noqa: PTH123 - see above
    for line in file:
        key, _, value = line.split("#")[0].partition(":")
        if not line.startswith(" "):
            section = key
        params[f"{section}.{key.strip()}"] = value.strip()

lr, epochs = float(params["train.lr"]), int(params["train.epochs"])
loss = 1.0
for epoch in range(1, epochs + 1):
    loss *= 0.5 + abs(lr - 0.3)
    print(f"epoch {epoch}: loss {loss:.4f}", flush=True)

eval_ = f'{{\n    "acc": {round(1 / (1 + loss), 6)}\n  }}'
with open("metrics.json", "w") as file:  # noqa: PTH123 - see above
    file.write(f'{{\n  "loss": {round(loss, 6)},\n  "eval": {eval_}\n}}\n')
