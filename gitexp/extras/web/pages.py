"""The pages of the dashboard: each is a template and the documents that it is drawn from.

A new page is a line of `PAGES`, a template in `templates/`, and what it needs of `static/`. A page has the
same address in the server and in an exported folder, and its links are relative: so it works in both. It has
its documents inside; a server says besides where news is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from typing import Any

import jinja2

from gitexp.extras.web import answers
from gitexp.extras.web.documents import Documents, as_text
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple

_WEB = resources.files("gitexp.extras.web")
# The endings of the files that pages ask for, with their types.
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class Page(NamedTuple):
    """A kind of page.

    Attributes:
        name: the name of the template, without its ending.
        path: the address from the root; with `{key}`, there is a page for each key.
        documents: a function from a key to the documents of its page, by name. Raises LookupError for an
            unknown key.
        keys: a function to all keys of the pages, for an export.
    """

    name: str
    path: str
    documents: Callable[[Documents, str], dict[str, Any]]
    keys: Callable[[Documents], Sequence[str]] = lambda documents: ("",)

    def address(self, key: str = "") -> str:
        """The address from the root of the page of a key."""
        return self.path.format(key=key)


def _experiments(documents: Documents) -> Sequence[str]:
    """The keys of all readable experiments."""
    return [key for key, row in documents.state().rows.items() if isinstance(row.experiment, Experiment)]


PAGES = (
    Page("table", "index.html", lambda documents, key: {"table": documents.table()}),
    Page(
        "experiment",
        "experiments/{key}.html",
        lambda documents, key: {"experiment": answers.page_of_experiment(documents, key)},
        _experiments,
    ),
    Page("compare", "compare.html", lambda documents, key: {}),
    Page("sweeps", "sweeps.html", lambda documents, key: {"sweeps": answers.sweeps(documents)}),
    Page("queue", "queue.html", lambda documents, key: {"queue": answers.queue(documents)}),
    Page("models", "models.html", lambda documents, key: {"models": answers.models(documents)}),
    Page("pipeline", "pipeline.html", lambda documents, key: {"pipeline": answers.pipeline(documents)}),
)
# What every page leads to: the name of a page, and its title.
NAVIGATION = {
    "table": "Experiments",
    "sweeps": "Sweeps",
    "queue": "Queue",
    "models": "Models",
    "pipeline": "Pipeline",
}


def html(
    page: Page,
    documents: Documents,
    key: str = "",
    *,
    nonce: str = "",
    live: bool = False,
    writes: bool = False,
) -> str:
    """The HTML of a page. `live`: the server reports changes to the page; `writes`: the page has actions."""
    made = {name: _inside(as_text(one)) for name, one in page.documents(documents, key).items()}
    root = "../" * page.address(key).count("/")
    about = documents.about()
    values = {
        "about": about,
        "key": key,
        "page": page,
        "root": root,
        "nonce": nonce,
        "live": live,
        "writes": writes,
    }
    values["navigation"] = [(one, NAVIGATION[one.name]) for one in PAGES if one.name in NAVIGATION]

    def static(name: str) -> str:
        """The address of a static file; on a live page with the version of the file."""
        address = f"{root}static/{name}"
        if live:
            address += f"?v={version_of(name)}"
        return address

    values["static"] = static
    values["page_names"] = [one.name for one in PAGES]
    return _templates().get_template(f"{page.name}.html").render(documents=made, **values)


def _inside(text: str) -> str:
    """The JSON for a script element, without an end of the element or a comment inside."""
    return text.replace("<", "\\u003c")


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("gitexp.extras.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def static_files() -> dict[str, bytes]:
    """The static files of pages, by name."""
    found = {}
    for file in _WEB.joinpath("static").iterdir():
        if any(file.name.endswith(ending) for ending in TYPES):
            found[file.name] = file.read_bytes()
    return found


@cache
def version_of(name: str) -> str:
    """The version of a static file: a hash of its content. Browsers keep a version for ever."""
    return hashlib.sha256(static_files()[name]).hexdigest()[:12]
