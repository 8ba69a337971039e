"""The shell around the commands: help, completion, pipes, signals, exit codes."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gitexp import plugins
from gitexp.cli.registry import COMMANDS
from gitexp.model import Status
from tests.support.experiments import adopt, copy_of, put
from tests.support.processes import run_with_pty
from tests.support.workspace import GITEXP, Workspace

# -- help ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_readable_at_80_columns(repo: Workspace, command: str) -> None:
    done = repo.gitexp(*([command] if command else []), "--help")
    lines = done.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith(f"Usage: gitexp {command}".rstrip())
    assert done.stderr == ""
    if command and "Commands:" in lines:  # of two words, such as `remote add`
        for word in [line.split()[0] for line in lines[lines.index("Commands:") + 1 :]]:
            assert f"\nExamples:\n  gitexp {command} {word}" in repo.gitexp(command, word, "--help").stdout
    elif command:
        assert lines.index("Examples:") < len(lines) - 1
        assert all(line.startswith(f"  gitexp {command}") for line in lines[lines.index("Examples:") + 1 :])
    else:
        said = [line for line in lines if re.match(r"  [a-z]+ {2,}[A-Z]", line)]
        assert sorted(line.split()[0] for line in said) == sorted(COMMANDS)
        assert [line for line in lines if line in ("Run:", "Share:", "More:")] == ["Run:", "Share:", "More:"]


def test_alone_it_shows_its_help(repo: Workspace) -> None:
    assert repo.gitexp().stdout == repo.gitexp("-h").stdout


def test_the_version(repo: Workspace) -> None:
    assert re.fullmatch(r"gitexp \d+\.\d+\.\d+\n", repo.gitexp("--version").stdout)


# -- usage errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["shwo"], "No such command 'shwo'.", "Did you mean show?"),
        (["xyzzy"], "No such command 'xyzzy'.", "gitexp --help shows what there is."),
        (["show", "--srot", "x"], "No such option: --srot.", "Did you mean --sort?"),
        (["branch"], "Missing argument 'EXP'.", "gitexp branch --help shows what there is."),
        (
            ["show", "--limit", "many"],
            "Invalid value for '--limit' / '-l': 'many' is not a valid",
            "gitexp show --help",
        ),
        (["branch", "a", "b", "c"], "Got unexpected extra argument (c).", "gitexp branch --help"),
        (["branch", "-x"], "No such option: -x.", "gitexp branch --help"),
        (["log", "--upload-pack=x"], "No such option: --upload-pack.", ""),
    ],
)
def test_wrong_usage_is_a_sentence_and_a_hint(
    repo: Workspace, args: list[str], message: str, hint: str
) -> None:
    done = repo.gitexp(*args, check=False)
    assert (done.exit_code, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert first.startswith(f"error: {message}")
    assert second.startswith(f"hint: {hint}")
    done = repo.gitexp(args[0], "--json", *args[1:], check=False)
    assert (done.exit_code, done.stderr) == (2, "")
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "usage"
    assert error["message"]
    assert error["hint"]


def test_the_commands_own_json_is_not_ours(repo: Workspace) -> None:
    done = repo.gitexp("run", "--", "no-such-program", "--json", check=False)
    assert done.exit_code != 0
    assert done.stdout == ""
    assert "no-such-program" in done.stderr


@pytest.mark.parametrize(
    ("words", "ours", "all_words"),
    [
        ("python t.py -S a=1 --x 1", "-S a=1 -- python t.py --x 1", "-- python t.py -S a=1 --x 1"),
        ("python t.py -Sa=1", "-Sa=1 -- python t.py", "-- python t.py -Sa=1"),
        ("python t.py --set=a=1", "--set=a=1 -- python t.py", "-- python t.py --set=a=1"),
        ("-q python -m t -n 3 --temp", "-q -n 3 --temp -- python -m t", "-q -- python -m t -n 3 --temp"),
        ("python -u t.py -m x -- -n 3", "-m x -- python -u t.py -- -n 3", "-- python -u t.py -m x -- -n 3"),
        ("./train --json", "--json -- ./train", "-- ./train --json"),
        ("./train -j4 -kq -x4", "-j4 -kq -- ./train -x4", "-- ./train -j4 -kq -x4"),
    ],
)
def test_an_option_of_ours_behind_a_command(repo: Workspace, words: str, ours: str, all_words: str) -> None:
    done = repo.gitexp("run", *words.split(), check=False)
    assert done.exit_code == 2
    hint = f"hint: For gitexp: gitexp run {ours}; for the command: gitexp run {all_words}\n"
    assert done.stderr.endswith(hint) or json.loads(done.stdout)["error"]["hint"] == hint[6:-1]
    assert repo.gitexp("list").stdout == ""


@pytest.mark.parametrize("words", ["no/python -m t", "no/t --help", "no/t -num 3", "no/t -- --json"])
def test_what_surely_is_the_commands_own_is_left_to_it(repo: Workspace, words: str) -> None:
    done = repo.gitexp("run", *words.split(), check=False)
    assert "There is no program 'no/" in done.stderr


def test_the_hint_for_a_line_of_the_shell_keeps_our_options(repo: Workspace) -> None:
    done = repo.gitexp("run", "-n", "wide", "A=1", "python", "t.py", check=False)
    assert done.stderr.endswith("hint: Write it as: gitexp run -n wide -- env A=1 python t.py\n")


# -- pipes and signals --------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
@pytest.mark.parametrize("args", ["show -A", "list", "show --json", "diff HEAD~1 HEAD", "log big", "--help"])
def test_a_reader_that_goes_away_is_no_error(repo: Workspace, args: str) -> None:
    put(repo, "big", run_files={"output.log": b"x" * 200 + b"\n" * 3000 + b"y" * 200_000})
    for at in range(3):
        put(repo, f"exp-{at}", params={"params.yaml": {"long": "x" * 60_000}})
    gitexp = " ".join(GITEXP)
    script = f"{gitexp} {args} | head -c 1 >/dev/null"
    done = subprocess.run(["sh", "-c", script], cwd=repo.path, capture_output=True, check=True)
    assert done.stderr == b""


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
def test_nobody_to_tell_an_error_to_is_no_error_more(repo: Workspace) -> None:
    script = f"({' '.join(GITEXP)} log nope; echo $? >&3) 2>&1 >/dev/null | true"
    done = subprocess.run(
        ["sh", "-c", f"exec 3>&1; {script}"], cwd=repo.path, capture_output=True, check=True
    )
    assert done.stderr == b""
    assert int(done.stdout) in (1, 141)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_is_a_quiet_end(repo: Workspace) -> None:
    put(repo, "one")
    # Git waits for the FIFO that it is given as a config file, and gitexp for Git.
    fifo = repo.path / ".git" / "slow-config"
    with repo.by_user():
        os.mkfifo(fifo)
    process = repo.start("show", env={"GIT_CONFIG_GLOBAL": str(fifo)})
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert b"Traceback" not in out + err
    with repo.by_user():
        fifo.unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("module", ["gitexp.cli.main", "typer", "gitexp.cli.commands.looking.show"])
def test_ctrl_c_is_quiet_while_the_command_is_being_loaded(repo: Workspace, module: str) -> None:
    program = (
        "import os, signal, sys\n"
        "class Interrupts:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == '{module}': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupts())\n"
        "sys.argv = ['gitexp', 'show']\n"
        "from gitexp.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=repo.path, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash")
@pytest.mark.parametrize("command", ["sleep 60", "sh -c 'trap \"exit 0\" INT; sleep 60'"])
def test_ctrl_c_ends_a_loop_of_the_shell(repo: Workspace, command: str) -> None:
    loop = f"for i in 1 2 3; do echo turn $i; {shlex.join(GITEXP)} run -- {command}; done; echo after"
    seen = run_with_pty(["bash", "-c", loop], keys=[("started", "\x03")], cwd=repo.path)
    assert seen.exit_code == -signal.SIGINT
    assert b"turn 2" not in seen.raw
    assert b"after" not in seen.raw


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [("TERM", -15), ("HUP", -1), ("KILL", 137), ("SEGV", 139)])
def test_the_signal_that_ended_the_command(repo: Workspace, number: str, code: int) -> None:
    """A crash and SIGKILL are the command's alone."""
    done = subprocess.run(
        [*GITEXP, "run", "--", "sh", "-c", f"kill -{number} $$"], cwd=repo.path, check=False
    )
    assert done.returncode == code


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
def test_an_exit_status_of_130_is_no_signal(repo: Workspace) -> None:
    done = subprocess.run([*GITEXP, "run", "--", "sh", "-c", "exit 130"], cwd=repo.path, check=False)
    assert done.returncode == 130


def test_a_bug_is_a_sentence_and_with_debug_a_traceback(repo: Workspace) -> None:
    done = repo.gitexp("log", "nope", check=False, env={"GITEXP_DEBUG": "1"})
    assert "Traceback" in done.stderr
    assert "Traceback" not in repo.gitexp("log", "nope", check=False).stderr


def test_an_encoding_that_knows_little(repo: Workspace) -> None:
    put(repo, "one", params={"params.yaml": {"größe": "数"}})
    done = repo.gitexp("show", env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    assert done.stdout.isascii()
    assert "gr\\xf6\\xdfe" in done.stdout


# -- completion ---------------------------------------------------------------------------------------


def complete(repo: Workspace, line: str, shell: str = "bash") -> list[str]:
    words = line.split(" ")
    env = {"_GITEXP_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line}
    env |= {"COMP_WORDS": line.rstrip(" "), "COMP_CWORD": str(len(words) - 1)}
    env |= {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    return repo.gitexp(env=env).stdout.splitlines()


@pytest.fixture
def some(repo: Workspace, stored: Path) -> Workspace:
    return adopt(repo, stored)


@pytest.fixture(scope="module")
def stored(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = copy_of(template, tmp_path_factory.mktemp("some"))
    put(repo, "exp-one", params={"params.yaml": {"lr": 1}}, metrics={"metrics.json": {"acc": 1}})
    put(repo, "exp-two")
    put(repo, "other")
    repo.git("branch", "feature/x")
    return repo.path


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("gitexp bra", ["branch"]),
        ("gitexp branch exp-", ["exp-one", "exp-two"]),
        ("gitexp log o", ["other"]),
        ("gitexp diff feat", ["feature/x"]),
        ("gitexp diff HE", ["HEAD"]),
        ("gitexp diff exp-one w", ["workspace"]),
        ("gitexp run -S train.l", ["train.lr=0.1"]),
        ("gitexp run -S ~train.l", ["~train.lr"]),
        ("gitexp show --sort a", ["acc"]),
        ("gitexp judge exp-one other --metric ", ["acc"]),
        ("gitexp diff --best ", ["acc"]),
        ("gitexp best ", ["acc"]),
        ("gitexp run --objective ", ["acc"]),
        ("gitexp show --columns acc,l", ["acc,lr"]),
    ],
)
def test_completion(some: Workspace, line: str, offered: list[str]) -> None:
    assert complete(some, line) == offered
    fish = [word.split("\t")[0] for word in complete(some, line, "fish")]
    assert fish == offered
    zsh = "\n".join(complete(some, line, "zsh"))
    assert all(f'"{word}"' in zsh for word in offered)


def test_completion_outside_a_repository_offers_nothing(repo: Workspace, tmp_path: Path) -> None:
    for line in ("gitexp branch x", "gitexp diff x", "gitexp run -S x", "gitexp show --sort x"):
        env = {
            "_GITEXP_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split()) - 1),
        }
        done = repo.gitexp(env=env, cwd=os.path.relpath(tmp_path, repo.path))
        assert (done.stdout.strip(), done.stderr) == ("", "")


def test_completion_offers_nothing_that_a_shell_would_run(repo: Workspace) -> None:
    evil = '\\"; touch pwned #'
    put(repo, "one", metrics={"metrics.json": {evil: 1, "$(touch pwned)": 2, "`x`": 3, "a b": 4, "acc": 5}})
    repo.write("params.yaml", "'$(touch pwned)': 1\nok: '; touch pwned'\nlr: 1\n")
    repo.git("branch", "$(touch${IFS}pwned)")
    for shell in ("bash", "zsh", "fish"):
        for line in ("gitexp show --sort ", "gitexp run -S ", "gitexp diff "):
            assert "pwned" not in "\n".join(complete(repo, line, shell))
    assert complete(repo, "gitexp run -S ") == ["lr=1"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_shown(repo: Workspace, shell: str) -> None:
    script = repo.gitexp(env={"_GITEXP_COMPLETE": f"source_{shell}"}).stdout
    assert "_GITEXP_COMPLETE=complete_" in script
    if program := shutil.which(shell):
        done = subprocess.run([program, "-n"], input=script, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_completes_for_real(some: Workspace, tmp_path: Path) -> None:
    (tmp_path / "gitexp").write_text(f'#!/bin/sh\nexec {" ".join(GITEXP)} "$@"\n')
    (tmp_path / "gitexp").chmod(0o755)
    script = tmp_path / "completion.sh"
    script.write_text(some.gitexp(env={"_GITEXP_COMPLETE": "source_bash"}).stdout)
    program = (
        f"export PATH={tmp_path}:$PATH; . {script}; COMP_WORDS=(gitexp branch exp-); COMP_CWORD=2; "
        "$(complete -p gitexp | sed 's/.*-F \\([^ ]*\\).*/\\1/') gitexp exp- branch; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(["bash", "-c", program], cwd=some.path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["exp-one", "exp-two"]
    assert done.stderr == ""


def test_quiet_runs_say_the_name_and_the_result(repo: Workspace) -> None:
    repo.writes("metrics.json")
    done = repo.gitexp("run", "-q", "-n", "one", "--", "python", "train.py")
    assert re.fullmatch(r"one done in \S+ s( · \S+ \S+)+\n", done.stderr)
    assert done.stdout.startswith("epoch 1")
    told = repo.gitexp("run", "-q", "--json", "--no-output", "--", "python", "train.py")
    assert told.stderr == ""
    assert json.loads(told.stdout)["status"] == "done"
    assert repo.gitexp("save", "-q").stderr == ""


def test_output_that_is_not_shown_is_stored(repo: Workspace) -> None:
    script = "echo seen; echo error >&2; exit 3"
    done = repo.gitexp("run", "-q", "--no-output", "--", "sh", "-c", script, check=False)
    assert (done.exit_code, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1
    assert repo.gitexp("log").stdout == "seen\nerror\n"


def test_the_log_without_a_name_is_the_newest(repo: Workspace) -> None:
    assert repo.json("log", check=False)["error"]["code"] == "unknown-experiment"
    repo.gitexp("run", "-q", "-n", "one", "--", "echo", "first")
    put(repo, "going", status=Status.RUNNING, created="2020-01-01T10:00:00.000Z", host="elsewhere")
    assert repo.json("log")["experiment"] == "one"
    assert repo.gitexp("log", "-f", check=False).stderr.startswith("error: going has no output")


def test_who_made_it_is_gits_user(repo: Workspace) -> None:
    repo.gitexp("save", "-n", "mine")
    author = repo.git("log", "-1", "--format=%an", "refs/gitexp/exps/mine~1")
    assert repo.json("show", "mine")[0]["user"] == author


def test_help_has_every_command_in_one_group() -> None:
    grouped = [name for names in plugins.TASKS.values() for name in names]
    assert len(grouped) == len(set(grouped))
    assert set(plugins.COMMANDS) - set(grouped) == {"guide"}
    assert set(grouped) <= set(plugins.COMMANDS)


def test_a_run_ends_with_one_line(repo: Workspace) -> None:
    repo.writes("metrics.json")
    lines = repo.gitexp("run", "-n", "one", "--", "python", "train.py").stderr.splitlines()
    assert lines[0] == "one started"
    assert re.fullmatch(r"one done in \d+\.\d s · loss [\d.]+ · eval.acc [\d.]+", lines[-1])
    done = repo.gitexp("run", "-n", "two", "--", sys.executable, "-c", "exit(3)", check=False)
    assert done.exit_code == 3
    assert re.search(r"two failed \(exit 3\) in \d+\.\d s", done.stderr)


def test_closed_streams_are_no_place_for_files(repo: Workspace) -> None:
    """A lock that gets the number of a closed stdout would be printed into."""
    repo.writes("metrics.json")
    for name, closed in (("one", ">&-"), ("two", "2>&-"), ("three", "<&-")):
        command = [*GITEXP, "run", "-n", name, "--", "python", "train.py"]
        done = subprocess.run(["sh", "-c", f'"$@" {closed}', "sh", *command], cwd=repo.path, check=False)
        assert done.returncode == 0, closed
    assert {row["status"] for row in repo.json("list")} == {"done"}
    assert not any(lock.stat().st_size for lock in (repo.path / ".git/gitexp/locks").iterdir())


def test_a_word_that_is_like_no_option_gets_no_guess(repo: Workspace) -> None:
    assert "Did you mean" not in repo.gitexp("show", "--bogus", check=False).stderr
    assert "Did you mean --desc?" in repo.gitexp("show", "--dsc", check=False).stderr
