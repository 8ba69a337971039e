"""Values that a command printed: the last match of patterns in its log, within a stated time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gitexp.process.signals import OWN_GROUP

TIMEOUT = 10.0  # seconds, for all patterns together

Pattern = tuple[str, str]  # the name of the value, and a regular expression


def find_printed(
    log: bytes, patterns: Sequence[Pattern], timeout: float = TIMEOUT
) -> Mapping[str, str | None]:
    """The value of each name, None for a pattern without a match.

    Names not searched to the end are missing, because a pattern took too long or is invalid. Never raises,
    whatever the log or the patterns hold.
    """
    script = Path(__file__).with_name("search_output.py").read_text("utf-8")
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-W", "ignore", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=OWN_GROUP,
        )
    except OSError:
        return {}
    with process:
        try:
            out, _ = process.communicate(json.dumps(patterns).encode() + b"\n" + log, timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
    whole_lines = out.splitlines()[: out.count(b"\n")]
    return dict(json.loads(line) for line in whole_lines)
