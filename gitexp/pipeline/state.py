"""Is a stage up to date, and why not? Its present inputs and outputs are compared with the lock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from gitexp.files.dvc_yaml import DEFAULT_PARAMS
from gitexp.files.formats.yaml_write import flow_text
from gitexp.files.scalars import same
from gitexp.model import MISSING, Artifact, Flat, Value, contents, paths_of
from gitexp.named_tuple import NamedTuple
from gitexp.pipeline.lock import LockedStage
from gitexp.pipeline.stage import Stage
from gitexp.words import cut, shorten

_MOST = 3  # reasons that are told in one line
_LONGEST = 40  # characters of a value in a reason


class Why(StrEnum):
    """The kind of a difference since a stage's last run."""

    NEVER_RUN = "never run"
    ALWAYS = "always changed"
    FORCED = "forced"
    COMMAND = "command changed"
    WDIR = "wdir changed"
    PARAM = "param"
    DEP = "dep"
    OUT = "out"
    ABOVE = "above"


class Reason(NamedTuple):
    """One difference. `old` and `new` are equal for a file with only another mode.

    Attributes:
        why: kind of the difference.
        what: path of a dep or out, name of a stage above, or key of a param (after `file:`, unless the
            file is a params.yaml).
        old: hash of a dep or out, value of a param; MISSING without one.
        new: the same now.
    """

    why: Why
    what: str = ""
    old: Value = None
    new: Value = None

    @property
    def text(self) -> str:
        """The reason in words, as in "params train.lr changed 0.1 → 0.2"."""
        match self.why:
            case Why.PARAM:
                return f"{self.name} {self._how(shown=True)}"
            case Why.DEP | Why.OUT:
                return f"{self.name} {self._how()}"
            case Why.ABOVE:
                return f"after {self.what}"
        return str(self.why)

    @property
    def name(self) -> str:
        """The kind and name of the difference: "params train.lr"."""
        kind = {Why.PARAM: "params ", Why.OUT: "out "}.get(self.why, "")
        return kind + self.what

    def _how(self, *, shown: bool = False) -> str:
        if self.new is MISSING:
            return "is missing" if self.why is Why.OUT else "is gone"
        if self.old is MISSING and shown:
            return f"is new: {_shown(self.new)}"
        if self.old is MISSING:
            return "is new"
        if shown:
            return f"changed {_shown(self.old)} → {_shown(self.new)}"
        if self.old == self.new:
            return "changed its mode"
        return "changed"

    def as_json(self) -> dict[str, Any]:
        """The reason for `--json`."""
        fields = {"why": str(self.why), "what": self.what, "text": self.text}
        values = {"old": self.old, "new": self.new}
        return fields | {key: value for key, value in values.items() if value not in (MISSING, None)}


def sentence(reasons: Iterable[Reason]) -> str:
    """The first few reasons in one line. Missing outs form one group, stages above another."""
    groups: dict[object, list[Reason]] = {}
    for at, reason in enumerate(reasons):
        kind: object = at
        if reason.why is Why.ABOVE or (reason.why is Why.OUT and reason.new is MISSING):
            kind = reason.why
        groups.setdefault(kind, []).append(reason)
    return shorten(list(map(_together, groups.values())), _MOST)


def _together(group: Sequence[Reason]) -> str:
    if len(group) == 1:
        return group[0].text
    names = shorten([reason.what for reason in group], _MOST)
    if group[0].why is Why.ABOVE:
        return f"after {names}"
    return f"outs {names} are missing"


def _shown(value: Value) -> str:
    return cut(flow_text(value), _LONGEST)


def reasons(
    stage: Stage, now: LockedStage, locked: LockedStage | None, outs: Mapping[str, Artifact | None]
) -> tuple[Reason, ...]:
    """The reasons to run a stage; none if the stage is up to date.

    Args:
        stage: the stage. Without inputs and outputs it is never up to date, like DVC's.
        now: the stage with its present inputs.
        locked: the stage at its last run.
        outs: the present outputs by path; None for a missing output.
    """
    if stage.always_changed or not (stage.deps or stage.params or stage.outs):
        return (Reason(Why.ALWAYS),)
    if locked is None:
        return (Reason(Why.NEVER_RUN),)
    return (*_of_inputs(now, locked), *_of_outs(stage, locked, outs))


def changes(now: LockedStage, before: LockedStage) -> tuple[Reason, ...]:
    """The differences between two sets of a stage's inputs."""
    return tuple(_of_inputs(now, before))


def steady(before: LockedStage, after: LockedStage) -> LockedStage:
    """A stage with the certain inputs of its run.

    If an input changed during the run, nobody knows the version read by the stage. Then a dep gets a hash
    without content, and a param is left out. So the stage is never up to date by the input, and never taken
    for a run on either version.
    """
    later = contents(after.deps)
    deps = []
    for dep in before.deps:
        if later.get(dep.path) != dep.content:
            dep = dep._replace(hash="0" * 64 + dep.hash[64:])
        deps.append(dep)
    params = {}
    for file, flat in before.params.items():
        params[file] = _unchanged(flat, after.params.get(file, {}))
    return before._replace(deps=tuple(deps), params=params)


def _unchanged(before: Flat, after: Flat) -> Flat:
    return {key: value for key, value in before.items() if same(value, after.get(key, MISSING))}


def _of_inputs(now: LockedStage, locked: LockedStage) -> Iterator[Reason]:
    if now.commands != locked.commands:
        yield Reason(Why.COMMAND)
    if now.wdir != locked.wdir:
        yield Reason(Why.WDIR)
    for file in sorted({*now.params, *locked.params}):
        new, old = now.params.get(file, {}), locked.params.get(file, {})
        shown = ""
        if file.rpartition("/")[2] != DEFAULT_PARAMS:
            shown = f"{file}:"
        for key in {**new, **old}:
            before, after = old.get(key, MISSING), new.get(key, MISSING)
            if not same(before, after):
                yield Reason(Why.PARAM, shown + key, before, after)
    yield from _of_artifacts(Why.DEP, locked.deps, now.deps)


def _of_outs(stage: Stage, locked: LockedStage, outs: Mapping[str, Artifact | None]) -> Iterator[Reason]:
    there = [found for found in outs.values() if found is not None]
    yield from _of_artifacts(Why.OUT, locked.outs, there)
    known = paths_of(locked.outs)
    for out in stage.outs:
        if out.path not in known and outs.get(out.path) is None:
            yield Reason(Why.OUT, out.path, MISSING, MISSING)


def _of_artifacts(why: Why, before: Iterable[Artifact], after: Iterable[Artifact]) -> Iterator[Reason]:
    absent = (MISSING, False)
    old, new = contents(before), contents(after)
    for path in {**new, **old}:
        was, is_now = old.get(path, absent), new.get(path, absent)
        if was != is_now:
            yield Reason(why, path or ".", was[0], is_now[0])


class StageSelection(NamedTuple):
    """The stages of a pipeline to run, and how.

    Attributes:
        names: names, groups or patterns of stages; empty for all stages.
        force: whether stages run although up to date.
        single: whether the named stages run alone, without the stages above.
        downstream: whether the stages below run too, and the stages above do not.
        keep_going: whether a failure stops only the stages below.
        jobs: number of stages that may run at a time.
    """

    names: tuple[str, ...] = ()
    force: bool = False
    single: bool = False
    downstream: bool = False
    keep_going: bool = False
    jobs: int = 1

    @property
    def is_asked_for(self) -> bool:
        """Whether the selection differs from a plain `gitexp run`; `jobs` and `keep_going` do not count."""
        return self._replace(jobs=1, keep_going=False) != StageSelection()

    @property
    def argv(self) -> tuple[str, ...]:
        """The words of a command line that ask for the same stages."""
        flags = {"--force": self.force, "--single": self.single, "--downstream": self.downstream}
        wanted = [flag for flag, is_set in flags.items() if is_set]
        return ("gitexp", "run", *wanted, *self.names)

    @classmethod
    def of_argv(cls, argv: Sequence[str]) -> StageSelection:
        """The selection of a command line, without `--force`, which was meant for once."""
        words = argv[2:]
        names = tuple(word for word in words if not word.startswith("-"))
        return cls(names, single="--single" in words, downstream="--downstream" in words)


class StageState(StrEnum):
    """The fate of a stage in a run, or in a run now."""

    UP_TO_DATE = "up to date"
    FROZEN = "frozen"
    RESTORED = "restored"
    RAN = "ran"
    FAILED = "failed"
    NOT_RUN = "not run"
    CHANGED = "changed"  # would run; or is not known yet, because a stage above would run
    RESTORABLE = "restorable"  # would be restored


class StageResult(NamedTuple):
    """One stage after a run, or the forecast for a run now.

    Attributes:
        name: name of the stage.
        state: fate of the stage.
        reasons: reasons to run the stage.
        source: experiment from which the stage was restored; "" for a result of this workspace.
        seconds: duration of the commands.
        exit_code: exit status of the failed command; None for a failure of another kind.
        error: reason why the stage failed, or did not run.
        hint: next step after a failure.
        remote: data remote with a restorable stage's outs; "" for outs on this machine.
        sure: whether the remote was asked for the outs.
        warnings: sentences.
        exact: whether the inputs stayed the same during the run.
    """

    name: str
    state: StageState
    reasons: tuple[Reason, ...] = ()
    source: str = ""
    seconds: float | None = None
    exit_code: int | None = None
    error: str = ""
    hint: str = ""
    remote: str = ""
    sure: bool = True
    warnings: tuple[str, ...] = ()
    exact: bool = True

    @property
    def line(self) -> str:
        """What became of the stage, after its name."""
        return f"{self.name} {self.text}"

    @property
    def text(self) -> str:
        """The state in words, without the name."""
        match self.state:
            case StageState.RESTORED:
                return f"restored{self._from}"
            case StageState.RAN | StageState.CHANGED:
                return sentence(self.reasons)
            case StageState.RESTORABLE if not self.remote:
                return f"{sentence(self.reasons)}, would be restored{self._from}"
            case StageState.RESTORABLE:
                text = f"{sentence(self.reasons)}, would be restored{self._from}"
                if self.sure:
                    return f"{text}, fetched from {self.remote}"
                return f"{text}, if {self.remote} has it"
            case StageState.FAILED | StageState.NOT_RUN if self.error:
                return f"{self.state}: {self.error}"
        return str(self.state)

    @property
    def _from(self) -> str:
        if not self.source:
            return ""
        return f" from {self.source}"

    def as_json(self) -> dict[str, Any]:
        """The result for `--json` and records."""
        more: dict[str, Any] = {"source": self.source, "seconds": self.seconds, "error": self.error}
        if self.remote:
            more |= {"remote": self.remote, "sure": self.sure}
        if self.warnings:
            more["warnings"] = list(self.warnings)
        document = {"state": str(self.state), "reasons": [reason.text for reason in self.reasons]}
        for key, value in more.items():
            if value not in (None, ""):
                document[key] = value
        return document
