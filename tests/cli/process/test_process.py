"""One command run to its end: its exit code, its output, its streams, and what must not be left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from io import FileIO
from pathlib import Path

import pytest

from gitexp.errors import GitexpError, StorageError
from gitexp.process.execute import Outcome, execute
from gitexp.process.log import LogFile
from gitexp.process.threaded import ThreadedStreams
from tests.cli.process.conftest import Runner, python, wait_for
from tests.support.codes import has_code

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written for POSIX shells")


@pytest.fixture(params=["selector", "threads"], autouse=True)
def _streams(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test holds for the threads too that Windows needs."""
    if request.param == "threads":
        monkeypatch.setattr("gitexp.process.execute.Streams", ThreadedStreams)


def open_files() -> set[Path]:
    return set(Path("/proc/self/fd").iterdir()) if sys.platform == "linux" else set()


def test_exit_code_is_the_commands_own(runner: Runner) -> None:
    outcome = runner.run(["sh", "-c", "exit 7"])
    assert outcome == Outcome(exit_code=7, interrupted=False, signal=None, duration=outcome.duration)
    assert outcome.duration >= 0


def test_death_by_a_signal_is_128_and_its_number(runner: Runner) -> None:
    outcome = runner.run(["sh", "-c", "kill -SEGV $$"])
    assert outcome.exit_code == 128 + signal.SIGSEGV
    assert not outcome.interrupted


def test_output_is_shown_on_its_own_stream_and_logged(runner: Runner) -> None:
    runner.run(["sh", "-c", "printf out; printf err >&2"])
    assert runner.shown_out == b"out"
    assert runner.shown_err == b"err"
    assert sorted(runner.logged) == sorted(b"outerr")


def test_a_string_goes_through_the_shell(runner: Runner) -> None:
    runner.run("X=3; echo $((X + 1)) | tr 4 5")
    assert runner.shown_out == b"5\n"


def test_the_commands_folder_and_variables(runner: Runner, tmp_path: Path) -> None:
    with LogFile.create(tmp_path / "log") as log, Path(os.devnull).open("wb") as null:
        env = {"PATH": os.environ["PATH"], "ONLY": "this"}
        execute("pwd -P; env", cwd=tmp_path, env=env, log=log, stdout=null.fileno(), stderr=null.fileno())
    assert runner.logged.startswith(os.fsencode(tmp_path.resolve()) + b"\n")
    assert b"\nONLY=this\n" in runner.logged
    assert b"HOME=" not in runner.logged


def test_order_is_kept_where_stdout_and_stderr_are_one_file(runner: Runner, tmp_path: Path) -> None:
    program = "import os\nfor i in range(500): os.write(1 + i % 2, b'%d\\n' % i)"
    with (tmp_path / "both").open("wb") as both:
        runner.run_to(python(program), both.fileno(), both.fileno())
    expected = b"".join(b"%d\n" % i for i in range(500))
    assert (tmp_path / "both").read_bytes() == expected
    assert runner.logged == expected


def test_every_byte_of_a_large_output_arrives(runner: Runner) -> None:
    program = "import os, sys\nfor i in range(64): sys.stdout.buffer.write(bytes([i]) * 100_003)"
    runner.run(python(program))
    expected = b"".join(bytes([i]) * 100_003 for i in range(64))
    assert runner.shown_out == expected
    assert runner.logged == expected


def test_two_loud_streams_both_arrive(runner: Runner) -> None:
    runner.run("head -c 3000000 /dev/zero & head -c 3000000 /dev/zero >&2; wait")
    assert len(runner.shown_out) == len(runner.shown_err) == 3_000_000
    assert len(runner.logged) == 6_000_000


def test_a_grandchild_that_holds_the_pipe_is_not_waited_for(runner: Runner) -> None:
    outcome = runner.run("echo before; sleep 60 & echo $!; exit 3")
    os.kill(int(runner.shown_out.split()[1]), signal.SIGKILL)
    assert outcome.exit_code == 3
    assert runner.shown_out.startswith(b"before\n")
    assert outcome.duration < 60


@pytest.mark.parametrize("noise", ["yes", "while :; do echo x; sleep 0.05; done"])
def test_a_grandchild_that_goes_on_writing_is_not_waited_for(
    runner: Runner, tmp_path: Path, noise: str
) -> None:
    outcome = runner.run(f"({noise}) & echo $! >pid; sleep 0.1; exit 3")
    with suppress(ProcessLookupError):  # it may have died of the closed pipe
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert outcome.exit_code == 3


def test_a_command_that_closes_its_output_is_waited_for(runner: Runner, tmp_path: Path) -> None:
    outcome = runner.run("echo early; exec >&- 2>&-; sleep 0.5; touch late; exit 4")
    assert outcome.exit_code == 4
    assert (tmp_path / "late").exists()
    assert runner.logged == b"early\n"


def test_a_screen_that_is_gone_stops_neither_run_nor_log(runner: Runner) -> None:
    source, screen = os.pipe()
    os.close(source)
    outcome = runner.run_to("for i in 1 2 3; do echo $i; sleep 0.1; done", screen, screen)
    os.close(screen)
    assert outcome.exit_code == 0
    assert runner.logged == b"1\n2\n3\n"


def test_a_closed_stdout_stops_neither_run_nor_log(runner: Runner) -> None:
    closed = os.sysconf("SC_OPEN_MAX") - 1
    assert runner.run_to("echo text; echo more >&2", closed, closed).exit_code == 0
    assert sorted(runner.logged.split()) == [b"more", b"text"]


def test_a_log_that_cannot_be_written_stops_neither_run_nor_screen(runner: Runner, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("no /dev/full")
    full = Path("/dev/full")
    with (tmp_path / "shown").open("wb") as shown, LogFile(full, FileIO(full, "w+"), 1000) as log:
        shown_fd = shown.fileno()
        outcome = execute(
            ["echo", "a"], cwd=tmp_path, env=os.environ, log=log, stdout=shown_fd, stderr=shown_fd
        )
    assert outcome.exit_code == 0
    assert (tmp_path / "shown").read_bytes() == b"a\n"
    assert log.error is not None
    assert log.cut


@pytest.mark.parametrize(
    "command", [["no-such-program"], ["./none.sh"], "no-such-program --flag", [], [""], ["a\0b"]]
)
def test_a_missing_program_is_a_clear_error(runner: Runner, command: list[str] | str) -> None:
    before = open_files()
    with pytest.raises(GitexpError, check=has_code("command-not-found")) as error:
        runner.run(command)
    assert error.value.hint
    assert open_files() == before


def test_a_script_without_its_interpreter_is_a_clear_error(runner: Runner, tmp_path: Path) -> None:
    script = tmp_path / "train"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    with pytest.raises(GitexpError, check=has_code("command-not-found"), match="interpreter"):
        runner.run(["./train"])
    script.write_text("echo no first line\n")
    with pytest.raises(GitexpError, check=has_code("command-not-found"), match="cannot be started") as error:
        runner.run(["./train"])
    assert "#!" in str(error.value.hint)


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with LogFile.create(tmp_path / "log") as log, pytest.raises(StorageError, match="gone"):
        execute(["true"], cwd=tmp_path / "gone", env=os.environ, log=log)


def test_a_failure_of_ours_leaves_no_command_behind(tmp_path: Path) -> None:
    started: list[int] = []

    def fail(pid: int) -> None:
        started.append(pid)
        raise RuntimeError("ours")

    handler = signal.getsignal(signal.SIGINT)
    with LogFile.create(tmp_path / "log") as log, pytest.raises(RuntimeError, match="ours"):
        execute(["sleep", "60"], cwd=tmp_path, env=os.environ, log=log, on_start=fail)
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)
    assert signal.getsignal(signal.SIGINT) is handler


def test_outside_the_main_thread(runner: Runner) -> None:
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(runner.run("echo text; exit 5")))
    thread.start()
    thread.join()
    assert [outcome.exit_code for outcome in outcomes] == [5]
    assert runner.shown_out == b"text\n"


def test_many_runs_leave_nothing_open(runner: Runner) -> None:
    runner.run(["true"])
    before, threads = open_files(), threading.active_count()
    for _ in range(300):
        runner.run(["true"])
    assert open_files() == before
    wait_for(lambda: threading.active_count() == threads, "the threads to end")


def test_the_child_gets_none_of_our_files(runner: Runner) -> None:
    if sys.platform != "linux":
        pytest.skip("needs /proc")
    listing = subprocess.run(["sh", "-c", "ls /proc/$$/fd"], capture_output=True, check=True).stdout
    runner.run(["sh", "-c", "ls /proc/$$/fd"])
    assert runner.shown_out == listing


def test_a_screen_that_is_not_blocking_gets_all(runner: Runner, request: pytest.FixtureRequest) -> None:
    if "threads" in request.node.name:
        pytest.skip("Windows has no such screens")
    source, screen = os.pipe()
    os.set_blocking(screen, False)
    received = bytearray()

    def read() -> None:
        while data := os.read(source, 4096):
            received.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    runner.run_to("head -c 2000000 /dev/zero", screen, screen)
    os.close(screen)
    reader.join()
    os.close(source)
    assert len(received) == 2_000_000
