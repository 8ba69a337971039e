"""One text for one folder, and nothing else is taken for one."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp import errors
from gitexp.objects import paths
from gitexp.objects.manifest import File, Manifest, fault, parse
from tests.support.codes import has_code

ONE, TWO = "1" * 64, "2" * 64

names = st.text(st.characters(blacklist_characters="/\0"), min_size=1).map(
    lambda text: text.encode("utf-8", "ignore").decode() or "x"
) | st.binary(min_size=1).map(lambda raw: raw.replace(b"/", b"").decode("utf-8", "surrogateescape") or "x")


def test_the_text_is_as_documented() -> None:
    files = [File("b/é\n%", TWO, 3, True), File("b", ONE, 0), File("\udcff", ONE, 12)]
    text = (
        "gitexp-folder 1\n"
        f"{ONE} 0 - b\n"
        f"{TWO} 3 x b/é%0A%25\n"
        f"{ONE} 12 - %FF\n"
    ).encode()  # fmt: skip
    manifest = Manifest.of(files)
    assert manifest.text == text
    assert manifest.hash == hashlib.sha256(text).hexdigest() + ".dir"
    assert manifest.size == 15


def test_the_example_in_the_documentation() -> None:
    page = Path(__file__).parents[3] / "docs" / "format.md"
    text = re.findall(r"```text\n(gitexp-folder.*?)```", page.read_text("utf-8"), re.DOTALL)[0]
    assert parse(text.encode(), "it") == Manifest(
        (File("a.csv", sha(b"a"), 1), File("deep/run\n.sh", sha(b"b"), 1, True))
    )


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@given(st.lists(st.tuples(st.lists(names, min_size=1, max_size=3), st.integers(0, 2**60), st.booleans())))
def test_what_is_written_is_read_back(rows: list[tuple[list[str], int, bool]]) -> None:
    files = {"/".join(parts): File("/".join(parts), ONE, size, run) for parts, size, run in rows}
    manifest = Manifest.of(files.values())
    assert Manifest.of(reversed(manifest.files)).text == manifest.text
    refused = any(paths.fault(path) for path in files) or paths.clash(files)
    if refused:
        with pytest.raises(errors.DataError, check=has_code("bad-manifest")):
            parse(manifest.text, "it")
    else:
        assert parse(manifest.text, "it") == manifest


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"gitexp-folder 2\n",
        b"gitexp-folder 1",
        f"gitexp-folder 1\n{ONE} 1 - a".encode(),
        f"gitexp-folder 1\n{ONE} 1 - b\n{ONE} 1 - a\n".encode(),
        f"gitexp-folder 1\n{ONE} 1 - a\n{ONE} 1 - a\n".encode(),
        f"gitexp-folder 1\n{ONE} 01 - a\n".encode(),
        f"gitexp-folder 1\n{ONE} -1 - a\n".encode(),
        f"gitexp-folder 1\n{ONE} 1 y a\n".encode(),
        f"gitexp-folder 1\n{ONE[1:]} 1 - a\n".encode(),
        f"gitexp-folder 1\n{'A' * 64} 1 - a\n".encode(),
        f"gitexp-folder 1\n{ONE} 1 - %61\n".encode(),
        f"gitexp-folder 1\n{ONE} 1 - %C3%A9\n".encode(),
        f"gitexp-folder 1\n{ONE} 1 - a%0\n".encode(),
        f"gitexp-folder 1\n{ONE} 1 - a\r\n".encode(),
        f"gitexp-folder 1\n{ONE} 1 - ".encode() + b"\xff\n",
        f"gitexp-folder 1\n\n{ONE} 1 - a\n".encode(),
        f"gitexp-folder 1\n{ONE} 1 - ../a\n".encode(),
        f"gitexp-folder 1\n{ONE} 1 - %2E%2E/a\n".encode(),
        f"gitexp-folder 1\n{ONE} 1 - /a\n".encode(),
        f"gitexp-folder 1\n{ONE} 1 - .git/config\n".encode(),
        f"gitexp-folder 1\n{ONE} 1 - A\n{ONE} 1 - a\n".encode(),
        f"gitexp-folder 1\n{ONE} 1 - a\n{ONE} 1 - a/b\n".encode(),
        f"gitexp-folder 1\n{ONE} 1 - nul\n".encode(),
    ],
)
def test_anything_else_is_refused(text: bytes) -> None:
    with pytest.raises(errors.DataError, check=has_code("bad-manifest")):
        parse(text, "it")


@given(st.binary(), st.integers(0, 200))
def test_no_damage_makes_it_crash_or_write_elsewhere(noise: bytes, at: int) -> None:
    text = Manifest.of([File("a", ONE, 1), File("b/c", TWO, 2, True)]).text
    try:
        found = parse(text[:at] + noise + text[at:], "it")
    except errors.DataError:
        return
    assert fault(file.path for file in found.files) is None


def test_an_empty_folder_has_a_manifest() -> None:
    assert parse(Manifest(()).text, "it") == Manifest(())
