"""Several experiments reproduced one after another: one that fails keeps no other back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gitexp import errors
from gitexp.catalog.certificates import Grade
from gitexp.extras.reproduction import texts
from gitexp.extras.reproduction.reproduce import Reproduced, ReproductionManner, reproduce
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project

HEADS = ("experiment", "grade", "reproduction", "outs", "metrics", "curves", "environment", "by", "host")

# The exit status by the grade; 1 and 2 are errors, as everywhere.
STATUS = {Grade.BITWISE: 0, Grade.TOLERANCE: 3, Grade.STATISTICAL: 4, Grade.DIFFERENT: 5}


class ReproductionOutcome(NamedTuple):
    """The outcome for one experiment.

    Attributes:
        name: the name of the experiment.
        found: the reproduction; None after an error.
        error: the error; None after a reproduction.
    """

    name: str
    found: Reproduced | None
    error: errors.GitexpError | None = None

    @property
    def status(self) -> int:
        return 1 if self.found is None else STATUS[self.found.comparison.grade]

    @property
    def cells(self) -> list[Any]:
        """The cells of a row below `HEADS`."""
        if self.found is None:
            return [self.name, "failed", *[""] * (len(HEADS) - 2)]
        counts, certificate = texts.compared(self.found.comparison), self.found.certificate
        return [
            *(self.name, self.found.comparison.grade.told, certificate.experiment),
            *(counts["outs"], counts["metrics"], counts["curves"]),
            *(certificate.environment, certificate.by, certificate.host),
        ]

    def as_json(self) -> dict[str, Any]:
        """The outcome for `--json`."""
        if self.found is not None:
            return texts.as_json(self.found)
        assert self.error is not None
        return {"experiment": self.name, "grade": None, "error": self.error.as_json()}


def outcomes(
    project: Project, names: Sequence[str], manner: ReproductionManner
) -> Iterator[ReproductionOutcome]:
    """Yield the outcome for each experiment. With one name alone, its error is raised."""
    for name in names:
        try:
            yield ReproductionOutcome(name, reproduce(project, name, manner))
        except errors.GitexpError as error:
            if len(names) == 1:
                raise
            yield ReproductionOutcome(name, None, error)


def status_of(found: Sequence[ReproductionOutcome]) -> int:
    """The exit status of all together: 1 after any error, else the status of the worst grade."""
    codes = {outcome.status for outcome in found}
    if 1 in codes:
        return 1
    return max(codes, default=0)
