"""The searches that learn from results: Optuna's, used as a function of the trials so far.

The study lives in memory and is built from the trials. Between two suggestions of one process it is kept, and
what is new is added: the suggestion is the same, and a long search does not get slower. This module alone
imports Optuna.
"""

from __future__ import annotations

import hashlib
import importlib.util
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gitexp.errors import GitexpError, UsageError
from gitexp.extras.sweep.definition import SPARED, Method, SweepDefinition
from gitexp.extras.sweep.spaces.space import Axis, AxisKind, Drawn
from gitexp.extras.sweep.trials import KnownPoint
from gitexp.project.sections.directions import MAX

try:
    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial, TrialState
except ImportError as error:
    raise UsageError(
        "This search is Optuna's, and Optuna is not installed.",
        "Install it: pip install 'gitexp[sweep]'; grid, random and sobol need nothing.",
    ) from error

optuna.logging.set_verbosity(optuna.logging.ERROR)  # gitexp says itself what happens


class Searcher:
    """The suggestions of one search."""

    def __init__(self, definition: SweepDefinition) -> None:
        self._definition = definition
        self._axes = {axis.key: axis for axis in definition.space.axes}
        self._distributions = {key: _distribution(axis) for key, axis in self._axes.items()}
        self._study = self._new_study()
        self._numbers: dict[str, int] = {}  # key of a known point -> number of its trial in the study
        self._open: set[str] = set()  # keys of the points that ran when they were added

    def require_packages(self) -> None:
        """Raise GitexpError if a package that the method needs is not installed."""
        require_packages(self._definition.method)

    def suggest(self, known: Sequence[KnownPoint], seed: str) -> Drawn:
        """The point to be run next, where some points are known. Points out of the space do not count.

        Running points count too: a second worker is not sent to the same place.
        """
        inside = self._inside(known)
        sampler = _sampler(self._definition.method, seed)
        if self._definition.method in (Method.CMAES, Method.NSGA2):
            study = self._replayed(inside, seed)
        else:
            study = self._study
            self._add(inside)
        study.sampler = sampler
        asked = study.ask(self._distributions)
        point = self._point_of(asked.params)
        study.tell(asked, state=TrialState.FAIL)  # it counts when it is run
        return point

    def _inside(self, known: Sequence[KnownPoint]) -> list[KnownPoint]:
        """The known points that the space of now has."""
        return [one for one in known if self._definition.space.has(one.point)]

    def is_hopeless(self, own: Sequence[float], others: Sequence[Sequence[float]]) -> bool:
        """Whether the pruner would end a trial with a curve so far, beside the curves of others."""
        study = self._new_study()
        for numbers in others:
            study.add_trial(_with_curve(numbers, TrialState.COMPLETE))
        study.add_trial(_with_curve(own, TrialState.RUNNING))
        pruner = _PRUNERS[self._definition.pruner]()
        return bool(pruner.prune(study, study.get_trials(deepcopy=False)[-1]))

    def importance(self, known: Sequence[KnownPoint]) -> dict[str, float]:
        """The share of each param in the differences of the first objective; {} if too little is known."""
        self._add(self._inside(known))
        first = next(iter(self._definition.objectives.values()))
        return _shares(self._study, first)

    def _new_study(self) -> optuna.Study:
        directions = [_study_direction(direction) for direction in self._definition.objectives.values()]
        return optuna.create_study(directions=directions)

    def _add(self, known: Sequence[KnownPoint]) -> None:
        """Add new points to the study, and the results of ended ones."""
        for one in known:
            if one.key not in self._numbers:
                self._numbers[one.key] = len(self._study.get_trials(deepcopy=False))
                self._study.add_trial(self._frozen(one))
                if not one.is_over:
                    self._open.add(one.key)
            elif one.is_over and one.key in self._open:
                self._open.remove(one.key)
                _tell(self._study, self._numbers[one.key], one)

    def _frozen(self, one: KnownPoint) -> FrozenTrial:
        state, values = TrialState.RUNNING, None
        if one.is_over:
            state = TrialState.FAIL
        if one.results is not None:
            values = list(one.results)
            if one.is_over:
                state = TrialState.COMPLETE
        return optuna.trial.create_trial(
            state=state,
            params=self._params_of(one.point),
            distributions=self._distributions,
            values=values,
        )

    def _replayed(self, known: Sequence[KnownPoint], seed: str) -> optuna.Study:
        """A study where each point was asked for: these samplers leave notes at their own trials."""
        study = self._new_study()
        study.sampler = _sampler(self._definition.method, self._definition.seed)
        for one in known:
            study.enqueue_trial(self._params_of(one.point))
            asked = study.ask(self._distributions)
            if one.is_over:
                _tell(study, asked.number, one)
        return study

    def _params_of(self, point: Drawn) -> dict[str, Any]:
        pairs = zip(self._axes.items(), point, strict=True)
        return {key: axis.value_of(text) for (key, axis), text in pairs}

    def _point_of(self, params: Mapping[str, Any]) -> Drawn:
        return tuple(axis.text_of(params[key]) for key, axis in self._axes.items())


def importance_of(
    params: Mapping[str, Sequence[float | str]], results: Sequence[float], direction: str
) -> dict[str, float]:
    """The share of each param in a metric with a direction; {} if too little is known."""
    distributions = dict[str, BaseDistribution]()
    for key, values in params.items():
        numbers = [value for value in values if isinstance(value, int | float)]
        if len(numbers) == len(values):
            distributions[key] = FloatDistribution(min(numbers), max(numbers))
        else:
            distributions[key] = CategoricalDistribution(sorted(set(map(str, values))))
    study = optuna.create_study(direction=_study_direction(direction))
    for at, result in enumerate(results):
        point = {key: values[at] for key, values in params.items()}
        study.add_trial(optuna.trial.create_trial(params=point, distributions=distributions, value=result))
    return _shares(study, direction)


def _shares(study: optuna.Study, direction: str) -> dict[str, float]:
    """The share of each param in what the trials with the best first objective have in common."""
    sign = -1.0 if direction == MAX else 1.0  # with a target of its own, Optuna takes low for good
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = optuna.importance.get_param_importances(
                study,
                evaluator=optuna.importance.PedAnovaImportanceEvaluator(),
                target=lambda trial: sign * float(trial.values[0]),
                normalize=False,
            )
    except (ValueError, RuntimeError):  # one trial, or all alike
        return {}
    total = sum(found.values())  # Optuna's own shares of nothing are equal parts
    return {key: value / total for key, value in found.items()} if total > 0 else {}


def _study_direction(direction: str) -> StudyDirection:
    return StudyDirection.MAXIMIZE if direction == MAX else StudyDirection.MINIMIZE


def _with_curve(numbers: Sequence[float], state: TrialState) -> FrozenTrial:
    return optuna.trial.create_trial(
        state=state,
        value=numbers[-1] if state is TrialState.COMPLETE else None,
        intermediate_values=dict(enumerate(numbers)),
    )


def _tell(study: optuna.Study, number: int, one: KnownPoint) -> None:
    if one.results is None:
        study.tell(number, state=TrialState.FAIL)
    else:
        study.tell(number, list(one.results))


def _distribution(axis: Axis) -> BaseDistribution:
    if axis.kind is AxisKind.CHOICE:
        return CategoricalDistribution(axis.choices)
    if axis.kind is AxisKind.INT:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)


def require_packages(method: Method) -> None:
    """Raise GitexpError if a package that a method needs is not installed."""
    missing = []
    for package in _NEEDS.get(method, ()):
        if importlib.util.find_spec(package) is None:
            missing.append(package)
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise GitexpError(
            f"Method {method} needs {' and '.join(missing)}, which {verb} not installed.",
            f"Install: pip install {' '.join(missing)}; method: tpe needs nothing more.",
            code="no-search",
        )


def _sampler(method: Method, seed: str) -> optuna.samplers.BaseSampler:
    """The sampler of a method; raises the errors of `require_packages`."""
    require_packages(method)
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return _SAMPLERS[method](number)


_PRUNERS: Mapping[str, Callable[[], optuna.pruners.BasePruner]] = {
    "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=SPARED),
    "percentile": lambda: optuna.pruners.PercentilePruner(25.0, n_startup_trials=SPARED),
}
# What a sampler imports when it has a few trials to learn from.
_NEEDS: Mapping[Method, tuple[str, ...]] = {Method.GP: ("torch", "scipy"), Method.CMAES: ("cmaes",)}
_SAMPLERS: Mapping[Method, Callable[[int], optuna.samplers.BaseSampler]] = {
    Method.TPE: lambda seed: optuna.samplers.TPESampler(seed=seed),
    Method.GP: lambda seed: optuna.samplers.GPSampler(seed=seed, deterministic_objective=False),
    Method.CMAES: lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
    Method.NSGA2: lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
}
