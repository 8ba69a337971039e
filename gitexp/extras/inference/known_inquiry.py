"""What `why` can say from the runs that are there, for pages and reports."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.extras.inference import sides
from gitexp.extras.inference.attribution import Attribution, Hybrid, Measurements
from gitexp.extras.inference.comparison import Sample
from gitexp.extras.inference.hybrids import NotRun, note_of
from gitexp.extras.inference.question import Question
from gitexp.extras.inference.sides import Evidence
from gitexp.extras.inference.why import HybridRuns, Inquiry, Make


class KnownInquiry(Inquiry):
    """The work on a question with earlier runs alone: nothing is run, and no experiment is made."""

    def __init__(self, question: Question) -> None:
        super().__init__(question, HybridRuns(0, 1, None, lambda text: None))
        self._maker = self._maker._replace(only_known=True)

    def has_hybrids(self) -> bool:
        """Whether any hybrid was run for the first experiment."""
        note = note_of(self._question.first)
        return any(one.record.note == note for one in self._project.store.readable())

    def _with_noise(self) -> Evidence:
        names = (self._question.first.name, self._question.second.name)
        return sides.evidence_of(self._project, names)

    def _attributed(
        self, known: Measurements, samples: dict[Hybrid, Sample | None], make: Make
    ) -> Attribution | None:
        try:
            return super()._attributed(known, samples, make)
        except NotRun:
            self._stopped = "Not all hybrids that it takes were run: the same question to gitexp why goes on."
            return None

    def _ends(self, every: Hybrid) -> dict[Hybrid, Sample | None] | None:
        try:
            return super()._ends(every)
        except NotRun:
            self._stopped = "The two ends were not run here."
            return None

    def _run(self, names: Sequence[str]) -> bool:
        if names:
            self._stopped = "Hybrids wait in the queue."
        return not names
