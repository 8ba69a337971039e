"""`.gitexpignore`: the patterns mean what they mean in .gitignore, and none takes for ever."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.project import exclusions


@pytest.mark.parametrize(
    "pattern", ["*a" * 20 + "*b", "?*" * 30 + "x", "**/a/" * 20 + "b", "**/*a*a*a*/b", "[!b]*" * 20 + "c"]
)
def test_a_pattern_that_would_take_for_ever_is_refused(tmp_path: Path, pattern: str) -> None:
    (tmp_path / ".gitexpignore").write_text(f"ok\n{pattern}\n")
    with pytest.raises(errors.ConfigError, match=r"\.gitexpignore:2: this pattern has too many stars"):
        exclusions.rule(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("*a*a*b", "a" * 250), ("**/a/**/b/**/c", "a/b/" * 200 + "d"), ("[!b]*[!b]*[!b]*c", "a" * 250)],
)
def test_no_other_pattern_takes_long(tmp_path: Path, pattern: str, path: str) -> None:
    (tmp_path / ".gitexpignore").write_text(pattern)
    begun = time.process_time()
    assert exclusions.rule(tmp_path)(path) is None
    assert time.process_time() - begun < 10


@pytest.mark.parametrize(
    ("content", "message"),
    [("ok\n[z-a]\n", ".gitexpignore:2: this is no pattern"), ("#" * (1 << 19), "larger than 256 kB")],
)
def test_a_file_that_is_no_list_of_patterns(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / ".gitexpignore").write_text(content)
    with pytest.raises(errors.ConfigError, match=re.escape(message)):
        exclusions.rule(tmp_path)
