"""What the shell completes: experiments, branches, columns and parameter keys."""

from __future__ import annotations

from gitexp import errors


def experiments(incomplete: str) -> list[str]:
    """Return the names of experiments that begin so."""
    from gitexp.ops.project import Project

    try:
        return [name for name in Project.open().store.names() if name.startswith(incomplete)]
    except errors.GitexpError:
        return []


def points(incomplete: str) -> list[str]:
    """Return experiments, branches, HEAD and workspace that begin so."""
    from gitexp.ops.project import Project

    try:
        refs = Project.open().repo.refs("refs/heads/", fields=("refname:short",))
    except errors.GitexpError:
        return []
    names = ["HEAD", "workspace", *(ref.decode("utf-8", "replace") for (ref,) in refs)]
    return experiments(incomplete) + [name for name in names if name.startswith(incomplete)]


def params(incomplete: str) -> list[str]:
    """Return `key=value` for the params of the workspace that begin so."""
    from gitexp.cli.values import show_value
    from gitexp.files import flatten
    from gitexp.ops.project import Project

    try:
        found, _ = Project.open().files_here()
    except errors.GitexpError:
        return []
    flat = {key: value for tree in found.values() for key, value in flatten(tree).items()}
    return [f"{key}={show_value(value)}" for key, value in flat.items() if key.startswith(incomplete)]


def columns(incomplete: str) -> list[str]:
    """Return the metrics and params of the last few experiments that begin so."""
    from gitexp.ops import show
    from gitexp.ops.project import Project

    try:
        table = show.table(Project.open(), show.Query(everything=True, limit=20))
    except errors.GitexpError:
        return []
    keys = [column.key for column in show.columns(table, show.Columns())]
    return [key for key in dict.fromkeys(keys) if key.startswith(incomplete)]
