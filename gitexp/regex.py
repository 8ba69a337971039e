"""Regular expressions that cost nothing until they are used.

A command needs a tenth of the expressions in the modules that it imports, and to compile them all takes
longer than many a command.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


def regex(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """A regular expression that is compiled when it is first used; like `re.compile` in all else."""
    return cast("re.Pattern[AnyStr]", _Uncompiled(pattern, flags))


class _Uncompiled:
    """A pattern and its flags; whatever is asked for comes from the compiled pattern, and stays here."""

    def __init__(self, pattern: Any, flags: int) -> None:
        self._source = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(*self._source), name)
        setattr(self, name, found)  # Python does not come here for it again
        return found

    def __reduce__(self) -> tuple[Any, tuple[Any, int]]:
        return regex, self._source  # for copies
