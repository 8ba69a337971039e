"""The shelves of two clones, united in a commit."""

from __future__ import annotations

from gitexp.extras.integrations.mlflow.shelf import FILES, Things, read_things, text_of
from gitexp.extras.integrations.mlflow.shelf_union import unite as unite_things
from gitexp.project.project import Project
from gitexp.repo.git import graph, trees
from gitexp.repo.git.repository import Repository


def unite(project: Project, here: str, there: str) -> tuple[str, list[str]]:
    """The merge commit of two commits of the shelf, and a sentence for each renumbered version."""
    repo = project.repo
    base = graph.merge_base(repo, here, there)
    before: Things = {} if base is None else read_things(repo, base)
    mine = read_things(repo, here)
    united = unite_things(before, mine, read_things(repo, there))
    with repo.writing_together():
        changes = _of_files(repo, base, here, there)
        for path in {*mine, *united.things}:
            thing = united.things.get(path)
            if thing is None:
                changes[path] = None
            elif thing != mine.get(path):
                changes[path] = ("100644", repo.write_blob(text_of(thing)))
        tree = trees.changed(repo, repo.resolve(here, "tree"), changes)
        return repo.write_commit(tree, [here, there], "mlflow: unite two clones\n"), united.renumbered


def _of_files(repo: Repository, base: str | None, here: str, there: str) -> dict[str, trees.Change]:
    """The changes for the files of models without a run."""
    before = {} if base is None else _files(repo, base)
    mine, theirs = _files(repo, here), _files(repo, there)
    changes: dict[str, trees.Change] = {}
    for path in {*mine, *theirs}:
        if theirs.get(path) == before.get(path) or theirs.get(path) == mine.get(path):
            continue  # unchanged there
        if path in theirs and mine.get(path) == before.get(path):
            changes[path] = ("100644", theirs[path])
        elif path not in theirs and mine[path] == before.get(path):
            changes[path] = None
    return changes


def _files(repo: Repository, commit: str) -> dict[str, str]:
    """The blobs of the files of models without a run, by path."""
    paths = trees.files_in(repo, commit, [FILES.rstrip("/")])
    found = {}
    for path, oid in zip(paths, repo.ids_of([f"{commit}:{path}" for path in paths]), strict=True):
        if oid is not None:
            found[path] = oid
    return found
