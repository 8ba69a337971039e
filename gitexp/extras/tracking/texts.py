"""Texts as artifacts."""

from __future__ import annotations

import re

from gitexp.extras.tracking.artifact_names import artifact_name
from gitexp.extras.tracking.run_log import RunLog
from gitexp.regex import regex

# A name with the ending of a text keeps it; after any other, as in `v1.5`, comes `.txt`.
_WITH_ENDING = regex(
    r"(.+)(\.(?:txt|md|rst|tex|html|xml|svg|jsonl?|ya?ml|toml|ini|cfg|csv|tsv|log|py|sql))",
    re.IGNORECASE | re.DOTALL,
)


def log_text(log: RunLog, name: str, text: str, step: int | None = None) -> None:
    """Log a text, see `Run.log_text`."""
    if not isinstance(text, str):
        raise TypeError(f"the text {name!r} is a {type(text).__name__}; log_text takes a str")
    stem, suffix = name, ".txt"
    if isinstance(name, str) and (found := _WITH_ENDING.fullmatch(name)):
        stem, suffix = found[1], found[2]
    log.put_bytes(artifact_name("texts", stem, suffix, step), text.encode("utf-8", "backslashreplace"))
