"""The numbers of the fields in the records of Weights & Biases, and the names of its files.

The numbers are those of wandb's own `wandb_internal.proto`, from version 0.12 to 0.31.
"""

from __future__ import annotations

from enum import IntEnum


class RecordField(IntEnum):
    """The fields of a record; it has one of them, and its number."""

    NUMBER = 1
    HISTORY = 2
    SUMMARY = 3
    CONFIG = 5
    FILES = 6
    STATS = 7
    ALERT = 10
    OUTPUT = 13
    RUN = 17
    EXIT = 18
    HEADER = 21
    ENVIRONMENT = 26


class RunField(IntEnum):
    """The fields of the run: its facts at the start."""

    ID = 1
    ENTITY = 2
    PROJECT = 3
    CONFIG = 4
    GROUP = 6
    JOB_TYPE = 7
    NAME = 8
    NOTE = 9
    TAGS = 10
    SWEEP = 12
    HOST = 13
    STARTED = 17
    GIT = 21


class GitField(IntEnum):
    """The fields of the commit of the code."""

    COMMIT = 2


class ChangesField(IntEnum):
    """The fields of changes of a config or of a summary."""

    UPDATE = 1
    REMOVE = 2


class HistoryField(IntEnum):
    """The fields of a point, a list of items at a step."""

    ITEM = 1
    STEP = 2


class StepField(IntEnum):
    """The field of a step."""

    NUMBER = 1


class ItemField(IntEnum):
    """The fields of an item of history, summary, config or stats: its name, and its value in one form."""

    KEY = 1
    NESTED = 2  # the names of the maps that lead to the item, and its own, in place of KEY
    NONE = 3
    BOOLEAN = 4
    INTEGER = 5
    NUMBER = 6
    TEXT = 7
    JSON = 8
    VALUE = 16  # JSON too; until 0.30 the only form, and read by each version since


class StatsField(IntEnum):
    """The fields of a look at the machine."""

    TIME = 2
    ITEM = 3


class AlertField(IntEnum):
    """The fields of an alert."""

    TITLE = 1
    TEXT = 2
    LEVEL = 3


class OutputField(IntEnum):
    """The fields of a piece of the output."""

    STREAM = 1  # 1 for stdout
    TIME = 2
    TEXT = 3


class ExitField(IntEnum):
    """The fields of the end."""

    CODE = 1
    SECONDS = 2


class FilesField(IntEnum):
    """The field of a list of files to upload."""

    FILE = 1


class FileField(IntEnum):
    """The fields of a file to upload."""

    PATH = 1
    POLICY = 2  # 1 for an upload at the end
    KIND = 3


class FileKind(IntEnum):
    """The kinds of a file: of the user, of wandb itself, or shown among the pictures."""

    OTHER = 0
    WANDB = 1
    MEDIA = 2


class HeaderField(IntEnum):
    """The field of the record before all others."""

    VERSION = 1


class VersionField(IntEnum):
    """The fields of the writer's version."""

    PRODUCER = 1
    OLDEST_READER = 2


class AboutField(IntEnum):
    """The fields of the program and its machine."""

    PLATFORM = 1
    PYTHON = 2
    STARTED = 3
    WORDS = 5
    PROGRAM = 6
    CODE_PATH = 7
    GIT = 9
    HOST = 12
    USER = 13


class TimeField(IntEnum):
    """The fields of a time."""

    SECONDS = 1
    NANOSECONDS = 2


# In the folder `files` of a run.
OUTPUT_FILE, PACKAGES_FILE, PATCH_FILE = "output.log", "requirements.txt", "diff.patch"
CONFIG_FILE, SUMMARY_FILE, ABOUT_FILE = "config.yaml", "wandb-summary.json", "wandb-metadata.json"
OWN_FILES = (OUTPUT_FILE, PACKAGES_FILE, PATCH_FILE, CONFIG_FILE, SUMMARY_FILE, ABOUT_FILE)
CODE_FOLDER = "code/"
