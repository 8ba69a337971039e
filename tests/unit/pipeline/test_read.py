"""`stages:`: what it may say, what that is made of, and what is said of it where it may not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp import errors
from gitexp.model import Tree
from gitexp.pipeline import expand
from gitexp.pipeline.expand import MAX_STAGES
from gitexp.pipeline.read import read
from gitexp.pipeline.stage import Out, OutKind, ParamsDep, Pipeline, Stage
from gitexp.project import config_loading, stage_files


def parse(text: str, name: str = "dvc.yaml", *, own: bool = False, **files: str) -> Pipeline:
    """Read a pipeline beside which there are some files; `params` is params.yaml."""
    folder = name.rpartition("/")[0]
    found = {(f"{key}.yaml" if "." not in key else key): text for key, text in files.items()}

    def content(path: str) -> bytes | None:
        inside = path.removeprefix(folder + "/") if folder else path
        return found[inside].encode() if inside in found else None

    return read(name, text.encode(), folder, content, only_stages=own)


def stages(text: str, **files: str) -> dict[str, Stage]:
    return {stage.name: stage for stage in parse(text, **files).stages}


def test_commands_are_split_at_newlines_and_nowhere_else() -> None:
    text = json.dumps({"stages": {"s": {"cmd": "cp in 'a\u2028b\x85c\x0bd'\r\n\n  touch e "}}})
    assert stages(text)["s"].commands == ("cp in 'a\u2028b\x85c\x0bd'", "touch e")


def test_every_field_of_a_stage() -> None:
    found = parse(
        """
        stages:
          train:
            desc: learns
            wdir: model
            cmd: [python prep.py, "python train.py --lr ${lr} "]
            deps: [train.py, ../data/, ../data, ./x/../y]
            params: [lr, a.b, {../shared.json: [k, k], own.toml: }, lr, {whole.yaml: [x]}, {whole.yaml: []}]
            outs:
              - out.bin
              - kept/: {persist: true, desc: d, type: t, labels: [l], meta: {a: 1}}
              - ../small.txt: {cache: false}
              - plain.txt:
            metrics: [{scores.json: {cache: false}}, more.json]
            plots:
              - curve.csv: {x: step, y: loss, title: T, x_label: a, y_label: b, template: c, header: true}
              - twice.csv: [{y: a}, {y: b, persist: true}]
            frozen: true
            always_changed: true
            meta: {who: "${lr}", list: [1, null]}
            vars: [{lr: 0.5}]
        """,
        "sub/dvc.yaml",
    )
    assert found == Pipeline(
        "sub/dvc.yaml",
        (
            Stage(
                name="train",
                commands=("python prep.py", "python train.py --lr 0.5"),
                wdir="sub/model",
                deps=("sub/model/train.py", "sub/data", "sub/model/y"),
                params=(
                    ParamsDep("sub/model/params.yaml", ("lr", "a.b")),
                    ParamsDep("sub/shared.json", ("k",)),
                    ParamsDep("sub/model/own.toml", None),
                    ParamsDep("sub/model/whole.yaml", None),
                ),
                outs=(
                    Out("sub/model/out.bin"),
                    Out("sub/model/kept", persist=True),
                    Out("sub/small.txt", in_git=True),
                    Out("sub/model/plain.txt"),
                    Out("sub/model/scores.json", OutKind.METRIC, in_git=True),
                    Out("sub/model/more.json", OutKind.METRIC, in_git=True),
                    Out("sub/model/curve.csv", OutKind.PLOT, in_git=True),
                    Out("sub/model/twice.csv", OutKind.PLOT, in_git=True, persist=True),
                ),
                desc="learns",
                frozen=True,
                always_changed=True,
                meta={"who": 0.5, "list": [1, None]},
                line=3,
            ),
        ),
    )


def test_a_stage_may_work_in_the_root() -> None:
    for wdir in ("..", "../.", "../sub/.."):
        found = parse(f"stages: {{a: {{cmd: x, wdir: {wdir}, outs: [o]}}}}", "sub/dvc.yaml").stages[0]
        assert (found.wdir, found.outs) == ("", (Out("o"),))


def test_fields_left_empty_are_as_if_they_were_not_there() -> None:
    text = "stages: {a: {cmd: x, deps: , params: , outs: , metrics: , plots: , wdir: , vars: }}\nvars:\n"
    assert parse(text) == Pipeline("dvc.yaml", (Stage("a", ("x",), line=1),))
    for nothing in ("", "# nothing", "stages:", "stages: {}"):
        assert parse(nothing) == Pipeline("dvc.yaml")


def test_what_stands_beside_the_stages() -> None:
    found = parse(
        """
        vars: [more.yaml, {n: 1}]
        params: [p/a.yaml, "p${n}.json"]
        metrics: [m.json]
        plots:
          - curves
          - "loss${n}.csv": {x: step, y: loss}
          - empty.csv:
          - Loss by step: {x: {train.csv: step}, y: {train.csv: [loss], test.csv: loss}}
        artifacts: {model: {path: m.pt}}
        datasets: [{name: d, type: url}]
        stages:
          a: {cmd: x, outs: [{m.pt: {push: false}}, {n.pt: {remote: r}}]}
        """,
        params="lr: 1",
        more="x: 1",
    )
    assert found.params == ("params.yaml", "more.yaml", "p/a.yaml", "p1.json")
    assert found.metrics == ("m.json",)
    assert found.plots == ("curves", "loss1.csv", "empty.csv", "train.csv", "test.csv")
    assert found.notes == (
        "dvc.yaml:13: 'push' of an output is of DVC's storage, and has no effect here",
        "dvc.yaml:13: 'remote' of an output is of DVC's storage, and has no effect here",
        "dvc.yaml:10: 'artifacts' has no effect here",
        "dvc.yaml:11: 'datasets' has no effect here",
    )


def test_of_a_gitexp_yaml_the_stages_are_read_alone() -> None:
    text = "command:\nmetrics: 7\nxyz: 1\nstages: {a: {cmd: x}}\n"
    assert parse(text, "gitexp.yaml", own=True) == Pipeline("gitexp.yaml", (Stage("a", ("x",), line=4),))
    noted = parse("stages: {a: {cmd: x, outs: [{o: {push: true}}]}}", "gitexp.yaml", own=True)
    assert noted.notes == ("gitexp.yaml:1: 'push' of an output is of DVC's storage, and has no effect here",)
    with pytest.raises(errors.ConfigError, match=r"gitexp\.yaml:3: "):
        parse("stages:\n  a:\n    cmd: {}\n", "gitexp.yaml", own=True)


def test_foreach_makes_a_stage_for_each_item() -> None:
    found = stages(
        """
        stages:
          plain: {foreach: [a, 2, true, data/x.csv, a], do: {cmd: "x ${item}"}}
          numbered: {foreach: [{v: 1}, [2]], do: {cmd: "x"}}
          keyed: {foreach: {one: {v: 1}, two: {v: 2}}, do: {cmd: "x ${key} ${item.v}", outs: ["${key}.txt"]}}
          by_param: {foreach: "${names}", do: {cmd: "x ${item}", vars: [{w: 3}], wdir: "d${item}"}}
          mixed: {foreach: ["${names[0]}", "y"], do: {cmd: "x ${item}"}}
          none: {foreach: [], do: {cmd: x}}
          aliased: {foreach: &list [p], do: &do {cmd: "x ${item}"}}
          again: {foreach: *list, do: *do}
        """,
        params="names: [u, v]",
    )
    assert {name: stage.commands[0] for name, stage in found.items()} == {
        "plain@a": "x a",
        "plain@2": "x 2",
        "plain@true": "x true",
        "plain@data/x.csv": "x data/x.csv",
        "numbered@0": "x",
        "numbered@1": "x",
        "keyed@one": "x one 1",
        "keyed@two": "x two 2",
        "by_param@u": "x u",
        "by_param@v": "x v",
        "mixed@u": "x u",
        "mixed@y": "x y",
        "aliased@p": "x p",
        "again@p": "x p",
    }
    assert found["keyed@two"].outs == (Out("two.txt"),)
    assert (found["by_param@v"].wdir, found["by_param@v"].line) == ("dv", 6)


def test_matrix_makes_a_stage_for_each_combination() -> None:
    found = stages(
        """
        stages:
          train:
            matrix: {model: [cnn, {deep: 3}], seed: "${seeds}"}
            cmd: x ${item.seed} ${key}
            outs: ["${key}/m"]
        """,
        params="seeds: [1, 2]",
    )
    assert {name: stage.commands[0] for name, stage in found.items()} == {
        "train@cnn-1": "x 1 cnn-1",
        "train@cnn-2": "x 2 cnn-2",
        "train@model1-1": "x 1 model1-1",
        "train@model1-2": "x 2 model1-2",
    }
    assert found["train@model1-2"].outs == (Out("model1-2/m"),)


def test_variables_come_from_params_and_vars() -> None:
    found = stages(
        """
        vars:
          - a.json
          - b.toml:x,y
          - params.yaml
          - model: {depth: 2}
        stages:
          one:
            wdir: sub
            vars: [../c.yaml, {own: 5}]
            cmd: go ${lr} ${j} ${x} ${y} ${model.width} ${model.depth} ${c} ${own}
          two: {cmd: "go ${model.width}"}
        """,
        params="lr: 0.1\nmodel: {width: 9}",
        **{"a.json": '{"j": 1}', "b.toml": "x = 2\ny = 3\nz = 4", "c.yaml": "c: 7"},
    )
    assert found["one"].commands == ("go 0.1 1 2 3 9 2 7 5",)
    assert found["two"].commands == ("go 9",)


def test_the_values_of_a_map_become_options() -> None:
    found = stages(
        "stages: {a: {cmd: 'python t.py ${train}'}}", params="train: {lr: 0.1, fast: true, n: [1, 2]}"
    )
    assert found["a"].commands == ("python t.py --lr 0.1 --fast --n 1 2",)


def test_anchors_and_merge_keys_are_followed() -> None:
    found = stages(
        """
        stages:
          a: &a {cmd: x, deps: &deps [d], outs: [o]}
          b: {<<: *a, outs: [p]}
          c: {cmd: y, deps: *deps}
        """
    )
    assert (found["b"].commands, found["b"].deps, found["b"].outs) == (("x",), ("d",), (Out("p"),))
    assert found["c"].deps == ("d",)


WRONG = [
    # fields
    (
        "stages:\n  a:\n    cmd: x\n    dps: [d]\n",
        4,
        "the stage 'a' has no field 'dps'",
        "Did you mean deps?",
    ),
    (
        "stages:\n  a:\n    cmd: x\n    zzzzzz: 1\n",
        4,
        "the stage 'a' has no field 'zzzzzz'",
        "There are: cmd,",
    ),
    ("vars: []\nstage: {}\n", 2, "dvc.yaml has no field 'stage'", "Did you mean stages?"),
    ("stages: [a]\n", 1, "'stages' must be a mapping", ""),
    ("stages:\n  a: python x.py\n", 2, "the stage 'a' must be a mapping", "cmd"),
    ("stages:\n  a:\n", 2, "the stage 'a' must be a mapping", ""),
    ("stages:\n  a: {deps: [d]}\n", 2, "the stage 'a' has no 'cmd'", "cmd: python train.py"),
    ("stages:\n  a:\n    cmd:\n", 2, "the stage 'a' has no 'cmd'", ""),
    ("stages:\n  a: {cmd: []}\n", 2, "the stage 'a' has no command", ""),
    ("stages:\n  a: {cmd: ' '}\n", 2, "the stage 'a' has an empty command", ""),
    ("stages:\n  a: {cmd: [x, {}]}\n", 2, "'cmd' must be a text", ""),
    ("stages:\n  a: {cmd: 3}\n", 2, "'cmd' must be a text", ""),
    ("stages:\n  a: {cmd: x, frozen: 'yes'}\n", 2, "'frozen' must be true or false", ""),
    ("stages:\n  a: {cmd: x, always_changed: 1}\n", 2, "'always_changed' must be true or false", ""),
    ("stages:\n  a: {cmd: x, desc: [1]}\n", 2, "'desc' takes texts", ""),
    ("stages:\n  a:\n    cmd: x\n    deps: d\n", 4, "'deps' must be a list", "deps: ["),
    ("stages:\n  a: {cmd: x, deps: [{d: 1}]}\n", 2, "'deps' takes texts", ""),
    ("stages:\n  a: {cmd: x, params: lr}\n", 2, "'params' must be a list", ""),
    ("stages:\n  a: {cmd: x, params: [{f.yaml: lr}]}\n", 2, "'params of f.yaml' must be a list", ""),
    ("stages:\n  a: {cmd: x, outs: {m: 1}}\n", 2, "'outs' must be a list", ""),
    ("stages:\n  a: {cmd: x, outs: [[m]]}\n", 2, "an entry of 'outs' must be a path", ""),
    ("stages:\n  a: {cmd: x, outs: [{m: no}]}\n", 2, "what is said of 'm' must be a mapping", "persist"),
    (
        "stages:\n  a:\n    cmd: x\n    outs:\n      - m:\n          cahce: false\n",
        6,
        "the output 'm' has no field 'cahce'",
        "Did you mean cache?",
    ),
    ("stages:\n  a: {cmd: x, outs: [{m: {x: 1}}]}\n", 2, "the output 'm' has no field 'x'", ""),
    ("stages:\n  a: {cmd: x, outs: [{m: {cache: 1}}]}\n", 2, "'cache' must be true or false", ""),
    ("metrics: m.json\n", 1, "'metrics' must be a list", ""),
    # names
    ("stages:\n  a/b: {cmd: x}\n", 2, "'a/b' is no name for a stage", "Letters"),
    ("stages:\n  a@b: {cmd: x}\n", 2, "'a@b' is no name", ""),
    ("stages:\n  -a: {cmd: x}\n", 2, "'-a' is no name", ""),
    ("stages:\n  '': {cmd: x}\n", 2, "'' is no name", ""),
    ('stages:\n  "a\\nb": {cmd: x}\n', 2, "control characters", ""),
    ("stages:\n  ${x}: {cmd: x}\n", 2, "'${x}' is no name", ""),
    (f"stages:\n  {'a' * 201}: {{cmd: x}}\n", 2, "too long", ""),
    ("stages:\n  a: {foreach: [" + "b" * 201 + "], do: {cmd: x}}\n", 2, "too long", "keys"),
    ('stages:\n  a: {foreach: ["x\\ty"], do: {cmd: x}}\n', 2, "control characters", "keys"),
    # paths
    (
        "stages:\n  a:\n    cmd: x\n    outs:\n      - ok\n      - ../x\n",
        6,
        "'../x' is not inside the repo",
        "inside",
    ),
    ("stages:\n  a: {cmd: x, outs: [/tmp/x]}\n", 2, "'/tmp/x' is not inside the repository", ""),
    ("stages:\n  a: {cmd: x, outs: [//x]}\n", 2, "'//x' is not inside", ""),
    ("stages:\n  a: {cmd: x, outs: ['C:\\x']}\n", 2, "'C:\\x' is not inside", ""),
    ("stages:\n  a: {cmd: x, outs: [.]}\n", 2, "'.' is the whole repository", ""),
    ("stages:\n  a: {cmd: x, wdir: sub, params: [{..: [x]}]}\n", 2, "'..' is the whole repository", ""),
    ("metrics: [.]\n", 1, "'.' is the whole repository", ""),
    ("stages:\n  a: {cmd: x, outs: ['']}\n", 2, "'' is not inside", ""),
    ("stages:\n  a: {cmd: x, outs: [a/.GIT/x]}\n", 2, "is not inside", ".git"),
    ("stages:\n  a: {cmd: x, outs: [.gitexp/x]}\n", 2, "is not inside", ""),
    ("stages:\n  a: {cmd: x, deps: [a/../../x]}\n", 2, "'a/../../x' is not inside", ""),
    ("stages:\n  a: {cmd: x, outs: [aux.csv]}\n", 2, "'aux.csv' is the name of a device", ""),
    ("stages:\n  a: {cmd: x, outs: [sub/.gitexp/x]}\n", 2, "leads into a folder of Git's", ""),
    ("stages:\n  a: {cmd: x, deps: [.]}\n", 2, "the whole repository", ""),
    ("stages:\n  a: {cmd: x, deps: ['s3://b/k']}\n", 2, "'s3://b/k' is not a file here", "fetch"),
    ("stages:\n  a: {cmd: x, deps: ['ds://d']}\n", 2, "data sets (ds://)", ""),
    ("stages:\n  a: {cmd: x, deps: ['${p}']}\n", 2, "'../up' is not inside", ""),
    ("stages:\n  a: {cmd: x, wdir: ../w}\n", 2, "'../w' is not inside", ""),
    ("stages:\n  a: {cmd: x, params: [{../p.yaml: [a]}]}\n", 2, "'../p.yaml' is not inside", ""),
    ("params: [../p.yaml]\n", 1, "'../p.yaml' is not inside", ""),
    ("plots: [{p: {y: {../c.csv: a}}}]\n", 1, "'../c.csv' is not inside", ""),
    # templates and variables
    (
        "stages:\n  a:\n    cmd:\n      - x\n      - x ${lrr}\n",
        5,
        "there is no variable 'lrr'",
        "Did you mean lr?",
    ),
    ("stages:\n  a: {cmd: x, deps: ['${m}']}\n", 2, "'m' is a map", ""),
    ("stages:\n  a: {cmd: x, meta: {a: [{b: '${zz}'}]}}\n", 2, "there is no variable 'zz'", ""),
    ("stages:\n  a: {cmd: x, outs: [{'${zz}': {cache: false}}]}\n", 2, "there is no variable 'zz'", ""),
    ("stages:\n  a: {cmd: x, wdir: '${zz}'}\n", 2, "there is no variable 'zz'", ""),
    ("vars:\n  - {x: 1}\n  - {x: 2}\n", 3, "vars in line 3 sets 'x', which vars in line 2 has set", "Rename"),
    ("vars: [{lr: 1}]\n", 1, "vars in line 1 sets 'lr', which params.yaml has set already", ""),
    ("vars: [{x: '${lr}'}]\n", 1, "without ${…}", ""),
    ("vars: ['${lr}.yaml']\n", 1, "without ${…}", ""),
    ("vars: [3]\n", 1, "'vars' takes maps and files", ""),
    ("vars: {x: 1}\n", 1, "'vars' must be a list", ""),
    ("vars: [no.yaml]\n", 1, "the file of variables 'no.yaml' is not there", ""),
    ("vars: [more.yaml:nope]\n", 1, "more.yaml has no 'nope' at its top", ""),
    ("vars: [../x.yaml]\n", 1, "'../x.yaml' is not inside", ""),
    ("stages:\n  a: {cmd: x, vars: [{lr: 2}]}\n", 2, "sets 'lr', which params.yaml has set", ""),
    (
        "stages:\n  a: {foreach: [1], do: {cmd: x, vars: [{item: 2}]}}\n",
        2,
        "which foreach or matrix has set",
        "",
    ),
    # foreach and matrix
    ("stages:\n  a:\n    foreach: [1]\n    cmd: x\n    do: {cmd: x}\n", 4, "'cmd' cannot stand beside", "do"),
    ("stages:\n  a: {foreach: [1]}\n", 2, "the stage 'a' has no 'do'", ""),
    ("stages:\n  a: {do: {cmd: x}}\n", 2, "the stage 'a' has no 'foreach'", ""),
    ("stages:\n  a: {foreach: [1], do: x}\n", 2, "'do' must be a mapping", ""),
    ("stages:\n  a: {foreach: x, do: {cmd: x}}\n", 2, "'foreach' needs a list or a map", ""),
    ("stages:\n  a: {foreach: '${lr}', do: {cmd: x}}\n", 2, "'foreach' needs a list or a map", ""),
    (
        "stages:\n  a: {foreach: [1], do: {matrix: {a: [1]}, cmd: x}}\n",
        2,
        "'matrix' cannot stand in a 'do'",
        "",
    ),
    ("stages:\n  a: {foreach: [1], do: {cmd: '${key}'}}\n", 2, "there is no variable 'key'", ""),
    ("stages:\n  a: {matrix: [1], cmd: x}\n", 2, "'matrix' needs a list for each name", "matrix: {"),
    ("stages:\n  a: {matrix: {m: 1}, cmd: x}\n", 2, "'matrix' needs a list for each name", ""),
    ("stages:\n  a: {matrix: {m: [1]}}\n", 2, "the stage 'a@1' has no 'cmd'", ""),
]


@pytest.mark.parametrize(("text", "line", "message", "hint"), WRONG)
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, message: str, hint: str) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        parse(text, params="lr: 0.1\nm: {a: 1}\np: ../up\n", more="x: 1\n")
    assert caught.value.message.startswith(f"dvc.yaml:{line}: ")
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert (caught.value.file, caught.value.line) == ("dvc.yaml", line)


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("stages: {a: {cmd: x", {}),
        ("- a", {}),
        ("stages: {a: {cmd: x, cmd: y}}", {}),
        ("stages: {a: {cmd: x}}", {"params": "a: [1"}),
        ("vars: [more.yaml]", {"more": "- 1"}),
        ("vars: [data.csv]", {"data.csv": "1"}),
    ],
)
def test_files_that_do_not_parse(text: str, files: dict[str, str]) -> None:
    with pytest.raises(errors.FileError):
        parse(text, **files)


# -- what multiplies ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ({"s": {"foreach": "${many}", "do": {"cmd": "x"}}}, "more than 1,000 stages, with 's'"),
        ({f"s{n}": {"cmd": "x"} for n in range(MAX_STAGES + 1)}, "more than 1,000 stages"),
        (
            {"s": {"matrix": {f"a{n}": "${many}" for n in range(12)}, "cmd": "x"}},
            "stages; 1,000 are the most",
        ),
        ({"s": {"cmd": "${long}" * 30}}, "longer than 64 KiB"),
        (
            {"s": {"foreach": list(range(900)), "do": {"cmd": "x", "meta": list(range(4000))}}},
            "more than 16 MiB of text",
        ),
        ({"s": {"cmd": "x", "outs": ["d/" * 101 + "x"]}}, "too deep"),
        ({"s": {"cmd": "x", "outs": ["d" * 5000]}}, "too long"),
    ],
)
def test_a_pipeline_that_nobody_can_mean_is_an_error_at_once(stages: Tree, message: str) -> None:
    params = json.dumps({"many": list(range(9000)), "long": "y" * 10_000})
    with pytest.raises(errors.ConfigError) as caught:
        parse(json.dumps({"stages": stages}), params=params)
    assert message in caught.value.message


@pytest.mark.parametrize(
    "do",
    [
        {"cmd": ["x${long}" * 6] * 9},
        {"cmd": "x", "deps": [f"d{n}" for n in range(4000)]},
        {"cmd": "x", "vars": [{f"k{n}": n for n in range(4000)}]},
        {"cmd": "x", "vars": ["large.json"]},
    ],
)
def test_all_text_that_foreach_multiplies_counts(do: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expand, "MAX_FILLED", 1 << 20)
    large = json.dumps({f"k{n}": n for n in range(9000)})
    stages = {"s": {"foreach": list(range(900)), "do": do}}
    with pytest.raises(errors.ConfigError) as caught:
        parse(
            json.dumps({"stages": stages}), params=json.dumps({"long": "y" * 10_000}), **{"large.json": large}
        )
    assert "more than 1 MiB of text" in caught.value.message


def test_a_large_pipeline_is_read() -> None:
    stages = {f"s{n}": {"cmd": "x", "deps": [f"d{n}"], "outs": [f"d{n + 1}"]} for n in range(MAX_STAGES)}
    assert len(parse(json.dumps({"stages": stages})).stages) == MAX_STAGES


_WORDS = st.sampled_from(
    [
        *("stages", "params", "metrics", "plots", "vars", "wdir", "cmd", "foreach", "do", "matrix", "cache"),
        *(
            "deps",
            "outs",
            "a",
            "b",
            "../..",
            "/etc",
            "${item}",
            "${key}",
            "${a.b}",
            "${a}",
            "x.json",
            "",
            ".git",
        ),
    ]
)
_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=30,
)
_STAGES = st.dictionaries(
    _WORDS, st.dictionaries(_WORDS, _TREES, max_size=6).map(lambda fields: {"cmd": "x", **fields}), max_size=4
)


@given(
    st.dictionaries(_WORDS, _TREES, max_size=4),
    _STAGES,
    st.dictionaries(_WORDS, _TREES, max_size=3),
    st.booleans(),
)
def test_whatever_stands_there_gives_stages_inside_or_an_error_with_its_place(
    tree: Tree, stages: Mapping[str, Tree], params: Tree, own: bool
) -> None:
    text = json.dumps({**tree, "stages": stages})
    try:
        found = parse(text, "sub/dvc.yaml", own=own, params=json.dumps(params))
    except errors.FileError as error:
        place = error.file
        assert place in ("sub/dvc.yaml", "sub/params.yaml")
        return
    outs = [out.path for stage in found.stages for out in stage.outs]
    deps = [dep for stage in found.stages for dep in stage.deps]
    for path in (*outs, *deps, *found.params, *found.metrics, *found.plots):
        assert not path.startswith(("/", "../"))
        assert ".git" not in path.lower().split("/")


# -- through the config -------------------------------------------------------------------------------


def _written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    return folder


def test_the_stages_of_gitexp_yaml_come_before_those_of_dvc_yaml(tmp_path: Path) -> None:
    own = "stages: {mine: {cmd: x, metrics: [m.json], plots: [p.csv], params: [{q.json: }]}}\n"
    own += "metrics: [top.json]\n"
    _written(tmp_path, gitexp=own, dvc="stages: {theirs: {cmd: y, metrics: [n.json]}}")
    loaded = config_loading.load(tmp_path, tmp_path)
    assert loaded.pipeline_file == "gitexp.yaml"
    assert loaded.metrics == ("top.json", "m.json")
    assert loaded.params[-1] == "q.json"
    assert loaded.plots[-1] == "p.csv"
    assert loaded.outs == ()
    found = stage_files.read_stages(tmp_path, loaded)
    assert found is not None
    assert [stage.name for stage in found.stages] == ["mine"]


@pytest.mark.parametrize(
    ("own", "file"),
    [
        (None, "dvc.yaml"),
        ("max_untracked: 1 MB", "dvc.yaml"),
        ("command: x", None),
        ("stages: {}", "dvc.yaml"),
    ],
)
def test_a_dvc_yaml_runs_where_the_config_says_nothing_of_it(
    tmp_path: Path, own: str | None, file: str | None
) -> None:
    _written(tmp_path, dvc="stages: {a: {cmd: y, metrics: ['${n}.json'], plots: [p]}}", params="n: deep")
    if own is not None:
        _written(tmp_path, gitexp=own)
    loaded = config_loading.load(tmp_path, tmp_path)
    assert loaded.pipeline_file == file
    assert loaded.metrics[-1] == "deep.json"
    assert loaded.plots[-1] == "p"
    assert (stage_files.read_stages(tmp_path, loaded) is None) == (file is None)


def test_a_dvc_yaml_marks_a_project(tmp_path: Path) -> None:
    (tmp_path / "sub" / "src").mkdir(parents=True)
    _written(tmp_path, params="lr: 1")
    _written(tmp_path / "sub", dvc="stages: {a: {cmd: x, deps: [y]}}")
    loaded = config_loading.load(tmp_path, tmp_path / "sub" / "src")
    assert (loaded.folder, loaded.pipeline_file) == ("sub", "sub/dvc.yaml")
    found = stage_files.read_stages(tmp_path, loaded)
    assert found is not None
    assert found.stages[0].deps == ("sub/y",)
    _written(tmp_path, gitexp="command: x")
    assert config_loading.load(tmp_path, tmp_path / "sub" / "src").folder == ""


def test_a_dvc_yaml_without_stages_is_no_pipeline(tmp_path: Path) -> None:
    _written(tmp_path, dvc="metrics: [m.json]")
    loaded = config_loading.load(tmp_path, tmp_path)
    assert loaded.pipeline_file is None
    assert "m.json" in loaded.metrics


@pytest.mark.parametrize("text", ["stages: {a: {cmd: x", "stages: {a: {cmd: x, foo: 1}}", "stages: {a: }"])
def test_a_wrong_dvc_yaml_is_for_those_who_run_it(tmp_path: Path, text: str) -> None:
    _written(tmp_path, dvc=text)
    loaded = config_loading.load(tmp_path, tmp_path)
    with pytest.raises(errors.FileError, match=r"dvc\.yaml:[12]"):
        stage_files.read_stages(tmp_path, loaded)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages: [a]", "gitexp.yaml:1: 'stages' must be"),
        ("command: x\nstages: {a: {cmd: y}}", "gitexp.yaml:2: there is a 'command' too"),
        ("stages: {a: {cmd: y}}\nvars: {x: 1}", "gitexp.yaml:2: 'vars' must be a list"),
    ],
)
def test_the_outside_of_stages_is_looked_at_with_the_config(tmp_path: Path, text: str, message: str) -> None:
    _written(tmp_path, gitexp=text)
    with pytest.raises(errors.ConfigError) as caught:
        config_loading.load(tmp_path, tmp_path)
    assert caught.value.message.startswith(message)


def test_the_files_of_variables_can_be_others_than_the_workspace_has(tmp_path: Path) -> None:
    _written(tmp_path, gitexp="stages: {a: {cmd: 'x ${lr}'}}", params="lr: 1")
    loaded = config_loading.load(tmp_path, tmp_path)
    changed = {"params.yaml": b"lr: 2"}
    for read_file, command in ((None, "x 1"), (changed.get, "x 2")):
        found = stage_files.read_stages(tmp_path, loaded, read_file)
        assert found is not None
        assert found.stages[0].commands == (command,)


def test_data_is_no_output(tmp_path: Path) -> None:
    for out in ("d", "d/x", "d/x/y"):
        _written(tmp_path, gitexp=f"data: [d/x]\nstages:\n  a: {{cmd: x, outs: [{out}]}}")
        with pytest.raises(
            errors.ConfigError, match=r"gitexp\.yaml:3: '[dxy/]+' of the stage 'a' is data too: 'd/x'"
        ):
            stage_files.read_stages(tmp_path, config_loading.load(tmp_path, tmp_path))


def test_variables_from_files_name_metrics_too(tmp_path: Path) -> None:
    _written(
        tmp_path,
        gitexp="vars: [more.yaml, none.yaml, ../x.yaml]\nstages: {a: {cmd: x, metrics: ['${where}/m.json']}}",
        more="where: here",
    )
    assert config_loading.load(tmp_path, tmp_path).metrics[-1] == "here/m.json"


@pytest.mark.parametrize("field", ["outs", "metrics", "plots"])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../gitexp.yaml", "is a file that gitexp or Git works by"),
        ("../sub/gitexp.lock", "is a file that gitexp or Git works by"),
        ("DVC.yaml", "is a file that gitexp or Git works by"),
        ("../.GitIgnore", "is a file that gitexp or Git works by"),
        ("deep/.gitattributes", "is a file that gitexp or Git works by"),
        ("../.gitmodules", "is a file that gitexp or Git works by"),
        ("../.gitexpignore", "is a file that gitexp or Git works by"),
        ("../sub", "contains a file that gitexp or Git works by"),
        ("params.yaml", "writes 'sub/params.yaml', from which the stages have variables"),
        ("../sub/vars", "writes 'sub/vars/more.json', from which the stages have variables"),
    ],
)
def test_what_the_stages_are_made_from_is_no_output(field: str, path: str, said: str) -> None:
    """It would be removed before the stage runs."""
    text = f"vars: [vars/more.json]\nstages:\n  a:\n    cmd: x\n    {field}:\n    - {path}\n"
    with pytest.raises(errors.ConfigError, match=said) as caught:
        parse(text, "sub/dvc.yaml", params="lr: 1", **{"vars/more.json": '{"m": 1}'})
    assert caught.value.line in (3, 6)


def test_names_that_only_look_like_rules_are_outputs() -> None:
    outs = ["gitexp.yaml.bak", "my.gitignore", "gitexp.locks/a", "subs"]
    found = parse(f"stages: {{a: {{cmd: x, wdir: .., outs: {outs}}}}}", "sub/dvc.yaml").stages[0]
    assert [out.path for out in found.outs] == outs
