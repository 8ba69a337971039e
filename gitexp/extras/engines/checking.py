"""Whether the jobs of an engine would find what they need: a probe runs at each of its places."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from gitexp.extras.engines import probe
from gitexp.extras.engines.engine import GONE, Engine, Job, JobReport, JobState
from gitexp.extras.queue.workers import last_words
from gitexp.named_tuple import NamedTuple
from gitexp.version import __version__


class Lack(NamedTuple):
    """A thing missing for jobs.

    Attributes:
        what: a sentence.
        hint: the remedy; "" if nobody knows one.
    """

    what: str
    hint: str = ""


class PlaceCheck(NamedTuple):
    """The findings at one place.

    Attributes:
        place: the place, or the host chosen by the engine.
        found: the facts of the probe; {} if the probe has not run.
        missing: the things that jobs would lack at the place.
    """

    place: str
    found: Mapping[str, Any]
    missing: Sequence[Lack]

    def as_json(self) -> dict[str, Any]:
        """The check in the form of `--json`."""
        missing = [each._asdict() for each in self.missing]
        return {"place": self.place, "ok": not missing, **self.found, "missing": missing}


def check(engine: Engine, job: Job, patience: float) -> list[PlaceCheck]:
    """What a probe, `job`, finds at each place of an engine, waited for so many seconds.

    Raises EngineAway if the engine does not take jobs now.
    """
    places = engine.places() or ("",)
    ids = engine.submit([job._replace(place=place) for place in places])
    until, reports = time.monotonic() + patience, dict.fromkeys(ids, JobReport(JobState.WAITING))
    while time.monotonic() < until and not all(map(_is_settled, reports.values())):
        time.sleep(min(engine.interval, 1.0))
        polled = engine.poll(ids)
        reports = {id: polled.get(id, GONE) for id in ids}
    found = []
    for place, id in zip(places, ids, strict=True):
        found.append(_of_place(engine, place, id, reports[id], job.words[0]))
    engine.cancel([id for id in ids if reports[id].state is not JobState.ENDED])
    return found


def _is_settled(report: JobReport) -> bool:
    """Whether nothing more is to be waited for."""
    return report.state is JobState.ENDED or report.is_stuck


def _of_place(engine: Engine, place: str, id: str, report: JobReport, python: str) -> PlaceCheck:
    if report.state is not JobState.ENDED:
        if report.is_stuck:
            return PlaceCheck(place, {}, [Lack(report.reason)])
        why = report.reason or f"its job is {report.state}"
        return PlaceCheck(place, {}, [Lack(f"no answer in time: {why}")])
    log = engine.log(id)
    found = probe.read(log)
    if found is None:
        return PlaceCheck(place, {}, [_not_begun(log, python)])
    return PlaceCheck(place or found["host"], found, _missing(found, python))


def _not_begun(log: str, python: str) -> Lack:
    """Why a probe has not run, from its output."""
    said = last_words(log.encode())
    if "No module named gitexp" in log or "No such command" in log or "No such option" in log:
        return Lack(
            said, f"Install gitexp {__version__} there: {python} -m pip install gitexp=={__version__}"
        )
    if "not found" in log or "No such file" in log:
        return Lack(said, "python: of the engine, or of the host, says which interpreter has gitexp there.")
    return Lack(said)


def _missing(found: Mapping[str, Any], python: str) -> list[Lack]:
    missing = []
    if found["gitexp"] != __version__:
        hint = f"{python} -m pip install gitexp=={__version__}"
        missing.append(Lack(f"gitexp is {found['gitexp']} there, and {__version__} here", hint))
    if (trouble := found.get("trouble")) is not None:
        missing.append(_of_error("", trouble))
    if found.get("repository") is not None:
        missing.append(_of_error("repository: ", found["repository"]))
    for what in ("scratch", "environment"):
        if found.get(what) is not None:
            missing.append(_of_error(f"{what}: ", found[what]))
    for name, trouble in found.get("data", {}).items():
        if trouble is not None:
            missing.append(_of_error(f"data remote {name}: ", trouble))
    return missing


def _of_error(prefix: str, error: Mapping[str, Any]) -> Lack:
    return Lack(prefix + str(error["message"]), str(error["hint"] or ""))


def cells(one: PlaceCheck) -> tuple[str, ...]:
    """The cells of a place in the table, as in `HEAD`."""
    found = one.found
    data = "-"
    if found.get("data"):
        data = ", ".join(f"{name} {_word(trouble)}" for name, trouble in found["data"].items())
    repository = gpus = "-"
    if "repository" in found:
        repository = _word(found["repository"])
    if found.get("gpus"):
        gpus = f"{len(found['gpus'])} x {found['gpus'][0]}"
    return (
        one.place,
        found.get("python", "-"),
        found.get("git") or "-",
        found.get("gitexp", "-"),
        repository,
        data,
        gpus,
    )


HEAD = ("place", "Python", "Git", "gitexp", "repository", "data", "GPUs")


def _word(trouble: object) -> str:
    return "ok" if trouble is None else "no"
