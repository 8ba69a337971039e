"""The meaning of a word on the command line: an experiment, a Git revision, or the workspace.

An experiment is gitexp's own or another program's. A word is taken for, in this order: the full name of an
own experiment, the full name of another program's, `last` or `@{N}`, a pattern that fits one name alone, the
beginning of a name, a commit id. Where a name stands
for several (DVC's names are unique on one baseline only), the commit id tells them apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from gitexp import errors, files
from gitexp.catalog import by_words, sources
from gitexp.catalog.names import existing
from gitexp.catalog.result_origin import known_results, without_others
from gitexp.catalog.sources import ForeignRef
from gitexp.model import Damaged, Experiment, Files, Record, Stored
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project, parse_all, parse_params
from gitexp.repo import model_tags
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.repo.git.values import in_commit
from gitexp.words import did_you_mean

WORKSPACE = "workspace"

_RESERVED = ("head", WORKSPACE)  # never the beginning of a name
_SHORTEST_ID = 4  # digits of a commit id


@dataclass(frozen=True, slots=True)
class Workspace:
    """The files of the workspace in their present state."""


class Commit(NamedTuple):
    """A commit with the user's name for it: a branch, a revision, a short id."""

    label: str
    id: str


Side: TypeAlias = Workspace | Commit | Experiment


class Point(NamedTuple):
    """One side of a comparison, with its params and metrics.

    `commit`: None for the workspace. `experiment`: None for a revision.

    Attributes:
        complaints: a sentence for each unreadable params or metrics file.
    """

    side: Side
    params: Files
    metrics: Files
    complaints: Sequence[str] = ()

    @property
    def label(self) -> str:
        match self.side:
            case Workspace():
                return WORKSPACE
            case Commit(label=name) | Experiment(name=name):
                return name

    @property
    def commit(self) -> str | None:
        match self.side:
            case Workspace():
                return None
            case Commit(id=commit) | Experiment(record=Record(commit=commit)):
                return commit

    @property
    def project(self) -> str | None:
        """The folder of the experiment's project, if known."""
        return None if self.experiment is None else self.experiment.record.project

    @property
    def experiment(self) -> Experiment | None:
        match self.side:
            case Experiment():
                return self.side
        return None


def experiments(project: Project) -> list[Stored]:
    """All experiments: gitexp's own, then other programs' experiments."""
    own = project.store.all()
    return [*own, *sources.beside(project, own)]


def commits(project: Project) -> list[str]:
    """The commits of all experiments; the cost is two looks at the refs."""
    found = [experiment.record.commit for experiment in project.store.readable()]
    found += [ref.commit for ref in sources.refs(project.repo)]
    return found


def names(project: Project) -> list[str]:
    """The names of all experiments, each once; the cost is two looks at the refs."""
    found = list(project.store.names())
    found += [ref.name for ref in sources.refs(project.repo)]
    return list(dict.fromkeys(found))


def require(project: Project, text: str) -> Experiment:
    """The experiment with a name, with a unique beginning of a name, or with a commit id.

    Raises UnknownExperiment, AmbiguousExperiment or BadRecord.
    """
    return _readable(require_stored(project, text))


def require_stored(project: Project, text: str) -> Stored:
    """The same, or a damaged experiment."""
    found = _experiment(project, text)
    if found is None:
        raise errors.ExperimentError(
            f"There is no experiment '{text}'.",
            _nearest(project, text, "gitexp list -A names them all."),
            code="unknown-experiment",
        )
    return found


def require_whole(project: Project, experiment: Experiment, *, with_baseline: bool = True) -> None:
    """Raise history-rewritten if the commit of an experiment, or its baseline, is not here."""
    commits = [experiment.record.commit]
    if with_baseline:
        commits.append(experiment.record.baseline)
    if None not in map(project.repo.resolve, commits):
        return
    raise errors.ExperimentError(
        f"The commits that {experiment.name} names are gone: its history was rewritten, or is not here.",
        "gitexp doctor says what became of them, and gitexp doctor --fix mends what it can.",
        code="history-rewritten",
    )


def require_own(project: Project, text: str) -> Experiment:
    """The experiment for a word, if gitexp may change it.

    Raises ForeignExperiment for another program's, UnknownExperiment, AmbiguousExperiment or BadRecord.
    """
    return _readable(require_own_stored(project, text))


def require_own_stored(project: Project, text: str) -> Stored:
    """The same, or a damaged experiment: it can be removed."""
    found = require_stored(project, text)
    if not sources.is_own(found):
        raise errors.ExperimentError(
            f"{found.name} is {sources.title(found)}'s: gitexp only reads it.",
            "What can be done with it: show, diff, branch, apply, run --from.",
            code="foreign-experiment",
        )
    return found


def find(project: Project, text: str) -> Point:
    """The workspace, commit or experiment for a word.

    The full name of an experiment comes before a branch or tag, and these before the beginning of a name. The
    tag of a registered model is its experiment, also a removed one.

    Raises UnknownExperiment, AmbiguousExperiment or BadRecord.
    """
    if text == WORKSPACE:
        return here(project)
    found = _named(project, text)
    if found is None and not _is_ref(project, text):
        found = _by_words(project, text) or _begun(project, text)
    if found is not None:
        return of_experiment(project, found)
    if (commit := project.repo.resolve(text)) is not None:
        registered = _registered(project, text, commit)
        if registered is not None:
            return of_experiment(project, registered)
        return of_commit(project, text, commit)
    raise errors.ExperimentError(
        f"There is no experiment, branch or commit '{text}'.",
        _nearest(project, text, "gitexp list -A names all experiments."),
        code="unknown-experiment",
    )


def _registered(project: Project, text: str, commit: str) -> Experiment | None:
    """The experiment of a registered model, called like its tag; None for other words and commits."""
    if model_tags.parse(text) is None:
        return None
    (found,) = project.store.read_commits({text: commit})
    if isinstance(found.experiment, Experiment):
        return found.experiment
    return None


def _readable(found: Stored) -> Experiment:
    if isinstance(found, Damaged):
        raise errors.BadRecord(found.error, "gitexp doctor says what can be done.")
    return found


def _experiment(project: Project, text: str) -> Stored | None:
    """The experiment for a word, if any; raises AmbiguousExperiment."""
    return _named(project, text) or _by_words(project, text) or _begun(project, text)


def _by_words(project: Project, text: str) -> Stored | None:
    """The experiment meant by a word like `last` or `exp-3*`; raises AmbiguousExperiment."""
    if by_words.is_age(text):
        return by_words.by_age(project, text)
    if not by_words.is_pattern(text):
        return None
    found = by_words.like(project, text)
    if len(found) > 1:
        raise ambiguous(text, [one.name for one in found])
    return found[0]


def _named(project: Project, text: str) -> Stored | None:
    """The experiment of exactly this name: gitexp's own, or else the only other one."""
    if (own := project.store.get(text)) is not None:
        return own
    return _only(project, text, [ref for ref in sources.refs(project.repo) if ref.name == text])


def _begun(project: Project, text: str) -> Stored | None:
    """The only experiment whose name or commit id begins with a word."""
    word = text.lower()
    own = project.store.find(text)
    if not word or word in _RESERVED or (own is not None and own.name.lower() == word):
        return own
    theirs = _begun_by_others(project, word)
    if own is not None and theirs:
        raise ambiguous(text, [own.name, *map(_told_apart, theirs)])
    return own or _only(project, text, theirs)


def _begun_by_others(project: Project, word: str) -> list[ForeignRef]:
    """The refs of other programs with names, or else commits, that begin with a word."""
    refs = sources.refs(project.repo)
    theirs = [ref for ref in refs if ref.name.lower().startswith(word)]
    if not theirs and len(word) >= _SHORTEST_ID:
        theirs = [ref for ref in refs if ref.commit.startswith(word)]
    return theirs


def _only(project: Project, text: str, refs: Sequence[ForeignRef]) -> Stored | None:
    """The experiment of the only ref; the same commit at two baselines counts once."""
    if len({(ref.name, ref.commit) for ref in refs}) > 1:
        raise ambiguous(text, list(map(_told_apart, refs)))
    return next(iter(sources.read(project, refs[:1])), None)


def _told_apart(ref: ForeignRef) -> str:
    return f"{ref.name} ({ref.commit[:7]})"


def ambiguous(
    text: str,
    found: Sequence[str],
    what: str = "experiments",
    hint: str = "Give more of the name, or the commit id.",
) -> errors.ExperimentError:
    """The error for a word that several names fit."""
    some = ", ".join(found[:5])
    if len(found) > 5:
        some += ", …"
    return errors.ExperimentError(
        f"'{text}' could be any of {len(found)} {what}: {some}.", hint, code="ambiguous-experiment"
    )


def _nearest(project: Project, text: str, otherwise: str) -> str:
    return did_you_mean(text, names(project), otherwise)


def _is_ref(project: Project, text: str) -> bool:
    """Whether a branch or tag has exactly this name; true for HEAD."""
    if text == "HEAD" or "\0" in text:
        return text == "HEAD"
    return bool(existing(project.repo, f"refs/heads/{text}", f"refs/tags/{text}", f"refs/remotes/{text}"))


def here(project: Project, more: Collection[str] = ()) -> Point:
    """The present workspace; `more` are params files besides the config's.

    Metrics written by another run with other params are left out.
    """
    found = project.read_here(more)
    if found.metrics:
        head = project.repo.resolve("HEAD")
        at_head = project.read_at([head])[head] if head is not None else None
        found = without_others(found, known_results(experiments(project), head, at_head))
    return Point(Workspace(), found.params, found.metrics, found.complaints)


def of_commit(project: Project, label: str, commit: str, more: Collection[str] = ()) -> Point:
    """A commit with its params and metrics; `more` are params files besides the config's."""
    params, metrics, complaints = project.read_at([commit], more)[commit]
    return Point(Commit(label, commit), params, metrics, at(label, complaints))


def at(label: str, complaints: Iterable[str]) -> list[str]:
    """The complaints with the place of the files behind each."""
    return [f"{text} (in {label})" for text in complaints]


def beside(project: Project, point: Point, other: Point) -> Point:
    """The point, with the params files of the other side read too.

    Beside an experiment of another project, the files of the present one mean nothing.
    """
    if point.experiment is not None:
        return _with_files_of(project, point, [other])
    more = [name for name in other.params if name not in project.config.params]
    match point.side:
        case Workspace() if more:
            point = here(project, more)
        case Commit(label, commit) if more:
            point = of_commit(project, label, commit, more)
    if other.project not in (None, project.config.folder):
        params = {name: tree for name, tree in point.params.items() if name in other.params}
        metrics = {name: tree for name, tree in point.metrics.items() if name in other.metrics}
        return point._replace(params=params, metrics=metrics)
    return point


def together(project: Project, points: Sequence[Point]) -> list[Point]:
    """Experiments, each with the params files of the others read too; other points as they are."""
    kinds = {(_folder(project, point), tuple(point.params)): point for point in points}
    found = []
    for point in points:
        if point.experiment is not None:
            point = _with_files_of(project, point, kinds.values())
        found.append(point)
    return found


def _with_files_of(project: Project, point: Point, others: Iterable[Point]) -> Point:
    """An experiment with the params files of other points; a run with -S records files that are not listed.

    Points of another project, or with other files alone, do not count: the files were moved.
    """
    names: dict[str, None] = {}
    for other in others:
        is_alike = not point.params or not point.params.keys().isdisjoint(other.params)
        if is_alike and _folder(project, other) == _folder(project, point):
            names.update(dict.fromkeys(other.params))
    more = [name for name in names if name not in point.params]
    if not more or point.commit is None:
        return point
    try:
        blobs = project.repo.read_blobs(in_commit(point.commit, more))
    except (errors.GitexpError, ValueError):
        return point
    params, _ = parse_all(dict(zip(more, blobs, strict=True)), parse_params)
    return point._replace(params={**point.params, **params})


def _folder(project: Project, point: Point) -> str:
    """The folder of the point's project."""
    return project.config.folder if point.project is None else point.project


def of_experiment(project: Project, experiment: Stored) -> Point:
    """An experiment with all params and metrics, the ones too large for its record included.

    Raises BadRecord if they cannot be read.
    """
    completed, complaints = _completed(project, experiment)
    found = _readable(completed)
    record = found.record
    if not sources.is_own(found):  # its files were read just now, not during its run
        complaints = at(found.name, record.warnings)
    return Point(found, record.params, record.metrics, complaints)


def complete(project: Project, experiment: Stored) -> Stored:
    """The experiment with all params and metrics, even those too large for the record.

    If Git cannot read them, the result is Damaged: a damaged experiment must not hide the others.
    """
    return _completed(project, experiment)[0]


def _places(experiment: Experiment, names: Sequence[str]) -> list[str]:
    """Where Git has the files of a record: in E's tree, but those logged in the record's tree."""
    places = []
    for name in names:
        commit = experiment.id if name.startswith(f"{RUN_FOLDER}/") else experiment.record.commit
        places += in_commit(commit, [name])
    return places


def _completed(project: Project, experiment: Stored) -> tuple[Stored, list[str]]:
    if isinstance(experiment, Damaged):
        return experiment, []
    record = experiment.record
    names = (*record.cut_params, *record.cut_metrics)
    if not names:
        return experiment, []
    try:
        blobs = project.repo.read_blobs(_places(experiment, names))
    except (errors.GitexpError, ValueError) as error:
        reason = f"The files of {experiment.name} cannot be read: {error}"
        return Damaged(experiment.name, experiment.id, reason, experiment.source), []
    found = dict(zip(names, blobs, strict=True))
    params, unread = parse_all(found, parse_params, record.cut_params)
    metrics, bad = parse_all(found, files.parse_metrics, record.cut_metrics)
    record = replace(
        record,
        params={**record.params, **params},
        metrics={**record.metrics, **metrics},
        cut_params=(),
        cut_metrics=(),
    )
    complaints = [*unread, *bad]
    for name in names:
        if found[name] is None:
            complaints.append(f"{name}: too large for the record, and not in the experiment")
    return experiment._replace(record=record), complaints
