"""What `make crash` has found, as a part of docs/reliability.md."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "reliability.md"
_PART = re.compile(r"(<!-- written by make crash -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """One campaign: what was tried, how often, and how often something was lost or wrong."""

    campaign: str
    points: int
    lost: int
    remark: str = ""


def write(lines: Sequence[Line], seconds: float) -> None:
    """Put the outcome of a whole campaign into the page."""
    text = PAGE.read_text("utf-8")
    part = "\n".join(["", *_table(lines), "", _where(seconds), "", ""])
    new, found = _PART.subn(lambda match: match[1] + part + match[2], text)
    assert found == 1, f"{PAGE} has no place for the outcome"
    PAGE.write_text(new, "utf-8")


def _table(lines: Iterable[Line]) -> Iterable[str]:
    yield "| campaign | points | lost | |"
    yield "| --- | ---: | ---: | --- |"
    for line in lines:
        yield f"| {line.campaign} | {line.points:,} | {line.lost:,} | {line.remark} |"


def _where(seconds: float) -> str:
    git = subprocess.run(["git", "--version"], capture_output=True, check=True, text=True).stdout.split()[2]
    today = datetime.now(UTC).date().isoformat()
    python = platform.python_version()
    return f"{today}, Git {git}, Python {python}, {platform.system()}, in {seconds / 60:.0f} minutes."
