"""What `make crash` has found, as a part of docs/reliability.md."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "reliability.md"
_CAMPAIGNS, _SCENARIOS = (
    re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    for name in ("written by make crash", "written by make crash: at each system call")
)

_HEAD = ("| campaign | tried | lost | | when |", "| --- | ---: | ---: | --- | --- |")
_STRUCK = ("| while it does | killed at | failed at | when |", "| --- | ---: | ---: | --- |")
_TRIED = re.compile(r"([\d,]+) of [\d,]+(?:, ([\d,]+) lost)?")


@dataclass(frozen=True, slots=True)
class Line:
    """One campaign: what was tried, how often, and how often something was lost or wrong."""

    campaign: str
    points: int
    lost: int
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """How many faults there can be at the system calls of one scenario, and what came of those tried."""

    possible: int
    tried: int
    lost: int

    def __str__(self) -> str:
        return f"{self.tried:,} of {self.possible:,}" + (f", {self.lost:,} lost" if self.lost else "")


def write(lines: Sequence[Line]) -> None:
    """Put the outcome of campaigns into the page, in place of what earlier ones of the same name had."""
    rows = _rows(_CAMPAIGNS, _HEAD) | {line.campaign: _row(line) for line in lines}
    _put(_CAMPAIGNS, _HEAD, rows.values())


def write_struck(
    struck: Mapping[str, Sequence[Tried]], scenarios: Sequence[str], campaigns: Sequence[str]
) -> None:
    """Put into the page what came of faults in some scenarios, for each campaign in turn; other ones of
    `scenarios` keep what they have. The sums are the outcome of the campaigns."""
    old, when = _rows(_SCENARIOS, _STRUCK), _when()
    new = {name: f"| {name} | {' | '.join(map(str, each))} | {when} |" for name, each in struck.items()}
    rows = [row for name in scenarios if (row := new.get(name) or old.get(name))]
    _put(_SCENARIOS, _STRUCK, rows)
    for at, campaign in enumerate(campaigns):
        found = [_TRIED.fullmatch(row.split(" | ")[1 + at]) for row in rows]
        tried, lost = (sum(_number(one[group]) for one in found if one) for group in (1, 2))
        write([Line(campaign, tried, lost, f"in {len(rows)} scenarios, below")])


def _rows(part: re.Pattern[str], head: Collection[str]) -> dict[str, str]:
    """Return the rows of a table in the page, by what stands in their first column."""
    rows = [row for row in _found(part)[0].splitlines() if row.startswith("| ") and row not in head]
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows}


def _put(part: re.Pattern[str], head: Collection[str], rows: Collection[str]) -> None:
    _found(part)
    text = "\n".join(["", *head, *rows, "", ""])
    page = part.sub(lambda match: match[1] + text + match[2], PAGE.read_text("utf-8"))
    PAGE.write_text(page, "utf-8")


def _found(part: re.Pattern[str]) -> re.Match[str]:
    found = part.search(PAGE.read_text("utf-8"))
    assert found is not None, f"{PAGE} has no place for the outcome"
    return found


def _row(line: Line) -> str:
    return f"| {line.campaign} | {line.points:,} | {line.lost:,} | {line.remark} | {_when()} |"


def _when() -> str:
    git = subprocess.run(["git", "--version"], capture_output=True, check=True, text=True).stdout.split()[2]
    return f"{datetime.now(UTC).date().isoformat()}, Git {git}, Python {platform.python_version()}"


def _number(text: str | None) -> int:
    return int((text or "0").replace(",", ""))
