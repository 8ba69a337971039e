"""The jobs that engines have now, asked for by commands that wait for none of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from gitexp import errors
from gitexp.extras.engines import settings
from gitexp.extras.engines.engine import GONE, Engine, JobState
from gitexp.extras.engines.jobs_file import JobsFile, SubmittedJob, are_there
from gitexp.model import Experiment, Status, readable
from gitexp.project.project import Project
from gitexp.project.sections.engine_choice import EngineChoice


def begun(project: Project, choice: EngineChoice) -> list[str]:
    """The experiments that jobs of an engine have begun, and not ended for good. Raises EngineAway."""
    noted = JobsFile(project.local, choice.name).read()
    found, cut = list[str](), dict[str, str]()
    for one in readable(project.store.all()):
        job = noted.get(one.name)
        if job is None or (one.record.engine, one.record.job) != (choice.name, job.id):
            continue
        if one.record.status is Status.RUNNING:
            found.append(one.name)
        elif one.record.status is Status.INTERRUPTED:
            cut[one.name] = job.id
    if cut:  # by somebody's wish, or to be started again?
        with _engine(project, choice) as engine:
            reports = engine.poll(list(cut.values()))
        for name, id in cut.items():
            report = reports.get(id, GONE)
            if report.state is not JobState.ENDED or report.is_preempted:
                found.append(name)
    return found


def states(project: Project, experiments: Sequence[Experiment]) -> dict[str, str]:
    """What engines say of the jobs of queued and running experiments, in a few words by name."""
    found = dict[str, str]()
    by_name = {one.name: one for one in experiments}
    for engine_name, jobs in _jobs(project, by_name):
        try:
            with _engine(project, EngineChoice(engine_name)) as engine:
                reports = engine.poll([job.id for job in jobs.values()])
        except errors.GitexpError:
            for name, job in jobs.items():
                found[name] = f"{engine_name} {job.id} (no answer)"
            continue
        for name, job in jobs.items():
            report = reports.get(job.id, GONE)
            if report.state is JobState.ENDED and by_name[name].record.status is Status.QUEUED:
                continue  # it needs another one
            words = f"{report.state}: {report.reason}" if report.reason else str(report.state)
            found[name] = f"{engine_name} {job.id} ({words})"
    return found


def drop(project: Project, experiments: Sequence[Experiment]) -> None:
    """Take back the jobs of some experiments; one that cannot be taken back finds nothing to do."""
    by_name = {one.name: one for one in experiments}
    for engine_name, jobs in _jobs(project, by_name):
        with contextlib.suppress(errors.GitexpError), _engine(project, EngineChoice(engine_name)) as engine:
            engine.cancel([job.id for job in jobs.values()])


def _jobs(
    project: Project, experiments: Mapping[str, Experiment]
) -> Iterator[tuple[str, Mapping[str, SubmittedJob]]]:
    """Yield the names of the engines with jobs for some experiments, and these jobs by experiment."""
    if not experiments or not are_there(project.local):
        return
    for settings_of_one in settings.every(project):
        name, jobs = settings_of_one.name, dict[str, SubmittedJob]()
        for exp, job in JobsFile(project.local, name).read().items():
            one = experiments.get(exp)
            if one is not None and job.is_of(one.record):
                jobs[exp] = job
        if jobs:
            yield name, jobs


@contextlib.contextmanager
def _engine(project: Project, choice: EngineChoice) -> Iterator[Engine]:
    engine = settings.made(settings.settings_of(project, choice))
    try:
        yield engine
    finally:
        engine.close()
