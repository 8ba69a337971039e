"""Send experiments to another repository: first the data, then all refs in one push, never by force."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gitexp import errors
from gitexp.catalog import by_words, filters, lookup, sources
from gitexp.catalog.query import Query, find, matching
from gitexp.datasets import sync, wanted
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Status, Stored, readable
from gitexp.named_tuple import NamedTuple
from gitexp.project import first_time
from gitexp.project.project import Project
from gitexp.repo import tracking
from gitexp.repo.experiments import PREFIX
from gitexp.repo.git.values import RefChange
from gitexp.repo.git_remote import GitRemote, PushedRef, PushOutcome
from gitexp.sharing import partner, shared_refs, unite
from gitexp.sharing.partner import Contact, Fate, Shared
from gitexp.sharing.unite import Edits, Pair

_FATES = {
    PushOutcome.NEW: Fate.NEW,
    PushOutcome.UPDATED: Fate.UPDATED,
    PushOutcome.UP_TO_DATE: Fate.UP_TO_DATE,
}
_NOWHERE = "its data is neither on this machine nor at the data remote"


@dataclass(frozen=True, slots=True)
class PushRequest:
    """The experiments to push, and the remote.

    Attributes:
        names: names of experiments; empty: the finished experiments of HEAD.
        to: the name of the Git remote; None: the remote of `git push`.
        everything: the finished experiments of all baselines.
        filter: a condition on experiments without `names`.
        all_projects: experiments of all projects, without `names`.
        failed: True: only failed experiments, without `names`; False: none of them.
        data: whether artifacts go too; None: if a data remote is configured.
    """

    names: Sequence[str] = ()
    to: str | None = None
    everything: bool = False
    filter: str | None = None
    data: bool | None = None
    all_projects: bool = False
    failed: bool | None = None

    @property
    def query(self) -> Query:
        """The experiments of a push without names."""
        return Query(self.everything, failed=self.failed, filter=self.filter, all_projects=self.all_projects)


class LeftOut(NamedTuple):
    """How many experiments a push without names does not send.

    Attributes:
        failed: ended without success, on the baselines of the push.
        going_on: not ended, on the baselines of the push.
        elsewhere: done, on other baselines.
        beside: of other projects.
    """

    failed: int = 0
    going_on: int = 0
    elsewhere: int = 0
    beside: int = 0


_NOTHING = LeftOut()


class Along(NamedTuple):
    """A ref of the remote that moves together with the experiments of a push; if it cannot, none moves.

    Attributes:
        ref: its full name.
        change: the change of it, from the refs of the remote with their ids; None to leave it alone.
    """

    ref: str
    change: Callable[[Mapping[str, str]], RefChange | None]


@dataclass(frozen=True, slots=True)
class Pushed:
    """The end of a push.

    Attributes:
        remote: the remote's name or URL.
        experiments: the fate of each experiment.
        data: the transfer of artifacts; None if none were sent.
        messages: lines from the server.
        left_out: the experiments not sent by a push without names.
        without_data: whether data of the experiments stays here, for lack of a data remote.
        untracked: files of the experiments not tracked by Git, named only with the first push.
        shared_refs: the fate of each shared ref, see the module `shared_refs`.
        along: the outcome for the ref that was to move along, if any.
    """

    remote: str
    experiments: Sequence[Shared]
    data: sync.DataTransfer | None = None
    messages: Sequence[str] = ()
    left_out: LeftOut = _NOTHING
    without_data: bool = False
    untracked: Sequence[str] = ()
    shared_refs: Sequence[Shared] = ()
    along: PushedRef | None = None


@dataclass(frozen=True, slots=True)
class _SentData:
    """The artifacts of a push.

    Attributes:
        report: the transfer; None without artifacts.
        lacking: by record commit whose artifacts the data remote lacks, whether this machine could send them.
        unreadable: by record commit with an unreadable lock, the error.
    """

    report: sync.DataTransfer | None = None
    lacking: Mapping[str, bool] = field(default_factory=dict)
    unreadable: Mapping[str, errors.LockError] = field(default_factory=dict)


def push(
    project: Project, request: PushRequest, contact: Contact | None = None, along: Along | None = None
) -> Pushed:
    """The fate of each experiment of a push, all pushed at once.

    A refused experiment keeps back no other. For an experiment already at the remote, only missing artifacts
    are sent; `reason` tells of artifacts that this machine lacks too.

    Raises NoRemote, RemoteFailed; StillRunning, UnknownExperiment, AmbiguousExperiment for names;
    FilterError. Raises the errors of artifacts before any ref has gone.
    """
    contact = contact or Contact()
    experiments = _select(project, request)
    remote = partner.connect(project, request.to, contact, push=True)
    refs_there = remote.refs(PREFIX, *shared_refs.REFS, *((along.ref,) if along else ()))
    there = partner.experiments_among(refs_there)
    beside = along.change(refs_there) if along else None
    known = _known(experiments, there, named=bool(request.names))
    data = _SentData()
    if _sends_data(project, request):
        data = _push_data(project, request, experiments, known, contact)
    failpoint("push:data")
    to_send = []
    for one in experiments:
        if one.name not in known and one.id not in data.unreadable:
            to_send.append(one)
    names_there = {} if request.names else _names_there(project, to_send, there, remote.where)
    to_send = [one for one in to_send if one.name not in names_there.values()]
    sent, moved_along = _push_refs(remote, there, to_send, names_there, beside, dry_run=project.dry_run)
    failpoint("push:sent")
    in_the_way = {}
    if not project.dry_run:
        in_the_way = _in_the_way(
            project, remote, there, {names_there.get(name, name): answer for name, answer in sent.items()}
        )
    fates = []
    for one in experiments:
        if one.name in known:
            fates.append(_up_to_date(one, known[one.name], has_data=data.lacking.get(one.id, True)))
        elif one.name in sent:
            name = names_there.get(one.name, one.name)
            fates.append(_told(project, one, name, sent[one.name], in_the_way.get(name), request.to))
        elif one.id in data.unreadable:
            fates.append(_without_data(one, data.unreadable[one.id]))
        else:  # the name belongs to an experiment that is here under another name
            fates.append(Shared(one.name, one.name, Fate.REFUSED, *_called_so_there(one)))
    if not project.dry_run:
        _remember(project, remote, experiments, fates, there)
    failpoint("push:remembered")
    return Pushed(
        remote.where,
        fates,
        data.report,
        shared_refs=_push_shared_refs(project, request, remote, experiments, refs_there),
        messages=remote.messages,
        left_out=_left_out(project, request, experiments),
        without_data=_stays_without_data(project, request, experiments),
        untracked=() if along else _untracked(project, experiments),
        along=moved_along,
    )


def _push_shared_refs(
    project: Project,
    request: PushRequest,
    remote: GitRemote,
    experiments: Sequence[Experiment],
    there: Mapping[str, str],
) -> list[Shared]:
    """The fates of the shared refs; named experiments need them only for MLflow."""
    if request.names and not any(one.record.mlflow for one in experiments):
        return []
    return shared_refs.push(project, remote, there)


def _stays_without_data(project: Project, request: PushRequest, experiments: Sequence[Experiment]) -> bool:
    return request.data is None and not project.config.remotes and _has_data(project, experiments)


def _select(project: Project, request: PushRequest) -> list[Experiment]:
    if request.names:
        return _named(project, request)
    with_failed = request.failed is True
    if request.filter is not None and "status" in filters.parse(request.filter).names:
        with_failed = True
    found = []
    for one in matching(project, request.query):
        if not isinstance(one, Experiment) or not sources.is_own(one):
            continue
        if one.record.status is Status.DONE or (with_failed and one.record.status.ended):
            found.append(one)
    return found


def _left_out(project: Project, request: PushRequest, experiments: Sequence[Experiment]) -> LeftOut:
    """The numbers of experiments left out of a request without names and conditions."""
    if request.names or request.filter is not None or request.failed is not None:
        return _NOTHING
    sent = {one.name for one in experiments}
    found = find(project, Query(request.everything, all_projects=request.all_projects), _head(project))
    failed = going_on = 0
    for one in readable(found.experiments):
        if not sources.is_own(one) or one.name in sent:
            continue
        if one.record.status.ended:
            failed += 1
        else:
            going_on += 1
    outside = found.outside()
    return LeftOut(failed, going_on, len(outside.elsewhere), len(outside.beside))


def _head(project: Project) -> str | None:
    return project.repo.resolve("HEAD")


def _untracked(project: Project, experiments: Sequence[Experiment]) -> Sequence[str]:
    """The new files of the newest experiment, if nobody was told of such files at a push before."""
    for one in experiments[:1]:
        return first_time.new_files(project, "push", one.record.baseline, one.record.commit)
    return ()


def _has_data(project: Project, experiments: Sequence[Experiment]) -> bool:
    with contextlib.suppress(errors.GitexpError):
        return bool(wanted.artifacts(project, [one.id for one in experiments]))
    return False


def _named(project: Project, request: PushRequest) -> list[Experiment]:
    if request.query != Query():
        raise errors.UsageError(
            "Names do not go together with options that choose experiments.", "Ask for one of them."
        )
    found = dict[str, Experiment]()
    for name in by_words.expanded(project, request.names):
        one = lookup.require_own(project, name)
        if not one.record.status.ended:
            raise errors.ExperimentError(
                f"{one.name} is {one.record.status}.", "Push it when it has ended.", code="still-running"
            )
        found[one.name] = one
    return list(found.values())


def _known(experiments: Iterable[Experiment], there: Mapping[str, str], *, named: bool) -> dict[str, str]:
    """The experiments with the same state at the remote: by name, the name at the remote.

    The names differ for an experiment pulled under the name name-2. With `named`, it is sent once more.
    """
    name_there = {}
    if not named:
        name_there = {oid: name for name, oid in there.items()}
    found = {}
    for one in experiments:
        if there.get(one.name) == one.id:
            found[one.name] = one.name
        elif one.id in name_there:
            found[one.name] = name_there[one.id]
    return found


def _names_there(
    project: Project, experiments: Iterable[Experiment], there: Mapping[str, str], where: str
) -> dict[str, str]:
    """The names at the remote of experiments pulled as NAME-2 and edited since, by the name here.

    Another experiment has the name here. The same commit is the same experiment; one that was renamed goes
    under its new name.
    """
    unknown = {one.record.commit: one.name for one in experiments if one.name not in there}
    if not unknown:
        return {}
    here = {ref.decode().removeprefix(PREFIX): oid.decode() for oid, ref in project.repo.refs(PREFIX)}
    others = [name for name, oid in there.items() if here.get(name) != oid]
    if not others:  # as in nearly all pushes: the remote has nothing that is not here
        return {}
    objects = project.repo.find_objects([there[name] for name in others])
    before = tracking.known(project.repo, where)
    fetched = {}  # what was changed there since the last pull is not here, but what it was before is
    for name, found in zip(others, objects, strict=True):
        if (oid := there[name] if found else before.get(name)) is not None:
            fetched[name] = oid
    names = dict[str, str]()
    for read in project.store.read_commits(fetched):
        one = read.experiment
        if not isinstance(one, Experiment) or one.record.commit not in unknown:
            continue
        own = project.store.get(one.name)
        if isinstance(own, Experiment) and own.record.commit != one.record.commit:
            names.setdefault(unknown[one.record.commit], one.name)
    return names


def _sends_data(project: Project, request: PushRequest) -> bool:
    if request.data is None:
        return bool(project.config.remotes)
    return request.data


def _push_data(
    project: Project,
    request: PushRequest,
    experiments: Sequence[Experiment],
    known: Collection[str],
    contact: Contact,
) -> _SentData:
    """Send all artifacts: nobody must see an experiment at the remote before its artifacts are there."""
    lacking = dict[str, bool]()
    every = request.names or request.data  # then known experiments are looked at file by file
    if not every:
        lacking = sync.lacking(project, [one.id for one in experiments if one.name in known])
    commits = []
    for one in experiments:
        if every or one.name not in known or lacking.get(one.id):
            commits.append(one.id)
    unreadable = wanted.unreadable(project, commits)
    commits = [commit for commit in commits if commit not in unreadable]
    if not commits:
        return _SentData(None, lacking, unreadable)
    report = sync.push(project, wanted.artifacts(project, commits), on_progress=contact.on_data)
    report.check()
    return _SentData(report, lacking, unreadable)


def _push_refs(
    remote: GitRemote,
    there: Mapping[str, str],
    experiments: Sequence[Experiment],
    names_there: Mapping[str, str],
    along: RefChange | None,
    *,
    dry_run: bool,
) -> tuple[dict[str, PushedRef], PushedRef | None]:
    """The answer of the remote to each experiment, by name, and the one to the ref that moves along.

    `names_there`: the names at the remote of those with another name here.
    """
    changes = []
    for one in experiments:
        name = names_there.get(one.name, one.name)
        changes.append(RefChange(PREFIX + name, there.get(name), one.id))
    if along is not None:
        changes.append(along)
    answers = remote.push(changes, together=along is not None, dry_run=dry_run)
    moved_along = answers.pop() if along is not None else None
    return {one.name: answer for one, answer in zip(experiments, answers, strict=True)}, moved_along


def _remember(
    project: Project,
    remote: GitRemote,
    experiments: Iterable[Experiment],
    told: Iterable[Shared],
    there: Mapping[str, str],
) -> None:
    """Note the present refs of the remote."""
    ids = {one.name: one.id for one in experiments}
    now = {}
    for each in told:
        if each.fate is not Fate.REFUSED:
            now[each.there] = ids[each.here or each.there]
    known = {*there, *now}
    tracking.remember(project.repo, remote.where, now, gone=lambda name: name not in known)


def _in_the_way(
    project: Project, remote: GitRemote, there: Mapping[str, str], sent: Mapping[str, PushedRef]
) -> dict[str, Stored]:
    """The remote's own experiments under refused names, fetched to explain the refusals."""
    wanted = {}
    for name, answer in sent.items():
        if answer.outcome is PushOutcome.REFUSED and answer.here and name in there:
            wanted[name] = there[name]
    try:
        fetched, _ = partner.fetch(remote, wanted)
    except errors.SharingError:  # the push itself has not failed
        return {}
    return {one.experiment.name: one.experiment for one in project.store.read_commits(fetched)}


def _up_to_date(one: Experiment, there: str, *, has_data: bool) -> Shared:
    if has_data:
        return Shared(there, one.name, Fate.UP_TO_DATE)
    hint = f"Whoever has it: gitexp push {one.name}"
    return Shared(there, one.name, Fate.UP_TO_DATE, _NOWHERE, hint)


def _without_data(one: Experiment, why: errors.LockError) -> Shared:
    hint = f"Nobody knows what data it has. Without any: gitexp push {one.name} --no-data"
    return Shared(one.name, one.name, Fate.REFUSED, why.message.rstrip("."), hint)


def _told(
    project: Project,
    one: Experiment,
    there: str,
    answer: PushedRef,
    other: Stored | None,
    remote: str | None,
) -> Shared:
    """The fate of a sent experiment.

    `there`: its name at the remote. `other`: the remote's own experiment of this name. `remote`: the user's
    name for the remote.
    """
    if answer.outcome is not PushOutcome.REFUSED:
        return Shared(there, one.name, _FATES[answer.outcome])
    reason, hint = answer.reason, partner.hint_for(answer.reason)
    pull = shlex.join(["gitexp", "pull", there, *_to(remote)])
    if answer.here and other is not None:
        if isinstance(other, Experiment) and other.record.commit == one.record.commit:
            reason, both = _edited(unite.edits(project, Pair(one, other)))
            hint = f"Take that over: {pull}"
            if both:
                hint = f"Unite both: {pull}; then: {shlex.join(['gitexp', 'push', one.name, *_to(remote)])}"
        else:
            reason, hint = _called_so_there(one)
    elif "shallow" in reason:
        hint = "This is a shallow clone, and what it lacks is not there either: git fetch --unshallow"
    elif answer.here:
        hint = f"What is there would be lost: {pull}, then look at both."
    return Shared(there, one.name, Fate.REFUSED, reason, hint)


def _called_so_there(one: Experiment) -> tuple[str, str]:
    """The reason and the hint for an experiment with the name of another one at the remote."""
    hint = f"Give yours another name: gitexp rename {one.name} NEW; then push again."
    return "another experiment is called so there", hint


def _to(remote: str | None) -> Sequence[str]:
    if remote is None:
        return ()
    return ("--remote", remote)


def _edited(edits: Edits) -> tuple[str, bool]:
    """The facts edited there, and whether any were edited here, too."""
    if not edits.there:
        return "it has a newer record there", bool(edits.here)
    verb = "was" if [*edits.there] == ["note"] else "were"
    reason = f"{_parts(edits.there)} {verb} changed there"
    if not edits.here:
        return f"{reason}, and not here", False
    if edits.here == edits.there:
        return f"{reason} as well as here", True
    return f"{reason}, and {_parts(edits.here)} here", True


def _parts(names: Sequence[str]) -> str:
    return f"its {' and '.join(names)}"
