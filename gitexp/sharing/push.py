"""Send experiments to another repository: their data first, then their refs, in one push, never by force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.catalog import filters, lookup, sources
from gitexp.catalog.query import Query, matching
from gitexp.datasets import sync, wanted
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Status, Stored
from gitexp.project.project import Project
from gitexp.repo import tracking
from gitexp.repo.experiments import PREFIX
from gitexp.repo.git.values import RefChange
from gitexp.repo.git_remote import GitRemote, PushOutcome, Sent
from gitexp.sharing import partner
from gitexp.sharing.partner import Contact, Fate, Shared

_FATES = {
    PushOutcome.NEW: Fate.NEW,
    PushOutcome.UPDATED: Fate.UPDATED,
    PushOutcome.UP_TO_DATE: Fate.UP_TO_DATE,
}
_NOWHERE = "its data is neither on this machine nor at the data remote"


@dataclass(frozen=True, slots=True)
class PushRequest:
    """Which experiments to push where. Without names: those of HEAD that are done, with `everything` those
    of all baselines, and of these the ones that `filter` finds.

    `data` None: the artifacts too if a data remote is configured.
    """

    names: Sequence[str] = ()
    to: str | None = None
    everything: bool = False
    filter: str | None = None
    data: bool | None = None


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of each experiment and of its data (None: not sent), and what the server said."""

    remote: str
    experiments: Sequence[Shared]
    data: sync.TransferReport | None = None
    messages: Sequence[str] = ()


def push(project: Project, request: PushRequest, contact: Contact | None = None) -> Pushed:
    """Push experiments; return what became of each.

    One that is there as it is here is up to date, and of its data goes what is not there; where that is
    not here either, `reason` says so. One that cannot go is refused, and keeps back no other. Raises
    NoRemote, RemoteFailed; StillRunning, UnknownExperiment, AmbiguousExperiment for names; FilterError; and
    what is raised for data that cannot be sent: then no ref has gone.
    """
    contact = contact or Contact()
    experiments = _select(project, request)
    remote = partner.connect(project, request.to, contact, push=True)
    there = partner.experiments_at(remote)
    known = _known(experiments, there, named=bool(request.names))
    going = [one for one in experiments if one.name not in known]
    with_data = bool(project.config.remotes) if request.data is None else request.data
    lacking = dict[str, bool]()
    if with_data and not (request.names or request.data):  # those asked for are looked at file by file
        lacking = sync.lacking(project, [one.record.commit for one in experiments if one.name in known])
        of_data = [one for one in experiments if one.name not in known or lacking.get(one.record.commit)]
    else:
        of_data = experiments if with_data else []
    unread = wanted.unreadable(project, [one.record.commit for one in of_data])
    report = _push_data(project, [one for one in of_data if one.record.commit not in unread], contact)
    going = [one for one in going if one.record.commit not in unread]
    failpoint("push:data")
    sent = remote.push([RefChange(PREFIX + one.name, there.get(one.name), one.id) for one in going])
    failpoint("push:sent")
    outcomes = dict(zip((one.name for one in going), sent, strict=True))
    lost = [name for name, how in outcomes.items() if how.outcome is PushOutcome.REFUSED and how.here]
    theirs = _theirs(project, remote, there, lost)
    told = [
        _up_to_date(one, known[one.name], has_data=lacking.get(one.record.commit, True))
        if one.name in known
        else _told(one, outcomes[one.name], theirs)
        if one.name in outcomes
        else _without_data(one, unread[one.record.commit])
        for one in experiments
    ]
    ids = {one.name: one.id for one in experiments}
    now = {one.there: ids[one.here or one.there] for one in told if one.fate is not Fate.REFUSED}
    tracking.remember(
        project.repo, remote.where, now, gone=lambda name: name not in there and name not in now
    )
    failpoint("push:remembered")
    return Pushed(remote.where, told, report, remote.messages)


def _known(experiments: Iterable[Experiment], there: Mapping[str, str], *, named: bool) -> dict[str, str]:
    """Return those of some experiments that are there as they are here, by name with their names there.

    One that stands there under another name (here it is name-2, because there is another of that name) goes
    once more only if it is `named`.
    """
    by_id = {} if named else {oid: name for name, oid in there.items()}
    found = {}
    for one in experiments:
        name = one.name if there.get(one.name) == one.id else by_id.get(one.id)
        if name is not None:
            found[one.name] = name
    return found


def _push_data(
    project: Project, experiments: Sequence[Experiment], contact: Contact
) -> sync.TransferReport | None:
    """Send the artifacts of some experiments, all of them; nobody must see one whose data is not there."""
    if not experiments:
        return None
    artifacts = wanted.artifacts(project, [one.record.commit for one in experiments])
    report = sync.push(project, artifacts, on_progress=contact.on_data)
    report.check()
    return report


def _select(project: Project, request: PushRequest) -> list[Experiment]:
    if request.names:
        if request.everything or request.filter is not None:
            raise errors.UsageError(
                "Names do not go together with --all and --filter.", "Ask for one of them."
            )
        named = [lookup.require_own(project, name) for name in request.names]
        for one in named:
            if not one.record.status.ended:
                raise errors.ExperimentError(
                    f"{one.name} is {one.record.status}.", "Push it when it has ended.", code="still-running"
                )
        return list({one.name: one for one in named}.values())
    query = Query(request.everything, filter=request.filter)
    asks_for_status = request.filter is not None and "status" in filters.parse(request.filter).names
    return [
        one
        for one in matching(project, query)
        if isinstance(one, Experiment)
        and sources.is_own(one)
        and (one.record.status is Status.DONE or (asks_for_status and one.record.status.ended))
    ]


def _theirs(
    project: Project, remote: GitRemote, there: Mapping[str, str], names: Sequence[str]
) -> dict[str, Stored]:
    """Return what the remote has under names that it did not let us use; fetches these."""
    found = {name: there[name] for name in names if name in there}
    try:
        refused = remote.fetch({PREFIX + name: oid for name, oid in found.items()})
    except errors.SharingError:  # it was to say why, no more
        return {}
    fetched = {name: oid for name, oid in found.items() if PREFIX + name not in refused}
    return {one.experiment.name: one.experiment for one in project.store.read_commits(fetched)}


def _up_to_date(one: Experiment, there: str, *, has_data: bool) -> Shared:
    if has_data:
        return Shared(there, one.name, Fate.UP_TO_DATE)
    hint = f"Whoever has it: gitexp push {one.name}"
    return Shared(there, one.name, Fate.UP_TO_DATE, _NOWHERE, hint)


def _without_data(one: Experiment, why: errors.LockError) -> Shared:
    hint = f"Nobody knows what data it has. Without any: gitexp push {one.name} --no-data"
    return Shared(one.name, one.name, Fate.REFUSED, why.message.rstrip("."), hint)


def _told(one: Experiment, how: Sent, theirs: Mapping[str, Stored]) -> Shared:
    if how.outcome is not PushOutcome.REFUSED:
        return Shared(one.name, one.name, _FATES[how.outcome])
    reason, hint = how.reason, partner.hint_for(how.reason)
    if how.here and (other := theirs.get(one.name)) is not None:
        if isinstance(other, Experiment) and other.record.commit == one.record.commit:
            reason = "its note or tags were changed there too"
            hint = f"Unite them first: gitexp pull {one.name}; then push again."
        else:
            reason = "another experiment is called so there"
            hint = f"Give yours another name: gitexp rename {one.name} NEW; then push again."
    elif "shallow" in reason:
        hint = "This is a shallow clone, and what it lacks is not there either: git fetch --unshallow"
    elif how.here:
        hint = f"What is there would be lost: gitexp pull {one.name}, then look at both."
    return Shared(one.name, one.name, Fate.REFUSED, reason, hint)
