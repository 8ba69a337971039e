"""Searches: the space, the points, what is learnt, what the summary says. No Git."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from gitexp.errors import ConfigError, GitexpError, OverrideError, UsageError
from gitexp.extras.sweep import curves, shares, summary, trials
from gitexp.extras.sweep.definition import ALONE, Method, SweepDefinition, checked
from gitexp.extras.sweep.drawing import next_point
from gitexp.extras.sweep.halving import TrialCurve, is_hopeless
from gitexp.extras.sweep.importance import simple
from gitexp.extras.sweep.search import Searcher, importance_of
from gitexp.extras.sweep.section import definitions
from gitexp.extras.sweep.spaces.space import Drawn, of_overrides
from gitexp.extras.sweep.trials import KnownPoint
from gitexp.model import Experiment, Record, Status
from gitexp.views import importance
from gitexp.views.importance import Importance, ordered

SPACE = ("lr=log_uniform(1e-5,1e-1)", "units=int_uniform(1,64)", "kind=a,b", "+fixed=3")


def definition(method: str = "random", texts: Sequence[str] = SPACE, **more: Any) -> SweepDefinition:
    found = SweepDefinition("s", "s", of_overrides(texts), Method(method), 50, {"loss": "min"}, "s")
    return found._replace(**more)


def loss(point: Drawn) -> float:
    """Has its minimum, 0, at 0.001, 17 and a."""
    lr, units, kind = point
    return float((math.log10(float(lr)) + 3) ** 2 + (int(units) - 17) ** 2 / 100 + (kind == "b"))


def searched(of: SweepDefinition, count: int) -> list[KnownPoint]:
    searcher = Searcher(of) if of.method.learns else None
    known = list[KnownPoint]()
    for number in range(count):

        def suggest(seed: str) -> Drawn:
            assert searcher is not None
            return searcher.suggest(known, seed)

        used = {one.point for one in known}
        point = next_point(of, number, used, suggest if searcher else None)
        assert point is not None
        known.append(KnownPoint(str(number), point, True, (loss(point),)))
    return known


# -- the space ----------------------------------------------------------------------------------------


def test_a_space() -> None:
    space = of_overrides(SPACE)
    assert [axis.key for axis in space.axes] == ["lr", "units", "kind"]
    assert space.fixed == ("+fixed=3",)
    assert [axis.at(0) for axis in space.axes] == ["1.0e-05", "1", "a"]
    assert [axis.at(1 - 1e-12) for axis in space.axes] == ["0.1", "64", "b"]
    assert space.overrides(("0.1", "5", "b")) == ("+fixed=3", "lr=0.1", "units=5", "kind=b")
    assert [space.has(point) for point in (("0.2", "5", "b"), ("0.1", "5.5", "b"), ("0.1", "5", "c"))] == [
        False
    ] * 3
    assert space.has(("1e-3", "5", "'b'"))
    assert math.isinf(space.size)
    assert of_overrides(["a=1,2", "b=int_uniform(1,3)"]).size == 6


@pytest.mark.parametrize(
    "text",
    [
        *(
            "lr=uniform(1)",
            "lr=uniform(a,b)",
            "lr=uniform(2,1)",
            "lr=log_uniform(0,1)",
            "n=int_uniform(0.5,2)",
        ),
        *("lr=uniform(0,inf)", "lr=uniform(0,1),3", "lr=1", "~lr", "lr=uniform(nan,1)"),
    ],
)
def test_no_space(text: str) -> None:
    with pytest.raises(OverrideError):
        of_overrides([text])
    with pytest.raises(OverrideError):
        of_overrides(["a=1,2", "a=3,4"])


def test_whole_numbers_by_logarithm_reach_both_ends() -> None:
    (axis,) = of_overrides(["n=log_int_uniform(1,64)"]).axes
    drawn = [int(axis.at(at / 1000)) for at in range(1000)]
    assert (min(drawn), max(drawn)) == (1, 64)
    assert sum(number <= 8 for number in drawn) > 500


# -- the points ---------------------------------------------------------------------------------------


def test_the_sobol_sequence_is_the_one_of_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.stats import qmc  # 0.5 s, for this test alone

    monkeypatch.setattr(shares, "_hashed", lambda text: 0)
    ours = [shares.sobol_shares("", number, shares.MOST_AXES) for number in range(256)]
    theirs = qmc.Sobol(shares.MOST_AXES, scramble=False, bits=32).random(256)
    assert ours == theirs.tolist()


def test_a_shifted_sequence_fills_each_half_alike() -> None:
    points = [shares.sobol_shares("seed", number, 3) for number in range(64)]
    for axis in range(3):
        assert sum(point[axis] < 0.5 for point in points) == 32
    with pytest.raises(UsageError):
        shares.sobol_shares("seed", 0, shares.MOST_AXES + 1)


@pytest.mark.parametrize("method", ["random", "sobol"])
def test_points_depend_on_seed_and_number_alone(method: str) -> None:
    drawn = [next_point(definition(method), number, set(), None) for number in range(20)]
    assert drawn[::-1] == [next_point(definition(method), 19 - at, set(), None) for at in range(20)]
    assert len(set(drawn)) == 20
    assert drawn[0] != next_point(definition(method, seed="other"), 0, set(), None)


@pytest.mark.parametrize("method", ["grid", "random", "sobol", "tpe"])
def test_a_small_space_is_used_up_without_a_repetition(method: str) -> None:
    of = definition(method, ["a=1,2", "b=x,y,z"])
    searcher = Searcher(of) if of.method.learns else None
    used = list[Drawn]()
    for number in range(6):
        suggest = None if searcher is None else (lambda seed: searcher.suggest([], seed))
        point = next_point(of, number, used, suggest)
        assert point is not None
        used.append(point)
    assert len(set(used)) == 6
    assert next_point(of, 6, used, None) is None
    if method == "grid":
        assert used[:3] == [("1", "x"), ("1", "y"), ("1", "z")]


# -- what is learnt -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["tpe", "cmaes", "nsga2"])
def test_a_search_is_a_function_of_what_is_known(method: str) -> None:
    """Begun anew at any place it suggests what it would have suggested had it gone on."""
    of = definition(method)
    known = searched(of, 14)
    for number in (0, 5, 13):
        assert Searcher(of).suggest(known[:number], f"s {number} 0") == known[number].point


def test_tpe_finds_more_than_chance() -> None:
    tpe, chance = (searched(definition(method), 40) for method in ("tpe", "random"))

    def best(known: list[KnownPoint]) -> float:
        return min(loss(one.point) for one in known)

    assert best(tpe) < best(chance) / 2
    found = Searcher(definition("tpe")).importance(tpe)
    assert set(found) == {"lr", "units", "kind"}
    assert sum(found.values()) == pytest.approx(1)


def test_what_runs_and_what_failed_is_known_too() -> None:
    of = definition("tpe")
    known = searched(of, 12)
    searcher = Searcher(of)
    going = [*known, KnownPoint("12", known[0].point, False, None)]
    outside = KnownPoint("else", ("7", "1", "a"), True, (0.0,))
    first = searcher.suggest([*going, outside], "seed")
    assert first == Searcher(of).suggest(going, "seed")
    ended = [*known, KnownPoint("12", known[0].point, True, None)]
    assert searcher.suggest(ended, "seed") == Searcher(of).suggest(ended, "seed")


def test_two_objectives() -> None:
    of = definition("tpe", objectives={"loss": "min", "acc": "max"})
    known = [KnownPoint(str(at), ("0.1", str(at + 1), "a"), True, (float(at), 1.0)) for at in range(12)]
    assert of.space.has(Searcher(of).suggest(known, "seed"))


# -- what is pruned -----------------------------------------------------------------------------------

TABLE = b"epoch, acc,loss\n0,0.5,2\n1,nan,\n2,0.75,1\n3,0."


def test_a_curve_is_what_was_written_whole() -> None:
    assert curves.curve("logs.csv", TABLE, "acc") == [0.5, 0.75]
    assert curves.curve("logs.csv", TABLE, "val.loss") == [2, 1]
    assert curves.curve("logs.csv", TABLE, "f1") == curves.curve("logs.csv", b"", "acc") == []
    assert curves.curve("acc.tsv", b"step\tacc\n0\t1\n", "acc") == [1]
    assert curves.curve("logs.csv", b"acc\n1\nwords\n", "acc") == [1]
    assert curves.places(["logs.csv", "dvclive/plots"], "acc") == [
        *("logs.csv", "dvclive/plots/metrics/acc.tsv", "dvclive/plots/acc.csv"),
    ]


@pytest.mark.parametrize("pruner", ["median", "percentile"])
def test_a_trial_that_lags_behind_is_hopeless(pruner: str) -> None:
    searcher = Searcher(definition("random", pruner=pruner))
    others = [[3.0, 2.0, 1.0 + at / 10, 0.5] for at in range(8)]
    assert not searcher.is_hopeless([2.9, 1.9, 0.8], others)
    assert not searcher.is_hopeless([], others)
    assert searcher.is_hopeless([9.0, 9.0, 9.0, 9.0], others)
    assert not searcher.is_hopeless([9.0, 9.0, 9.0, 9.0], others[:4])


def test_successive_halving_keeps_the_best_third_at_each_rung() -> None:
    """The longest curve has 27 steps, so trials are compared at 1, 3 and 9."""
    losses = [1.0 - at / 10 for at in range(9)]
    others = [TrialCurve(at, [loss] * 27) for at, loss in enumerate(losses)]

    def ends(numbers: list[float], pruner: str = "halving", direction: str = "min", trial: int = 0) -> bool:
        return is_hopeless(pruner, direction, TrialCurve(trial, numbers), others, spared=5)

    assert (ends([]), ends([0.95]), ends([0.35]), ends([0.25])) == (False, True, False, False)
    assert ends([0.45]) is True  # three of nine are better
    assert ends([0.45], direction="max") is True
    assert ends([0.95], direction="max") is False
    assert ends([0.9, 0.9, 0.1]) is False  # the best so far counts
    assert [ends([0.5] * steps) for steps in (1, 2, 3, 8, 9, 27)] == [True] * 6
    short = [TrialCurve(at, [0.1]) for at in range(9)]  # pruned at the first rung: no rivals at the next
    assert is_hopeless("halving", "min", TrialCurve(0, [0.5] * 3), [*short, *others[:4]], spared=5) is False
    # With Hyperband, of every three trials the first is judged at all rungs, the last at the highest alone.
    others = [TrialCurve(at, [at / 30] * 27) for at in range(30)]
    rungs = {0: [True] * 4, 1: [False, True, True, True], 2: [False, False, True, True]}
    for trial, judged in rungs.items():
        assert [ends([0.9] * steps, "hyperband", trial=trial) for steps in (1, 3, 9, 27)] == judged


# -- the section of gitexp.yaml -----------------------------------------------------------------------

WHOLE = {"parameters": {"lr": [0.1, 0.01]}, "method": "random", "trials": 3}


def test_one_sweep_or_several() -> None:
    (one,) = definitions({**WHOLE, "objective": "val_loss", "seed": 3}, {}, "f").values()
    assert (one.id, one.objectives, one.total, one.seed) == (ALONE, {"val_loss": "min"}, 3, "sweep 3")
    several = definitions({"a": WHOLE, "b": {**WHOLE, "method": "grid"}}, {}, "f")
    assert [(name, one.total) for name, one in several.items()] == [("a", 3), ("b", 2)]


def test_values_as_yaml_has_them() -> None:
    values = {"a": [[1, 2], [3]], "b": ["x, y", "true", True], "c": 7, "d": "range(3)"}
    (one,) = definitions({**WHOLE, "parameters": values}, {}, "f").values()
    assert [axis.choices for axis in one.space.axes] == [
        *(("[1, 2]", "[3]"), ('"x, y"', '"true"', "true"), ("0", "1", "2")),
    ]
    assert one.space.fixed == ("c=7",)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"method": "anneal"}, "no method 'anneal'"),
        ({"method": None}, "no method"),
        ({"trials": 0}, "'trials' must be a number"),
        ({"trials": None}, "needs the number of its trials"),
        ({"method": "tpe"}, "needs an objective"),
        ({"objective": "score"}, "Is a high or a low score the best"),
        ({"objective": ["a", "b"], "direction": "max"}, "for each objective"),
        ({"parameters": {"lr": "uniform(1,0)"}}, "no range to draw from"),
        ({"parameters": {}}, "must give each param"),
        ({"parameters": {"lr": "uniform(0,1)"}, "method": "grid"}, "cannot go through"),
        ({"pruner": "axe"}, "no pruner 'axe'"),
        ({"pruner": "median"}, "needs one objective"),
        ({"runs": 3}, "no key 'runs'"),
        ({"timeout": "soon"}, "soon"),
    ],
)
def test_a_wrong_section(part: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        definitions({**WHOLE, **part}, {}, "gitexp.yaml")
    assert said.lower() in str(raised.value).lower()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for method in ("gp", "cmaes"):
        with pytest.raises(GitexpError, match="not installed"):
            Searcher(definition(method)).suggest([], "seed")


def test_params_in_another_order_are_the_same_point() -> None:
    space = of_overrides(["a=uniform(0,1)", "b=uniform(0,1)"])
    turned = of_overrides(["b=uniform(0,1)", "a=uniform(0,1)"])
    assert turned.point_of(space.values_at(("0.1", "0.2"))) == ("0.2", "0.1")


def test_what_does_not_go_together() -> None:
    with pytest.raises(UsageError):
        checked(definition("cmaes", objectives={"a": "min", "b": "min"}))


# -- trials and their summary -------------------------------------------------------------------------


OF_X = definition("random", ["x=uniform(0,9)"])


def run(number: int, status: Status = Status.DONE, replicate: int = 0, **metrics: float) -> Experiment:
    trial = {"number": number, "point": {"x": f"{number}"}, "code": "c", "space": {}, "objectives": {}}
    record = Record("n", status, "", "", sweep="s", trial=trial, metrics={"m": metrics}, replicate=replicate)
    return Experiment(f"exp-{number}-{replicate}-{status}", "", record)


def test_trials_of_records() -> None:
    found = [run(0, Status.FAILED), run(0), run(1, Status.FAILED), run(2, Status.QUEUED)]
    states = [one.state for one in trials.of_sweep(OF_X, found, [run(1), run(3)])]
    assert states == ["done", "failed", "queued", "removed"]
    assert trials.of_sweep(OF_X._replace(id="other"), found) == []
    assert [one.point for one in trials.of_sweep(OF_X, found)] == [("0",), ("1",), ("2",)]
    turned = of_overrides(["y=uniform(0,9)"])
    assert trials.of_sweep(OF_X._replace(space=turned), found)[0].point == ()


def test_two_clones_have_given_one_number_twice() -> None:
    other = run(0)
    trial = {**other.record.trial, "point": {"x": "7"}}
    found = [run(0), other._replace(record=replace(other.record, trial=trial))]
    assert [one.point for one in trials.of_sweep(OF_X, found)] == [("0",), ("7",)]


def test_the_mean_of_the_seeds_counts() -> None:
    found = [run(0, replicate=1, loss=1.0), run(0, replicate=2, loss=3.0), run(1, replicate=1, loss=1.5)]
    found += [run(1, Status.RUNNING, replicate=2), run(2, replicate=1, loss=math.nan)]
    now = trials.of_sweep(OF_X, found)
    assert [trials.mean_results(one, {"loss": "min"}) for one in now] == [(2.0,), None, None]
    assert [one.is_over for one in trials.as_known(now, {"loss": "min"})] == [True, False, True]


def test_the_best_is_named_like_its_row_in_the_table() -> None:
    runs = [run(0, replicate=1, loss=1.0), run(0, replicate=2, loss=3.0), run(1, replicate=1, loss=9.0)]
    for at, end in enumerate(("2", "1", "3")):
        runs[at] = runs[at]._replace(record=replace(runs[at].record, finished=end))
    of = OF_X._replace(objectives={"loss": "min"})
    told = summary.lines(of, summary.of_trials(of, trials.of_sweep(of, runs), Importance({}, "too few")))
    assert told[1:] == [
        "best: exp-0-2-done  loss 2  x=0  (mean of 2 seeds)",
        "importance for loss: too few",
    ]


def test_the_simple_importance() -> None:
    of = definition("random")
    known = []
    for number in range(24):
        point = next_point(of, number, set(), None)
        assert point is not None
        known.append(KnownPoint(str(number), point, True, (float(point[0]),)))
    shares = ordered(simple(of.space.axes, known))
    assert next(iter(shares)) == of.space.axes[0].key
    assert next(iter(shares.values())) > 0.6
    assert sum(shares.values()) == pytest.approx(1)
    alike = [one._replace(results=(1.0,)) for one in known]
    assert simple(of.space.axes, alike) == {}
    # A param that differs in every trial explains nothing, and neither does one that half of the trials lack.
    results = [float(number) for number in range(12)]
    params = {"id": [f"id-{number}" for number in range(12)], "late": [None] * 6 + ["x"] * 6}
    assert importance.simple(params, results) == {"id": 0.0, "late": 1.0}


@pytest.mark.parametrize(("direction", "first"), [("max", "x"), ("min", "kind")])
def test_optunas_importance_is_for_good_results(direction: str, first: str) -> None:
    # The best results need a high x; the worst have kind c in common, and any x.
    kinds = ["a", "b", "c"] * 20
    xs = [(number * 7 % 60) / 60 for number in range(60)]
    results = [-10 + number % 7 / 100 if kinds[number] == "c" else xs[number] for number in range(60)]
    shares = importance_of({"x": xs, "kind": kinds}, results, direction)
    assert max(shares, key=shares.__getitem__) == first


def test_the_best_and_the_front() -> None:
    now = trials.of_sweep(OF_X, [run(0, a=1, b=1), run(1, a=3, b=3), run(2, a=2, b=1), run(3, a=3, b=3)])
    assert [one.trial.number for one in summary.front(now, {"a": "max"})] == [1]
    assert [one.trial.number for one in summary.front(now, {"a": "max", "b": "min"})] == [1, 2]
    assert summary.front(now, {}) == []
