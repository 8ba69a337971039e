"""A reproduction in a fresh clone: it has the experiment, and nothing else of this repository."""

from __future__ import annotations

from collections.abc import Callable

from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.repo.experiments import PREFIX
from gitexp.repo.git.new_clone import make_clone
from gitexp.runs import run
from gitexp.runs.request import RunRequest
from gitexp.runs.run import Result
from gitexp.sharing.import_ import import_experiment

_REMOTE = "origin"


def run_there(project: Project, one: Experiment, request: RunRequest, tell: Callable[[str], None]) -> Result:
    """The result of a request that ran in a new clone, with the run imported here; the clone is removed.

    Data comes from the data remote: the clone has an empty store. Raises the errors of `run` and of
    `import_experiment`.
    """
    with project.local.scratch() as scratch:
        folder, url = scratch / "clone", str(project.repo.common_dir)
        make_clone(folder, _REMOTE, url, project.repo.object_format)
        clone = Project.open(folder, any_config=True)
        ref = f"{PREFIX}{one.name}"
        clone.repo.run("fetch", "--quiet", "--no-tags", url, f"+{ref}:{ref}")
        clone.repo.run("update-ref", "--no-deref", "HEAD", one.record.baseline)
        if name := project.repo.user_name():
            clone.repo.run("config", "user.name", name)
        config = project.config._replace(share=())
        tell(f"It runs in a fresh clone, {folder}.")
        clone = Project.open(folder, any_config=True)._replace(config=config)
        result = run.run(clone, request)
        brought = import_experiment(project, str(folder), result.experiment.name)
    return result._replace(experiment=brought.experiment)
