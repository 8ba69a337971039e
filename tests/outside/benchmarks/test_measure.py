"""Measuring: what is timed, in what order, and what becomes of a command that fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.measure import CommandError, Sample, Side, compare


def python(code: str, folder: Path) -> Side:
    argv = [sys.executable, "-c", code]
    return Side(lambda: argv, folder, os.environ, warmups=0)


def test_sides_take_turns_after_their_warm_ups(tmp_path: Path) -> None:
    started: list[str] = []

    def side(name: str) -> Side:
        def argv() -> Sequence[str]:
            started.append(name)
            return ["true"]

        return Side(argv, tmp_path, os.environ)

    samples = compare({"a": side("a"), "b": replace(side("b"), runs=2)}, 3)
    assert started == ["a", "b", "a", "b", "a", "b", "a"]
    assert [len(sample.seconds) for sample in samples.values()] == [3, 2]


def test_time_and_memory_are_the_command_s(tmp_path: Path) -> None:
    side = python("import time; time.sleep(0.2); kept = b'x' * 90_000_000", tmp_path)
    idle = compare({"idle": python("pass", tmp_path)}, 1)["idle"]
    busy = compare({"busy": side}, 1)["busy"]
    assert busy.median >= 0.2
    assert busy.memory - idle.memory > 80


def test_a_large_output_is_read_whole(tmp_path: Path) -> None:
    sizes: list[int] = []
    side = python("import sys; sys.stdout.write('x' * 3_000_000)", tmp_path)
    compare({"it": replace(side, check=lambda output: sizes.append(len(output)))}, 1)
    assert sizes == [3_000_000]


def test_before_comes_before_every_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    side = replace(python("open('marker', 'x')", tmp_path), before=lambda: marker.unlink(missing_ok=True))
    assert len(compare({"it": side}, 3)["it"].seconds) == 3


def test_a_terminal_is_one(tmp_path: Path) -> None:
    said: list[bytes] = []
    code = "import os; print(os.isatty(0), os.isatty(1), os.get_terminal_size())"
    side = replace(python(code, tmp_path), tty=True, check=said.append)
    compare({"it": side}, 1)
    assert said == [b"True True os.terminal_size(columns=160, lines=50)\r\n"]


def test_a_failure_says_which_command_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"(?s)^python\S* -c .*: exit status 3\n.*no luck") as failure:
        compare({"it": python("import sys; print('no luck', file=sys.stderr); sys.exit(3)", tmp_path)}, 1)
    assert str(Path(sys.executable).parent) not in str(failure.value).splitlines()[0]


def test_a_program_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="never started"):
        compare({"it": Side(lambda: ["no-such-program"], tmp_path, os.environ)}, 1)


def test_a_known_cost_is_taken_off_every_run() -> None:
    assert Sample((1.5, 2.0, 2.5), 10).less(0.5) == Sample((1.0, 1.5, 2.0), 10)
