"""`.gitexpignore`: the patterns mean what they mean in .gitignore, and none takes for ever."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from gitexp import errors
from gitexp.project import exclusions

_PARTS = st.sampled_from(["a", "b", "*", "*", "**", "/", "/**/", "**/", "?", "[ab]", r"\*"])
_NAMES = st.text("ab*", min_size=1, max_size=5)


@given(st.lists(_PARTS, min_size=1, max_size=9).map("".join), st.lists(_NAMES, min_size=1, max_size=6))
def test_a_pattern_without_retries_matches_the_same(pattern: str, names: list[str]) -> None:
    for rule in GitIgnoreSpec.from_lines([pattern]).patterns:
        if rule.regex is not None:
            quick = re.compile(exclusions._without_retries(rule.regex.pattern))
            for path in ("/".join(names), "/".join(reversed(names))):
                assert bool(quick.match(path)) == bool(rule.regex.match(path))


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 20 + "*b", "a" * 250),
        ("?*" * 30 + "x", "a" * 250),
        ("**/a/" * 20 + "b", "a/" * 200 + "c"),
        ("**/*a*a*a/" * 10 + "b", "aaaa/" * 100 + "c"),
        ("[!b]*" * 20 + "c", "a" * 250),
    ],
)
def test_no_pattern_takes_for_ever(tmp_path: Path, pattern: str, path: str) -> None:
    (tmp_path / ".gitexpignore").write_text(pattern)
    assert exclusions.rule(tmp_path)(path) is None


def test_a_class_matches_no_slash(tmp_path: Path) -> None:
    (tmp_path / ".gitexpignore").write_text("a[!x]b\n")
    leave_out = exclusions.rule(tmp_path)
    assert (leave_out("ayb"), leave_out("a/b")) == ("named in .gitexpignore", None)


@pytest.mark.parametrize(
    ("content", "message"),
    [("ok\n[z-a]\n", ".gitexpignore:2: this is no pattern"), ("#" * (1 << 19), "larger than 256 kB")],
)
def test_a_file_that_is_no_list_of_patterns(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / ".gitexpignore").write_text(content)
    with pytest.raises(errors.ConfigError, match=re.escape(message)):
        exclusions.rule(tmp_path)
