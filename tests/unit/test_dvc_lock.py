"""What dvc.lock and `.dvc` files say, of each version of DVC; and their MD5s."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.errors import FileError, ParseError
from gitexp.files.dvc_lock import DvcEntry, read_pointer, read_stages
from gitexp.objects.md5 import folder_list, md5s_of, of_folder, read_both

MD5 = "0123456789abcdef0123456789abcdef"


def plain(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def test_a_lock_of_dvc_3() -> None:
    lock = {
        "schema": "2.0",
        "stages": {
            "train@a": {
                "cmd": ["one", "two"],
                "deps": [{"path": "../raw", "hash": "md5", "md5": MD5, "size": 3}],
                "params": {"params.yaml": {"train": {"lr": 0.1}, "seed": 7}},
                "outs": [{"path": "model", "hash": "md5", "md5": f"{MD5}.dir", "size": 9, "isexec": True}],
            }
        },
    }
    (stage,) = read_stages("dvc.lock", json.dumps(lock).encode()).values()
    deps, outs = stage.read("sub")
    assert stage.commands == ("one", "two")
    assert deps == {"raw": DvcEntry("raw", MD5, 3)}
    assert outs == {"sub/model": DvcEntry("sub/model", f"{MD5}.dir", 9, executable=True)}
    assert stage.values("sub") == {"sub/params.yaml": {"train.lr": 0.1, "seed": 7}}


def test_older_versions() -> None:
    stage = {"cmd": "x", "outs": [{"path": "a", "md5": MD5}, {"path": "b", "etag": "e"}]}
    for text in ({"train": stage}, {"schema": "2.0", "stages": {"train": stage}}):
        (found,) = read_stages("dvc.lock", json.dumps(text).encode()).values()
        outs = found.read("")[1]
        assert outs["a"] == DvcEntry("a", MD5, legacy=True)
        assert outs["b"].md5 == ""
    with pytest.raises(ParseError, match="schema"):
        read_stages("dvc.lock", b'{"schema": "9.0", "stages": {}}')


def test_a_pointer() -> None:
    text = json.dumps({"wdir": "..", "outs": [{"path": "raw", "md5": MD5, "hash": "md5"}]}).encode()
    assert read_pointer("data/raw.dvc", text) == (DvcEntry("raw", MD5),)
    for path in ("../../raw", "/raw", ".git/config", "", 7):
        with pytest.raises(ParseError, match="outside"):
            read_pointer("data/raw.dvc", json.dumps({"outs": [{"path": path, "md5": MD5}]}).encode())


@given(st.text(alphabet="{}[]:-,' \n#&*!abmd5outspath./0", max_size=80))
def test_no_text_is_a_surprise(text: str) -> None:
    for read in (read_stages, read_pointer):
        try:
            read("dvc.lock", text.encode())
        except FileError:
            continue


@pytest.mark.parametrize(
    ("data", "legacy"),
    [
        (b"", b""),
        (b"a\r\nb\r\n", b"a\nb\n"),
        (b"\0a\r\n", b"\0a\r\n"),
        (bytes(range(128, 256)) + b"\r\n", bytes(range(128, 256)) + b"\r\n"),
        (b"a\r\n" * 400_000, None),
    ],
)
def test_both_md5s(tmp_path: Path, data: bytes, legacy: bytes | None) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    both = read_both(file)
    assert both.read.hash == hashlib.sha256(data).hexdigest()
    assert (both.md5, both.legacy) == md5s_of(data)
    assert both.md5 == plain(data)
    if legacy is not None:
        assert both.legacy == plain(legacy)


def test_the_md5_of_a_folder_is_that_of_its_list() -> None:
    files = [("b/ü", "1" * 32), ("a", "2" * 32)]
    expected = b'[{"md5": "%b", "relpath": "a"}, {"md5": "%b", "relpath": "b/\\u00fc"}]' % (
        b"2" * 32,
        b"1" * 32,
    )
    assert folder_list(files) == expected
    assert of_folder(files) == plain(expected) + ".dir"
