"""What gitexp relies on of each dependency beyond its documentation; and the locked versions.

A test here that fails with a new release names the habit of the dependency that has changed.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import tomlkit
import typer
import yaml
from git.cmd import Git
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pathspec import GitIgnoreSpec
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, String
from typer.core import TyperCommand, TyperGroup

from benchmarks.peers import PEERS
from gitexp.files.formats.yaml_text import Loader
from tests.support.servers import Place

ROOT = Path(__file__).parents[2]


# -- typer: cli/main.py, cli/kit/help.py, cli/commands/running/run_words.py --------------------------------

examples = typer.Typer(add_completion=False, rich_markup_mode=None)


class Late(TyperGroup):
    """As the root of gitexp: the names are known, and a command is loaded when it is asked for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": {"show": None}})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return typer.main.get_group(examples).commands[cmd_name] if cmd_name in self.commands else None


class Epilog(TyperCommand):
    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Examples"):
            formatter.write("  one\n  two\n")


app = typer.Typer(cls=Late, add_completion=False, rich_markup_mode=None)


@app.callback()
def _root() -> None:
    pass


@examples.callback()
def _examples() -> None:
    pass


@examples.command("show", cls=Epilog, context_settings={"allow_interspersed_args": False})
def _show(
    words: Annotated[list[str] | None, typer.Argument()] = None,
    sort: Annotated[str, typer.Option("--sort", help="By what.")] = "",
) -> None:
    if sort == "ctrl-c":
        raise KeyboardInterrupt
    if sort == "pipe":
        raise BrokenPipeError


def show() -> Any:
    return typer.main.get_group(examples).commands["show"]


def refusal(*words: str) -> Any:
    with pytest.raises(typer.TyperException) as caught:
        app([*words], prog_name="it", standalone_mode=False)
    return caught.value


def test_typer_loads_a_command_when_the_group_is_asked_for_it() -> None:
    assert typer.main.get_command(app).list_commands(None) == ["show"]  # type: ignore[attr-defined, arg-type]
    assert app(["show", "a"], standalone_mode=False) is None


def test_typer_ends_the_message_for_an_unknown_command_with_a_guess() -> None:
    error = refusal("shwo")
    assert error.format_message() == "No such command 'shwo'. Did you mean 'show'?"
    assert error.ctx.command_path == "it"


def test_typer_ends_the_message_for_an_unknown_option_with_a_guess() -> None:
    error = refusal("show", "--srot", "1")
    assert re.fullmatch(
        r"No such option: --srot (Did you mean --sort\?|\(Possible options: --sort\))", error.format_message()
    )
    assert (error.option_name, error.possibilities) == ("--srot", ["--sort"])


def test_typer_returns_130_for_ctrl_c_outside_of_standalone_mode() -> None:
    assert app(["show", "--sort", "ctrl-c"], standalone_mode=False) == 130


def test_typer_lets_a_broken_pipe_through_a_group() -> None:
    command = typer.main.get_command(app)
    with command.make_context("it", ["show", "--sort", "pipe"]) as context, pytest.raises(BrokenPipeError):
        command.invoke(context)


def test_typer_parses_words_without_running_anything() -> None:
    command = show()
    context = command.make_context("show", [], resilient_parsing=True)
    values, *_ = command.make_parser(context).parse_args(["--sort", "a", "--", "b", "--c"])
    assert values["words"] == ["b", "--c"] or values["words"] == ("b", "--c")
    assert command.make_context("show", ["--sort", "a", "b"], resilient_parsing=True).params["sort"] == "a"


def test_typer_takes_options_after_words_where_the_context_says_so() -> None:
    class After(TyperCommand):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            ctx.allow_interspersed_args = True
            return super().parse_args(ctx, args)

    command = After("show", params=show().params, context_settings={"allow_interspersed_args": False})
    assert command.make_context("show", ["b", "--sort", "a"]).params["sort"] == "a"


def test_typer_asks_a_command_for_its_epilog() -> None:
    command = show()
    help_ = command.get_help(command.make_context("show", [], resilient_parsing=True))
    assert help_.rstrip().endswith("Examples:\n  one\n  two")


# -- rich: cli/kit/terminal/render.py ------------------------------------------------------------------------


def test_rich_counts_the_cells_of_wide_and_combined_characters() -> None:
    from rich.cells import cell_len

    assert [cell_len(text) for text in ("ab", "日本", "e\u0301")] == [2, 4, 1]


def test_rich_tells_old_consoles_of_windows() -> None:
    from rich.console import detect_legacy_windows

    assert isinstance(detect_legacy_windows(), bool)


# -- GitPython: repo/git/launch.py --------------------------------------------------------------------


def test_gitpython_starts_nothing_when_imported_and_then_calls_plain_git(tmp_path: Path) -> None:
    """As launch.py imports it, and without any git on the PATH."""
    script = "from gitexp.repo.git import launch; print(launch.Git.GIT_PYTHON_GIT_EXECUTABLE)"
    env = {**os.environ, "PATH": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("git\n", "")


@pytest.mark.parametrize("first", ["git", "gitexp.repo.git.launch"])
def test_a_program_has_the_whole_of_gitpython_beside_gitexp(first: str) -> None:
    script = (
        f"import {first}, git, gitexp.repo.git.launch as launch\n"
        "assert git.cmd.Git is not launch.Git and git.Repo and git.cmd.Git is git.Git\n"
        "assert git.Git('.').version_info == launch.Git('.').version_info > (2, 30)\n"
        "kept = launch.Git('.').execute(['git', '--version'], as_process=True)\n"
        "assert kept.proc.wait() == 0"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_gitpython_gives_the_process_of_a_call(tmp_path: Path) -> None:
    """It is killed when the object around it is dropped, so that one is kept."""
    command = ["git", "hash-object", "--stdin"]
    kept = Git(tmp_path).execute(command, as_process=True, istream=subprocess.PIPE, env={"A": "1"})
    assert kept.proc is not None
    out, _ = kept.proc.communicate(b"")
    assert (out, kept.proc.returncode) == (b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\n", 0)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no descriptors to pass on")
def test_gitpython_passes_descriptors_on(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    command = ["git", "-c", f"alias.tell=!echo there >/dev/fd/{writing}", "tell"]
    kept = Git(tmp_path).execute(command, as_process=True, pass_fds=[writing])
    assert kept.proc is not None
    kept.proc.communicate()
    os.close(writing)
    with os.fdopen(reading) as stream:
        assert stream.read() == "there\n"


def test_gitpython_expands_nothing_in_a_path(tmp_path: Path) -> None:
    (tmp_path / "$HOME").mkdir()
    assert Git(tmp_path / "$HOME").working_dir == tmp_path / "$HOME"


# -- pathspec: project/exclusions.py ------------------------------------------------------------------


@pytest.mark.parametrize("line", ["!", "[z-a]"])
def test_pathspec_refuses_what_is_no_pattern(line: str) -> None:
    with pytest.raises((ValueError, re.error)):
        GitIgnoreSpec.from_lines([line])


# -- tomlkit: files/formats/toml_edit.py --------------------------------------------------------------


def test_tomlkit_knows_the_quotes_of_a_string() -> None:
    document = tomlkit.parse("a = 'x'\nb = \"x\"\n")
    quotes = []
    for key in "ab":
        item = document[key]
        assert isinstance(item, String)
        quotes.append(item.as_string()[0])
    assert quotes == ["'", '"']
    assert tomlkit.string("x", literal=True).as_string() == "'x'"


def test_tomlkit_keeps_all_that_is_not_changed() -> None:
    text = "# first\r\n[a]  # second\r\n  b.c = 1_000 # third\r\nd = { e = 0x1F }\r\n"
    document: Any = tomlkit.parse(text)
    assert tomlkit.dumps(document) == text
    assert isinstance(document["a"]["d"], InlineTable)
    document["a"]["d"]["e"] = 2
    assert tomlkit.dumps(document) == text.replace("0x1F", "2")


def test_tomlkit_has_one_kind_of_error() -> None:
    with pytest.raises(TOMLKitError):
        tomlkit.parse("a = \n")


# -- PyYAML: files/formats/yaml_text.py ---------------------------------------------------------------


def test_pyyaml_counts_characters_and_not_bytes_in_its_marks() -> None:
    text = "é: 𝄞\nb: [1]\n"
    found = [event for event in yaml.parse(text, Loader=Loader) if isinstance(event, yaml.ScalarEvent)]
    assert [text[event.start_mark.index : event.end_mark.index] for event in found] == ["é", "𝄞", "b", "1"]


def test_pyyaml_says_how_a_scalar_is_written() -> None:
    text = "[a, 'b', !!int 1, ! c]"
    found = [event for event in yaml.parse(text, Loader=Loader) if isinstance(event, yaml.ScalarEvent)]
    # The parser in C has "" where the one in Python has None.
    assert [(event.style or "", event.tag) for event in found] == [
        ("", None),
        ("'", None),
        ("", "tag:yaml.org,2002:int"),
        ("", "!"),
    ]
    assert [any(event.implicit) for event in found[:3]] == [True, True, False]


def test_pyyaml_names_an_unknown_escape_in_these_words() -> None:
    with pytest.raises(yaml.YAMLError) as caught:
        list(yaml.parse('a: "\\d"', Loader=Loader))
    problem, mark = caught.value.problem, caught.value.problem_mark  # type: ignore[attr-defined]
    assert "found unknown escape character" in problem
    assert mark.line == 0


def test_pyyaml_lists_what_reads_as_something_else_than_text() -> None:
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers
    assert any(expression.match("yes") for _, expression in resolvers["y"])
    assert not any(expression.match("1e-3") for _, expression in resolvers["1"])


# -- fsspec and what speaks to servers: objects/remotes -----------------------------------------------


def test_fsspec_tells_a_callback_of_bytes() -> None:
    callbacks = pytest.importorskip("fsspec.callbacks")
    heard: list[tuple[int | None, int]] = []
    callback = callbacks.Callback(hooks={"": lambda size, value, **_: heard.append((size, value))})
    callback.set_size(5)
    callback.relative_update(2)
    callback.relative_update(3)
    assert heard[-2:] == [(5, 2), (5, 5)]


@pytest.mark.parametrize(
    ("package", "class_name", "method", "names"),
    [
        (
            "s3fs",
            "S3FileSystem",
            "__init__",
            "endpoint_url client_kwargs config_kwargs max_concurrency",
        ),
        ("botocore.session", "Session", "__init__", "profile"),
        ("s3fs", "S3FileSystem", "_put_file", "callback chunksize"),
        ("s3fs", "S3FileSystem", "_get_file", "callback"),
        ("gcsfs.core", "GCSFileSystem", "__init__", "project"),
        ("gcsfs", "GCSFileSystem", "_put_file", "callback chunksize"),
        ("adlfs", "AzureBlobFileSystem", "__init__", "account_name anon"),
        ("adlfs", "AzureBlobFileSystem", "_put_file", "callback overwrite"),
        ("webdav4.client", "Client", "upload_fileobj", "overwrite callback chunk_size"),
        ("webdav4.client", "Client", "move", "overwrite"),
        ("webdav4.client", "Client", "join_url", "add_trailing_slash"),
        ("httpx", "Timeout", "__init__", "connect"),
    ],
)
def test_these_arguments_are_known_by_name(
    package: str, class_name: str, method: str, names: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # old versions of adlfs write there when they are imported
    found = getattr(getattr(pytest.importorskip(package), class_name), method)
    parameters = inspect.signature(found).parameters
    missing = sorted(set(names.split()) - parameters.keys())
    assert not missing, f"{package}: {class_name}.{method} has no {', '.join(missing)}"


def test_s3fs_tries_as_often_as_its_attribute_retries_says() -> None:
    module = pytest.importorskip("s3fs")
    assert isinstance(module.S3FileSystem.retries, int)
    assert "self.retries" in inspect.getsource(module.S3FileSystem)


def test_webdav4_hands_out_its_client_of_http_and_the_features_of_the_server() -> None:
    module = pytest.importorskip("webdav4.fsspec")
    client = module.WebdavFileSystem("http://127.0.0.1:9/x", skip_instance_cache=True).client
    assert callable(client.http.stream)
    assert str(client.join_url("a b", add_trailing_slash=True)) == "http://127.0.0.1:9/x/a%20b/"
    assert isinstance(type(client).detected_features, property)
    features = pytest.importorskip("webdav4.client").FeatureDetection()
    assert features.dav_compliances == set()


def test_sshfs_holds_the_open_file_of_asyncssh(
    ssh_server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SshRemote.renew sets the time of a file by it: sshfs has no call of its own for that."""
    from gitexp.objects.remotes.kinds import open_remote

    for name, value in ssh_server.env.items():
        monkeypatch.setenv(name, value)
    hash_ = "0" * 64
    (tmp_path / "source").write_bytes(b"x")
    with open_remote("store", {"url": f"{ssh_server.url}/relied-on"}, tmp_path) as remote:
        remote.put(hash_, tmp_path / "source", lambda count: None)
        remote.renew(hash_)


@pytest.mark.parametrize(
    ("package", "names"),
    [
        ("botocore.exceptions", "NoCredentialsError PartialCredentialsError ProfileNotFound"),
        ("google.auth.exceptions", "DefaultCredentialsError RefreshError"),
        ("azure.core.exceptions", "ClientAuthenticationError"),
        ("asyncssh", "PermissionDenied HostKeyNotVerifiable KeyExchangeFailed"),
    ],
)
def test_errors_that_are_told_by_their_names_have_these(package: str, names: str) -> None:
    module = pytest.importorskip(package)
    for name in names.split():
        found = getattr(module, name, None)
        assert found is not None, f"{package} has no {name}"
        assert found.__name__ == name


def test_botocore_has_the_status_of_an_answer_where_it_is_looked_for() -> None:
    exceptions = pytest.importorskip("botocore.exceptions")
    response = {"ResponseMetadata": {"HTTPStatusCode": 403}}
    assert exceptions.ClientError(response, "GetObject").response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_httpx_finds_the_netrc_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    httpx = pytest.importorskip("httpx")
    (tmp_path / ".netrc").write_text("machine h login me password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    assert httpx.NetRCAuth() is not None


def test_httpx_has_the_status_of_an_answer_in_its_error() -> None:
    httpx = pytest.importorskip("httpx")
    answer = httpx.Response(507, request=httpx.Request("GET", "http://127.0.0.1/"))
    with pytest.raises(httpx.HTTPStatusError) as caught:
        answer.raise_for_status()
    assert caught.value.response.status_code == 507


# -- constraints.txt ----------------------------------------------------------------------------------


def test_each_dependency_has_a_locked_version_that_fits() -> None:
    locked = _locked("constraints.txt")
    for requirement in _requirements():
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not in constraints.txt: make lock"
        for version in versions:
            assert version in requirement.specifier, f"{requirement} excludes {version}: make lock"


@pytest.mark.parametrize("name", PEERS)
def test_what_a_peer_asks_for_is_locked(name: str) -> None:
    locked = _locked(PEERS[name].constraints.name)
    for text in PEERS[name].wanted_packages():
        requirement = Requirement(text)
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not in {PEERS[name].constraints.name}: make lock"
        assert all(version in requirement.specifier for version in versions), f"{text}: make lock"


@pytest.mark.parametrize("name", ["constraints.txt", *(peer.constraints.name for peer in PEERS.values())])
def test_constraints_are_names_and_versions_alone(name: str) -> None:
    """No index, no path: these are the business of whoever installs."""
    for line in _lines(name):
        assert re.fullmatch(r"[a-z0-9-]+==[^\s/:]+( ; [^/:]+)?", line), line


def _requirements() -> Iterator[Requirement]:
    """All that pyproject.toml asks for, gitexp itself left out."""
    loaded: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = loaded["project"]
    groups = [loaded["build-system"]["requires"], project["dependencies"]]
    for name, group in project["optional-dependencies"].items():
        if name != "mlflow":  # not beside us: it has an environment of its own
            groups.append(group)
    for group in groups:
        for text in group:
            requirement = Requirement(text)
            if requirement.name != "gitexp":
                yield requirement


def _lines(name: str) -> list[str]:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def _locked(name: str) -> dict[str, list[str]]:
    """The versions of each package; several where they depend on the system or on Python."""
    found: dict[str, list[str]] = {}
    for line in _lines(name):
        package, _, version = line.partition(" ; ")[0].partition("==")
        found.setdefault(package, []).append(version)
    return found
