"""`gitexp report`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from gitexp import errors, plugins
from gitexp.catalog.query import Query
from gitexp.cli.kit import options, out_file
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.project.project import Project
from gitexp.views.columns import Columns

EPILOG = """Examples:
gitexp report -o report.html
gitexp report 'lr-*' --question "Does a larger step help?" -o report.pdf
gitexp report exp-333c9 exp-55e90 --template paper.md.j2 -o paper.tex
gitexp report --pr -o comment.md
gitexp report --summary
"""

_OWN_TEMPLATE = "report.md.j2"  # of a project
_FORMS = ("html", "md", "pdf", "tex")
_LARGEST = 1_000_000  # bytes of a template
_PACKAGES = ("jinja2", "markdown_it", "mdit_py_plugins", "latex2mathml")

Words = Annotated[
    list[str] | None,
    options.argument(
        "[EXP]...", "These alone: names, unique prefixes, commit ids, patterns, last or @{1}.", "experiments"
    ),
]
Output = Annotated[Path | None, options.output("Write a file: .html, .md, .pdf or .tex.")]
Form = Annotated[
    str | None, options.format_of("html|md|pdf|tex", "The format, whatever the ending of the file.")
]
Layout = Annotated[
    Path | None, typer.Option("--template", metavar="FILE", help="Markdown with {{ table() }} and the like.")
]
Title = Annotated[str, typer.Option("--title", metavar="TEXT", help="The title.")]
Question = Annotated[
    str, typer.Option("--question", metavar="TEXT", help="The question that the experiments answer.")
]
PullRequest = Annotated[bool, typer.Option("--pr", help="The Markdown of a comment on a pull request.")]
Summary = Annotated[bool, typer.Option("--summary", help="The Markdown of the summary of a CI step.")]


@with_query
def report(
    words: Words = None,
    query: Query = PLAIN,
    limit: options.Limit = None,
    sort: options.Sort = None,
    desc: options.Descending = None,
    lowest: options.Lowest = False,
    highest: options.Highest = False,
    group: options.OfReplicates = "",
    each: options.Each = False,
    columns: options.Only = None,
    hide: options.Hide = None,
    output: Output = None,
    form: Form = None,
    template: Layout = None,
    title: Title = "",
    question: Question = "",
    pr: PullRequest = False,
    summary: Summary = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Write a document about experiments: table, best, plots, code, how to repeat it.

    HTML is one file that asks nobody for anything. A template of your own (--template, or report.md.j2 in the
    project) is Markdown with {{ table() }}, {{ plot() }}, {{ diff("a", "b") }}, {{ exp.metrics.acc }} and
    formulas between dollars; it runs no code. --pr has a hidden mark, by which CI finds its comment again.
    Without -o: Markdown to stdout. It needs pip install 'gitexp[report]', PDF and LaTeX 'gitexp[pdf]'.
    """
    options.only_one(pr=pr, summary=summary)
    form = _format(output, form, is_markdown=pr or summary)
    low = options.best_of(lowest, highest, sort)
    make, request = _maker()
    descending = low is False
    if desc is not None:
        descending = desc
    stem = "report"
    if output is not None:
        stem = output.stem
    drawn = options.replicates(group, each=each)
    query = query._replace(names=tuple(words or ()), sort=sort, descending=descending, limit=limit)
    project = open_project(reads_all=True, only_looks=True, quiet=quiet)
    if sort is not None and low is not None:
        project = project.with_direction(sort, lowest=low)
    asked = request(
        query=query._replace(replicates=drawn),
        wanted=Columns(tuple(options.split(columns)), tuple(options.split(hide))),
        form=form,
        title=title,
        question=question,
        template=_template(project, template, is_own=not (pr or summary), quiet=quiet),
        is_comment=pr,
        is_summary=summary,
        stem=stem,
    )
    made = make(project, asked)
    render.warn_all(made.remarks)
    if output is None:
        return _print(made.data.decode(), json=json)
    files = [str(output)]
    for name, data in made.files.items():
        beside = output.parent / name
        out_file.write(project, beside, data, with_folder=True)
        files.append(str(beside))
    out_file.write(project, output, made.data)
    if json:
        return render.as_json({"files": files, "format": form, "remarks": list(made.remarks)})
    return render.answer([str(output)])


register = registration(report, EPILOG)


def _format(output: Path | None, form: str | None, *, is_markdown: bool) -> str:
    if is_markdown:
        if form not in (None, "md"):
            raise errors.UsageError("--pr and --summary are Markdown.", "Leave --format out.")
        return "md"
    if form is None and output is not None:
        form = output.suffix.lower().removeprefix(".")
    form = form or "md"
    if form not in _FORMS:
        known = ", .".join(_FORMS)
        raise errors.UsageError(f"There is no report in the format '{form}'.", f"One of these: .{known}")
    if output is None and form in ("pdf", "tex"):
        raise errors.UsageError(f"A report as {form} is for a file.", f"-o report.{form}")
    return form


def _maker() -> Any:
    """The function for reports, and the class of its request. Raises UsageError for missing packages."""
    missing = [package for package in _PACKAGES if find_spec(package) is None]
    if missing:
        raise errors.UsageError(
            f"A report needs packages that are not installed: {', '.join(missing)}.",
            "pip install 'gitexp[report]'",
        )
    return plugins.load("report", "make"), plugins.load("report", "request")


def _template(project: Project, given: Path | None, *, is_own: bool, quiet: bool) -> Any:
    """The user's template; None for gitexp's own. Raises UsageError for an invalid file."""
    file = given
    if file is None:
        file = project.repo.root / project.config.folder / _OWN_TEMPLATE
        if not is_own or not file.is_file():
            return None
        if file.is_symlink():  # a repository may be a stranger's, and the link lead to a secret
            raise errors.UsageError(
                f"{_OWN_TEMPLATE} is a link, and no link is followed unasked.",
                f"Ask for it: --template {_OWN_TEMPLATE}",
            )
        if not quiet:
            render.say(f"By the template {_OWN_TEMPLATE} of the project.", "dim")
    try:
        with (project.here / file).open("rb") as stream:
            data = stream.read(_LARGEST + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise errors.UsageError(f"{file} could not be read: {error.strerror}.", "--template FILE") from error
    except UnicodeDecodeError:
        raise errors.UsageError(f"{file} is no text in UTF-8.", "--template FILE") from None
    if len(data) > _LARGEST:
        raise errors.UsageError(f"{file} is larger than 1 MB, and no template.", "--template FILE")
    return plugins.load("report", "template")(file.name, text)


def _print(text: str, *, json: bool) -> None:
    if json:
        render.as_json({"text": text})
    else:
        render.write(text)
