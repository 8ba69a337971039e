"""Go over to a new branch of an experiment, past the files that the run itself has left here.

`git switch` refuses these files: Git does not know that the experiment has stored them. Here the files come
first, then the index, then HEAD. So a kill leaves the files of the experiment on the old branch, with all
that was here before stored for `gitexp undo`; the same command again goes on.
"""

from __future__ import annotations

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.history import takeover
from gitexp.history.apply import unconverted
from gitexp.history.takeover import Taken, Takeover, take_over
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.repo.git import indexes
from gitexp.repo.git.checkout import tree_changes
from gitexp.words import shorten

_UNDER_WAY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "BISECT_LOG")


def require_possible(project: Project, experiment: Experiment, *, force: bool) -> None:
    """Raise UnsavedChanges for staged content that the new index would not have, or for a merge under way.

    Also raises the errors of `take_over` for the files, unless `force`.
    """
    repo = project.repo
    for name in _UNDER_WAY:
        if (repo.git_dir / name).exists():
            raise errors.UnsavedChanges(
                "Git is in the middle of a merge, a rebase or the like.", "End it first: git status says how."
            )
    with project.local.scratch() as scratch:
        index = scratch / "index"
        indexes.copy(repo, index)
        status, _, _ = repo.call(*_move_index(project, experiment), index=index)
    if status != 0:
        staged = repo.run("diff", "--cached", "--name-only", "-z").decode("utf-8", "replace").split("\0")[:-1]
        raise errors.UnsavedChanges(
            f"What is staged would be lost: {shorten(staged)}.",
            "Commit it, or take it out of the index: git restore --staged FILE",
            paths=staged,
        )
    changes = tree_changes(repo, repo.head().commit, experiment.record.commit)
    raw = unconverted(project, experiment, changes)
    takeover.require_possible(
        project, Takeover(f"branch --switch {experiment.name}", changes, raw=raw, force=force)
    )


def switch(project: Project, experiment: Experiment, branch: str, *, force: bool) -> Taken:
    """Bring the files of an experiment, then move the index and HEAD to its branch; the changed files.

    Your changes to other files stay. Raises UnsavedChanges for files with content stored nowhere, unless
    `force`; the errors of `take_over`.
    """
    repo = project.repo
    before = repo.head()
    changes = tree_changes(repo, before.commit, experiment.record.commit)
    raw = unconverted(project, experiment, changes)
    summary = f"branch --switch {experiment.name} {branch}"
    taken = take_over(project, Takeover(summary, changes, raw=raw, force=force))
    if project.dry_run:
        return taken
    failpoint("switch:files")
    with live.workspace(project.local, repo.git_dir), project.local.scratch() as scratch:
        index = scratch / "index"
        indexes.copy_as_it_is(repo, index)
        repo.run(*_move_index(project, experiment), index=index)
        repo.call("update-index", "-q", "--refresh", index=index)
        indexes.put_in_place(repo, index)
        failpoint("switch:index")
        came_from = (before.branch or before.commit).removeprefix("refs/heads/")
        # `git switch -` reads these words.
        reason = f"checkout: moving from {came_from} to {branch}"
        repo.move_head(f"refs/heads/{branch}", reason)
    return taken


def _move_index(project: Project, experiment: Experiment) -> tuple[str, ...]:
    """The arguments of Git for the experiment's index; Git refuses to lose staged content."""
    return ("read-tree", "-m", "-i", project.repo.head().commit, experiment.record.commit)
