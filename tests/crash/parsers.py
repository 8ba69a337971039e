"""Whatever stands in a file or on the command line is understood, or refused with one sentence.

`python -m tests.crash.parsers COUNT NUMBER OF` tries that many inputs of its share of the parsers, as one of
so many processes, and prints what was wrong as JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gitexp import errors, files, plugins
from gitexp.catalog import filters
from gitexp.catalog.fields import Row
from gitexp.extras.integrations import dvc as integrations_dvc
from gitexp.files import dvc_yaml, printed
from gitexp.files.command_words import arguments, launchers
from gitexp.pipeline.draw import draw
from gitexp.pipeline.graph import Graph
from gitexp.pipeline.lock import read_lock
from gitexp.pipeline.read import read as read_stages
from gitexp.project import config_loading
from gitexp.repo import records

LONGEST = 1.0  # seconds
MOST_MEMORY = 200 << 20  # bytes
_LARGEST = 1 << 20  # bytes of an input that is not refused for its size

if sys.platform == "linux":
    import resource

Parser = Callable[[bytes], object]

# Beginnings: valid ones to be damaged, and what parsers have been brought down with.
_YAML = (
    b"train:\n  lr: 0.1  # step\n  epochs: 3\nmodel: {units: 64, layers: [32, 16]}\n",
    b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
    b"base: &base {a: 1}\nderived:\n  <<: *base\n  b: |\n    text\n    more\n",
    b"- 1\n- [2, {a: b}]\n? [complex, key]\n: !!python/object/apply:os.system ['x']\n",
    b'%YAML 1.1\n--- "\\u0000\\ud800"\n...\n--- 2\n',
    b"a: 1e400\nb: .inf\nc: 0o17\nd: 1_000\ne: 12:30:45\nf: 2001-12-14\ng: ~\n",
)
_JSON = (
    b'{"loss": 0.5, "eval": {"acc": [1, 2.5e3, null, true, "x\\u00e9"]}}',
    b'{"a": 1, "a": 2, "b": NaN, "c": -Infinity, "d": 1e999, "e": 123456789012345678901234567890}',
    b'{"\\ud800": "\\udfff", "": {"": []}}',
)
_TOML = (
    b'[train]\nlr = 0.1\n[[x]]\na = "b"\nc = 1979-05-27T07:32:00Z\n[x.y]\nz = [1, [2]]\n',
    b'a.b.c = """\n',
)
_PYTHON = (
    b"LR = 0.1\nclass A:\n    x = [1, (2, 3), {'k': None}]\nBIG = 10**9\nS = f'{x}'\n",
    b"x = -1e5; y = 'a' 'b'\n",
)
_JSON_LINES = (
    b'{"step": 1, "a": {"b": 2}}\n{"step": 2}\n{"step": 3, "a"',
    b"starting\n[1]\n\n{}\n\xff\n",
    *_JSON,
)
_CSV = (b"step,loss\n0,1.0\n1,0.5\n", b'a,"b""c\nd",e\n1,2,3,4\n\n', b"\xff\xfe,\x00\n1")
_CONFIG = (
    b"command: python train.py\nparams: [params.yaml]\nmetrics: [m.json]\nplots: [logs.csv]\n",
    b"share: [data/]\nmax_untracked: 5 GB\nmetrics_from_output: {a.b: '^x (\\S+)'}\n",
    b"params: ../../etc/passwd\nouts: /\ncommand: [1]\nmax_untracked: -1\n",
)
_RECORD = (
    b'{"format":1,"name":"one","commit":"%s","baseline":"%s","branch":"main","status":"done",'
    b'"command":"x","overrides":["a=1"],"params":{"p.yaml":{"lr":0.1}},"metrics":{},"created":'
    b'"2024-01-01T00:00:00.000Z","tags":["a"],"note":"n","warnings":[],"process":null}'
    % (b"a" * 40, b"b" * 40),
    b'{"format":1,"name":"one","commit":1,"baseline":[],"status":{},"params":[],"tags":"x"}',
)
_FILTER = (
    b"acc > 0.9 and train.lr < 0.2 and status == 'done' and 'best' in tags",
    b"not (a or b) and created > '2 days ago' or name ~ '^(a+)+$' and duration < '5 min'",
    b"status in ['done', 'failed'] and note !~ 'x' and lr >= -1.5e-3",
)
_OVERRIDE = (
    b"train.lr=0.1",
    b"params.yaml:a.b[0]=[1, {x: y}]",
    b"+new.key='text'",
    b"~gone",
    b'"a.b".c=null',
)
_COMMAND = (b"python train.py --lr 0.1 -x 3 --flag key=value --a=b -- rest", b'sh -c \'a b\' "c\\"d" $X `y`')
_DVC = (
    b"vars: [{a: 1}]\nparams: [p.yaml]\nstages:\n  t:\n    cmd: x ${a} ${item}\n    wdir: sub\n"
    b"    foreach: [1, 2]\n    do: {cmd: x}\n    params: [lr, q.yaml: [a]]\n    metrics: [m: {b: c}]\n",
    b"stages:\n  t:\n    matrix: {a: [1, 2], b: ${vars}}\n    cmd: [a, b]\n    outs: [../../x]\n",
)
_STAGES = (
    b"vars: [{b: 1, c: {d: [2, x y]}}]\nstages:\n  t@: &t\n    cmd: [x ${b}, y ${c} \\${z}]\n    wdir: ${a}\n"
    b"    deps: [d/, ../e]\n    params: [lr, q.yaml: [a]]\n    outs: [f: {persist: true}]\n  u: {<<: *t}\n",
    b"stages:\n  t: {foreach: {a: 1, b: [2]}, do: {cmd: '${key} ${item[0]}', outs: ['${key}']}}\n",
    b"stages:\n  t: {matrix: {m: [1, {n: 2}], o: ${vars}}, cmd: '${item.m}', deps: ['${key}']}\n",
    b"stages:\n  a: {cmd: x, deps: [p], outs: [o]}\n  b: {cmd: x, deps: [o/q], metrics: [p: {}]}\n",
)
_GITEXP_LOCK = (
    b"format: 1\ndata:\n  a.csv: {hash: "
    + b"0" * 64
    + b", size: 1}\nstages:\n  t:\n    cmd: [x, y]\n    wdir: ../w\n"
    b"    deps:\n      ../s: {hash: "
    + b"a" * 64
    + b".dir, size: 2, files: 1}\n    params:\n      p.yaml:\n        k: 1.0e-05\n",
    b"stages: {t: {cmd: x, outs: {m: {hash: '" + b"1" * 64 + b"', size: 5, executable: true}}}}\n",
)
_LOCK = (b"schema: '2.0'\nstages:\n  t:\n    outs:\n    - path: m.json\n      md5: " + b"0" * 32 + b"\n",)
_COMMIT = (
    b"tree 4b\nauthor A <a@b> 1700000000 +0000\ncommitter A <a@b> 9999999999999999 +0000\n\ndvc: commit\n",
)
_PRINTED = (
    b"val_bpb=^val_bpb:\\s+(\\S+)",
    b"a.b=(a+)+$",
    b"x=((((((a{1,99}){1,99}){1,99}){1,99})))",
    b"y=(?P<z",
)
_DEEP = (
    b"[",
    b"{",
    b'{"a":',
    b"a: {",
    b"- ",
    b"? ",
    b"(",
    b"not ",
    b"&a [",
    b"*a ",
    b"'",
    b'"',
    b"\\",
    b"-",
    b"a.",
)


def _printed(data: bytes) -> object:
    name, pattern = printed.parse_printed(_text(data))
    return printed.check_printed({name: pattern})


def _filter(data: bytes) -> object:
    understood = filters.parse(_text(data))
    row = Row(
        "experiment",
        "one",
        None,
        params={"train.lr": 0.1},
        metrics={"acc": 0.9},
        created="2024-01-01T00:00:00.000Z",
    )
    return understood.matches(row, datetime(2024, 1, 2, tzinfo=UTC))


def _override(data: bytes) -> object:
    override = files.parse_override(_text(data))
    changed = files.apply_overrides({"params.yaml": _YAML[0], "p.json": _JSON[0]}, [override])
    return [files.parse(name, content) for name, content in changed.items()]


def _command(data: bytes) -> object:
    words = arguments.split(_text(data))
    return words and (arguments.parse(words), launchers.own_part(words), arguments.join(words))


def _config(data: bytes) -> object:
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        root = Path(folder)
        (root / "gitexp.yaml").write_bytes(data)
        return config_loading.load(root, root)


def _params(name: str) -> Parser:
    def parse(data: bytes) -> object:
        tree = files.parse(name, data)
        return json.dumps(files.jsonable(tree)), files.flatten(tree)

    return parse


def _metrics(name: str) -> Parser:
    return lambda data: files.flatten(files.parse_metrics(name, data).tree)


def _pipeline(data: bytes) -> object:
    return dvc_yaml.read_pipeline("sub/dvc.yaml", data, {"a": 1, "vars": [1, 2]})


def _stages(data: bytes) -> object:
    files = {"sub/params.yaml": b"{a: 1, vars: [1, 2]}"}
    graph = Graph(read_stages("sub/dvc.yaml", data, "sub", files.get))
    return draw({stage.name: graph.above(stage.name) for stage in graph.order()}, 80)


_LOCKED = dvc_yaml.read_pipeline("dvc.yaml", b"stages: {t: {cmd: x}}", {})

# The beginnings for each ending of a file; a format without any fails here.
_BEGINNINGS = {
    ".yaml": _YAML,
    ".yml": _YAML,
    ".json": _JSON,
    ".toml": _TOML,
    ".py": _PYTHON,
    ".csv": _CSV,
    ".tsv": _CSV,
    ".jsonl": _JSON_LINES,
    ".ndjson": _JSON_LINES,
}
_READERS = plugins.names("reader")
_OF_PARAMS = {f"params{ending}": (_params(f"params{ending}"), _BEGINNINGS[ending]) for ending in _READERS}
_OF_METRICS = {
    f"metrics{ending}": (_metrics(f"metrics{ending}"), _BEGINNINGS[ending])
    for ending in (*_READERS, *plugins.names("metrics"))
}

PARSERS: dict[str, tuple[Parser, tuple[bytes, ...]]] = {
    **_OF_PARAMS,
    **_OF_METRICS,
    "gitexp.yaml": (_config, (*_CONFIG, *_YAML)),
    "records": (lambda data: records.decode(data, "one"), (*_RECORD, *_JSON)),
    "filters": (_filter, _FILTER),
    "overrides": (_override, _OVERRIDE),
    "command lines": (_command, _COMMAND),
    "patterns": (_printed, _PRINTED),
    "dvc.yaml": (_pipeline, (*_DVC, *_YAML)),
    "stages": (_stages, (*_STAGES, *_DVC, *_YAML)),
    "gitexp.lock": (lambda data: read_lock("sub/gitexp.lock", data, "sub"), (*_GITEXP_LOCK, *_YAML)),
    "dvc.lock": (lambda data: dvc_yaml.read_lock(data, _LOCKED), _LOCK),
    "DVC's commits": (integrations_dvc.read_commit, _COMMIT),
}


def _text(data: bytes) -> str:
    """As an argument may be: Linux lets none be longer, and none has a NUL."""
    return data[: 128 << 10].decode("utf-8", "surrogateescape").replace("\0", "")


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


@st.composite
def inputs(draw: st.DrawFn, corpus: tuple[bytes, ...]) -> bytes:
    """Noise, and the corpus damaged: cut, doubled, nested, long, with other bytes in it."""
    alphabet = st.sampled_from([*b"{}[]()<>:,.-+*&|?!%@`~#='\"\\/ \n\r\t\0azAZ019_$", 0xFF, 0xC3, 0xE2])
    data = draw(
        st.one_of(
            st.sampled_from(corpus),
            st.binary(max_size=200),
            st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
            st.lists(alphabet, max_size=120).map(bytes),
        )
    )
    for _ in range(draw(st.integers(0, 3))):
        at, to = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        piece = draw(st.sampled_from([data[at:to], b"", *_DEEP, *corpus]))
        times = draw(st.sampled_from([1, 1, 2, 3, 70, 3000, 200_000]))
        data = data[:at] + piece * min(times, 2 * _LARGEST // (len(piece) or 1)) + data[to:]
    return data


@dataclass
class Outcome:
    """How many inputs were tried, the slowest of them in seconds, and what was wrong with which."""

    tried: int = 0
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)


def attempt(name: str, data: bytes, outcome: Outcome) -> None:
    """Have one parser read one input."""
    parser, _ = PARSERS[name]
    outcome.tried += 1
    started = time.process_time()
    try:
        with suppress(errors.GitexpError), _little_memory():
            parser(data)
    except BaseException as error:
        outcome.wrong.append(f"{name}: {type(error).__name__}: {error}: {_shown(data)}"[:1000])
    taken = time.process_time() - started
    outcome.slowest = max(outcome.slowest, taken)
    if taken > LONGEST:
        outcome.wrong.append(f"{name}: slow, {taken:.1f} s: {_shown(data)}")


def explore(name: str, count: int, outcome: Outcome, *, stable: bool = False) -> None:
    """Try that many inputs of one parser."""

    @settings(
        max_examples=count,
        derandomize=stable,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs(PARSERS[name][1]))
    def test(data: bytes) -> None:
        attempt(name, data, outcome)

    test()


def _shown(data: bytes) -> str:
    return f"{data[:300]!r} ({len(data)} bytes)"


def _bombs(corpus: tuple[bytes, ...]) -> Iterator[bytes]:
    """The same again and again."""
    for piece in (*_DEEP, *corpus):
        for times in (1, 100, 10_000, _LARGEST):
            yield piece * min(times, _LARGEST // len(piece))


@contextmanager
def _little_memory() -> Iterator[None]:
    """Let the process take no more than it has now and MOST_MEMORY."""
    if sys.platform != "linux":
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MOST_MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def main() -> None:
    count, number, of = map(int, sys.argv[1:])
    outcome = Outcome()
    mine = list(PARSERS)[number::of]
    for name in mine:
        for data in _bombs(PARSERS[name][1]):
            attempt(name, data, outcome)
    left = max(0, count - outcome.tried)
    for name in mine:
        explore(name, left // len(mine) + 1, outcome)
    print(json.dumps(asdict(outcome)))


if __name__ == "__main__":
    main()
