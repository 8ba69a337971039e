"""`gitexp verify`."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from gitexp import errors
from gitexp.catalog.query import Query
from gitexp.cli.kit import options
from gitexp.cli.kit.documents import answer
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.render import Piece
from gitexp.cli.kit.terminal.sections import side_by_side
from gitexp.repo.git.signatures import SignatureState
from gitexp.upkeep import verify as ops
from gitexp.upkeep.verify import Verified
from gitexp.words import clean, counted, shorten

EPILOG = """Examples:
gitexp verify -A
gitexp verify exp-333c9 last
gitexp verify 'paper-*' --json
"""


@with_query
def verify(
    exps: options.OwnExps = None,
    query: Query = PLAIN,
    limit: options.Limit = None,
    form: options.AsTable = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Check who has signed experiments, and that they are what they say.

    Without names: the experiments made from HEAD's commit, with -A of all baselines. Each record, down to the
    commit of the experiment, must be signed by somebody in the file of Git's gpg.ssh.allowedSignersFile, or
    trusted by GnuPG. Files, protected files, certificates, the seals of stages and the hashes of present data
    must match the record. The exit code is 1 after any fault.
    """
    if exps and query != PLAIN:
        raise errors.UsageError(
            "Names do not go together with --all, --all-projects, --filter and --failed.",
            "Ask for one of them.",
        )
    found = ops.verify(open_project(quiet=quiet), exps or (), query)
    if json or form:
        answer(map(Verified.as_json, found[:limit]), form, json=json)
    elif found:
        _print(found[:limit], quiet=quiet)
    if not all(one.is_good for one in found):
        raise typer.Exit(1)


register = registration(verify, EPILOG)


def _print(found: Sequence[Verified], *, quiet: bool) -> None:
    rows = list(map(_cells, found))
    render.answer(side_by_side(("Experiment", "Signature", "By", "Found"), rows, render.width()))
    if quiet:
        return
    if absent := [one.name for one in found if one.absent]:
        render.say(f"Not looked at, for it is not here: data of {shorten(absent)}.", "dim")
    bad = [one for one in found if not one.is_good]
    unsigned = [one for one in bad if not one.problems and one.signature.state is SignatureState.NONE]
    for count, told in ((len(unsigned), "not signed"), (len(bad) - len(unsigned), "not verified")):
        if count:
            verb = "is" if count == 1 else "are"
            render.say(f"{count:,} of {counted(len(found), 'experiment')} {verb} {told}.")


def _cells(one: Verified) -> list[Piece]:
    """The row of an experiment: its name, signature, signer and faults."""
    style = "red"
    if one.is_good:
        style = "green"
    signature = one.signature
    verdict: Piece = ("it is what it says", "")
    wrong = [text for text in (signature.told, *one.problems) if text and text != signature.state]
    if wrong:
        verdict = (clean("; ".join(wrong)), style)
    return [(clean(one.name), ""), (str(signature.state), style), (clean(signature.last.by), ""), verdict]
