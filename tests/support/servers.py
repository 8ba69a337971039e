"""Real servers on a loopback port, each with its config, keys and data in a folder of the tests'.

The fixtures live for the session and start what a test first asks for; a server that is not installed skips
the test and says which package has it. What a test does to one (kill it, say) it does to one of its
own: `sshd(folder)`, `nginx(folder)`, `moto(folder)`, ended with `place.server.kill()`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_SYSTEM = os.pathsep.join(["/usr/sbin", "/usr/local/sbin", "/sbin"])  # not on everybody's PATH
_PATIENCE = 20.0  # seconds
_CGI = Path("/usr/lib/git-core/git-http-backend")
_DAV_MODULE = Path("/usr/lib/nginx/modules/ngx_http_dav_ext_module.so")


class Server:
    """One process, or several, that listen on `port`; may be killed and started again, data and all."""

    def __init__(
        self, port: int, commands: Sequence[Sequence[str]], log: Path, socket: Path | None = None
    ) -> None:
        self.port = port
        self._commands = commands
        self._log = log
        self._socket = socket  # of one that was killed, and would be in the way of the next
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def running(self) -> bool:
        return bool(self._processes)

    def start(self) -> None:
        """Starts it and waits until it answers."""
        if self._socket is not None:
            self._socket.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._processes = [
                subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
                for command in self._commands
            ]
        end = time.monotonic() + _PATIENCE
        while not _answers(self.port):
            ended = [process.args for process in self._processes if process.poll() is not None]
            told = self._log.read_text("utf-8", "replace")
            assert not ended, f"{ended} ended:\n{told}"
            assert time.monotonic() < end, f"nothing answers on port {self.port}:\n{told}"
            time.sleep(0.02)

    def kill(self) -> None:
        """Ends it as a crash would, its connections with it."""
        for process in self._processes:
            for pid in (process.pid, *_descendants(process.pid)):  # sshd has sessions of their own
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
        self._processes = []


@dataclass(frozen=True)
class Place:
    """A server as a client sees it: the `url` of `folder`, where what it stores stands, and what
    to put into the environment to be let in."""

    server: Server
    url: str
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def sshd(folder: Path) -> Place:
    """An OpenSSH server that lets in whoever has `env`: HOME for gitexp, GIT_SSH_COMMAND for Git."""
    program = find_program("sshd", "openssh-server")
    keygen, client = find_program("ssh-keygen", "openssh-client"), find_program("ssh", "openssh-client")
    if os.geteuid() == 0:
        # Where root runs it, sshd wants the folder that Debian's service makes at boot.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port, user = free_port(), user_name()
    home = folder / "home"
    keys = home / ".ssh"
    data = folder / "data"
    for made in (keys, data):
        made.mkdir(parents=True)
    keys.chmod(0o700)
    for key in (folder / "host_key", keys / "id_ed25519"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(key)], check=True)
    host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    (keys / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    (keys / "config").write_text(
        f"IdentityFile {keys / 'id_ed25519'}\nUserKnownHostsFile {keys / 'known_hosts'}\n"
        "StrictHostKeyChecking yes\nBatchMode yes\n"
    )
    config = folder / "sshd_config"
    config.write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder / 'host_key'}\nPidFile none\n"
        f"AuthorizedKeysFile {keys / 'id_ed25519.pub'}\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 100\n"
        f"Subsystem sftp internal-sftp\nSetEnv XDG_CACHE_HOME={home / '.cache'}\n"
    )
    server = Server(port, [[program, "-D", "-e", "-f", str(config)]], folder / "sshd.log")
    env = {"HOME": str(home), "GIT_SSH_COMMAND": f"{client} -F {keys / 'config'}"}
    server.start()
    return Place(server, f"ssh://{user}@127.0.0.1:{port}{data}", data, env)


def nginx(folder: Path) -> Place:
    """nginx. Views of `folder` are `/dav/` (WebDAV), `/closed/` (the same behind a password, which the
    `.netrc` of HOME in `env` has), `/static/` (reading only) and `/moved/`, which leads there; `/git/`
    is the folder `git` beside it, by `git http-backend` where fcgiwrap is installed."""
    program = find_program("nginx", "nginx-light")
    if not _DAV_MODULE.exists():
        pytest.skip("WebDAV of nginx is not installed: apt-get install libnginx-mod-http-dav-ext")
    port = free_port()
    data, git, home = folder / "data", folder / "git", folder / "home"
    for made in (data, git, home, folder / "tmp"):
        made.mkdir(parents=True)
    (folder / "users").write_text("someone:{PLAIN}a-password\n")
    netrc = home / ".netrc"
    netrc.write_text("machine 127.0.0.1 login someone password a-password\n")
    netrc.chmod(0o600)
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port, dav=_DAV, module=_DAV_MODULE, cgi=_CGI))
    commands = [[program, "-c", str(config), "-e", str(folder / "nginx.log"), "-p", str(folder)]]
    if (wrapper := shutil.which("fcgiwrap", path=_path())) is not None:
        commands.append([wrapper, "-c", "2", "-s", f"unix:{folder / 'cgi.socket'}"])
    server = Server(port, commands, folder / "nginx.log", folder / "cgi.socket")
    server.start()
    return Place(server, f"http://127.0.0.1:{port}/dav", data, {"HOME": str(home)})


_DAV = """
      dav_methods PUT DELETE MKCOL COPY MOVE;
      dav_ext_methods PROPFIND OPTIONS;
      dav_access user:rw;
"""
# One process without a master: what is killed is gone, and a server that root starts stays root's.
_NGINX = """
load_module {module};
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log crit;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_max_body_size 0;
  client_body_temp_path {folder}/tmp/body;
  proxy_temp_path {folder}/tmp/proxy;
  fastcgi_temp_path {folder}/tmp/fastcgi;
  uwsgi_temp_path {folder}/tmp/uwsgi;
  scgi_temp_path {folder}/tmp/scgi;
  server {{
    listen 127.0.0.1:{port};
    location /dav/ {{ alias {folder}/data/; {dav} }}
    location /closed/ {{
      alias {folder}/data/; {dav}
      auth_basic closed;
      auth_basic_user_file {folder}/users;
    }}
    location /static/ {{ alias {folder}/data/; }}
    location /moved/ {{ rewrite ^/moved/(.*)$ http://127.0.0.1:{port}/static/$1 redirect; }}
    location /git/ {{
      fastcgi_pass unix:{folder}/cgi.socket;
      fastcgi_param SCRIPT_FILENAME {cgi};
      fastcgi_param GIT_PROJECT_ROOT {folder}/git;
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param REMOTE_USER someone;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param HTTP_GIT_PROTOCOL $http_git_protocol;
      rewrite ^/git(/.*)$ $1 break;
      fastcgi_param PATH_INFO $fastcgi_script_name;
    }}
  }}
}}
"""


def moto(folder: Path) -> Place:
    """An S3 server over HTTP; `env` has credentials of no worth and the address, and the bucket is there."""
    pytest.importorskip("moto", reason="no S3 server: pip install 'gitexp[dev]'")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Server(port, [command], folder / "moto.log")
    server.start()
    env = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    _make_bucket(address)
    return Place(server, "s3://bucket/store", folder, env)


def _make_bucket(address: str) -> None:
    from urllib.request import Request, urlopen

    with urlopen(Request(f"{address}/bucket", method="PUT")) as answer:
        assert answer.status == 200


# -- for the session ----------------------------------------------------------------------------------


def _for_session(make: Callable[[Path], Place], factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = make(factory.mktemp(make.__name__))
    yield place
    place.server.kill()


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """See `sshd`; a test works in a folder of its own below the URL."""
    yield from _for_session(sshd, tmp_path_factory)


@pytest.fixture(scope="session")
def web_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """See `nginx`; a test works in a folder of its own below the URL."""
    yield from _for_session(nginx, tmp_path_factory)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """See `moto`; a test works below a prefix of its own."""
    yield from _for_session(moto, tmp_path_factory)


# -- parts --------------------------------------------------------------------------------------------


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", os.defpath), _SYSTEM])


def find_program(name: str, package: str) -> str:
    found = shutil.which(name, path=_path())
    if sys.platform == "win32" or found is None:
        pytest.skip(f"{name} is not installed: apt-get install {package}")
    return found


def user_name() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def _answers(port: int) -> bool:
    with closing(socket.socket()) as connection:
        connection.settimeout(1)
        return connection.connect_ex(("127.0.0.1", port)) == 0


def _descendants(pid: int) -> list[int]:
    with suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid for child in map(int, children) for pid in (child, *_descendants(child))]
    return []
