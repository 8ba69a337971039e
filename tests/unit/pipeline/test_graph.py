"""The graph of stages: what stands on what, in which order, and what cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp import errors
from gitexp.pipeline.graph import Graph
from gitexp.pipeline.stage import Out, ParamsDep, Pipeline, Stage

Paths = Sequence[str]


def graph(**stages: tuple[Paths, Paths]) -> Graph:
    """Make a graph of stages by name, each with its deps and its outs; `_` in a name is `@`."""
    made = [
        Stage(name.replace("_", "@"), ("x",), deps=tuple(deps), outs=tuple(map(Out, outs)), line=line)
        for line, (name, (deps, outs)) in enumerate(stages.items(), 2)
    ]
    return Graph(Pipeline("dvc.yaml", made))


def names(stages: Sequence[Stage]) -> list[str]:
    return [stage.name for stage in stages]


def test_stages_run_after_what_they_read_is_made_else_in_the_order_of_the_file() -> None:
    found = graph(
        report=(["scores.json", "fig"], []),
        train=(["data/train.csv", "train.py"], ["model.pt"]),
        plot=(["model.pt"], ["fig/a.png", "fig/b.png"]),
        other=([], []),
        prep=(["raw"], ["data"]),
        score=(["model.pt", "data/test.csv"], ["scores.json"]),
    )
    assert names(found.order()) == ["other", "prep", "train", "plot", "score", "report"]
    assert found.above("report") == ("plot", "score")
    assert found.above("score") == ("train", "prep")
    assert found.below("train") == ("plot", "score")
    assert found.upstream("report") == ["prep", "train", "plot", "score"]
    assert found.downstream("train") == ["plot", "score", "report"]
    assert found.downstream("other") == found.upstream("other") == []


def test_a_params_file_that_a_stage_writes_is_read_by_the_next() -> None:
    tune = Stage("tune", ("x",), outs=(Out("best.yaml"),))
    train = Stage("train", ("x",), params=(ParamsDep("best.yaml", ("lr",)),))
    assert Graph(Pipeline("dvc.yaml", [train, tune])).above("train") == ("tune",)


@pytest.mark.parametrize(
    ("path", "maker"),
    [
        ("data", "prep"),
        ("data/train.csv", "prep"),
        ("models", "train"),
        ("models/a", "train"),
        ("models/a/b", "train"),
        ("model", None),
        ("models2", None),
        ("dat", None),
        ("database", None),
    ],
)
def test_who_makes_a_path(path: str, maker: str | None) -> None:
    found = graph(train=([], ["models/a"]), prep=([], ["data"])).maker_of(path)
    assert (found and found.name) == maker


@pytest.mark.parametrize(
    ("words", "single", "downstream", "chosen"),
    [
        ([], False, False, ["prep", "train@a", "train@b", "train@b@c", "report"]),
        (["train@a"], False, False, ["prep", "train@a"]),
        (["train@a"], True, False, ["train@a"]),
        (["train@a"], False, True, ["train@a", "report"]),
        (["train"], True, False, ["train@a", "train@b", "train@b@c"]),
        (["train@b"], True, False, ["train@b"]),
        (["t*@b*", "prep"], True, False, ["prep", "train@b", "train@b@c"]),
        (["report", "prep"], True, False, ["prep", "report"]),
        (["r?port"], False, False, ["prep", "train@a", "train@b", "train@b@c", "report"]),
        (["prep"], True, True, ["prep", "train@a", "train@b", "train@b@c", "report"]),
    ],
)
def test_words_name_stages(words: list[str], single: bool, downstream: bool, chosen: list[str]) -> None:
    found = graph(
        prep=([], ["data"]),
        train_a=(["data"], ["a"]),
        train_b=(["data"], ["b"]),
        train_b_c=(["data"], ["c"]),
        report=(["a", "b", "c"], []),
    )
    assert names(found.select(words, single=single, downstream=downstream)) == chosen


def test_a_stage_that_is_not_there() -> None:
    found = graph(prepare=([], []), train=([], []))
    with pytest.raises(errors.UnknownStage, match=r"no stage 'prepar' in dvc\.yaml") as near:
        found.select(["train", "prepar"])
    assert near.value.hint == "Did you mean prepare?"
    with pytest.raises(errors.UnknownStage) as far:
        found.select(["x*"])
    assert far.value.hint == "The stages are: prepare, train."
    assert (far.value.exit_code, far.value.code) == (2, "unknown-stage")


@pytest.mark.parametrize(
    ("stages", "line", "message"),
    [
        ({"a": ([], ["x"]), "b": ([], ["x"])}, 3, "the stages 'a' and 'b' both write 'x'"),
        ({"a": ([], ["x", "x"])}, 2, "'a' names 'x' twice"),
        (
            {"a": ([], ["d"]), "b": ([], ["d/e/x"])},
            3,
            "'d/e/x' of the stage 'b' is inside 'd' of the stage 'a'",
        ),
        ({"a": ([], ["d/x"]), "b": ([], ["d"])}, 2, "'d/x' of the stage 'a' is inside 'd' of the stage 'b'"),
        ({"a": ([], ["x/M"]), "b": ([], ["x/m"])}, 3, "the outputs 'x/M' and 'x/m' are one where case"),
        ({"a": ([], ["D/x"]), "b": ([], ["d/y"])}, 3, "the outputs 'D' and 'd' are one where case"),
        ({"a": (["x"], ["x"])}, 2, "the stage 'a' reads 'x', which it writes itself"),
        ({"a": (["d"], ["d/x"])}, 2, "the stage 'a' reads 'd', which it writes itself"),
        ({"a": (["d/x"], ["d"])}, 2, "the stage 'a' reads 'd/x', which it writes itself"),
    ],
)
def test_what_cannot_be_is_an_error_that_shows_the_stages(
    stages: Mapping[str, tuple[Paths, Paths]], line: int, message: str
) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        graph(**stages)
    assert caught.value.message.startswith(f"dvc.yaml:{line}: ")
    assert message in caught.value.message


def test_a_circle_is_shown_step_by_step() -> None:
    with pytest.raises(errors.ConfigError) as caught:
        graph(a=(["z"], ["x"]), b=(["x"], ["y"]), c=(["y", "q"], ["z"]), d=(["x"], []))
    start, _, circle = caught.value.message.partition(" in a circle: ")
    assert start == "dvc.yaml:2: stages stand on each other"
    steps = circle.split(", ")
    assert set(steps) == {"'a' makes 'x' for 'b'", "'b' makes 'y' for 'c'", "'c' makes 'z' for 'a'"}
    for step, following in zip(steps, [*steps[1:], steps[0]], strict=True):
        assert step.split()[-1] == following.split()[0]


def test_a_long_circle_is_shown_in_part() -> None:
    stages = {f"s{n}": ([f"f{(n - 1) % 30}"], [f"f{n}"]) for n in range(30)}
    with pytest.raises(errors.ConfigError) as caught:
        graph(**stages)
    assert caught.value.message.count(" makes ") == 8
    assert ", …, " in caught.value.message


def test_a_thousand_stages_are_put_in_order() -> None:
    chain = {f"s{n}": ([f"d{n}", "common"], [f"d{n + 1}", f"more/{n}"]) for n in reversed(range(1000))}
    assert names(graph(**chain).order()) == [f"s{n}" for n in range(1000)]
    fan = graph(**{f"s{n}": (["out0"] if n else [], [f"out{n}"]) for n in range(1000)}, last=(["out5"], []))
    assert len(fan.below("s0")) == 999
    assert fan.upstream("last") == ["s0", "s5"]


def test_a_folder_that_many_write_into_and_all_read() -> None:
    makers = {f"m{n}": ([], [f"d/{n}-{k}" for k in range(100)]) for n in range(400)}
    readers = {f"r{n}": (["d"], []) for n in range(500)}
    found = graph(**makers, **readers)
    assert len(found.above("r7")) == 400
    assert len(found.below("m7")) == 500


_PATH = st.sampled_from(["a", "a/b", "a/b/c", "a/d", "e", "e/f", "g"])


@given(st.lists(st.tuples(st.lists(_PATH, max_size=3), st.lists(_PATH, max_size=2)), max_size=6))
def test_every_stage_comes_after_all_that_it_reads(described: list[tuple[Paths, Paths]]) -> None:
    try:
        found = graph(**{f"s{n}": pair for n, pair in enumerate(described)})
    except errors.ConfigError:
        return
    done: set[str] = set()
    for stage in found.order():
        for dep in stage.deps:
            for other in found.stages.values():
                for out in other.outs:
                    shared = (dep + "/").startswith(out.path + "/") or (out.path + "/").startswith(dep + "/")
                    assert (other.name in done) or not shared
        done.add(stage.name)
        assert set(found.upstream(stage.name)) <= done
    assert len(done) == len(described)
