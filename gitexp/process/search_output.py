"""Run in a process of its own, never imported by gitexp: the last match of each pattern in a text.

A pattern of the user's may take for ever, and nothing inside a process can stop it (`re` holds the
interpreter). So `gitexp.process.printed` gives this file to `python -I -c` and ends it when it takes too
long. On stdin come the patterns, one line of JSON, `[[name, pattern], ...]`, and then the output; each
one found is printed at once, so that a slow one does not lose those before it.
"""

import json
import re
import sys

# ECMA-48: what moves the cursor, sets a colour or a title.
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]")
_LONGEST = 1000  # characters of a value


def as_lines(data: bytes) -> str:
    """The output without escape sequences; each state of a line that was drawn over itself is a line."""
    text = data.decode("utf-8", "replace")
    if "\x1b" in text:
        text = _SEQUENCE.sub("", text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def last_match(pattern: str, text: str) -> "str | None":
    """The first group of the last match, or all of it without groups; None without a match."""
    found = None
    for match in re.finditer(pattern, text, re.MULTILINE):
        value = match[1] if match.re.groups else match[0]
        found = found if value is None else value
    return None if found is None else found.strip()[:_LONGEST]


if __name__ == "__main__":
    patterns = json.loads(sys.stdin.buffer.readline())
    output = as_lines(sys.stdin.buffer.read())
    for name, pattern in patterns:
        print(json.dumps([name, last_match(pattern, output)]), flush=True)  # noqa: T201 - a program of its own, read by gitexp
