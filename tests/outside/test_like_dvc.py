"""The same file means the same to DVC itself: stages, commands, paths, params and who stands on whom."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.pipeline.graph import Graph
from gitexp.pipeline.read import FIELDS
from gitexp.pipeline.stage import OutKind, Stage
from gitexp.project import config_loading, stage_files
from tests.support.dvc import run_with_dvc, skip_without_dvc

ASK = Path(__file__).parent / "ask_dvc.py"

# Each: files beside a dvc.yaml, and the dvc.yaml. Both must read them, and as the same.
ALIKE: dict[str, tuple[Mapping[str, str], str]] = {
    "fields": (
        {"model/x": ""},
        """
stages:
  train:
    desc: learns
    wdir: model
    cmd: [python prep.py, python train.py]
    deps: [train.py, ../data/]
    params: [lr, a.b, {../shared.json: [k]}, own.toml: , {whole.yaml: [x]}, {whole.yaml: }]
    outs:
      - out.bin
      - kept/: {persist: true, desc: d, type: t, labels: [l], meta: {a: 1}}
      - ../small.txt: {cache: false}
      - pushed: {push: false, remote: r}
    metrics: [{scores.json: {cache: false}}, more.json]
    plots:
      - curve.csv: {x: step, y: loss, title: T, x_label: a, y_label: b, template: c, header: true}
    frozen: true
    always_changed: true
    meta: {who: me, list: [1, null]}
""",
    ),
    "graph": (
        {},
        """
stages:
  report: {cmd: r, deps: [scores.json, fig]}
  train: {cmd: t, deps: [data/train.csv, train.py], outs: [model.pt]}
  plot: {cmd: p, deps: [model.pt], outs: [fig/a.png, fig/b.png]}
  prep: {cmd: p, deps: [raw], outs: [data]}
  score: {cmd: s, deps: [model.pt, data/test.csv], metrics: [scores.json]}
  tune: {cmd: x, outs: [best.yaml]}
  final: {cmd: x, params: [best.yaml: [lr]]}
""",
    ),
    "templates": (
        {
            "params.yaml": "lr: 0.001\nm: {k: small, l: [{u: 8}, {u: 16}]}\nyes_: true\nnum: 1.0\nneg: -3\n",
            "more.json": '{"j": [1, 2]}',
            "some.yaml": "a: 1\nb: 2\nc: 3\n",
        },
        """
vars:
  - more.json
  - some.yaml:a,b
  - {name: v1, deep: {x: text, n: null}}
  - deep: {y: 2}
stages:
  one:
    wdir: ${name}
    cmd: >-
      go ${lr} ${ m.k } ${m.l[1].u} ${m.l.0.u} ${j[1]} ${a}${b} ${yes_} ${num} ${neg} ${deep.n}
      $HOME \\${HOME} ${
    deps: ["../${m.k}.csv", "${deep.x}"]
    params: ["${deep.x}.k", {"../${name}.yaml": ["${m.k}"]}]
    outs: ["${deep.y}.bin": {cache: false}]
    desc: of ${name}
    meta: {who: "${lr}", "${name}": [x, "${m.k}x"]}
  two:
    vars: [{own: 1}, some.yaml:c]
    cmd: ["${m.k}", "x ${own} ${c}"]
""",
    ),
    "arguments": (
        {
            "params.yaml": "opt: {lr: 0.1, name: it's a b, plain: x, fast: true, slow: false, "
            "n: [1, a b, true], sub: {x: 1, deep: {y: null}}, empty: '', tiny: 1.0e-05}\n"
        },
        "stages: {a: {cmd: 'python t.py ${opt} --last ${opt.sub}'}}",
    ),
    "arguments in other styles": (
        {
            ".dvc/config": "[core]\nno_scm = true\n[parsing]\nbool = boolean_optional\nlist = append\n",
            "params.yaml": "opt: {fast: true, slow: false, n: [1, a b]}\n",
        },
        "stages: {a: {cmd: 'python t.py ${opt}'}}",
    ),
    "foreach": (
        {"params.yaml": "names: [u, v]\nmodels: {big: {f: b.json}, small: {f: s.json}}\n"},
        """
stages:
  plain: {foreach: [a, 2, data/x.csv, true], do: {cmd: "x ${item}", outs: ["p/${item}"]}}
  numbered: {foreach: [{v: 1}, [2]], do: {cmd: x}}
  keyed: {foreach: {one: {v: 1}, two: {v: 2}}, do: {cmd: "x ${key} ${item.v}", outs: ["${key}.txt"]}}
  by_list: {foreach: "${names}", do: {cmd: "x ${item}", vars: [{w: 3}], wdir: "d${item}"}}
  by_map: {foreach: "${models}", do: {cmd: "x ${key}", outs: ["${item.f}"]}}
  mixed: {foreach: ["${names[0]}", y], do: {cmd: "x ${item}"}}
  filled: {foreach: {a: "${names}"}, do: {cmd: "x ${item[1]}"}}
  none: {foreach: [], do: {cmd: x}}
""",
    ),
    "matrix": (
        {"params.yaml": "seeds: [1, 2]\n"},
        """
stages:
  train:
    matrix: {model: [cnn, {deep: 3}, [4]], seed: "${seeds}", flag: [true]}
    cmd: x ${item.seed} ${key} ${item.flag}
    outs: ["${key}/m"]
  eval:
    matrix: {model: [cnn], seed: [1]}
    cmd: e ${item.model}
    deps: ["train/${item.model}", "${item.model}-${item.seed}-true/m"]
""",
    ),
    "anchors": (
        {},
        """
stages:
  a: &a {cmd: x, deps: &deps [d], outs: [o]}
  b: {<<: *a, outs: [p]}
  c: {cmd: y, deps: *deps}
""",
    ),
    "beside": (
        {"params.yaml": "n: 1\n"},
        """
params: [p.yaml]
metrics: [m.json]
plots: [curves, {loss.csv: {x: step, y: loss}}, {Loss: {x: {t.csv: s}, y: {t.csv: [a, b]}}}]
artifacts: {model: {path: m.pt}}
stages: {a: {cmd: "x ${n}"}}
""",
    ),
    "several lines": (
        {"params.yaml": "opt: {name: x}\n"},
        """
stages:
  folded: {cmd: "a; b | c && d"}
  one:
    cmd: >-
      python x.py
      --a 1
  each:
    cmd: |
      a ${opt}
      b 'c \'
      c
  list:
    cmd:
      - |-
        a
        b
      - c
""",
    ),
}

# Neither takes these.
REFUSED: dict[str, tuple[Mapping[str, str], str]] = {
    "unknown field": ({}, "stages: {a: {cmd: x, dps: [d]}}"),
    "unknown field of an out": ({}, "stages: {a: {cmd: x, outs: [{m: {cahce: false}}]}}"),
    "unknown key at the top": ({}, "stage: {}\nstages: {a: {cmd: x}}"),
    "no cmd": ({}, "stages: {a: {deps: [d]}}"),
    "cmd is a number": ({}, "stages: {a: {cmd: 3}}"),
    "deps is a text": ({}, "stages: {a: {cmd: x, deps: d}}"),
    "frozen is a text": ({}, "stages: {a: {cmd: x, frozen: 'yes'}}"),
    "no such variable": ({}, "stages: {a: {cmd: 'x ${lr}'}}"),
    "no such index": ({"params.yaml": "n: [1]"}, "stages: {a: {cmd: 'x ${n[1]}'}}"),
    "a map in a dep": ({"params.yaml": "n: {a: 1}"}, "stages: {a: {cmd: x, deps: ['${n}']}}"),
    "a list in a cmd": ({"params.yaml": "n: [1]"}, "stages: {a: {cmd: 'x ${n}'}}"),
    "a list of lists as options": ({"params.yaml": "n: {a: [[1]]}"}, "stages: {a: {cmd: 'x ${n}'}}"),
    "an empty template": ({}, "stages: {a: {cmd: 'x ${}'}}"),
    "a variable set twice": ({"params.yaml": "n: 1"}, "vars: [{n: 2}]\nstages: {a: {cmd: x}}"),
    "a variable of a stage set twice": ({"params.yaml": "n: 1"}, "stages: {a: {cmd: x, vars: [{n: 2}]}}"),
    "a template in vars": ({"params.yaml": "n: 1"}, "vars: [{m: '${n}'}]\nstages: {a: {cmd: x}}"),
    "vars that are not there": ({}, "vars: [no.yaml]\nstages: {a: {cmd: x}}"),
    "a key that vars has not": ({"v.yaml": "a: 1"}, "vars: [v.yaml:b]\nstages: {a: {cmd: x}}"),
    "foreach without do": ({}, "stages: {a: {foreach: [1]}}"),
    "a field beside foreach": ({}, "stages: {a: {foreach: [1], do: {cmd: x}, cmd: y}}"),
    "foreach over a text": ({}, "stages: {a: {foreach: x, do: {cmd: x}}}"),
    "key of a list": ({}, "stages: {a: {foreach: [1], do: {cmd: '${key}'}}}"),
    "two stages with one out": ({}, "stages: {a: {cmd: x, outs: [o]}, b: {cmd: x, outs: [o]}}"),
    "an out in another": ({}, "stages: {a: {cmd: x, outs: [o]}, b: {cmd: x, outs: [o/p]}}"),
    "a circle": ({}, "stages: {a: {cmd: x, deps: [p], outs: [o]}, b: {cmd: x, deps: [o], outs: [p]}}"),
    "a circle of one": ({}, "stages: {a: {cmd: x, deps: [o], outs: [o]}}"),
}


@pytest.fixture
def asked(name: str, tmp_path: Path) -> tuple[Path, Any]:
    """A case's folder, and what DVC says of it."""
    skip_without_dvc()
    folder, home = tmp_path / "project", tmp_path / "home"
    beside, text = (ALIKE | REFUSED)[name]
    written = {".dvc/config": "[core]\n    no_scm = true\n", "dvc.yaml": text, **beside}
    for path, content in written.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, "utf-8")
    home.mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
    env |= {"HOME": str(home), "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(home / "site")}
    done = run_with_dvc(ASK, folder, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def ours(folder: Path) -> Graph:
    pipeline = stage_files.read_stages(folder, config_loading.load(folder, folder))
    assert pipeline is not None
    return Graph(pipeline)


def as_dvc_has_it(stage: Stage) -> dict[str, Any]:
    """Return a stage in the words of `ask_dvc.py`, less what it says of the cache of metrics."""
    return {
        "cmd": list(stage.commands),
        "wdir": stage.wdir or ".",
        "deps": list(stage.deps),
        "params": {dep.file: list(dep.keys or ()) for dep in stage.params},
        "outs": [
            [out.path, out.kind is OutKind.METRIC, out.kind is OutKind.PLOT, out.persist]
            for out in stage.outs
        ],
        "cached": [out.path for out in stage.outs if out.kind is OutKind.OUT and not out.in_git],
        "frozen": stage.frozen,
        "always_changed": stage.always_changed,
        "desc": stage.desc or None,
        "meta": stage.meta,
    }


@pytest.mark.parametrize("name", ALIKE)
def test_what_dvc_reads_is_read_as_the_same(asked: tuple[Path, Any], name: str) -> None:
    folder, said = asked
    assert "error" not in said
    for stage in said["stages"].values():
        stage["cached"] = [
            path for path, metric, plot, cached, _ in stage["outs"] if cached and not metric | plot
        ]
        stage["outs"] = [[path, metric, plot, persist] for path, metric, plot, _, persist in stage["outs"]]
    graph = ours(folder)
    assert {name: as_dvc_has_it(stage) for name, stage in graph.stages.items()} == said["stages"]
    assert list(graph.stages) == list(said["stages"])
    assert sorted([name, maker] for name in graph.stages for maker in graph.above(name)) == said["edges"]


def test_the_fields_of_a_stage_are_those_of_dvc(tmp_path: Path) -> None:
    """The same function reads dvc.yaml: a field of gitexp's own must be refused there, with a case above."""
    skip_without_dvc()
    script = tmp_path / "fields.py"
    lines = (
        "from dvc.schema import FOREACH_IN, STAGE_DEFINITION",
        "print(*map(str, {**FOREACH_IN, **STAGE_DEFINITION}))",
    )
    script.write_text("\n".join(lines), "utf-8")
    done = run_with_dvc(script, cwd=tmp_path, env=os.environ)
    assert sorted(done.stdout.split()) == sorted(FIELDS), done.stderr


@pytest.mark.parametrize("name", REFUSED)
def test_what_dvc_refuses_is_refused(asked: tuple[Path, Any], name: str) -> None:
    folder, said = asked
    assert "error" in said, said
    with pytest.raises(errors.FileError, match=r"dvc\.yaml:\d"):
        ours(folder)
