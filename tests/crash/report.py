"""What `make crash` has found, as a part of docs/reliability.md."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "reliability.md"
_PART = re.compile(r"(<!-- written by make crash -->\n).*?(<!-- end -->)", re.DOTALL)

_HEAD = ("| campaign | tried | lost | | when |", "| --- | ---: | ---: | --- | --- |")


@dataclass(frozen=True, slots=True)
class Line:
    """One campaign: what was tried, how often, and how often something was lost or wrong."""

    campaign: str
    points: int
    lost: int
    remark: str = ""


def write(lines: Sequence[Line]) -> None:
    """Put the outcome of campaigns into the page, in place of what earlier ones of the same name had."""
    text = PAGE.read_text("utf-8")
    found = _PART.search(text)
    assert found is not None, f"{PAGE} has no place for the outcome"
    rows = {row.split(" | ")[0]: row for row in found[0].splitlines() if row.startswith("| ")}
    for row in _HEAD:
        rows.pop(row.split(" | ")[0], None)
    rows |= {f"| {line.campaign}": _row(line) for line in lines}
    part = "\n".join(["", *_HEAD, *rows.values(), "", ""])
    PAGE.write_text(_PART.sub(lambda match: match[1] + part + match[2], text), "utf-8")


def _row(line: Line) -> str:
    git = subprocess.run(["git", "--version"], capture_output=True, check=True, text=True).stdout.split()[2]
    when = f"{datetime.now(UTC).date().isoformat()}, Git {git}, Python {platform.python_version()}"
    return f"| {line.campaign} | {line.points:,} | {line.lost:,} | {line.remark} | {when} |"
