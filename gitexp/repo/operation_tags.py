"""Annotated tags of operations: their texts are kept, since no commit and no tree can hold a tag object.

The tree of an operation has a folder `tags` with the text of each tag, by its id. The commit of the tag is a
parent of the operation's. After `git prune`, `redo` makes the tag anew from its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.repo import model_tags
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import RefChange, TreeEntry

FOLDER = "tags"

_TARGET = regex(rb"object ([0-9a-f]{40}(?:[0-9a-f]{24})?)\ntype commit\n")


class HeldTags(NamedTuple):
    """The tags of an operation, to be kept.

    Attributes:
        entries: the entries of the operation's tree.
        commits: the commits of the tags.
    """

    entries: list[TreeEntry]
    commits: list[str]


def is_tag(change: RefChange) -> bool:
    """Whether a change makes or deletes a tag."""
    return change.ref.startswith(model_tags.PREFIX)


def hold(repo: Repository, changes: Iterable[RefChange]) -> HeldTags:
    """The texts of all tags that some changes make or delete, stored, and their commits."""
    found = dict[str, None]()
    for change in changes:
        if is_tag(change):
            found.update(dict.fromkeys(filter(None, (change.old, change.new))))
    entries, commits = [], dict[str, None]()
    for oid, known in zip(found, repo.read_objects(list(found)), strict=True):
        if known is not None and known[0] == "commit":
            commits[oid] = None
        elif known is not None and known[0] == "tag":
            entries.append(TreeEntry("100644", "blob", repo.write_blob(known[1]), oid.encode()))
            target = _TARGET.match(known[1])
            if target is not None:
                commits[target[1].decode()] = None
    if not entries:
        return HeldTags([], list(commits))
    return HeldTags([TreeEntry("040000", "tree", repo.write_tree(entries), FOLDER.encode())], list(commits))


def bring_back(repo: Repository, operation: str, changes: Sequence[RefChange]) -> None:
    """Make the forgotten tag objects of some changes anew; `operation` is a ref with their texts."""
    wanted = [change.new for change in changes if is_tag(change) and change.new is not None]
    if not wanted:
        return
    absent = [oid for oid, found in zip(wanted, repo.find_objects(wanted), strict=True) if found is None]
    places = [f"{operation}:{FOLDER}/{oid}" for oid in absent]
    for text in repo.read_blobs(places):
        if text is not None:
            repo.write_again("tag", text)
