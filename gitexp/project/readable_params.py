"""The params files of a run that can be read. One found only by its usual name need not be."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gitexp import errors, files
from gitexp.model import Tree
from gitexp.named_tuple import NamedTuple


class ReadParams(NamedTuple):
    """Params files that have been read.

    Attributes:
        contents: the readable files.
        trees: their values.
        warnings: a sentence for each value and each file left out.
        unread: the error of the first unreadable file; None without any.
    """

    contents: dict[str, bytes]
    trees: dict[str, Tree]
    warnings: tuple[str, ...]
    unread: errors.FileError | None


def read_params(contents: Mapping[str, bytes], needed: Collection[str]) -> ReadParams:
    """The values of these files. Raises FileError for an unreadable `needed` file."""
    readable, trees, warnings, unread = dict[str, bytes](), dict[str, Tree](), list[str](), None
    for name, data in contents.items():
        try:
            trees[name], left_out = files.parse_params(name, data)
        except errors.FileError as error:
            if name in needed:
                raise
            unread = unread or error
            warnings.append(f"not read: {error.message}")
            continue
        readable[name] = data
        warnings += left_out
    return ReadParams(readable, trees, tuple(warnings), unread)
