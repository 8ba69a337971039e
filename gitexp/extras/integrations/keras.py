"""Keras: `model.fit(x, y, callbacks=[gitexp.callback("keras")])` logs each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from gitexp.extras.tracking import api


class KerasCallback(keras.callbacks.Callback):
    """Logs the metrics of training and validation after each epoch, and how the model is trained.

    Args:
        log_every: log after every so many batches too, as `batch/loss`; 0 for epochs alone.
    """

    def __init__(self, log_every: int = 0) -> None:
        super().__init__()
        self._log_every = log_every
        self._batches = 0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        found = {"epochs": self.params.get("epochs"), "steps": self.params.get("steps")}
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None:
            config = optimizer.get_config()
            config.pop("is_legacy_optimizer", None)
            found["optimizer"] = config
        api.current_run().log_params({"keras": {**found, "parameters": self.model.count_params()}})

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        api.current_run().log(dict(logs or {}), step=epoch)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._batches += 1
        if self._log_every and self._batches % self._log_every == 0:
            values = {f"batch/{name}": value for name, value in (logs or {}).items()}
            api.current_run().log(values, step=self._batches)
