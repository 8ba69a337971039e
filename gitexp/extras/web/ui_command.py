"""`gitexp ui`."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import socket
import ssl
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gitexp import errors, plugins
from gitexp.cli.kit import options
from gitexp.cli.kit.garbage import search_for_garbage
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.extras.web.documents import Documents
from gitexp.extras.web.guard import Allowed
from gitexp.project.project import Project
from gitexp.words import counted

EPILOG = """Examples:
gitexp ui
gitexp ui --port 9000 --no-open
gitexp ui --export site
gitexp ui --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
"""

_PORT = 8765
_PORTS_TRIED = 20
_NEW_OBJECTS = 100_000  # after so many, Python looks for garbage: a table of experiments is none
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EVERYWHERE = ("0.0.0.0", "::")

Port = Annotated[
    int | None,
    typer.Option(metavar="PORT", min=0, max=65535, help="The port to listen at."),
]
Host = Annotated[str, typer.Option(metavar="HOST", help="The address to listen at.")]
NoOpen = Annotated[bool, typer.Option("--no-open", help="Do not open the browser; only print the link.")]
Export = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Write the pages into a folder, and serve nothing.")
]
Write = Annotated[bool, typer.Option("--write", help="Let the pages change something, not only show.")]
Certificate = Annotated[
    Path | None, typer.Option("--tls-cert", metavar="FILE", help="The certificate for https, as PEM.")
]
Key = Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="The key of the certificate.")]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Let other machines in without https: others can read along.")
]


def ui(
    port: Port = None,
    host: Host = "127.0.0.1",
    no_open: NoOpen = False,
    export: Export = None,
    write: Write = False,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    insecure: Insecure = False,
    quiet: options.Quiet = False,
) -> None:
    """Show the experiments in the browser: a table that stays up to date.

    It listens at the first free port from 8765; Ctrl-C ends it. The link that it prints lets one browser in,
    once; nobody else gets in, neither other users of this machine nor other pages in the browser. --export
    writes the same pages as a folder, which opens without a server, and can be put on any web space.
    """
    project = open_project(quiet=quiet)
    if export is not None:
        return _export(project, export, quiet=quiet)
    tls = _tls(tls_cert, tls_key)
    if host not in _LOOPBACK and tls_cert is None and not insecure:
        raise errors.UsageError(
            f"At {host}, other machines reach the dashboard; without https, anybody on the way reads along.",
            "Give --tls-cert and --tls-key; or stay at this machine and use ssh -L 8765:localhost:8765 HOST; "
            "or say --insecure.",
        )
    server = _needed("server")
    listener = _listening(server, host, port)
    number = listener.getsockname()[1]
    scheme = "http"
    if tls is not None:
        scheme = "https"
    allowed = Allowed(_names(host, number, scheme), scheme, writes=write)
    app = server.application(_documents(project), allowed, number, _tell)
    url = f"{scheme}://{allowed.hosts[0]}/?token={app.guard.new_token()}"
    if insecure and tls_cert is None and host not in _LOOPBACK:
        render.warn("Without https: who sees the traffic on the way reads it, and gets in with the cookie.")
    render.answer([url], page=False)
    if not quiet:
        render.say("The link works once. Ctrl-C ends the dashboard.", "dim")
    if not no_open and _has_screen():
        webbrowser.open(url)
    search_for_garbage()  # a server runs for days
    gc.set_threshold(_NEW_OBJECTS)
    try:
        server.serve(app, listener, tls)
    except KeyboardInterrupt:
        if not quiet:
            render.say("The dashboard has ended.")


register = registration(ui, EPILOG)


def _needed(name: str) -> Any:
    """A part of the dashboard. Raises UsageError for missing packages."""
    found = plugins.find_installed("dashboard", name, "jinja2")
    if found is None or (name == "server" and plugins.find_installed("dashboard", name, "starlette") is None):
        raise errors.UsageError(
            "The dashboard needs packages that are not installed: starlette, uvicorn and jinja2.",
            "Install them: pip install 'gitexp[ui]'",
        )
    return found


def _tell(text: str) -> None:
    """Tell the user, if the terminal is still there."""
    with contextlib.suppress(OSError):
        render.say(text)


def _documents(project: Project) -> Documents:
    here = project.here
    return Documents(lambda: Project.open(here, any_config=True))


def _export(project: Project, folder: Path, *, quiet: bool) -> None:
    count = _needed("export")(_documents(project), folder)
    if not quiet:
        render.say(f"{counted(count, 'page')} in {folder}: open {folder / 'index.html'}")


def _tls(certificate: Path | None, key: Path | None) -> tuple[str, str] | None:
    """The files for https; None for http. Raises UsageError for invalid files."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise errors.UsageError("https needs a certificate and its key.", "Give --tls-cert and --tls-key.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except OSError as error:  # also of a file that is no certificate
        raise errors.UsageError(
            f"The certificate and its key cannot be used: {error.strerror or error}.",
            "Both are files in the PEM format, and the key is that of the certificate.",
        ) from error
    return str(certificate), str(key)


def _listening(server: Any, host: str, port: int | None) -> socket.socket:
    """A socket at the port; without one, at the first free port. Raises UsageError."""
    tried: Sequence[int] = range(_PORT, _PORT + _PORTS_TRIED)
    if port is not None:
        tried = (port,)
    reason: OSError | None = None
    for number in tried:
        try:
            found: socket.socket = server.listening(host, number)
            return found
        except OSError as error:
            reason = error
    hint = "--host takes an address of this machine: 127.0.0.1, or 0.0.0.0 for all that it has."
    if reason is not None and reason.errno == errno.EADDRINUSE:
        hint = "Another program has the port: --port 0 takes any that is free."
    raise errors.UsageError(
        f"The dashboard cannot listen at {host}, port {tried[0]}: {reason and reason.strerror}.", hint
    )


def _names(host: str, port: int, scheme: str) -> tuple[str, ...]:
    """The valid values of the Host header, the name in the link first."""
    names = ["127.0.0.1", "localhost", "[::1]"]
    if host in _EVERYWHERE:
        names = [socket.getfqdn(), socket.gethostname(), *names]
    elif host not in _LOOPBACK:
        names.insert(0, f"[{host}]" if ":" in host else host)
    elif host == "::1":
        names.reverse()
    found = [f"{name.lower()}:{port}" for name in names]
    if port == {"http": 80, "https": 443}[scheme]:  # browsers leave it out
        found += [name.lower() for name in names]
    return tuple(dict.fromkeys(found))


def _has_screen() -> bool:
    """Whether a browser can open a window. A browser in the terminal would be in the way."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
