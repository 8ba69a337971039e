"""Which lines of a `cmd` have a meaning in a shell of their own; a real shell is the judge of syntax."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from gitexp import errors
from gitexp.pipeline.shell_lines import fault_of
from tests.unit.pipeline.test_read import stages

WHOLE = [
    "python train.py --a=1 'b c' \"d $e\" > log 2>&1",
    "for i in 1 2; do echo $i; done",
    "while read l; do echo $l; done < f",
    "if [ -f x ]; then cd y; else echo b; fi",
    "case $x in a) echo a;; b) echo b;; esac",
    "f() { echo a; }; f",
    "{ a; b; }",
    "(cd sub && python train.py)",
    "cd sub && python train.py",
    "test -f data || exit 3",
    "exec python train.py",
    "export A=1; python train.py",
    "A=1 python train.py",
    "a || exit 1",
    "cat <<< hello",
    'echo $((1<<3)) $((1+(2*3))) "$(echo "a b")" ${x#y} ${#x} $# \\\' done if then cd',
    "x=$(ls | wc -l); echo $x",
    "diff <(a) <(b)",
    "[[ a == b ]] && echo x",
    "make -j 2 # it's (done",
    "awk '{print $1}' x; sed -e 's/(/[/' f",
    "echo $'it\\'s'",
    "set -e",
    "time python x",
]
OPEN = [
    "python train.py \\",
    "cat <<EOF > x",
    "cat <<-'EOF'",
    "for i in 1 2; do",
    "for i in 1 2",
    "while true; do",
    "if [ -f x ]; then",
    "case $x in",
    "f() {",
    "function f {",
    "(cd sub",
    "x=$(ls",
    "echo 'a",
    'echo "a',
    "echo `a",
    "echo ${a",
    "a &&",
    "a |",
    "&& b",
    "| b",
    "done",
    "then",
    "echo a; fi",
    "}",
    ")",
]
LOST = [
    "cd sub",
    "mkdir -p sub && cd sub",
    "export A=1",
    "A=1 B=2",
    "A=$(ls)",
    "source .venv/bin/activate",
    ". ./env.sh",
    "conda activate x",
    "module load cuda",
    'eval "$(conda shell.bash hook)"',
    "set -euo pipefail",
    "f() { echo a; }",
    "python train.py &",
    "test -f model.pt && exit 0",
    "read x < file",
    "exec 2> errors.log",
]


@pytest.mark.parametrize("line", WHOLE)
def test_a_line_with_all_of_its_command(line: str) -> None:
    assert fault_of([line, "true"]) is None


@pytest.mark.parametrize("line", OPEN)
def test_a_line_of_a_longer_command(line: str) -> None:
    assert f"`{line}`" in str(fault_of([line, "true"]))
    assert fault_of([line]) is None  # the shell says what is wrong, and nothing else has run
    assert fault_of([f"{line}\nwhatever"]) is None  # one shell has all of it


@pytest.mark.parametrize("line", LOST)
def test_a_line_whose_effect_is_lost(line: str) -> None:
    assert f"`{line}`" in str(fault_of([line, "true"]))
    assert fault_of(["true", line]) is None


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is the judge")
def test_bash_takes_the_whole_lines_and_not_the_open_ones() -> None:
    for line in WHOLE + LOST:
        assert _bash(line) == (0, ""), line
    for line in OPEN:
        assert _bash(line) != (0, "") or line.endswith("\\"), line


def _bash(line: str) -> tuple[int, str]:
    done = subprocess.run(["bash", "-n", "-c", line], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("as_list", [False, True])
def test_the_error_names_the_stage_and_the_line(as_list: bool) -> None:
    lines = ["cd sub", "python train.py"]
    command = lines if as_list else "\n".join(lines)
    with pytest.raises(errors.ConfigError, match=r"'cmd' of 's': each line .* `cd sub` sets") as caught:
        stages(json.dumps({"stages": {"s": {"cmd": command}}}))
    assert (caught.value.line, "- |" in str(caught.value.hint)) == (1, True)
    script = stages("stages:\n  s:\n    cmd:\n    - |\n      cd sub\n      python train.py\n")
    assert script["s"].commands == ("cd sub\npython train.py\n",)
