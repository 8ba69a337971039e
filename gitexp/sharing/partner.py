"""The other repository of a push or pull, and the fate of each experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gitexp import errors
from gitexp.catalog import by_words, lookup
from gitexp.objects.progress import OnProgress
from gitexp.project.project import Project
from gitexp.repo import git_remote
from gitexp.repo.experiments import PREFIX, is_name
from gitexp.repo.git_remote import GitRemote
from gitexp.words import did_you_mean

PASSING = "The server could not do it just now. Run the command again; if it stays so, ask its owner."
_COULD_NOT = ("update ref", "lock", "unpacker error", "migrate objects", "no answer", "old value", "hung up")


@dataclass(frozen=True, slots=True)
class Contact:
    """The ways to reach the user during a push or pull.

    Attributes:
        tell: called with each line from Git, progress bars among them.
        prompts: whether Git may ask for a password on the terminal.
        on_data: called with the progress of artifacts.
    """

    tell: Callable[[str], None] = lambda line: None
    prompts: bool = False
    on_data: OnProgress | None = None


class Fate(StrEnum):
    """The end of an experiment's way. `LEFT`: removed here by the user, and not asked for."""

    NEW = "new"
    UPDATED = "updated"
    UNITED = "united"
    RENAMED = "renamed"
    UP_TO_DATE = "up-to-date"
    LEFT = "left"
    REMOVED = "removed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Shared:
    """An experiment of a push or pull.

    Attributes:
        there: the name at the remote.
        here: the name in this repository, if any.
        fate: the end of its way.
        reason: why it was refused or left, or a fact worth knowing.
        hint: the user's next step.
    """

    there: str
    here: str | None
    fate: Fate
    reason: str = ""
    hint: str = ""

    def as_json(self) -> dict[str, Any]:
        """The experiment in the form of `--json`."""
        return {
            "name": self.there,
            "here": self.here,
            "outcome": self.fate,
            "reason": self.reason or None,
            "hint": self.hint or None,
        }


def refused(name: str, complaint: str, hint: str | None = None) -> Shared:
    """The fate of an experiment that does not come."""
    return Shared(name, None, Fate.REFUSED, complaint.rstrip("."), hint or "")


def may_pass(reason: str) -> bool:
    """Whether a server that refuses for this reason may take the same later."""
    return any(words in reason for words in _COULD_NOT)


def hint_for(reason: str) -> str:
    """The hint for a refusal with this reason from a server."""
    if may_pass(reason):
        return PASSING
    return "Its settings and hooks must allow refs below refs/gitexp/; docs/sharing.md says more."


def connect(project: Project, name: str | None, contact: Contact, *, push: bool) -> GitRemote:
    """The Git remote of a name; without a name, the remote that `git push` or `git fetch` would use.

    Raises NoRemote.
    """
    config = project.repo.config
    known = git_remote.remotes(config)
    if name is None:
        status, out, _ = project.repo.call("symbolic-ref", "--quiet", "HEAD")
        branch = None
        if status == 0:
            branch = out.decode("utf-8", "surrogateescape").strip()
        name = git_remote.default_remote(config, branch, push=push)
    elif name not in known and any(sign in name for sign in "/:@"):
        raise errors.SharingError(
            "What is asked for is the name of a Git remote, and not a URL or a path.",
            "Give it a name: git remote add NAME URL",
            code="no-remote",
        )
    elif name not in known:
        raise errors.SharingError(
            f"There is no Git remote '{name}'.",
            did_you_mean(name, known, f"Add it: git remote add {name} URL", most=1),
            code="no-remote",
        )
    return GitRemote(project.repo, name, contact.tell, prompts=contact.prompts)


def experiments_at(remote: GitRemote) -> dict[str, str]:
    """The experiments of a remote: see `experiments_among`. Raises RemoteFailed."""
    return experiments_among(remote.refs(PREFIX))


def experiments_among(refs: Mapping[str, str]) -> dict[str, str]:
    """The experiments among refs: names with record commits, sorted. Impossible names are left out."""
    found = {}
    for ref, oid in sorted(refs.items()):
        name = ref.removeprefix(PREFIX)
        if ref.startswith(PREFIX) and is_name(name):
            found[name] = oid
    return found


def fetch(
    remote: GitRemote, experiments: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, errors.BadTransfer]]:
    """The experiments (names with record commits) that were fetched, and the refused names with reasons."""
    answer = remote.fetch({PREFIX + name: oid for name, oid in experiments.items()})
    refused = {ref.removeprefix(PREFIX): why for ref, why in answer.items()}
    return {name: oid for name, oid in experiments.items() if name not in refused}, refused


def chosen(remote: GitRemote, there: Mapping[str, str], words: Iterable[str]) -> dict[str, str]:
    """The experiments of a remote with these names, unique beginnings of names, or patterns.

    Raises UnknownExperiment or AmbiguousExperiment.
    """
    found = {}
    for word in words:
        if by_words.is_pattern(word):
            names = _like(remote.where, list(there), word)
        else:
            names = [_chosen(remote.where, list(there), word)]
        found.update({name: there[name] for name in names})
    return found


def _like(where: str, names: Sequence[str], pattern: str) -> list[str]:
    found = [name for name in names if by_words.fits(name, pattern)]
    if not found:
        raise errors.ExperimentError(
            f"No experiment at {where} is called like '{pattern}'.",
            f"It has: {', '.join(names[:12]) or 'none'}.",
            code="unknown-experiment",
        )
    return found


def _chosen(where: str, names: Sequence[str], word: str) -> str:
    if word in names:
        return word
    begun = [name for name in names if word and name.lower().startswith(word.lower())]
    if len(begun) == 1:
        return begun[0]
    if begun:
        raise lookup.ambiguous(word, begun, f"experiments at {where}", "Give more of the name.")
    if not names:
        raise errors.ExperimentError(
            f"There are no experiments at {where}.",
            "gitexp push brings some there.",
            code="unknown-experiment",
        )
    raise errors.ExperimentError(
        f"There is no experiment '{word}' at {where}.",
        did_you_mean(word, names, f"It has: {', '.join(names[:12])}."),
        code="unknown-experiment",
    )
