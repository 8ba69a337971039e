"""Every kind of remote does the same: the contract, against real servers; and what a URL may say."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gitexp import errors, plugins
from gitexp.objects.remotes import server
from gitexp.objects.remotes import url as remote_url
from gitexp.objects.remotes.kinds import open_remote
from gitexp.objects.remotes.remote import DataRemote
from gitexp.objects.remotes.url import Kind
from gitexp.testing import DataRemoteContract
from tests.support.codes import has_code
from tests.support.servers import Place

SERVERS = {"ssh": "ssh_server", "webdav": "web_server", "s3": "s3_server"}


def place_of(kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The running server, with its environment laid over this one's."""
    place: Place = request.getfixturevalue(SERVERS[kind])
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    return place


def made(folder: Path, content: bytes) -> tuple[str, Path]:
    """A file, and the name that it has as an object."""
    hash_ = hashlib.sha256(content).hexdigest()
    path = folder / f"made-{hash_}"
    path.write_bytes(content)
    return hash_, path


def ignore(count: int) -> None:
    pass


class TestContract(DataRemoteContract):
    @pytest.fixture(params=["folder", *SERVERS])
    def remote(
        self, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[DataRemote]:
        """An empty remote of each kind."""
        if request.param == "folder":
            url = str(tmp_path / "remote")
        else:
            url = f"{place_of(request.param, request, monkeypatch).url}/{secrets.token_hex(4)}/deep"
        with open_remote("store", {"url": url}, tmp_path) as opened:
            yield opened

    def can_stop(self, remote: DataRemote) -> bool:
        return not remote.url.startswith("s3://")


# -- objects that are there already, and uploads that were killed -------------------------------------


@pytest.mark.parametrize("kind", ["folder", "ssh"])
def test_an_old_object_can_be_made_fresh(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url, folder = "store", tmp_path / "store"
    if kind != "folder":
        place, name = place_of(kind, request, monkeypatch), secrets.token_hex(4)
        url, folder = f"{place.url}/{name}", place.folder / name
    hash_, path = made(tmp_path, b"content")
    with open_remote("store", {"url": url}, tmp_path) as opened:
        opened.put(hash_, path, ignore)
        opened.flush()
        (file,) = folder.glob("??/*")
        os.utime(file, (1.0, 1.0))
        assert [opened.look_at([hash_])[hash_].mtime, *(each.mtime for each in opened.list())] == [1.0, 1.0]
        opened.renew(hash_)
        assert abs(opened.look_at([hash_])[hash_].mtime - time.time()) < 3600
        assert file.read_bytes() == b"content"
        with pytest.raises(errors.NotOnRemote):
            opened.renew("ab" * 32)


@pytest.mark.parametrize("at_once", [True, False])
def test_an_object_of_a_bucket_can_be_made_fresh(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, at_once: bool
) -> None:
    place = place_of("s3", request, monkeypatch)
    if not at_once:  # large ones are copied in parts
        monkeypatch.setattr("s3fs.core.MANAGED_COPY_THRESHOLD", 1 << 20)
    hash_, path = made(tmp_path, os.urandom(6 << 20))
    with open_remote("store", {"url": f"{place.url}/{secrets.token_hex(4)}"}, tmp_path) as opened:
        opened.put(hash_, path, ignore)
        before = opened.look_at([hash_])[hash_].mtime
        for _ in range(100):
            opened.renew(hash_)
            if opened.look_at([hash_])[hash_].mtime > before:  # it has whole seconds
                break
            time.sleep(0.02)
        else:
            pytest.fail("its time stayed as it was")
        opened.get(hash_, got := tmp_path / "got", ignore)
        assert got.read_bytes() == path.read_bytes()
        with pytest.raises(errors.NotOnRemote):
            opened.renew("ab" * 32)


def test_a_web_server_has_no_way_to_make_an_object_fresh(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = place_of("webdav", request, monkeypatch)
    hash_, path = made(tmp_path, b"content")
    with open_remote("store", {"url": f"{place.url}/{(name := secrets.token_hex(4))}"}, tmp_path) as opened:
        opened.put(hash_, path, ignore)
        (file,) = (place.folder / name).glob("??/*")
        os.utime(file, (1.0, 1.0))
        assert opened.look_at([hash_])[hash_].mtime == 1.0
        with pytest.raises(errors.DataRemoteError, check=has_code("data-remote-refused")):
            opened.renew(hash_)


@pytest.mark.parametrize("kind", ["ssh", "webdav"])
def test_uploads_that_were_killed_are_removed_a_day_later(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = place_of(kind, request, monkeypatch)
    folder = place.folder / (name := secrets.token_hex(4)) / "tmp"
    folder.mkdir(parents=True)
    half = hashlib.sha256(b"x").hexdigest()[2:]
    for left, age in ((f"{half}.0123abcd", 0), (f"{half}.89abcdef", 2 * 86400), ("thesis.tex", 2 * 86400)):
        (folder / left).write_bytes(b"half")
        os.utime(folder / left, (time.time() - age,) * 2)
    with open_remote("store", {"url": f"{place.url}/{name}"}, tmp_path) as opened:
        opened.remove_leftovers(time.time() - 86400)
        assert sorted(path.name for path in folder.iterdir()) == [f"{half}.0123abcd", "thesis.tex"]
        assert list(opened.list()) == []


# -- what is particular to one ------------------------------------------------------------------------


def test_a_plain_web_server_can_be_read(
    web_server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_, path = made(tmp_path, b"content")
    target = web_server.folder / (name := secrets.token_hex(4)) / hash_[:2] / hash_[2:]
    target.parent.mkdir(parents=True)
    target.write_bytes(b"content")
    url = web_server.url.replace("/dav", "/static")
    with open_remote("mirror", {"url": f"{url}/{name}"}, tmp_path) as opened:
        absent = [secrets.token_hex(32) for _ in range(40)]
        assert opened.has_many([hash_, *absent]) == {hash_: 7}
        opened.get(hash_, tmp_path / "got", ignore)
        assert (tmp_path / "got").read_bytes() == b"content"
        with pytest.raises(
            errors.DataRemoteError, check=has_code("data-remote-refused"), match="can only be read"
        ):
            opened.put(hash_, path, ignore)


def test_a_web_server_that_redirects_is_followed_to_read(
    web_server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_, path = made(tmp_path, b"content")
    target = web_server.folder / (name := secrets.token_hex(4)) / hash_[:2] / hash_[2:]
    target.parent.mkdir(parents=True)
    target.write_bytes(b"content")
    url = web_server.url.replace("/dav", "/moved")
    with open_remote("mirror", {"url": f"{url}/{name}"}, tmp_path) as opened:
        assert opened.has_many([hash_]) == {hash_: 7}
        opened.get(hash_, tmp_path / "got", ignore)
        assert (tmp_path / "got").read_bytes() == b"content"
        with pytest.raises(errors.DataRemoteError, check=has_code("data-remote-refused")):
            opened.put(hash_, path, ignore)


def test_a_password_comes_from_netrc_alone(
    web_server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_, path = made(tmp_path, b"content")
    url = web_server.url.replace("/dav", "/closed") + "/" + secrets.token_hex(4)
    with (
        open_remote("store", {"url": url}, tmp_path) as opened,
        pytest.raises(errors.DataRemoteError, check=has_code("data-remote-refused")) as refused,
    ):
        opened.has_many([hash_])
    assert "~/.netrc" in (refused.value.hint or "")
    monkeypatch.setenv("HOME", web_server.env["HOME"])
    with open_remote("store", {"url": url}, tmp_path) as opened:
        opened.put(hash_, path, ignore)
        assert opened.has_many([hash_]) == {hash_: 7}


def test_a_host_that_is_not_known_is_not_trusted(
    ssh_server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    with open_remote("store", {"url": ssh_server.url}, tmp_path) as opened:
        with pytest.raises(
            errors.DataRemoteError, check=has_code("data-remote-refused"), match="known_hosts"
        ):
            opened.has_many(["0" * 64])
        (home / ".ssh" / "known_hosts").write_text(
            Path(ssh_server.env["HOME"], ".ssh", "known_hosts").read_text()
        )
        with pytest.raises(
            errors.DataRemoteError, check=has_code("data-remote-refused"), match="Permission denied"
        ):
            opened.has_many(["0" * 64])


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/x", "ssh://127.0.0.1:{}/x", "s3://bucket/x"])
def test_a_server_that_says_nothing_is_not_waited_for(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        options = {"url": url.format(port)}
        if url.startswith("s3"):
            options |= {"endpoint_url": f"http://127.0.0.1:{port}", "region": "us-east-1"}
        with open_remote("store", options, tmp_path) as opened, pytest.raises(errors.RemoteUnreachable):
            opened.has_many(["ab" * 32])


def test_a_bucket_that_is_not_there_is_said_to_be_so(
    s3_server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_, path = made(tmp_path, b"content")
    for name, value in s3_server.env.items():
        monkeypatch.setenv(name, value)
    with open_remote("store", {"url": "s3://no-such-bucket/x"}, tmp_path) as opened:
        assert opened.has_many([hash_]) == {}
        with pytest.raises(errors.DataRemoteError, match="bucket"):
            opened.put(hash_, path, ignore)


def test_without_credentials_it_says_where_they_would_be(
    s3_server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    options = {"url": s3_server.url, "endpoint_url": s3_server.env["AWS_ENDPOINT_URL"], "region": "us-east-1"}
    with (
        open_remote("store", options, tmp_path) as opened,
        pytest.raises(
            errors.DataRemoteError, check=has_code("data-remote-refused"), match="no credentials"
        ) as refused,
    ):
        opened.has_many(["0" * 64])
    assert "~/.aws" in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [
        ("s3://b/x", "s3fs", "s3"),
        ("gs://b/x", "gcsfs", "gs"),
        ("az://b/x", "adlfs", "azure"),
        ("ssh://h/x", "sshfs", "ssh"),
        ("https://h/x", "webdav4", "http"),
    ],
)
def test_a_package_that_is_not_installed_is_one_sentence(
    url: str, package: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (package, f"{package}.fsspec"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        errors.DataRemoteError, check=has_code("backend-missing"), match=f"needs the package {package}"
    ) as missing:
        open_remote("store", {"url": url}, tmp_path)
    assert missing.value.hint == f"pip install 'gitexp[{extra}]'"


def test_nor_is_fsspec_needed_to_say_so() -> None:
    program = (
        "import sys, pathlib; sys.modules['fsspec'] = None\n"
        "from gitexp import errors; from gitexp.objects.remotes.kinds import open_remote\n"
        "try: open_remote('a', {'url': 'ssh://h/x'}, pathlib.Path('/'))\n"
        "except errors.DataRemoteError as error: print(error.code, error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "backend-missing pip install 'gitexp[ssh]'\n"


def test_a_folder_needs_none_of_these_packages() -> None:
    program = (
        "import sys, pathlib; from gitexp.objects.remotes.kinds import open_remote;"
        "open_remote('a', {'url': '/nowhere'}, pathlib.Path('/'));"
        "print([name for name in ('fsspec', 'httpx', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes")
def test_what_is_no_file_in_a_folder_is_not_read(tmp_path: Path) -> None:
    pipe, link = "00" + "a" * 62, "00" + "b" * 62
    (tmp_path / "store" / "00").mkdir(parents=True)
    os.mkfifo(tmp_path / "store" / "00" / pipe[2:])
    (tmp_path / "store" / "00" / link[2:]).symlink_to("/dev/zero")
    with open_remote("store", {"url": "store"}, tmp_path) as opened:
        assert opened.has_many([pipe, link]) == {}
        for hash_ in (pipe, link):
            with pytest.raises(errors.NotOnRemote):
                opened.get(hash_, tmp_path / "got", ignore)


def test_names_in_a_listing_are_believed_only_if_they_can_be_objects(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    for name in ("00/" + "A" * 62, "00/" + "0" * 61, "0g/" + "0" * 62, "00/" + "1" * 200, "tmp/x", "00/..a"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (folder / "00" / ("2" * 62)).write_text("x")
    with open_remote("store", {"url": "store"}, tmp_path) as opened:
        assert [each.hash for each in opened.list()] == ["00" + "2" * 62]


# -- what the config may say --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "kind", "host", "path"),
    [
        ("/mnt/store", Kind.FOLDER, "", "/mnt/store"),
        ("../store", Kind.FOLDER, "", "/work/project/../store"),
        ("file:///mnt/a%20b", Kind.FOLDER, "", "/mnt/a b"),
        ("file://localhost/mnt", Kind.FOLDER, "", "/mnt"),
        ("s3://bucket", Kind.S3, "bucket", ""),
        ("s3://bucket/a/b/", Kind.S3, "bucket", "/a/b"),
        ("gs://bucket/a", Kind.GS, "bucket", "/a"),
        ("az://container/a", Kind.AZURE, "container", "/a"),
        ("https://host:8443/dav/x/", Kind.HTTP, "host:8443", "/dav/x"),
        ("ssh://host/srv", Kind.SSH, "host", "/srv"),
        ("sftp://[::1]:2222/srv", Kind.SSH, "[::1]", "/srv"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")
def test_urls(url: str, kind: Kind, host: str, path: str) -> None:
    found = remote_url.parse("store", {"url": url}, Path("/work/project"))
    assert (found.kind, found.host, found.path) == (kind, host, path)


def test_a_user_and_a_port_of_ssh_may_stand_in_the_url_or_beside_it() -> None:
    for described in ({"url": "ssh://me@host:22/x"}, {"url": "ssh://host/x", "user": "me", "port": 22}):
        assert remote_url.parse("store", described, Path()).options == {"user": "me", "port": "22"}


@pytest.mark.parametrize(
    "described",
    [
        {"url": ""},
        {"url": "ftp://host/x"},
        {"url": "s3:///x"},
        {"url": "s3://bucket/../other"},
        {"url": "s3://bucket/a\nb"},
        {"url": "s3://key:secret@bucket/x"},
        {"url": "s3://key@bucket/x"},
        {"url": "https://me:password@host/x"},
        {"url": "https://me@host/x"},
        {"url": "https://host/x?token=abc"},
        {"url": "ssh://me:password@host/x"},
        {"url": "ssh://host"},
        {"url": "ssh://-oProxyCommand=touch/x"},
        {"url": "ssh://-l@host/x"},
        {"url": "ssh://host:0/x"},
        {"url": "file://other/x"},
        {"url": "s3://b/x", "secret": "x"},
        {"url": "s3://b/x", "aws_access_key_id": "x"},
        {"url": "s3://b/x", "password": "x"},
        {"url": "s3://b/x", "configpath": "/etc/passwd"},
        {"url": "s3://b/x", "client_kwargs": {"verify": False}},
        {"url": "s3://b/x", "region": ["eu"]},
        {"url": "s3://b/x", "region": True},
        {"url": "s3://b/x", "profile": "../x"},
        {"url": "s3://b/x", "endpoint_url": "file:///etc/passwd"},
        {"url": "s3://b/x", "endpoint_url": "https://key:secret@host"},
        {"url": "s3://b/x", "endpoint_url": "https://host/?a=b"},
        {"url": "gs://b/x", "endpoint_url": "https://elsewhere"},
        {"url": "gs://b/x", "token": "/home/me/key.json"},
        {"url": "az://b/x", "connection_string": "x"},
        {"url": "ssh://host/x", "proxy_command": "touch /tmp/x"},
        {"url": "ssh://host/x", "config": "/etc/passwd"},
        {"url": "ssh://host/x", "known_hosts": None},
        {"url": "ssh://host/x", "port": "22 -v"},
        {"url": "ssh://host/x", "user": "-oProxyCommand=x"},
        {"url": "/folder", "port": 22},
    ],
    ids=str,
)
def test_what_is_refused(described: dict[str, object]) -> None:
    with pytest.raises(errors.InvalidRemote) as refused:
        remote_url.parse("store", described, Path("/work"))
    assert refused.value.hint


@given(
    url=st.one_of(
        st.text(max_size=40),
        st.builds(
            "{}://{}/{}".format, st.sampled_from(sorted(remote_url._SCHEMES)), *[st.text(max_size=20)] * 2
        ),
    ),
    options=st.dictionaries(
        st.one_of(st.sampled_from(sorted(remote_url.OPTIONS)), st.text(max_size=5)),
        st.one_of(st.text(max_size=20), st.integers(), st.none(), st.booleans(), st.lists(st.text())),
        max_size=2,
    ),
)
@example(url="ssh://[x/y", options={})
@example(url="s3://b/x", options={"endpoint_url": "http://[x"})
@example(url="[", options={})
def test_whatever_stands_there_is_taken_or_refused(url: str, options: dict[str, object]) -> None:
    try:
        found = remote_url.parse("store", {**options, "url": url}, Path("/work"))
    except errors.InvalidRemote:
        return
    assert found.kind is Kind.FOLDER or not found.host.startswith("-")
    assert "@" not in found.host
    assert "\n" not in found.path + found.host


def test_a_refusal_does_not_repeat_a_secret() -> None:
    for described in ({"url": "s3://key:hunter2@bucket/x"}, {"url": "s3://b/x", "secret": "hunter2"}):
        with pytest.raises(errors.InvalidRemote) as refused:
            remote_url.parse("store", described, Path())
        assert "hunter2" not in str(refused.value) + (refused.value.hint or "")
        assert "environment" in (refused.value.hint or "") or "AWS" in (refused.value.hint or "")


def test_every_kind_has_a_url_a_class_and_an_extra() -> None:
    kinds = {*Kind} - {Kind.FOLDER}
    assert kinds == {scheme.kind for scheme in remote_url._SCHEMES.values()} - {Kind.FOLDER}
    assert kinds == {*plugins.names("data remote")}
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    assert kinds <= project["optional-dependencies"].keys()
