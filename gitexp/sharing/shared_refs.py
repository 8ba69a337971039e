"""The shared refs: they travel with experiments but belong to no single one, like MLflow's model registry.

Each ref is a line of commits. The plugin of the ref merges the lines of two clones.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from gitexp import errors, plugins
from gitexp.failpoints import failpoint
from gitexp.project.project import Project
from gitexp.repo.git import graph, refs
from gitexp.repo.git.values import RefChange, RefConflict
from gitexp.repo.git_remote import GitRemote, PushOutcome
from gitexp.sharing import partner
from gitexp.sharing.partner import Fate, Shared

_KIND = "shared ref"
_TOP = "refs/gitexp/"
REFS = tuple(_TOP + name for name in plugins.names(_KIND))
_ATTEMPTS = 5
_FATES = {
    PushOutcome.NEW: Fate.NEW,
    PushOutcome.UPDATED: Fate.UPDATED,
    PushOutcome.UP_TO_DATE: Fate.UP_TO_DATE,
}


def push(project: Project, remote: GitRemote, there: Mapping[str, str]) -> list[Shared]:
    """The fate of each shared ref of this repository; `there`: the refs of the remote with their ids.

    Nothing at the remote is overwritten: a ref changed at the remote is refused.
    """
    told, changes = [], []
    for ref in REFS:
        here = project.repo.resolve(ref)
        if here is not None and there.get(ref) == here:
            told.append(_shared(ref, Fate.UP_TO_DATE))
        elif here is not None:
            changes.append(RefChange(ref, there.get(ref), here))
    for change, answer in zip(changes, remote.push(changes, dry_run=project.dry_run), strict=True):
        if answer.outcome is not PushOutcome.REFUSED:
            told.append(_shared(change.ref, _FATES[answer.outcome]))
        elif answer.here:
            to = shlex.join(["--remote", remote.where])
            hint = f"Unite both: gitexp pull {to}; then: gitexp push {to}"
            told.append(_shared(change.ref, Fate.REFUSED, "its registry was changed there, too", hint))
        else:
            hint = partner.hint_for(answer.reason)
            told.append(_shared(change.ref, Fate.REFUSED, answer.reason, hint))
    return told


def pull(project: Project, remote: GitRemote, there: Mapping[str, str]) -> list[Shared]:
    """The fate of each shared ref of the remote: taken over, or merged with the ref of this repository."""
    told = []
    for ref in REFS:
        if ref not in there:
            continue
        refused = remote.fetch({ref: there[ref]})
        failpoint("pull:further")
        if ref in refused:
            told.append(_shared(ref, Fate.REFUSED, refused[ref].message.rstrip("."), refused[ref].hint or ""))
        else:
            told.append(_taken(project, ref, there[ref]))
    return told


def _taken(project: Project, ref: str, theirs: str) -> Shared:
    repo = project.repo
    for _ in range(_ATTEMPTS):
        here, notes = repo.resolve(ref), list[str]()
        if here is None:
            new, fate = theirs, Fate.NEW
        elif graph.is_ancestor(repo, theirs, here):
            return _shared(ref, Fate.UP_TO_DATE)
        elif graph.is_ancestor(repo, here, theirs):
            new, fate = theirs, Fate.UPDATED
        else:
            new, notes = plugins.load(_KIND, ref.removeprefix(_TOP))(project, here, theirs)
            fate = Fate.UNITED
        if not project.dry_run:
            try:
                refs.move(repo, [RefChange(ref, here, new)], "gitexp: pull")
            except RefConflict:
                continue
        return _shared(ref, fate, "; ".join(notes))
    raise errors.GitFailed(f"{ref} keeps changing under us.", "Run the command again in a moment.")


def _shared(ref: str, fate: Fate, reason: str = "", hint: str = "") -> Shared:
    name = ref.removeprefix(_TOP)
    here = None
    if fate is not Fate.REFUSED:
        here = name
    return Shared(name, here, fate, reason, hint)
