"""gitexp.lock: what is written is read as the same; what gitexp would not have written is refused."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitexp import errors
from gitexp.model import Artifact
from gitexp.objects.stat_cache import StatCache
from gitexp.pipeline.key import result_of, stage_key
from gitexp.pipeline.lock import Lock, LockedStage, LockWriter, check_lock, read_lock, write_lock
from gitexp.pipeline.stage import ParamsDep, Stage
from gitexp.pipeline.state import changes
from gitexp.stages import lock_index
from gitexp.stages.stage_data import StageData

HASH = "0123456789abcdef" * 4
DIGITS = "1" * 64  # YAML would read it as a number

TRAIN = LockedStage(
    commands=("python train.py --note 'a: b'", "echo done # really\n"),
    wdir="sub",
    deps=(Artifact("src/train me.py", HASH, 3), Artifact("sub/data", HASH + ".dir", 7, 2)),
    params={"sub/params.yaml": {"lr": 0.1, "layers": [1, "yes"], "seed": None, "eps": 1e-05}},
    outs=(Artifact("sub/model.pkl", DIGITS, 5, executable=True),),
)
LOCK = Lock({"train@0": TRAIN}, {"sub/raw.csv": Artifact("sub/raw.csv", HASH, 0)})


@pytest.mark.parametrize("prefix", ["", "sub", "other/place"])
def test_what_is_written_is_read(prefix: str) -> None:
    data = write_lock(LOCK, prefix)
    assert read_lock("gitexp.lock", data, prefix) == LOCK
    assert write_lock(read_lock("gitexp.lock", data, prefix), prefix) == data


def test_one_lock_after_the_other_is_written_as_each_by_itself() -> None:
    writer, stage = LockWriter(), LockedStage(("a",), params={"params.yaml": {"lr": 1}})
    for locked in (
        stage,
        stage,
        stage._replace(params={"params.yaml": {"lr": 1.0}}),
        stage._replace(wdir="sub"),
    ):
        lock = Lock({"one": locked, "two": stage}, {}, {})
        assert writer.text(lock) == write_lock(lock)


def test_long_names_are_read_too() -> None:
    long = "/".join(["d" * 100] * 12)
    stage = TRAIN._replace(params={"params.yaml": {long: 1}}, outs=(Artifact(f"out/{long}", HASH, 1),))
    lock = Lock({"train": stage}, {long: Artifact(long, HASH, 1), "short": Artifact("short", HASH, 1)})
    assert read_lock("gitexp.lock", write_lock(lock, "sub"), "sub") == lock
    assert yaml.safe_load(write_lock(lock))["data"].keys() == {long, "short"}


def test_other_readers_of_yaml_read_the_same() -> None:
    tree = yaml.safe_load(write_lock(LOCK, "sub"))
    train = tree["stages"]["train@0"]
    assert train["cmd"] == list(TRAIN.commands)
    assert train["params"]["params.yaml"] == TRAIN.params["sub/params.yaml"]
    assert train["outs"] == {"model.pkl": {"hash": DIGITS, "size": 5, "executable": True}}
    assert tree["data"] == {"raw.csv": {"hash": HASH, "size": 0}}


def test_the_order_is_one_whatever_it_was() -> None:
    a, b = Artifact("a", HASH, 1), Artifact("b", HASH, 1)
    one = LockedStage(("x",), deps=(a, b), params={"p": {"a": 1, "b": 2}, "o": {}})
    other = LockedStage(("x",), deps=(b, a), params={"o": {}, "p": {"b": 2, "a": 1}})
    written = write_lock(Lock({"one": one, "two": TRAIN}, {"a": a, "b": b}))
    assert written == write_lock(Lock({"two": TRAIN, "one": other}, {"b": b, "a": a}))


def test_an_empty_file_is_an_empty_lock() -> None:
    assert read_lock("gitexp.lock", b"") == Lock()
    assert read_lock("gitexp.lock", write_lock(Lock())) == Lock()


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        (Lock({name: LockedStage(("x",), outs=(Artifact("a", HASH, 1),)) for name in "st"}), "both stand"),
        (Lock(data={"a\nb": Artifact("a\nb", HASH, 1)}), "control character"),
        (Lock(outs={"aux": Artifact("aux", HASH, 1)}), "device"),
        (Lock({"s": LockedStage(("x",), deps=(Artifact("d" * 5000, HASH, 1),))}), "too long"),
    ],
)
def test_what_would_be_refused_is_not_written(lock: Lock, said: str) -> None:
    with pytest.raises(errors.LockError, match=said):
        read_lock("gitexp.lock", write_lock(lock))
    with pytest.raises(errors.LockError, match=said):
        check_lock("gitexp.lock", lock)
    for prefix in ("", "sub", "other/place"):
        check_lock("gitexp.lock", LOCK, prefix)


def test_a_mixture_of_two_runs_counts_as_not_run() -> None:
    other = TRAIN._replace(params={"sub/params.yaml": {**TRAIN.params["sub/params.yaml"], "lr": 0.2}})
    kept = LockedStage(("x",), outs=(Artifact("kept", HASH, 1),))
    text = write_lock(LOCK._replace(stages={"kept": kept, "train@0": TRAIN}))
    mixed = text.replace(b"lr: 0.1", b"lr: 0.2")
    assert read_lock("gitexp.lock", mixed) == LOCK._replace(stages={"kept": kept})
    assert read_lock("gitexp.lock", write_lock(Lock({"train@0": other}))).stages == {"train@0": other}
    unsealed = b"".join(line for line in text.splitlines(keepends=True) if b"seal:" not in line)
    assert read_lock("gitexp.lock", unsealed).stages == {}


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(
    name=TEXTS,
    commands=st.lists(TEXTS, max_size=3).map(tuple),
    params=st.dictionaries(TEXTS, VALUES, max_size=3),
)
def test_any_text_and_value_survives(name: str, commands: tuple[str, ...], params: dict[str, object]) -> None:
    lock = Lock({name: LockedStage(commands, params={"params.yaml": params})})
    assert read_lock("gitexp.lock", write_lock(lock)) == lock


OUTSIDE = ["../x", "/etc/passwd", "a/../../x", "..", "C:/x", "C:x"]
ODD = ["a//b", "./a", "a/", "a/../b", ".", "", "a\\\\b", "a\\nb", "a\\e[1mb", "x/" * 2100 + "x"]
GIT = [
    ".git/config",
    "a/.git/hooks/x",
    ".GIT/x",
    "git~1/x",
    ".git./x",
    ".git /x",
]
OURS = [".gitexp/run/x", ".g\\u200cit/x"]
DEVICES = ["CON", "nul.txt", "a/Aux", "com1", "LPT9.log", "conin$"]


@pytest.mark.parametrize("path", [*OUTSIDE, *ODD, *GIT, *OURS, *DEVICES])
@pytest.mark.parametrize("place", ["data", "outs"])
def test_a_path_that_leads_elsewhere(place: str, path: str) -> None:
    entry = f'{{"{path}": {{hash: "{HASH}", size: 1}}}}'
    text = f"data: {entry}" if place == "data" else f"stages: {{s: {{cmd: x, outs: {entry}}}}}"
    with pytest.raises(errors.LockError):
        read_lock("gitexp.lock", text.encode())


def test_what_is_read_only_may_be_called_as_devices_are() -> None:
    stage = LockedStage(("x",), deps=(Artifact("", HASH + ".dir", 1, 1), Artifact("src/aux.py", HASH, 1)))
    lock = Lock({"s": stage})
    assert read_lock("gitexp.lock", write_lock(lock)) == lock


GOOD = f'{{hash: "{HASH}", size: 1}}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<<<<<<< ours\nformat: 1\n=======\nformat: 1\n>>>>>>> theirs\n", "gitexp.lock:1: a merge has left"),
        ("format: 1\nstages:\n=======\n", "gitexp.lock:3: a merge"),
        ("format: 2", "later gitexp"),
        ("- a", "must be a map"),
        ("a: b", "'a', which gitexp does not know"),
        ("data: [a]", "data must be a map"),
        ("data: {a: 1}", "must be a map"),
        ("data: {a: {hash: 1, size: 1}}", "no hash"),
        (f"data: {{a: {{hash: {HASH[:-1]}, size: 1}}}}", "no hash"),
        (f"data: {{a: {{hash: {HASH.upper()}, size: 1}}}}", "no hash"),
        (f"data: {{a: {{hash: ../{HASH}, size: 1}}}}", "no hash"),
        (f"data: {{a: {{hash: {HASH}.dir, size: 1}}}}", "folder by its hash"),
        (f"data: {{a: {{hash: {HASH}, size: 1, files: 1}}}}", "folder by its hash"),
        (f"data: {{a: {{hash: {HASH}, size: -1}}}}", "size"),
        (f"data: {{a: {{hash: {HASH}, size: true}}}}", "size"),
        (f"data: {{a: {{hash: {HASH}, size: 1e30}}}}", "size"),
        (f"data: {{a: {{hash: {HASH}, size: 99999999999999999999}}}}", "size"),
        (f"data: {{a: {{hash: {HASH}, size: 1, executable: 1}}}}", "executable"),
        (f"data: {{a: {{hash: {HASH}, size: 1, mode: 1}}}}", "'mode'"),
        (f"data: {{a: {GOOD}, A: {GOOD}}}", "cannot both stand"),
        (f"data: {{a: {GOOD}, A/b: {GOOD}}}", "cannot both stand"),
        (f"data: {{\u00e9: {GOOD}, e\u0301: {GOOD}}}", "cannot both stand"),
        (f"data: {{a: {GOOD}}}\nouts: {{a: {GOOD}}}", "cannot both stand"),
        (f"data: {{a: {GOOD}, a: {GOOD}}}", "a second time"),
        ("stages: {s: {cmd: 1}}", "cmd"),
        ("stages: {s: {cmd: [a, 1]}}", "cmd"),
        ("stages: {s: {}}", "cmd"),
        ("stages: {s: {cmd: x, wdir: ..}}", "leads out"),
        ("stages: {s: {cmd: x, wdir: 1}}", "wdir"),
        ("stages: {s: {cmd: x, params: {p: 1}}}", "must be a map"),
        ("stages: {s: {cmd: x, params: {../p: {}}}}", "leads out"),
        ("stages: {s: {cmd: x, run: y}}", "'run'"),
        ("stages: {s: &a {cmd: x, params: {p: *a}}}", "contains itself"),
        ("a: !!python/object:os.system {}", "tag"),
        ("[" * 100, "levels deep"),
        ("data: {" + ", ".join(f"a{n}: 1" for n in range(100_001)) + "}", "more than 100,000 values"),
        ("#" * (17 << 20), "larger than 16 MiB"),
        ("\x00", ""),
    ],
)
def test_what_gitexp_would_not_have_written(text: str, said: str) -> None:
    with pytest.raises(errors.LockError) as raised:
        read_lock("gitexp.lock", text.encode())
    assert said in raised.value.message
    assert raised.value.hint


@given(st.binary(max_size=200))
def test_no_bytes_crash_it(data: bytes) -> None:
    with contextlib.suppress(errors.LockError):
        read_lock("gitexp.lock", data)


@pytest.mark.parametrize(
    "other",
    [
        LockedStage(("y",), "w", (Artifact("d", HASH, 1),), {"p": {"a": 1}}, (Artifact("o", HASH, 1),)),
        LockedStage(("x", "x"), "w", (Artifact("d", HASH, 1),), {"p": {"a": 1}}, (Artifact("o", HASH, 1),)),
        LockedStage(("x",), "", (Artifact("d", HASH, 1),), {"p": {"a": 1}}, (Artifact("o", HASH, 1),)),
        LockedStage(("x",), "w", (Artifact("e", HASH, 1),), {"p": {"a": 1}}, (Artifact("o", HASH, 1),)),
        LockedStage(("x",), "w", (Artifact("d", DIGITS, 1),), {"p": {"a": 1}}, (Artifact("o", HASH, 1),)),
        LockedStage(("x",), "w", (Artifact("d", HASH, 1),), {"p": {"a": 1.0}}, (Artifact("o", HASH, 1),)),
        LockedStage(("x",), "w", (Artifact("d", HASH, 1),), {"p": {"a": "1"}}, (Artifact("o", HASH, 1),)),
        LockedStage(("x",), "w", (Artifact("d", HASH, 1),), {"q": {"a": 1}}, (Artifact("o", HASH, 1),)),
        LockedStage(("x",), "w", (Artifact("d", HASH, 1),), {"p": {"a": 1}}, (Artifact("q", HASH, 1),)),
    ],
)
def test_the_key_knows_what_went_in(other: LockedStage) -> None:
    stage = LockedStage(("x",), "w", (Artifact("d", HASH, 1),), {"p": {"a": 1}}, (Artifact("o", HASH, 1),))
    assert stage_key(stage) != stage_key(other)


def test_the_key_does_not_know_what_came_out() -> None:
    one, other = (LockedStage(("x",), outs=(Artifact("o", oid, 1),)) for oid in (HASH, DIGITS))
    assert stage_key(one) == stage_key(other)
    assert result_of(one) != result_of(other)


def test_an_out_that_another_stage_has_now() -> None:
    lock = Lock({"old": TRAIN._replace(outs=(Artifact("a", HASH, 1), Artifact("b", HASH, 1)))})
    new = LockedStage(("x",), outs=(Artifact("A/sub", HASH, 1),))
    after = lock.with_stage("new", new)
    assert after == Lock({"new": new})
    assert read_lock("gitexp.lock", write_lock(after)) == after
    assert lock.with_stage("other", new._replace(outs=(Artifact("c", HASH, 1),))).stages.keys() == {
        "old",
        "other",
    }


def test_what_was_data_may_become_an_out_and_the_other_way() -> None:
    data, out = Artifact("d", HASH, 1), Artifact("d/out", HASH, 1)
    kept = Artifact("k", HASH, 1)
    lock = Lock(data={"d": data, "k": kept})
    assert lock.with_outs([out]) == Lock(data={"k": kept}, outs={"d/out": out})
    assert lock.with_outs([out]).with_data([data]) == lock
    stage = LockedStage(("x",), outs=(out,))
    assert lock.with_stage("s", stage) == Lock({"s": stage}, {"k": kept})


# -- a new field of LockedStage or of Stage: these tests fail until every place knows the field -----------

OTHER = {
    "commands": ("other",),
    "wdir": "other",
    "deps": (Artifact("other", HASH, 3),),
    "params": {"params.yaml": {"other": 1}},
    "outs": (Artifact("other", HASH, 3),),
}


@pytest.mark.parametrize("field", LockedStage._fields)
def test_every_field_of_a_run_is_in_the_lock_in_the_key_and_among_the_reasons(field: str) -> None:
    other = TRAIN._replace(**{field: OTHER[field]})
    assert read_lock("gitexp.lock", write_lock(Lock({"a": other}))).stages["a"] == other
    assert write_lock(Lock({"a": other})) != write_lock(Lock({"a": TRAIN}))
    assert stage_key(other) != stage_key(TRAIN)
    assert field == "outs" or changes(other, TRAIN)


def test_a_key_with_another_meaning_has_another_version_in_the_index_too() -> None:
    """An index of an earlier version has keys with the earlier meaning: they would hide all earlier runs."""
    assert (stage_key(TRAIN)[:16], lock_index._VERSION) == ("6d5e37cfdfacffcb", b"4")


# The fields of a stage that are no input of its commands; `StageData.inputs` has all others.
NO_INPUTS = {"name", "outs", "desc", "frozen", "always_changed", "meta", "line"}


@pytest.mark.parametrize("field", sorted({*Stage._fields} - NO_INPUTS))
def test_every_other_field_of_a_stage_is_an_input_of_its_run(field: str, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("1", "utf-8")
    (tmp_path / "params.yaml").write_text("other: 1", "utf-8")
    values = OTHER | {"deps": ("other",), "params": (ParamsDep("params.yaml", None),)}
    plain = Stage("a", ("x",))
    with StatCache(tmp_path / "cache") as cache:
        data = StageData(tmp_path, cache, lambda name: (tmp_path / name).read_bytes(), lambda: True)
        assert data.inputs(plain._replace(**{field: values[field]})) != data.inputs(plain)
