"""Failures of Git, ssh and servers to talk to each other, turned into gitexp's errors."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from gitexp import errors
from gitexp.masks import without_credentials
from gitexp.regex import regex
from gitexp.repo.git import failures

# In this order: a first message often says only that something else has gone wrong.
_KNOWN: Sequence[tuple[re.Pattern[str], str, str]] = tuple(
    (regex(pattern, re.IGNORECASE), what, hint)
    for pattern, what, hint in (
        (
            r"dubious ownership|unsafe repository",
            "{where} belongs to somebody else, and Git does not trust it",
            "If you do: git config --global --add safe.directory <its folder>",
        ),
        (
            r"terminal prompts disabled|could not read (?:username|password)|authentication failed"
            r"|permission denied \(|invalid credentials|http basic: access denied|error: 401",
            "{where} does not know who you are",
            "What git push asks for, or finds in a credential helper or ssh agent, must be there.",
        ),
        (
            r"error: 403|write access to repository not granted|access denied|not authorized"
            r"|permission to .* denied|insufficient permission|unpacker error|service not enabled"
            r"|unable to create temporary object",
            "You have no right to do that at {where}",
            "Ask its owner for the right to push; reading may be allowed all the same.",
        ),
        (
            r"could not resolve host|connection refused|connection timed out|network is unreachable"
            r"|no route to host|could not connect|failed to connect|couldn't connect|operation timed out",
            "{where} cannot be reached",
            "Is the network there, and the address right? git remote -v shows it.",
        ),
        (
            r"host key verification failed",
            "The key of the server of {where} is not known",
            "Connect once with ssh, and compare its key; or correct ~/.ssh/known_hosts.",
        ),
        (
            r"mismatched algorithms|different object format|object format"
            r"|couldn't find remote ref [0-9a-f]{40}",  # by its id, which is no id to this Git
            "{where} uses another kind of object ids (SHA-1 and SHA-256)",
            "Git cannot carry anything from the one to the other.",
        ),
        (
            r"does not appear to be a git repository|repository .*not found|not found: did you run"
            r"|error: 404|no such remote|does not exist|no such file or directory",
            "There is no Git repository at {where}",
            "Is the address right? git remote -v shows it.",
        ),
        (
            r"receiving end does not support|could not open object name list",
            "What Git is configured to do does not work with {where}",
            "git config --list --show-origin says where that is set.",
        ),
        (
            r"hung up|early eof|unexpected disconnect|rpc failed|connection reset|broken pipe|read error"
            r"|connection closed|transfer closed|died of signal|unpack-objects failed|index-pack failed"
            r"|sideband",
            "The connection to {where} was cut",
            "Nothing is half there, here or there. Run the command again.",
        ),
    )
)
_FSCK = regex(
    r"^(?:remote: )?(?:error|fatal): (?:fsck error in packed object|object [0-9a-f]+: .+)", re.MULTILINE
)
_FSCK_OBJECT = regex(r"^(?:remote: )?(?:error|fatal): (object [0-9a-f]+: .+)", re.MULTILINE)
_FSCK_RULE = regex(r"object [0-9a-f]+: (\w+):")
_HARMFUL = regex(r"gitmodules|dot|fullPath|symlink|null|large", re.IGNORECASE)
_BEFORE_PUSH = "pre-push"
_OF_PUSH = ("error: failed to push some refs to ", "To ")
_DAMAGED = regex(
    r"pack-objects died|did not send all necessary objects|missing necessary objects", re.IGNORECASE
)
_GONE = regex(r"not our ref|request for unadvertised object", re.IGNORECASE)
_BROKEN_REF = regex(r"^(?:error|fatal): bad object (refs/\S+)", re.MULTILINE)
_ASK_OWNER = "Nothing of it was taken. Its owner can see with git fsck what is wrong there."


def failure(verb: str, where: str, status: int, err: str) -> errors.GitexpError:
    """The error for a `git push`, `fetch` or `ls-remote` that failed."""
    where = without_credentials(where)
    ours = "\n".join(line for line in err.splitlines() if not line.startswith("remote: "))
    plain = failures.failure([verb], status, ours)
    if isinstance(plain, errors.DiskFull | errors.ReadOnlyRepository):
        return plain
    if verb == "fetch" and (damage := refused_object(err)) is not None:
        return errors.BadTransfer(f"{where} has an object that Git refuses: {damage}", _past_fsck(damage))
    if (broken := _BROKEN_REF.search(err)) is not None:
        return errors.GitFailed(
            f"A ref of this repository is broken: {broken[1]}",
            "gitexp doctor says what can be done.",
            status=status,
            stderr=err,
        )
    if verb == "fetch" and (bad := _bad_transfer(where, err)) is not None:
        return bad
    said = reason(err)
    for pattern, what, hint in _KNOWN:
        if pattern.search(err):
            return errors.SharingError(f"{what.format(where=where)}: {said}", hint, code="remote-failed")
    return errors.SharingError(
        f"git {verb} did not work with {where}: {said or f'exit status {status}'}",
        f"Does git fetch {where} work? If not, that is to be put right first.",
        code="remote-failed",
    )


def refused_object(err: str) -> str | None:
    """The object that Git's fsck refuses, with the reason: `object 1f2e…: zeroPaddedFilemode: …`."""
    if (found := _FSCK_OBJECT.search(err)) is not None:
        return found[1]
    if (found := _FSCK.search(err)) is not None:
        return found[0].partition(": ")[2]
    return None


def _past_fsck(damage: str) -> str:
    """The way out for an object refused by Git's fsck; none past an object harmful in a checkout."""
    found = _FSCK_RULE.match(damage)
    if found is None or _HARMFUL.search(found[1]):
        return _ASK_OWNER
    return f"{_ASK_OWNER} To take it as it is: git config fetch.fsck.{found[1]} ignore"


def failed_hook(trace: Path) -> str:
    """The name of a failed hook before a push, by Git's own trace of its processes; "" for none.

    A server on this machine has hooks in the trace too, which answer for each ref.
    """
    try:
        lines = trace.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    hooks: dict[object, str] = {}
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        child = event.get("sid"), event.get("child_id")
        if event.get("event") == "child_start" and event.get("hook_name") == _BEFORE_PUSH:
            hooks[child] = _BEFORE_PUSH
        elif event.get("event") == "child_exit" and child in hooks and event.get("code") != 0:
            return hooks[child]
    return ""


def refused_by_hook(hook: str, out: bytes, err: str) -> errors.HookRefused:
    """The error for a push refused by a hook of the repository, with all the hook's words."""
    lines = [*out.decode("utf-8", "replace").splitlines(), *err.splitlines()]
    said = []
    for line in lines:
        if line.strip() and not line.startswith(_OF_PUSH):
            said.append(line.rstrip())
    return errors.HookRefused(
        f"The hook {hook} of this repository refused the push.",
        "Nothing was pushed. What the hook says is above; git push would be refused in the same way.",
        said=said,
    )


def _bad_transfer(where: str, err: str) -> errors.BadTransfer | None:
    """The error for a repository with damage, or with a change just now; None for other failures."""
    if (damage := _DAMAGED.search(err)) is not None:
        return errors.BadTransfer(f"The repository at {where} is damaged: {damage[0]}", _ASK_OWNER)
    if (gone := _GONE.search(err)) is not None:
        return errors.BadTransfer(
            f"{where} does not give it: {gone[0]}", "Was it changed there just now? Try again."
        )
    return None


def reason(err: str) -> str:
    """The line with the reason, of all lines of Git, ssh and the server."""
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    for pattern, *_ in _KNOWN:
        for line in lines:
            if pattern.search(line):
                return _plain(line)
    return _plain(failures.sentence(err))


def _plain(line: str) -> str:
    return without_credentials(re.sub(r"^(?:(?:remote|fatal|error): ?)+", "", line)).strip()
