"""Transformers: `Trainer(..., callbacks=[gitexp.callback("transformers")])` logs what the trainer logs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from gitexp.extras.tracking import api


class TransformersCallback(TrainerCallback):
    """Logs the numbers of the trainer at its steps, and its arguments; from the first process alone."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if not state.is_world_process_zero:
            return
        usual = {item.name: str(item.default) for item in dataclasses.fields(args)}
        found = args.to_sanitized_dict()
        params = {"training": {name: found[name] for name in found if str(found[name]) != usual.get(name)}}
        model = kwargs.get("model")
        if model is not None and hasattr(model, "config"):
            params["model"] = model.config.to_diff_dict()
        api.current_run().log_params(params)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not state.is_world_process_zero:
            return
        values = {}
        for name, value in (logs or {}).items():
            if isinstance(value, int | float):
                values[name] = value
        if values:
            api.current_run().log(values, step=state.global_step)
