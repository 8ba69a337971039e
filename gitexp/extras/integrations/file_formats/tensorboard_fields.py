"""The numbers of the fields in TensorBoard's messages, and the names and types that it knows.

The numbers are those of TensorFlow's `event.proto`, `summary.proto`, `tensor.proto`, `tensor_shape.proto`,
of the plugin for hyperparameters, and of `google.protobuf.Value`.
"""

from __future__ import annotations

from enum import IntEnum


class EventField(IntEnum):
    """The fields of an event: a moment and what was logged there."""

    TIME = 1
    STEP = 2
    VERSION = 3
    SUMMARY = 5


class SummaryField(IntEnum):
    """The field of a summary, a list of values."""

    VALUE = 1


class ValueField(IntEnum):
    """The fields of a value: its name, and a number or a tensor."""

    TAG = 1
    NUMBER = 2  # a float of 32 bits
    TENSOR = 8
    METADATA = 9


class MetadataField(IntEnum):
    """The fields of a value's metadata, which name the plugin that shows it."""

    PLUGIN = 1
    DATA_CLASS = 4


class PluginField(IntEnum):
    """The fields of a plugin's own data."""

    NAME = 1
    CONTENT = 2


class TensorField(IntEnum):
    """The fields of a tensor."""

    TYPE = 1
    SHAPE = 2
    CONTENT = 4
    FLOATS = 5
    DOUBLES = 6
    TEXTS = 8


class TensorType(IntEnum):
    """The types of a tensor's elements."""

    FLOAT = 1
    DOUBLE = 2
    TEXT = 7


class DataClass(IntEnum):
    """The classes of data, by which TensorBoard finds the curves and texts of a plugin."""

    SCALAR = 1
    TENSOR = 2


class HparamsField(IntEnum):
    """The fields of the plugin for hyperparameters."""

    VERSION = 1
    START = 3
    END = 4


class StartField(IntEnum):
    """The fields of a session's start."""

    PARAMS = 1
    STARTED = 5


class EndField(IntEnum):
    """The fields of a session's end."""

    STATUS = 1
    ENDED = 2


class SessionStatus(IntEnum):
    """How a session has ended."""

    SUCCESS = 1
    FAILURE = 2
    RUNNING = 3


class MapField(IntEnum):
    """The fields of an entry of a map."""

    KEY = 1
    VALUE = 2


class AnyField(IntEnum):
    """The fields of a value of any type."""

    NUMBER = 2
    TEXT = 3
    TRUTH = 4


FILE_NAME = "events.out.tfevents."  # the beginning of each file's name
PARAMS_TAG = "_hparams_/session_start_info"
END_TAG = "_hparams_/session_end_info"
SCALARS, TEXTS, HPARAMS = "scalars", "text", "hparams"  # plugins
TEXT_ENDING = "/text_summary"  # behind the names of texts
