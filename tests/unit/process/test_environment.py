"""What a run ran on, as it is stored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from gitexp.process import environment
from gitexp.process.environment import Environment, machine, start_probe
from gitexp.process.gpus import GpuProbe
from gitexp.process.list_packages import packages

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written for POSIX modes")


def test_this_machine() -> None:
    this = machine()
    assert this.host
    assert this.user
    assert this.platform.count("-") >= 2
    assert this.cpus >= 1


def test_gpus_are_asked_of_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for text, gpus in (
        ("echo 'NVIDIA A100'; printf 'bad\\033name\\n'; echo 'NVIDIA A100'", ("NVIDIA A100", "NVIDIA A100")),
        ("echo failed; exit 9", ()),
    ):
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        assert GpuProbe().result() == gpus


def test_the_packages_are_those_that_python_would_find(tmp_path: Path) -> None:
    found = start_probe([sys.executable, "train.py"], tmp_path, os.environ).result()
    assert found.warning is None
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.implementation == sys.implementation.name
    assert dict(found.packages)["pytest"] == metadata.version("pytest")
    assert dict(found.packages)["pyyaml"] == metadata.version("PyYAML")


def test_nothing_of_the_users_is_imported(tmp_path: Path) -> None:
    for module in ("json.py", "os.py", "site.py", "sitecustomize.py", "usercustomize.py"):
        (tmp_path / module).write_text("open('imported', 'w')\nraise SystemExit(1)\n")
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONSTARTUP": str(tmp_path / "os.py")}
    found = start_probe([sys.executable], tmp_path, env).result()
    assert found.python
    assert not (tmp_path / "imported").exists()


def test_packages_on_the_python_path_come_first(tmp_path: Path) -> None:
    (tmp_path / "PyTest-0.1.dist-info").mkdir()
    found = start_probe([sys.executable], tmp_path, {**os.environ, "PYTHONPATH": str(tmp_path)}).result()
    assert dict(found.packages)["pytest"] == "0.1"


def test_names_that_no_package_can_have_are_left_out(tmp_path: Path) -> None:
    for name in (
        "ok-1.0",
        "~k-1.0",
        "bad\nname-1",
        "esc\x1b[31m-1",
        "x-1 ; rm -rf",
        "-",
        "é-1",
        "y-1\n",
        "dir -r-1",
    ):
        (tmp_path / f"{name}.dist-info").mkdir()
    os.mkdir(os.fsencode(tmp_path) + b"/\xff-1.dist-info")  # noqa: PTH102 - pathlib knows no bytes
    found = start_probe([sys.executable], tmp_path, {**os.environ, "PYTHONPATH": str(tmp_path)}).result()
    names = dict(found.packages)
    assert names["ok"] == "1.0"
    assert not {"k", "x", "y", "-"} & names.keys()
    assert all(text.isascii() and text.isprintable() for package in found.packages for text in package)


def test_forms_of_installed_packages(tmp_path: Path) -> None:
    (tmp_path / "plain-1.0.dist-info").mkdir()
    (tmp_path / "old-2.0-py3.8.egg-info").touch()
    for folder, file in (("develop.egg-info", "PKG-INFO"), ("with-dash-3.dist-info", "METADATA")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_text("Metadata-Version: 2.1\nName: Named\nVersion: 4\n\nName: no\n")
    (tmp_path / "empty.dist-info").mkdir()
    expected = [("Named", "4"), ("Named", "4"), ("old", "2.0"), ("plain", "1.0"), ("", "")]
    assert sorted(packages(str(tmp_path))) == sorted(expected)
    assert packages(str(tmp_path / "none")) == []


def test_an_environment_of_its_own(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    (site / "only_here-1.2.3.dist-info").mkdir()
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    found = start_probe(["venv/bin/python", "train.py"], tmp_path, env).result()
    assert found.packages == (("only-here", "1.2.3"),)


def test_the_text_is_a_requirements_file() -> None:
    found = Environment("3.11.7", "cpython", (("a", "1"), ("b", "2")), "Linux-6.1-x86_64")
    text = "# python 3.11.7\n# implementation cpython\n# platform Linux-6.1-x86_64\na==1\nb==2\n"
    assert found.text() == text


def test_a_command_without_python(tmp_path: Path) -> None:
    found = start_probe("sort <x >y", tmp_path, os.environ).result()
    assert (found.python, found.packages, found.warning) == (None, (), None)
    assert found.text().startswith("# platform ")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("#!/bin/sh\nexit 3\n", "exit status 3"),
        ("#!/bin/sh\nexec sleep 60\n", "no answer within"),
        ("#!/bin/sh\necho '[1]'\n", "no sense"),
        ("#!/bin/sh\necho '{\"python\": 3}'\n", "no sense"),
        ("#!/bin/sh\n", "no sense"),
        ("#!/no/such\n", "No such file"),
    ],
)
def test_a_probe_that_fails_is_a_warning(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "python").write_text(text)
    (tmp_path / "python").chmod(0o755)
    probe = start_probe(["./python", "x"], tmp_path, os.environ)
    found = probe.result(timeout=0.5 if "sleep" in text else 30)
    assert found.python is None
    assert why in str(found.warning)
    assert probe.result() is found


def test_an_interpreter_is_asked_once_while_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = str(Path(sys.executable).resolve())  # without the editable installs of an environment
    packages = tmp_path / "packages"
    packages.mkdir()
    os.utime(packages, (1, 1))
    monkeypatch.setattr(environment, "_RACY", -(10**12))  # the folder was made just now
    env = {**os.environ, "PYTHONPATH": str(packages)}
    first = start_probe([python], tmp_path, env).result()
    monkeypatch.setattr(subprocess, "Popen", None)
    assert start_probe([python], tmp_path, env).result() == first
    monkeypatch.undo()
    (packages / "new-1.0.dist-info").mkdir()
    assert ("new", "1.0") in start_probe([python], tmp_path, env).result().packages


def test_an_interpreter_is_asked_again_when_the_code_of_an_editable_package_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = str(Path(sys.executable).resolve())
    package = _editable(tmp_path / "own", tmp_path / "packages")
    monkeypatch.setattr(environment, "_RACY", -(10**12))
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "packages")}
    work, inside = tmp_path / "work", package / "examples"
    work.mkdir()
    inside.mkdir()
    first = start_probe([python], work, env).result()
    with monkeypatch.context() as nobody:
        nobody.setattr(environment, "_status_of", None)  # waits for an interpreter
        assert start_probe([python], work, env).result() == first
    (package / "own.py").write_text("x = 2\n")
    edited = start_probe([python], work, env).result()
    assert ('"dirty": "yes"' in first.text(), '"dirty": "yes"' in edited.text()) == (False, True)
    assert '"here": "yes"' in start_probe([python], inside, env).result().text()


def _editable(package: Path, packages: Path) -> Path:
    """A package with one commit, installed so that its code can be edited; returns its folder."""
    package.mkdir(parents=True)
    (package / "own.py").write_text("x = 1\n")
    for words in (["init", "-q"], ["add", "own.py"], ["commit", "-q", "-m", "own"]):
        subprocess.run(["git", *words], cwd=package, check=True)
    installed = packages / "own-1.0.dist-info"
    installed.mkdir(parents=True)
    told = {"url": f"file://{package}", "dir_info": {"editable": True}}
    (installed / "direct_url.json").write_text(json.dumps(told))
    return package


def test_what_else_a_record_says_of_an_environment(tmp_path: Path) -> None:
    home = tmp_path / "home"
    package = _editable(home / "own", tmp_path / "packages")
    (package / "own.py").write_text("x = 2\n")
    told = {
        "far": {"url": "https://me:secret@host/far", "vcs_info": {"vcs": "git", "commit_id": "1" * 40}},
        "bad": {"url": "esc\x1b[31m"},
    }
    for name, content in told.items():
        folder = tmp_path / "packages" / f"{name}-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "direct_url.json").write_text(json.dumps(content))
    env = {
        **os.environ,
        "HOME": str(home),
        "PYTHONPATH": str(tmp_path / "packages"),
        "OMP_NUM_THREADS": "2",
        "PIP_INDEX_URL": "https://me:secret@host/simple",
        "MY_TOKEN": "secret",
    }
    (tmp_path / "work").mkdir()
    text = start_probe([sys.executable], tmp_path / "work", env).result().text()
    assert "secret" not in text
    assert "\x1b" not in text
    assert "# variable OMP_NUM_THREADS=2\n" in text
    assert "# index https://host/simple\n" in text
    lines = [line.removeprefix("# direct ") for line in text.splitlines() if line.startswith("# direct ")]
    direct = {one["name"]: one for one in map(json.loads, lines)}
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=package, capture_output=True, check=True)
    own = {"editable": "yes", "dirty": "yes", "commit": commit.stdout.decode().strip()}
    assert direct["own"] == {"name": "own", "url": "file://~/own", **own}
    assert direct["far"] == {"name": "far", "url": "https://host/far", "vcs": "git", "commit": "1" * 40}
