"""Run in another process, never imported by gitexp: the last match of each pattern in a text.

A user's pattern may take for ever, and nothing inside a process can stop it (`re` holds the interpreter). So
`gitexp.process.printed` gives this file to `python -I -c` and ends a process that takes too long. Standard
input has the patterns, in a line of JSON, `[[name, pattern], ...]`, and then the output. Each match is
printed at once: a slow pattern does not lose the matches before.
"""

import json
import re
import sys

# ECMA-48: what moves the cursor, sets a colour or a title.
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]")
_LONGEST = 1000  # characters of a value


def as_lines(data: bytes) -> str:
    """The output without escape sequences; a line drawn over itself gives a line for each state."""
    text = data.decode("utf-8", "replace")
    if "\x1b" in text:
        text = _SEQUENCE.sub("", text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def last_match(pattern: str, text: str) -> "str | None":
    """The first group of the last match, or all of it without groups; None without a match."""
    found = None
    for match in re.finditer(pattern, text, re.MULTILINE):
        value = match[1] if match.re.groups else match[0]
        if value is not None:
            found = value.strip()[:_LONGEST]
    return found


if __name__ == "__main__":
    patterns = json.loads(sys.stdin.buffer.readline())
    output = as_lines(sys.stdin.buffer.read())
    for name, pattern in patterns:
        print(json.dumps([name, last_match(pattern, output)]), flush=True)  # noqa: T201 - a program of its own, read by gitexp
