"""Texts of experiments are texts in every format, and a template runs nothing and reads nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from gitexp.extras.reports.formulas import UnknownFormula, as_mathml
from tests.support.experiments import put
from tests.support.workspace import Workspace

pytestmark = pytest.mark.usefixtures("drawing")

PAYLOAD = (
    "<script>alert(1)</script><img src=x onerror=alert(1)> ![i](http://evil.test/a.png) "
    "[l](javascript:alert(1)) **b** _e_ `c` ``` ~~~ $\\input{/etc/passwd}$ \\end{document}\\write18{id} "
    '{{ 7 * 7 }} {% raw %} | #panic("x") #read("/etc/passwd") "]); @team #1 --- </pre></code> &lt; ^^5c %'
)
PLACE = "\ue0000\ue001"  # what stands for a piece
TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "h1",
        "h2",
        "h3",
        "p",
        "div",
        "table",
        "thead",
    ),
    *("tr", "th", "td", "figure", "img", "pre", "code", "span", "strong", "br", "tbody", "ul", "li", "em"),
}
TEMPLATE = """# {{ title }}

{{ exp.note }} and *{{ exp.command }}*

- {{ exp.note }}

{{ exp.note }}

| a |
| --- |
| {{ exp.params.text }} |

{{ text(exp.note) }}

{{ table("text,acc,tags,note") }}

{{ facts(exp) }}

{{ values(exp) }}

{{ plot("x,acc", kind="scatter") }}

{{ code(exp) }}

{{ folded(exp.note, reproduce(exp)) }}
"""


@pytest.fixture
def hostile(repo: Workspace) -> Workspace:
    for name, acc in (("one", 0.5), ("two", 0.25)):
        put(
            repo,
            name,
            params={"params.yaml": {"text": PAYLOAD, "x": acc, PAYLOAD: 1}},
            metrics={"metrics.json": {"acc": acc}},
            note=f"{PAYLOAD}{PLACE}\n- {PAYLOAD}\n# {PAYLOAD}",
            command=f"python {PAYLOAD}",
            tags=(PAYLOAD,),
            user=PAYLOAD,
            branch=PAYLOAD,
        )
    repo.write("hostile.md.j2", TEMPLATE)
    repo.allow("files", "out*")
    return repo


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, (value or "")[:26]) for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def report(repo: Workspace, *args: str) -> str:
    line = ("report", "--title", PAYLOAD, "--question", PAYLOAD, "--sort", "acc", "--max")
    return repo.gitexp(*line, *args).stdout


def test_html(hostile: Workspace) -> None:
    for more in ((), ("--template", "hostile.md.j2")):
        report(hostile, "-o", "out.html", *more)
        found = Elements()
        found.feed(hostile.read("out.html"))
        assert found.tags <= {*TAGS, "details", "summary"}
        assert not [name for name, _ in found.attributes if name.startswith("on") or name == "href"]
        sources = {value for name, value in found.attributes if name == "src"}
        assert sources <= {"data:image/svg+xml;base64,"}
        assert found.text.count(PAYLOAD) > 5
        assert "7 * 7" in found.text


def test_markdown_and_comments(hostile: Workspace) -> None:
    for more in ((), ("--template", "hostile.md.j2"), ("--pr",), ("--summary",)):
        text = report(hostile, *more)
        parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
        found = Elements()
        found.feed(parser.render(text))
        assert found.tags <= {*TAGS, "details", "summary", "ul", "li", "em"}
        assert not [name for name, _ in found.attributes if name in ("href", "src")]
        joined = found.text.replace("\u2060", "")
        assert joined.count(PAYLOAD) > 4
        if more[:1] in (("--pr",), ("--summary",)):
            outside = re.sub(r"<pre>.*?</pre>", "", parser.render(text), flags=re.DOTALL)
            assert not re.search(r"(@|&#64;)team|#1\b|#panic", outside)  # nobody is told, nothing is linked


def test_latex_and_typst(hostile: Workspace) -> None:
    for more in ((), ("--template", "hostile.md.j2")):
        report(hostile, "-o", "out.tex", *more)
        text = hostile.read("out.tex")
        assert text.count(r"\end{document}") == 1
        assert not re.search(r"\\(input|write18|immediate)|\^\^|(?<!\\)%|verbatim", text)
        assert text.count(r"\textbackslash{}write18\{id\}") > 5
        report(hostile, "-o", "out.pdf", *more)  # a text that were Typst would end in its panic
        assert (hostile.path / "out.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize(
    "formula",
    [
        *(r"\input{/etc/passwd}", r"\text{\input{a}}", r"\def\a{b}", r"\href{javascript:alert(1)}{x}"),
        *(r"\text{<script>alert(1)</script>}", r"\class{a}{b}", r"\style{a}{b}", r"^^5cinput{a}", "a % b"),
        *(r"\begin{filecontents}{a}b\end{filecontents}", r"x} \write18{id} {y", r"\frac{a", "#1", "x" * 5000),
    ],
)
def test_a_formula_that_is_none_is_refused(formula: str) -> None:
    with pytest.raises(UnknownFormula):
        as_mathml(formula, is_block=False)


def test_formulas_of_every_day_are_taken() -> None:
    for formula in (
        r"\frac{a}{b} \leq \sum_{i=1}^n \sqrt{x_i^2} + \hat{y} - \mathbb{E}[z] \cdot \text{if } x < 1",
        r"\begin{pmatrix} a & b \\ c & d \end{pmatrix} \to \left( \int_0^\infty e^{-x}\,dx \right)",
        r"\nabla_\theta \log \pi_\theta(a \mid s) \quad \mathcal{L} = \lVert x \rVert_2",
    ):
        assert as_mathml(formula, is_block=True).startswith("<math")


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ table.__globals__ }}",
        "{{ table.__self__ }}",
        "{{ experiments.append(1) }}",
        "{{ exp.params.update({'a': 1}) }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ 'x' * 10000000000 }}",
        "{{ 2 ** 100000000 }}",
        "{{ '%9999999999d' % 1 }}",
        "{{ '{:>9999999999}'.format(1) }}",
        "{% for i in range(1000000000) %}{% endfor %}",
        "{{ self._TemplateReference__context }}",
        "{{ diff('/etc/passwd') }}",
        "{{ diff('--output=out.txt') }}",
    ],
)
def test_a_template_runs_nothing_and_reads_nothing(hostile: Workspace, text: str) -> None:
    hostile.write("t.md.j2", text)
    done = hostile.gitexp("report", "--template", "t.md.j2", check=False)
    assert (done.exit_code, done.stdout) in ((1, ""), (2, ""))
    assert not Path(hostile.path / "out.txt").exists()


def test_a_mistake_in_a_template_is_told_with_its_line(hostile: Workspace) -> None:
    for text, told in (
        ("a\n{{ exp.metrics.accc }}", "t.md.j2, line 2: an experiment or its values has no attribute 'accc'"),
        ("a\n\n{% if %}", "t.md.j2, line 3:"),
        ("{{ table(columns='nothing') }}", "There is no param or metric 'nothing'"),
        ("{{ plot(kind='pie') }}", "plot() has no kind='pie'"),
        ("{{ experiment('three') }}", "The report has no experiment 'three'"),
    ):
        hostile.write("t.md.j2", text)
        done = hostile.gitexp("report", "--template", "t.md.j2", check=False)
        assert done.exit_code == 2
        assert told in done.stderr
