"""Options of a command nobody prepared: read as params, changed in the form that they have."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp import errors
from gitexp.files import flatten, parse_override
from gitexp.files.command_words import arguments
from tests.support.codes import has_code

READ: dict[str, dict[str, Any]] = {
    "python train.py --lr 0.1 --name=wide -x 3 seed=7 --fast": {
        "lr": 0.1,
        "name": "wide",
        "x": 3,
        "seed": 7,
        "fast": True,
    },
    "python train.py data.csv 5": {},
    "python train.py --lr=1e-3 --decay -0.5 --shift -1e-3": {"lr": 0.001, "decay": -0.5, "shift": -0.001},
    "python train.py --layers 64 32 --betas 0.9 .999 out": {"layers": [64, 32], "betas": [0.9, 0.999]},
    "python train.py --tags a b c --lr 1": {"tags": ["a", "b", "c"], "lr": 1},
    "python train.py --lr 1 --opts A.LR 0.01 A.N 3": {"lr": 1, "opts": ["A.LR", 0.01, "A.N", 3]},
    "python train.py -a resnet18 data -- x y": {"a": ["resnet18", "data"]},
    "python train.py --set a=1 b=2 --x 1": {"set": True, "a": 1, "b": 2, "x": 1},
    "python train.py --set a=1 --x 1": {"set": "a=1", "x": 1},
    "python train.py --config base a=1 b=2": {"config": "base", "a": 1, "b": 2},
    "python train.py --set a=1 b c=2": {"set": ["a=1", "b"], "c": 2},
    "python train.py --tag a --tag b --tag=3": {"tag": ["a", "b", 3]},
    "python train.py -v -v": {"v": [True, True]},
    "python train.py --on true --off False --as yes --zip 007 --none null": {
        "on": True,
        "off": False,
        "as": "yes",
        "zip": "007",
        "none": "null",
    },
    "python train.py --lr 1 -- --epochs 3 x=1": {"lr": 1},
    "python train.py --model.lr=1 --model.size 2": {"model": {"lr": 1, "size": 2}},
    "python train.py model=a model.lr=1 a..b=2": {"model": "a", "model.lr": 1, "a..b": 2},
    "python train.py +trainer.lr=1 '++x=a b' db@y=2 'l=[1,2]'": {
        "trainer": {"lr": 1},
        "x": "a b",
        "db@y": 2,
        "l": "[1,2]",
    },
    "python train.py - -- ---x": {},
    "python train.py --empty= --next": {"empty": "", "next": True},
    "python train.py --größe 1": {"größe": 1},
    # What an interpreter or a launcher takes for itself is none of the script's.
    "python -u -W error -X dev train.py --lr 1": {"lr": 1},
    "python -m pkg.train --lr 1": {"lr": 1},
    "python3.12 -um pkg.train --lr 1": {"lr": 1},
    "/opt/venv/bin/python -mpkg.train --lr 1": {"lr": 1},
    "python -c 'print(1)' --lr 1": {"lr": 1},
    "python -m torch.distributed.run --nproc 2 train.py --lr 1": {"lr": 1},
    "torchrun --nproc 2 train.py --lr 1": {"lr": 1},
    "accelerate launch --config_file a.yaml train.py --lr 1": {"lr": 1},
    "uv run --with torch train.py --lr 1": {"lr": 1},
    "uv run train --lr 1": {"lr": 1},
    "poetry run python -u train.py --lr 1": {"lr": 1},
    "nice -n 5 python train.py --lr 1": {"lr": 1},
    "nice -n 5 ./train --lr 1": {"lr": 1},
    "env A=1 python train.py --lr 1": {"lr": 1},
    "CUDA_VISIBLE_DEVICES=0 SEED='1 2' python train.py --lr 1": {"lr": 1},
    "bash run.sh --lr 1": {"lr": 1},
    "bash run --lr 1": {"lr": 1},
    "./train.py --config base.py --lr 1": {"config": "base.py", "lr": 1},
    "make train LR=1": {"LR": 1},
    "python": {},
    "uv run": {},
    "": {},
}


def words_of(line: str) -> list[str]:
    words = arguments.split(line)
    assert words is not None
    return words


@pytest.mark.parametrize("line", READ)
def test_what_is_read(line: str) -> None:
    expected = {"args": READ[line]} if READ[line] else {}
    assert arguments.parse(words_of(line)) == expected


def test_keys_are_those_of_the_table() -> None:
    assert flatten(arguments.parse(words_of("python t.py --lr 1 --m.x 2"))) == {"args.lr": 1, "args.m.x": 2}


def test_numbers_and_texts_keep_their_type() -> None:
    words = words_of("python t.py --a 1 --b 1.0 --c 1_000 --d 1e-3 --e 7e123457 --f inf --g 1.10 --h 1 007")
    tree = arguments.parse(words)["args"]
    assert [*tree.values()] == [1, 1.0, "1_000", 0.001, "7e123457", "inf", "1.10", [1, "007"]]


def test_a_very_long_command_has_none() -> None:
    assert arguments.parse(["python", "train.py", "--data", "x" * 20_000]) == {}


def test_a_very_deep_name_is_one_key() -> None:
    name = ".".join("a" * 2000)
    assert arguments.parse(["./train", f"--{name}", "1"]) == {"args": {name: 1}}


CHANGED = [
    ("--lr 0.1 --fast", "args.lr=2e-1", "--lr 2e-1 --fast"),
    ("--lr=0.1 --fast", "args.lr=0.2", "--lr=0.2 --fast"),
    ("-x 3", "args.x=-4", "-x -4"),
    ("lr=0.1 +a.b=1", "args.a.b=2", "lr=0.1 +a.b=2"),
    ("--name wide", "args.name=a b", "--name 'a b'"),
    ("--name wide", "args.name='[x'", "--name '[x'"),
    ("--name wide", "args.name=", "--name ''"),
    ("--name wide", "args.name=-odd", "--name=-odd"),
    ("--fast --lr 1", "args.fast=false", "--lr 1"),
    ("--fast --lr 1", "args.fast=true", "--fast --lr 1"),
    ("--fast --lr 1", "args.fast=3", "--fast 3 --lr 1"),
    ("--on True --lr 1", "args.on=False", "--on False --lr 1"),
    ("--layers 64 32 --lr 1", "args.layers=[1, 2, 3]", "--layers 1 2 3 --lr 1"),
    ("--layers 64 32 --lr 1", "args.layers=5", "--layers 5 --lr 1"),
    ("--layers=[64,32]", "args.layers=[1,2]", "'--layers=[1,2]'"),
    ("--layers '[64]'", "args.layers=[1,2]", "--layers '[1,2]'"),
    ("--tag a --lr 1 --tag b", "args.tag=[x, y]", "--tag x --tag y --lr 1"),
    ("--tag=a --tag=b", "args.tag=c", "--tag=c"),
    ("--lr 1 --fast data", "~args.lr", "--fast data"),
    ("--tag a --lr 1 --tag b", "~args.tag", "--lr 1"),
    ("--lr 1", "+args.x=1", "--lr 1 -x 1"),
    ("--lr 1", "+args.lr=2", "--lr 2"),
    ("--lr 1 -- more", "+args.fast=true", "--lr 1 --fast -- more"),
    ("--lr 1", "+args.fast=false", "--lr 1"),
    ("lr=1", "+args.m.x=2", "lr=1 m.x=2"),
    ("", "+args.lr=2", "--lr 2"),
    ("", "+args.layers=[1,2]", "--layers 1 2"),
]


@pytest.mark.parametrize(("before", "override", "after"), CHANGED)
def test_changes_keep_the_form(before: str, override: str, after: str) -> None:
    words = ["python", "train.py", *shlex.split(before)]
    changed = arguments.apply(words, [parse_override(override)])
    assert changed == ["python", "train.py", *shlex.split(after)]


def test_what_is_not_there_is_said_with_what_may_be_meant() -> None:
    words = words_of("python train.py --learning-rate 0.1 --epochs 3")
    with pytest.raises(errors.GitexpError, check=has_code("unknown-param")) as caught:
        arguments.apply(words, [parse_override("args.learning_rate=1")])
    assert "it has: args.learning-rate, args.epochs" in caught.value.message
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Did you mean args.learning-rate?")
    assert "+args.learning_rate=value" in caught.value.hint
    with pytest.raises(errors.GitexpError, check=has_code("unknown-param")):
        arguments.apply(words, [parse_override("~args.lr")])


@pytest.mark.parametrize("override", ["args.x=[x, y]", "args.x=1", "+args.x=1", "~args.x"])
@pytest.mark.parametrize(
    "given",
    ["--x a b c", "--x A.LR 0.01 A.N 3", "--x=1 --lr 1 --x a b", "--x a=1 b=2", "--x data.csv out -- more"],
)
def test_an_option_of_unknown_extent_is_not_changed(given: str, override: str) -> None:
    words = words_of(f"python train.py {given}")
    with pytest.raises(errors.OverrideError, match="is not known"):
        arguments.apply(words, [parse_override(override)])
    beside = arguments.apply(words, [parse_override("+args.new=1")])
    assert arguments.parse(beside)["args"]["new"] == 1
    assert set(words) <= set(beside)


@pytest.mark.parametrize("given", ["--x data.csv", "--x 3", "--x 1 2"])
def test_a_value_is_no_flag(given: str) -> None:
    for override in ("args.x=true", "args.x=false"):
        with pytest.raises(errors.OverrideError, match="makes a flag"):
            arguments.apply(words_of(f"python train.py {given}"), [parse_override(override)])


def test_what_stands_behind_an_option_of_unknown_extent_can_be_changed() -> None:
    words = words_of("python train.py -m a=1 b=2 --tags x y --lr 1")
    changed = arguments.apply(words, [parse_override("args.b=3"), parse_override("args.lr=2")])
    assert changed == words_of("python train.py -m a=1 b=3 --tags x y --lr 2")


@pytest.mark.parametrize("override", ["args.layers[0]=1", "args.layers={a: 1}", "args=1"])
def test_what_an_option_cannot_be(override: str) -> None:
    with pytest.raises((errors.OverrideError, errors.GitexpError)):
        arguments.apply(words_of("python train.py --layers 1 2"), [parse_override(override)])


@pytest.mark.parametrize(
    "line", ["a | b", "a; b", "a $X", 'a "$X"', "a `b`", "a 'b", "a *.py", "a\nb", "a > b", "a ~/b", "a # b"]
)
def test_a_line_for_the_shell_is_left_to_it(line: str) -> None:
    assert arguments.split(line) is None


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)))
def test_a_line_and_its_words(words: list[str]) -> None:
    words = ["python", *words]
    assert shlex.split(arguments.join(words)) == words
    assert arguments.join(["A=1 2", "B=", "python"]) == "A='1 2' B='' python"


@given(
    st.lists(st.sampled_from(["--a", "--a=1", "-b", "b=2", "-1", "x", "--", "[1]", "", "=", "-", "a.b=1"]))
)
def test_any_command_can_be_read_and_changed(words: list[str]) -> None:
    command = ["python", "t.py", *words]
    arguments.parse(command)
    changed = arguments.apply(command, [parse_override("+args.new=5")])
    assert arguments.parse(changed)["args"]["new"] == 5
    again = arguments.apply(changed, [parse_override("~args.new")])
    assert arguments.parse(again) == arguments.parse(command)
