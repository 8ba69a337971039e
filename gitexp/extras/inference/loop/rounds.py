"""The experiments of a loop: each round is one, also a round whose edit was not run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gitexp import errors
from gitexp.catalog import names
from gitexp.catalog.record import made_here
from gitexp.extras.inference.loop import desk as desks
from gitexp.extras.inference.loop.desk import Desk
from gitexp.extras.inference.loop.editor import EditorEnd
from gitexp.extras.inference.loop.settings import LoopSettings
from gitexp.extras.inference.loop.state import Edit
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Record, Status
from gitexp.named_tuple import NamedTuple
from gitexp.process.limits import Limits
from gitexp.project import protected
from gitexp.project.project import Project
from gitexp.repo.experiments import subject
from gitexp.runs.planning.plan import Once, Planned, PlannedPoint, plan
from gitexp.runs.request import RunRequest
from gitexp.words import clean, cut, shorten

_NOTE = 200  # characters of the line about what was tried
_COMMAND = 500


class EditedRound(NamedTuple):
    """A round whose editor has ended.

    Attributes:
        number: the number of the round.
        base: the experiment whose code was edited.
        desk: the desk of the editor.
        end: the end of the editor.
    """

    number: int
    base: Experiment
    desk: Desk
    end: EditorEnd


class RoundStore(NamedTuple):
    """The store of rounds.

    Attributes:
        project: the project.
        settings: the settings of the loop.
    """

    project: Project
    settings: LoopSettings

    def store(self, edited: EditedRound) -> Experiment:
        """The experiment of a round: queued, or failed for an edit without a run."""
        project, base = self.project, edited.base
        tree, reason, warnings = "", "", tuple[str, ...]()
        try:
            taken = desks.stored(project, edited.desk, base)
            tree, warnings = taken.tree, taken.warnings
            outcome, reason = self._outcome(edited, tree)
        except errors.GitexpError as error:
            outcome, reason = Edit.REFUSED, error.message
        failpoint("loop:edited")
        facts = self._facts(edited, outcome)
        if outcome is not Edit.OK:
            return self._put_aside(base, tree, facts, (reason, *warnings))
        commit = project.repo.write_commit(tree, [base.record.baseline], f"{_subject(facts)}\n")
        try:
            found = self._planned(base, commit, facts)
        except errors.GitexpError as error:  # a params file that cannot be read any more, say
            facts["edit"] = Edit.REFUSED
            return self._put_aside(base, tree, facts, (error.message, *warnings))
        if found.queued:
            return found.queued[0]
        facts["edit"] = Edit.TRIED
        return self._put_aside(base, tree, facts, (f"{found.known[0].name} is the same.", *warnings))

    def _planned(self, base: Experiment, commit: str, facts: dict[str, Any]) -> Planned:
        """The plan of the run of an edited commit. Raises the errors of `plan`."""
        request = RunRequest(
            from_=base.name,
            code=commit,
            note=facts["told"],
            limits=Limits(timeout=self.settings.seconds),
            loop=facts,
        )
        return plan(self.project, request, [PlannedPoint(())])

    def first_run(self, revision: str) -> Experiment:
        """The run of the code of a commit, at the start of a loop: an earlier run, else a queued run.

        A failed run is queued again: its cause may be gone by now.
        """
        limits = Limits(timeout=self.settings.seconds)
        request = RunRequest(from_=revision, limits=limits, loop=self.facts(0))
        points = [PlannedPoint(())]
        found = plan(self.project, request, points, once=Once.UNLESS_FAILED, retry_failed=True)
        return self.project.store.require(found.names[0])

    def facts(self, number: int, **more: Any) -> dict[str, Any]:
        """The facts of the loop for the record of a run."""
        return {
            "id": self.settings.id,
            "round": number,
            "metric": self.settings.metric,
            "direction": self.settings.direction,
            **more,
        }

    def decide(self, one: Experiment, facts: Mapping[str, Any]) -> Experiment:
        """The experiment of a round with a verdict, written into its record."""
        for _ in range(10):
            record = replace(one.record, loop={**one.record.loop, **facts})
            tree = self.project.repo.resolve(one.id, "tree")
            if tree is not None and (found := self.project.store.swap(one, record, tree)) is not None:
                return found
            one = self.project.store.require(one.name)  # somebody has just written a note
        raise errors.GitFailed(f"{one.name} changes again and again.", "Run the command again.")

    def _outcome(self, edited: EditedRound, tree: str) -> tuple[Edit, str]:
        """The outcome of an edit, and a sentence about the outcome."""
        end, base = edited.end, edited.base
        if not end.in_time:
            return Edit.TIMEOUT, f"The editor did not end in {self.settings.edit_seconds:g} s."
        if end.exit_code != 0:
            return Edit.FAILED, f"The editor has ended with status {end.exit_code}."
        if tree == self.project.repo.resolve(base.record.commit, "tree"):
            return Edit.NO_CHANGE, "The editor has changed nothing."
        at = str(base.record.protected.get("at", "")) or base.record.baseline
        folder = base.record.project or ""
        found = protected.protection(self.project.repo, self.project.local.objects, folder, at, tree)
        if found is not None and found.changed:
            return Edit.PROTECTED, f"The editor has changed protected files: {shorten(found.changed)}."
        return Edit.OK, ""

    def _facts(self, edited: EditedRound, outcome: Edit) -> dict[str, Any]:
        end = edited.end
        return self.facts(
            edited.number,
            **{"from": edited.base.name},
            edit=outcome,
            command=cut(self.settings.edit, _COMMAND),
            seconds=end.seconds,
            exit_code=end.exit_code,
            printed=end.printed,
            told=_told(edited.desk),
        )

    def _put_aside(
        self, base: Experiment, tree: str, facts: Mapping[str, Any], reasons: tuple[str, ...]
    ) -> Experiment:
        """The stored experiment of a round without a run: failed, with the edited code.

        `tree`: the edited code; "" for code that could not be read. `reasons`: the verdict, then warnings.
        """
        project, before = self.project, base.record
        own = tree or project.repo.resolve(before.commit, "tree")
        assert own is not None  # the experiment is there
        params = before.params
        if tree:
            params = project.read_at([tree])[tree].params
        record = Record(
            name="",
            status=Status.FAILED,
            commit=before.commit,
            baseline=before.baseline,
            branch=before.branch,
            project=before.project,
            command=before.command,
            argv=before.argv,
            folder=before.folder,
            params=params,
            note=str(facts["told"]),
            warnings=(f"not run: {reasons[0]}", *reasons[1:]),
            loop={**facts, "kept": False, "verdict": reasons[0]},
        )
        record = made_here(record, project.repo)
        record = replace(record, finished=record.created)

        def build(name: str) -> tuple[Record, str]:
            named = replace(record, name=name)
            commit = project.repo.write_commit(own, [before.baseline], subject(named) + "\n")
            printed = project.repo.write_blob(str(facts["printed"]).encode("utf-8", "replace"))
            return replace(named, commit=commit), project.store.record_tree(own, {"output.log": printed})

        with project.repo.writing_together():
            seed = project.repo.write_commit(own, [before.baseline], f"{_subject(facts)} {time.time_ns()}\n")
            return names.create([""], lambda name: project.store.create(name, seed, build))


def _subject(facts: Mapping[str, Any]) -> str:
    return f"loop {facts['id']}, round {facts['round']}"


def _told(desk: Desk) -> str:
    """The editor's line about the change; "" for none."""
    try:
        with (desk.briefing / "note.txt").open("rb") as file:
            text = file.read(4 * _NOTE).decode("utf-8", "replace")
    except OSError:
        return ""
    lines = text.strip().splitlines()
    if not lines:
        return ""
    return cut(clean(lines[0]), _NOTE)
