"""What a dvc.yaml says, also one that somebody made to do harm."""

from __future__ import annotations

import json
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.errors import ParseError
from gitexp.files.dvc_yaml import MAX_FILES, MAX_STAGES, DvcFiles, read_lock, read_pipeline
from gitexp.model import Tree


def _read(text: str, name: str = "dvc.yaml", **variables: object) -> DvcFiles:
    return read_pipeline(name, text.encode(), variables)


def test_stages_and_the_top_level_name_files() -> None:
    found = _read(
        """
        vars: [{inline: 1}, "vars.json:a,b"]
        params: [extra.toml]
        metrics: [live/metrics.json]
        plots: [curves, {l.csv: {x: step}}, {Loss: {x: {t.csv: a}, y: {t.csv: b, v.csv: b}}}]
        stages:
          train:
            wdir: model
            cmd: python train.py --fast
            params: [lr, {../shared.yaml: [a], own.json: }]
            metrics: [{scores.json: {cache: false}}, ../eval.json]
            plots: [p.csv, {q.csv: {x: step}}]
        """,
        "sub/dvc.yaml",
    )
    assert found.params == (
        "sub/extra.toml",
        "sub/vars.json",
        "sub/model/params.yaml",
        "sub/shared.yaml",
        "sub/model/own.json",
    )
    assert found.metrics == ("sub/live/metrics.json", "sub/model/scores.json", "sub/eval.json")
    assert found.cached == ("sub/eval.json",)
    assert found.plots == (
        *("sub/curves", "sub/l.csv", "sub/t.csv", "sub/v.csv"),
        *("sub/model/p.csv", "sub/model/q.csv"),
    )
    assert found.command == "cd model && python train.py --fast"
    assert found.folders == {"train": "sub/model"}


@pytest.mark.parametrize(
    ("stages", "command"),
    [
        ("{a: {cmd: x}}", "x"),
        ("{a: {cmd: [x, y]}}", "x && y"),
        ("{a: {cmd: 'x ${lr}'}}", "x 0.5"),
        ("{a: {cmd: x, wdir: it's}}", """cd 'it'"'"'s' && x"""),
        ("{a: {cmd: 'x ${unknown}'}}", None),
        ("{a: {cmd: x}, b: {cmd: y}}", None),
        ("{a: {}}", None),
        ("{}", None),
    ],
)
def test_the_command_of_the_only_stage(stages: str, command: str | None) -> None:
    assert _read(f"stages: {stages}", lr=0.5).command == command


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("m-${model.kind}.json", "m-small.json"),
        ("${ model.kind }/${n[1]}/${n.0}.json", "small/8/7.json"),
        ("${own}.json", "mine.json"),
        ("${flag}.json", "true.json"),
        ("\\\\${model}.json", "${model}.json"),
        ("${model}.json", None),
        ("${nothing}.json", None),
        ("${model.kind", "${model.kind"),
        ("${a.[}.json", None),
    ],
)
def test_plain_variables_are_put_in(name: str, path: str | None) -> None:
    text = f'{{"vars": [{{"own": "mine"}}, "other.yaml"], "metrics": ["{name}"]}}'
    found = _read(text, model={"kind": "small"}, n=[7, 8], flag=True)
    assert found.metrics == (() if path is None else (path,))


def test_foreach_and_matrix_make_stages() -> None:
    found = _read(
        """
        stages:
          listed:
            foreach: [a, b]
            do: {cmd: x, metrics: ["${item}.json"]}
          mapped:
            foreach: ${models}
            do: {cmd: x, wdir: "${key}", metrics: ["${item.file}"]}
          crossed:
            matrix: {seed: [1, 2], model: "${names}"}
            cmd: x
            metrics: ["m/${item.model}-${item.seed}.json"]
        """,
        models={"big": {"file": "b.json"}, "small": {"file": "s.json"}},
        names=["u", "v"],
    )
    assert found.metrics == (
        *("a.json", "b.json", "big/b.json", "small/s.json"),
        *("m/u-1.json", "m/v-1.json", "m/u-2.json", "m/v-2.json"),
    )
    assert found.command is None
    assert set(found.folders) == {
        *("listed@a", "listed@b", "mapped@big", "mapped@small"),
        *("crossed@1-u", "crossed@1-v", "crossed@2-u", "crossed@2-v"),
    }
    matrix = {"matrix": {"size": [{"w": 1}, {"w": 2}], "k": [3]}, "cmd": "x"}
    assert list(_read(json.dumps({"stages": {"s": matrix}})).folders) == ["s@size0-3", "s@size1-3"]


@pytest.mark.parametrize(
    "name",
    [
        *("/etc/passwd", "../x.json", "a/../../x.json", "..", ".", "", ".git/config", "a/.GIT/config"),
        *("C/../../../x", "a\\nb.json", "a\\0b.json", "//x"),
    ],
)
def test_no_path_leads_out_of_the_repository(name: str) -> None:
    text = f'{{"metrics": ["{name}"], "params": ["{name}"]}}'.replace("\\0", "\\u0000")
    found = _read(text)
    assert (found.params, found.metrics) == ((), ())


@pytest.mark.parametrize("wdir", ["../..", "/tmp", "..", "${nothing}", ".git"])
def test_no_folder_leads_out_of_the_repository(wdir: str) -> None:
    found = _read(f"stages: {{a: {{cmd: x, wdir: '{wdir}', params: [lr], metrics: [m.json]}}}}")
    assert (found.params, found.metrics) == ((), ())


def test_a_lock_tells_what_the_cache_holds() -> None:
    pipeline = _read("stages: {train: {cmd: x, wdir: m, metrics: [a.json]}}")
    md5 = "0123456789abcdef0123456789abcdef"
    outs = [
        *({"path": "a.json", "md5": md5}, {"path": "../b.json", "md5": md5}),
        *({"path": "../../out.json", "md5": md5}, {"path": "c.json", "md5": "../../../../etc/passwd"}),
        *({"path": 1, "md5": md5}, {"path": "d.json"}, "e.json", None),
    ]
    lock = {"schema": "2.0", "stages": {"train": {"cmd": "x", "outs": outs}, "gone": {"outs": outs}, "b": 1}}
    assert read_lock(json.dumps(lock).encode(), pipeline) == {"m/a.json": md5, "b.json": md5}
    for odd in (b"", b"stages: 1", b"stages: {train: {outs: x}}", b"stages: {train: {outs: [x]}}"):
        assert read_lock(odd, pipeline) == {}
    with pytest.raises(ParseError):
        read_lock(b"[]", pipeline)


@pytest.mark.parametrize(
    "text",
    [
        "stages: {a: {cmd: x",
        "- a list",
        "a: &a [b, *a]",
        "a: !!python/object:os.system x",
        "a: 1\na: 2",
        "a: " + "[" * 200 + "]" * 200,
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
        "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]",
        "a: " + "x" * (11 << 20),
    ],
)
def test_what_is_no_dvc_yaml_is_a_parse_error(text: str) -> None:
    with pytest.raises(ParseError):
        _read(text)


def test_anchors_are_followed() -> None:
    found = _read("x: &m [a.json, b.json]\nstages: {t: &t {cmd: x, metrics: *m}, u: {<<: *t, wdir: w}}")
    assert found.metrics == ("a.json", "b.json", "w/a.json", "w/b.json")


def test_what_multiplies_is_cut_short() -> None:
    many = list(range(9000))
    stages = {
        f"s{n}": {"foreach": "${many}", "do": {"cmd": "x", "metrics": [f"${{item}}-{n}"]}} for n in range(900)
    }
    found = read_pipeline("dvc.yaml", json.dumps({"stages": stages}).encode(), {"many": many})
    assert len(found.folders) <= MAX_STAGES
    assert len(found.metrics) == MAX_FILES
    axes = {f"axis{n}": "${many}" for n in range(9)}
    stages = {"s": {"matrix": axes, "cmd": "x", "metrics": ["${item.axis8}.json"]}}
    found = read_pipeline("dvc.yaml", json.dumps({"stages": stages}).encode(), {"many": many})
    assert len(found.metrics) == MAX_FILES


@pytest.mark.parametrize(
    "name",
    [
        *("${" + " " * 450_000, "${a}" * 110_000, "${" * 220_000, "\\${" * 100_000, "x" * 450_000),
        *("${long}" * 10, "${a}" * 21, "${" * 21),
    ],
)
def test_a_path_that_nobody_can_mean_is_passed_over_at_once(name: str) -> None:
    stages = {"s": {"foreach": list(range(1000)), "do": {"cmd": name, "metrics": [name], "wdir": "w"}}}
    data = json.dumps({"metrics": ["m.json"], "stages": stages}).encode()
    found = read_pipeline("dvc.yaml", data, {"a": "", "long": "y" * 10_000})
    assert (found.metrics, found.command) == (("m.json",), None)


_WORDS = st.sampled_from(
    [
        *("stages", "params", "metrics", "vars", "wdir", "cmd", "foreach", "do", "matrix", "cache", "item"),
        *("../..", "/etc", "${item}", "${key}", "${vars}", "x.json", "", ".git"),
    ]
)
_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=30,
)


@given(st.dictionaries(_WORDS, _TREES, max_size=5), st.dictionaries(_WORDS, _TREES, max_size=3))
def test_whatever_stands_there_gives_paths_inside_or_a_parse_error(tree: Tree, variables: Tree) -> None:
    data = json.dumps(tree).encode()
    try:
        found = read_pipeline("sub/dvc.yaml", data, variables)
        read_lock(data, found)
    except ParseError:
        return
    for path in (*found.params, *found.metrics, *found.cached, *found.plots):
        assert posixpath.normpath(path) == path
        assert not path.startswith(("/", "../", ".git/"))
