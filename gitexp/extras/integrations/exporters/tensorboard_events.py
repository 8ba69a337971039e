"""The events of a run for TensorBoard, each as a message."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

from gitexp.extras.integrations.file_formats import protobuf_writer as pb
from gitexp.extras.integrations.file_formats import tensorboard_fields as tb

_VERSION = "brain.Event:2"
_HPARAMS_VERSION = 0
_EXACT = 2**53  # whole numbers up to here are floats too
_SINGLE = struct.Struct("<f")


def begin(time: float) -> bytes:
    """The first event of a file; `time` in seconds since 1970, as everywhere here."""
    return pb.double(tb.EventField.TIME, time) + pb.text(tb.EventField.VERSION, _VERSION)


def scalars(step: int, time: float, values: Mapping[str, float]) -> bytes:
    """The event of a point of curves. TensorBoard rounds the numbers to 32 bits."""
    found = []
    for name, value in values.items():
        found.append(pb.text(tb.ValueField.TAG, name) + pb.single(tb.ValueField.NUMBER, value))
    return _event(step, time, *found)


def is_rounded(value: float) -> bool:
    """Whether a number is another one with 32 bits."""
    try:
        (rounded,) = _SINGLE.unpack(_SINGLE.pack(value))
    except OverflowError:
        return True
    return rounded != value and value == value


def text(name: str, content: str, time: float) -> bytes:
    """The event of a text, in Markdown."""
    tensor = (pb.integer(tb.TensorField.TYPE, tb.TensorType.TEXT), pb.text(tb.TensorField.TEXTS, content))
    value = (
        pb.text(tb.ValueField.TAG, name + tb.TEXT_ENDING),
        pb.message(tb.ValueField.METADATA, *_metadata(tb.TEXTS, b"", tb.DataClass.TENSOR)),
        pb.message(tb.ValueField.TENSOR, *tensor),
    )
    return _event(0, time, b"".join(value))


def params(values: Mapping[str, Any], time: float) -> bytes:
    """The event of the hyperparameters, and of the start."""
    entries = []
    for name, value in values.items():
        key = pb.text(tb.MapField.KEY, name)
        entries.append(pb.message(tb.StartField.PARAMS, key, pb.message(tb.MapField.VALUE, _param(value))))
    start = pb.message(tb.HparamsField.START, *entries, pb.double(tb.StartField.STARTED, time))
    return _hparams(tb.PARAMS_TAG, start, time)


def end(status: int, time: float) -> bytes:
    """The event of the end; `status` is a `SessionStatus`, or 0 for none."""
    told = pb.integer(tb.EndField.STATUS, status), pb.double(tb.EndField.ENDED, time)
    return _hparams(tb.END_TAG, pb.message(tb.HparamsField.END, *told), time)


def _param(value: Any) -> bytes:
    if isinstance(value, bool):
        return pb.integer(tb.AnyField.TRUTH, value)
    if isinstance(value, int) and abs(value) <= _EXACT:
        return pb.double(tb.AnyField.NUMBER, float(value))
    if isinstance(value, float) and math.isfinite(value):
        return pb.double(tb.AnyField.NUMBER, value)
    if isinstance(value, str):
        return pb.text(tb.AnyField.TEXT, value)
    return pb.text(tb.AnyField.TEXT, json.dumps(value, ensure_ascii=False, default=str))


def _hparams(tag: str, told: bytes, time: float) -> bytes:
    content = pb.integer(tb.HparamsField.VERSION, _HPARAMS_VERSION) + told
    metadata = pb.message(tb.ValueField.METADATA, *_metadata(tb.HPARAMS, content, tb.DataClass.TENSOR))
    tensor = pb.message(  # TensorBoard passes over a value without one
        tb.ValueField.TENSOR,
        pb.integer(tb.TensorField.TYPE, tb.TensorType.FLOAT),
        pb.message(tb.TensorField.SHAPE),
        pb.content(tb.TensorField.FLOATS, _SINGLE.pack(0.0)),
    )
    return _event(0, time, pb.text(tb.ValueField.TAG, tag) + metadata + tensor)


def _metadata(plugin: str, content: bytes, kind: int) -> tuple[bytes, bytes]:
    named = pb.text(tb.PluginField.NAME, plugin) + pb.content(tb.PluginField.CONTENT, content)
    return pb.content(tb.MetadataField.PLUGIN, named), pb.integer(tb.MetadataField.DATA_CLASS, kind)


def _event(step: int, time: float, *values: bytes) -> bytes:
    summary = [pb.message(tb.SummaryField.VALUE, value) for value in values]
    return (
        pb.double(tb.EventField.TIME, time)
        + pb.integer(tb.EventField.STEP, step)
        + pb.message(tb.EventField.SUMMARY, *summary)
    )
