"""`gitexp list`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from gitexp.catalog import rows
from gitexp.catalog.fields import Use, used_for
from gitexp.catalog.query import Query, matching
from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.model import Stored
from gitexp.words import clean

EPILOG = """Examples:
gitexp list
gitexp list -A --json
gitexp list --filter "acc > 0.9 and created > '2 days ago'"
gitexp list --remote origin
"""


_LISTED = used_for(Use.LIST)
Remote = Annotated[str | None, options.git_remote("--remote", "Those that a Git remote has, by name.")]


def list_names(
    everything: options.Everything = False,
    all_projects: options.AllProjects = False,
    filter_text: options.Filter = None,
    failed: options.Failed = None,
    number: options.Number = None,
    remote: Remote = None,
    json: options.Json = False,
) -> None:
    """Print the names of experiments, the newest first.

    One a line. With --json: a list of objects with name, commit, baseline, status and created; with
    --remote of objects with name, record and here, the name of the same one here.
    """
    if remote is not None:
        options.alone("--remote", everything, all_projects, filter_text, failed, number)
        return _list_remote(remote, json=json)
    query = Query(everything, failed=failed, limit=number, filter=filter_text, all_projects=all_projects)
    found = matching(open_project(reads_all=True), query)
    if json:
        return render.as_json_list(map(_as_json, found))
    return render.answer(clean(experiment.name) for experiment in found)


register = registration(list_names, EPILOG, "list")


def _as_json(experiment: Stored) -> dict[str, Any]:
    head = rows.of_experiment(experiment).row(params={}, metrics={})
    return {name: field.read(head) for name, field in _LISTED.items()}


def _list_remote(remote: str, *, json: bool) -> None:
    # The names of one's own experiments must not wait for what speaks to remotes.
    from gitexp.cli.kit.exchange import contact
    from gitexp.sharing import elsewhere

    with contact() as on_line:
        found = elsewhere.listed(open_project(), remote, on_line)
    if json:
        return render.as_json_list(map(asdict, found))
    return render.answer(clean(one.name) for one in found)
