"""Another repository, and the refs that Git carries between the two: by name, never by force.

The user's configuration of the remote holds (`remote.<name>.url`, `url.<base>.insteadOf`, `core.sshCommand`,
credential helpers, the hook pre-push): a user who says push or pull asks for it, and nothing of it runs
before. All else is off: tags, submodules, pruning, and the refs that `remote.<name>.fetch` would move too.
Incoming objects are checked one by one (fsck).

No word of the domain is known here.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.masks import without_credentials
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.repo.git import graph, launch, refs, transport_failures
from gitexp.repo.git.git_calls import FETCHING
from gitexp.repo.git.git_text import in_lines
from gitexp.repo.git.launch import Tell
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import RefChange
from gitexp.repo.local import LocalState

OUTGOING = "refs/gitexp/outgoing/"

# Git compares each refspec with each ref of the other side, for minutes with ten thousand of both. More refs
# than this are put together in one place first, and pushed by one pattern.
_MOST_REFSPECS = 100
_MOST_FAILURES = 100  # of fetches: somebody means ill, or a history common to all is damaged
_CHECKED = ("-c", "transfer.fsckObjects=true", "-c", "fetch.fsckObjects=true")
_FETCH = (
    *("--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-prune", "--no-prune-tags"),
    "--refmap=",  # `+refs/*:refs/*` of a mirror must not move what is here
    "--progress",
)
_PUSH = ("--porcelain", "--progress", "--no-follow-tags", "--recurse-submodules=no")
_NOT_ATOMIC = "does not support --atomic"  # says Git of a server
# For the hook pre-push, which may be any program: Git's own settings.
_AS_USUAL = {"GIT_LITERAL_PATHSPECS": "0"}
_OF_SERVER = regex(r"^remote: (?!.*(?:\d+% \(|, done\.|Total \d+ ))(.*\S)", re.MULTILINE)


class PushOutcome(StrEnum):
    """The outcome of a push for a ref."""

    NEW = "new"
    UPDATED = "updated"
    UP_TO_DATE = "up-to-date"
    DELETED = "deleted"
    REFUSED = "refused"


_FLAGS = {
    "*": PushOutcome.NEW,
    " ": PushOutcome.UPDATED,
    "+": PushOutcome.UPDATED,
    "=": PushOutcome.UP_TO_DATE,
    "-": PushOutcome.DELETED,
    "!": PushOutcome.REFUSED,
}


class PushedRef(NamedTuple):
    """The outcome of a push for a ref.

    Attributes:
        ref: the full name.
        outcome: the effect of the push.
        reason: for a refused ref, the words of Git or of the server; else "".
        here: whether this Git refused, to save the ref of the other repository; else the server refused.
    """

    ref: str
    outcome: PushOutcome
    reason: str = ""
    here: bool = False


def _silent(line: str) -> None:
    pass


class GitRemote:
    """Another repository: a configured remote by its name, or any by URL or path (`where`).

    `tell` is called with each line from Git, progress bars among them. With `prompts` Git may ask the user
    for a name and a password on the terminal.
    """

    def __init__(self, repo: Repository, where: str, tell: Tell = _silent, *, prompts: bool = False) -> None:
        self.repo = repo
        self.where = where
        self._tell = tell
        self._environment = {**FETCHING, **_AS_USUAL}
        if prompts:
            self._environment["GIT_TERMINAL_PROMPT"] = os.environ.get("GIT_TERMINAL_PROMPT", "1")
        self.messages: list[str] = []

    def refs(self, *prefixes: str) -> dict[str, str]:
        """The refs of the other repository below some prefixes, with their ids.

        Raises RemoteFailed.
        """
        patterns = (f"{prefix}*" for prefix in prefixes)
        out = self._run("ls-remote", "--refs", "--end-of-options", self.where, *patterns)
        found = {}
        for line in out.decode("utf-8", "surrogateescape").split("\n"):
            oid, tab, ref = line.partition("\t")
            if tab and ref.startswith(prefixes):
                found[ref] = oid
        return found

    def fetch(self, found: Mapping[str, str]) -> dict[str, errors.BadTransfer]:
        """Get the objects of some refs of the other repository, all objects checked; no ref here moves.

        `found` holds refs with ids, from `refs`. Returns the refs with a missing object, or with an object
        refused by Git's fsck, and the reasons; the other refs are complete. Raises RemoteFailed.
        """
        known = {oid.decode() for oid, _ in self.repo.refs()}
        ids = [oid for oid in dict.fromkeys(found.values()) if oid not in known]
        if not ids:
            return {}
        refused: dict[str, errors.BadTransfer] = {}
        with LocalState(self.repo).scratch() as scratch:
            # Objects of a partial clone must stay in the packs in which they come.
            is_partial = bool(self.repo.promised())
            apart = self.repo if is_partial else self.repo.set_apart(scratch / "objects")
            if not graph.is_connected(self.repo, ids):
                refused = self._fetch(apart, ids)
            if not is_partial:
                apart.keep([oid for oid in ids if oid not in refused], but=known, with_deltas=True)
        return {ref: refused[oid] for ref, oid in found.items() if oid in refused}

    def _fetch(self, into: Repository, ids: Sequence[str]) -> dict[str, errors.BadTransfer]:
        """Fetch objects; returns the incomplete objects, which are found by halves."""
        refused: dict[str, errors.BadTransfer] = {}
        waiting = [ids]
        failures = 0
        while waiting and failures < _MOST_FAILURES:
            some = waiting.pop(0)
            try:
                self._fetch_together(into, some)
            except errors.BadTransfer as error:
                failures += 1
                half = len(some) // 2
                if half:
                    waiting[:0] = [some[:half], some[half:]]
                else:
                    refused[some[0]] = error
        left = errors.BadTransfer(
            f"Too much of what {self.where} has is damaged.",
            "Pull the experiments that you want by name.",
        )
        for some in waiting:
            refused |= dict.fromkeys(some, left)
        return refused

    def _fetch_together(self, into: Repository, ids: Sequence[str]) -> None:
        # By their ids: refs that a `git fetch` moves stay locked if it is killed (see repo/git/ref_locks.py),
        # and names are compared with all names of the other side, for minutes with ten thousand.
        settings = (*_CHECKED, *launch.DURABLE)
        args = ("fetch", *_FETCH, "--stdin", "--end-of-options", self.where)
        self._run(*settings, *args, stdin=in_lines(ids), into=into)
        if not graph.is_connected(into, ids):
            raise errors.BadTransfer(
                f"{self.where} does not have all that belongs to it.",
                "Is that a shallow clone? There, git fetch --unshallow brings the rest.",
            )

    def push(
        self,
        changes: Sequence[RefChange],
        *,
        exact: bool = False,
        together: bool = False,
        dry_run: bool = False,
    ) -> list[PushedRef]:
        """Make refs there, move them on, or delete them; the outcomes, in order.

        A ref is only made or fast-forwarded, and deleted only at its old id; with `exact`, each ref moves
        only from its old id, wherever to: None for a ref that must not be there. Refused refs do not keep
        back the others, unless all are to move `together`, or none, where the server can do so. With
        `dry_run` nothing is sent, and no hook runs. Raises RemoteFailed without an outcome for any ref.
        """
        if not changes:
            return []
        options = _leases(changes, exact=exact)
        if dry_run:
            options += ["--dry-run", "--no-verify"]
        if together:
            options.append("--atomic")
        with self._refspecs(changes) as refspecs:
            failpoint("push:staged")
            args = (*self._not_a_mirror(), "push", *_PUSH, *options, "--end-of-options", self.where)
            status, out, err, hook = self._call_with_hook(*args, *refspecs)
        if status != 0 and hook:
            raise transport_failures.refused_by_hook(hook, out, err)
        self.messages += _OF_SERVER.findall(without_credentials(err))
        pushed = _pushed(out, err)
        if together and _NOT_ATOMIC in err:
            return self.push(changes, exact=exact, dry_run=dry_run)
        if status != 0 and not pushed:
            raise transport_failures.failure("push", self.where, status, err)
        reason = transport_failures.reason(err) or "no answer came"
        for change in changes:
            pushed.setdefault(change.ref, PushedRef(change.ref, PushOutcome.REFUSED, reason))
        return [pushed[change.ref] for change in changes]

    @contextlib.contextmanager
    def _refspecs(self, changes: Sequence[RefChange]) -> Iterator[list[str]]:
        top = changes[0].ref.rpartition("/")[0] + "/"
        like = all(change.new is not None and change.ref.startswith(top) for change in changes)
        if len(changes) <= _MOST_REFSPECS or not like:
            yield [f"{change.new or ''}:{change.ref}" for change in changes]
            return
        with LocalState(self.repo).lock("outgoing"):
            self._empty_outgoing()  # of one that was killed
            staged = [RefChange(OUTGOING + c.ref.removeprefix(top), None, c.new) for c in changes]
            refs.move(self.repo, staged, "gitexp: push", durable=False)
            try:
                yield [f"{OUTGOING}*:{top}*"]
            finally:
                self._empty_outgoing()

    def _empty_outgoing(self) -> None:
        found = self.repo.refs(OUTGOING)
        left = [RefChange(os.fsdecode(ref), oid.decode(), None) for oid, ref in found]
        if left:
            refs.move(self.repo, left, "gitexp: push", durable=False)

    def _not_a_mirror(self) -> Sequence[str]:
        # A remote that is configured as a mirror takes no refspecs.
        key = f"remote.{self.where}.mirror"
        if key not in self.repo.config or "=" in key:
            return ()
        return ("-c", f"{key}=false")

    def _run(self, *args: str, stdin: bytes = b"", into: Repository | None = None) -> bytes:
        status, out, err = self._call(*args, stdin=stdin, into=into)
        if status != 0:
            verb = next(arg for arg in args if arg in ("fetch", "ls-remote"))
            raise transport_failures.failure(verb, self.where, status, err)
        return out

    def _call_with_hook(self, *args: str) -> tuple[int, bytes, str, str]:
        """The result of `_call` with the hooks of the repository, and the name of a hook that refused; or "".

        Git does not tell a refusal of the hook from other failures, and the hook may print anything: Git's
        own trace says how the hook ended.
        """
        with LocalState(self.repo).scratch() as scratch:
            trace = scratch / "trace"
            status, out, err = self._call(*args, hooks=True, env={"GIT_TRACE2_EVENT": str(trace)})
            return status, out, err, transport_failures.failed_hook(trace)

    def _call(
        self,
        *args: str,
        stdin: bytes = b"",
        hooks: bool = False,
        into: Repository | None = None,
        env: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes, str]:
        call = (into or self.repo).call_telling
        environment = {**self._environment, **(env or {})}
        return call(*args, tell=self._tell, env=environment, stdin=stdin, hooks=hooks)


def _leases(changes: Sequence[RefChange], *, exact: bool) -> list[str]:
    """The options that bind a deletion to the ref's old id; with `exact`, each move."""
    options = []
    for change in changes:
        if exact or change.new is None:
            options.append(f"--force-with-lease={change.ref}:{change.old or ''}")
    return options


def _pushed(out: bytes, err: str) -> dict[str, PushedRef]:
    """The outcome for each ref that Git has an answer for; with the server's reason for a refused object."""
    pushed = {one.ref: one for one in _outcomes(out)}
    damage = transport_failures.refused_object(err)
    if damage is None:
        return pushed
    for ref, one in pushed.items():
        if one.outcome is PushOutcome.REFUSED and not one.here:
            pushed[ref] = one._replace(reason=f"the server refuses the {damage}")
    return pushed


def _outcomes(out: bytes) -> Iterator[PushedRef]:
    """Yield what `git push --porcelain` says of each ref: `<flag>\\t<from>:<to>\\t<summary> (<reason>)`."""
    for line in out.decode("utf-8", "replace").split("\n"):
        flag, _, rest = line.partition("\t")
        names, _, summary = rest.partition("\t")
        if flag not in _FLAGS or not summary:
            continue
        ref = names.rpartition(":")[2]
        pushed = PushedRef(ref, _FLAGS[flag])
        if flag == "!":
            reason = summary.partition("(")[2].removesuffix(")")
            pushed = pushed._replace(reason=reason, here=summary.startswith("[rejected]"))
        yield pushed


def default_remote(config: Mapping[str, str], branch: str | None, *, push: bool) -> str:
    """The remote that `git push` or `git fetch` would use on a branch.

    Raises NoRemote without remotes, or with several and no choice in the configuration.
    """
    names = remotes(config)
    short = (branch or "").removeprefix("refs/heads/")
    keys = [f"branch.{short}.pushremote", "remote.pushdefault"] if push else []
    for key in (*keys, f"branch.{short}.remote"):
        if (name := config.get(key)) in names:
            return name
    if "origin" in names:
        return "origin"
    if len(names) == 1:
        return names[0]
    if not names:
        raise errors.SharingError(
            "This repository has no Git remote.",
            "Add one: git remote add origin URL; any Git server will do.",
            code="no-remote",
        )
    raise errors.SharingError(
        f"There are several Git remotes, and nothing says which: {', '.join(names)}.",
        f"Name one: --remote {names[0]}",
        code="no-remote",
    )


def remotes(config: Mapping[str, str]) -> list[str]:
    """The names of the configured remotes, sorted."""
    found = (re.fullmatch(r"remote\.(.+)\.(?:url|pushurl)", key) for key in config)
    return sorted({match[1] for match in found if match is not None})
