"""What the user asked for cannot be meant, or a file of theirs says what cannot be."""

from __future__ import annotations

from gitexp.errors.base import GitexpError


class UsageError(GitexpError):
    """The command line asks for something that cannot be meant."""

    code = "usage"
    exit_code = 2


class InvalidName(UsageError):
    """A name that the storage format does not allow (DESIGN section 3)."""

    code = "invalid-name"


class OverrideError(UsageError):
    """An `-S` argument that is not `[file:]key=value`, `+key=value` or `~key`."""

    code = "invalid-override"


class PatternError(UsageError):
    """A `--metric` that is not `NAME=PATTERN`, or whose pattern is no regular expression."""

    code = "invalid-metric"


class FilterError(UsageError):
    """A filter that does not parse, compares what cannot be compared, or names what nothing has."""

    code = "invalid-filter"


class UnknownColumn(UsageError):
    code = "unknown-column"


class UnknownTag(UsageError):
    code = "unknown-tag"


class UnknownStage(UsageError):
    code = "unknown-stage"


class NoCommand(UsageError):
    code = "no-command"


class NoTerminal(UsageError):
    code = "no-terminal"


class ConfigExists(UsageError):
    code = "config-exists"


class FileError(GitexpError):
    """Something is wrong in a file; the message starts with `file:line:column` as far as known."""

    code = "bad-file"
    details = ("file", "line", "column")
    usual_hint: str | None = None

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        file: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        place = file
        if place and line is not None:
            place += f":{line}" + (f":{column}" if column is not None else "")
        super().__init__(f"{place}: {message}" if place else message, hint or self.usual_hint)
        self.file = file
        self.line = line
        self.column = column


class ParseError(FileError):
    """The file is not what its ending says; line and column count from 1."""

    code = "parse-error"
    usual_hint = "Correct the file, then run the command again."


class ConfigError(FileError):
    """`gitexp.yaml` parses but says something that gitexp does not understand."""

    code = "config-error"


class UnknownParam(GitexpError):
    """A parameter was to be changed or removed that no params file has."""

    code = "unknown-param"
