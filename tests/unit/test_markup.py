"""The formats of `--format`: each says how it writes every part of a text."""

from __future__ import annotations

from gitexp.views import markup
from gitexp.views.markup import BestText, TableFormat


def test_every_format_but_csv_is_a_language() -> None:
    assert set(TableFormat) - {TableFormat.CSV} == markup.LANGUAGES.keys(), "say in LANGUAGES how it writes"


def test_a_language_writes_with_marks_of_its_own() -> None:
    """A format that takes a part over from Markdown would escape for the wrong program."""
    parts = list[str]()
    for form, language in markup.LANGUAGES.items():
        table = markup.table(form, ["a*b"], [[BestText("0.5")]])
        parts += [str(table), language.text("a*b"), language.heading("Params")]
    assert len(set(parts)) == 3 * len(markup.LANGUAGES)


def test_a_fence_is_longer_than_those_in_the_patch() -> None:
    patch = markup.LANGUAGES[TableFormat.MARKDOWN].patch
    assert patch is not None
    assert patch(["+```", "+x"]) == ["````diff", "+```", "+x", "````"]
