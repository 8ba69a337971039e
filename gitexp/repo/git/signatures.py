"""Signatures of commits, as Git makes and reads them: by ssh-keygen or GnuPG, in a header of the commit.

The programs come from the user's own settings: those of a repository may be a stranger's. No program asks
for a passphrase: a run of ten hours must not wait for somebody at its end.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from gitexp.errors import SigningFailed
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.repo.git.git_calls import GitCalls

OPENPGP, SSH = "openpgp", "ssh"
_HEADERS = (b"gpgsig ", b"gpgsig-sha256 ")
_COMMITTER = regex(rb"^committer [^\n]*> ([0-9]{1,11}) [+-][0-9]{4}$", re.MULTILINE)
_GOOD_SSH = regex(r"key (SHA256:\S+)")
_TRUSTED = ("TRUST_ULTIMATE", "TRUST_FULLY", "TRUST_MARGINAL")
_PATIENCE = 60.0  # seconds: an agent may want a key to be touched
_ASKING = ("SSH_ASKPASS", "DISPLAY", "WAYLAND_DISPLAY", "GPG_TTY")


class SignatureState(StrEnum):
    """The worth of a signature. GOOD: the signature fits, and its signer is known."""

    GOOD = "good"
    UNKNOWN = "unknown signer"
    BAD = "bad"
    NONE = "not signed"


class Signature(NamedTuple):
    """The signature of a commit.

    Attributes:
        by: the signer's name among the allowed signers; "" for an unknown signer.
        key: the fingerprint of the key, if known.
        told: a sentence about the fault; "" for none.
    """

    state: SignatureState
    by: str = ""
    key: str = ""
    told: str = ""


class Signer:
    """Signs commits and tags with the key of the user, as Git would; reads settings when it signs."""

    def __init__(self, repo: GitCalls) -> None:
        self._repo = repo

    def __call__(self, content: bytes) -> bytes:
        """The content of a commit with a signature. Raises SigningFailed."""
        return _with_signature(content, self._signature(content), self._repo.object_format)

    def tag(self, content: bytes) -> bytes:
        """The content of a tag with a signature at its end, as Git has it. Raises SigningFailed."""
        return content + self._signature(content).strip("\n").encode() + b"\n"

    def _signature(self, payload: bytes) -> str:
        config = self._repo.config
        form = config.get("gpg.format", OPENPGP).lower()
        key = config.get("user.signingkey", "")
        if form == SSH:
            return self._by_ssh(key, payload)
        if form == OPENPGP:
            return self._by_gpg(key, payload)
        raise SigningFailed(
            f"gitexp cannot sign by gpg.format={form}.",
            "git config gpg.format ssh, or leave it out for GnuPG.",
        )

    def check(self) -> None:
        """Raise SigningFailed if nothing can be signed now: better before a run than after it."""
        self._signature(b"gitexp: can this be signed?\n")

    def _by_ssh(self, key: str, payload: bytes) -> str:
        program = _program(self._repo, "gpg.ssh.program", "ssh-keygen")
        if not key:
            key = self._default_key()
        literal = key.removeprefix("key::")
        if literal != key or literal.startswith(("ssh-", "ecdsa-", "sk-")):
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "key.pub"
                file.write_text(literal + "\n", "utf-8")
                return _output([program, "-Y", "sign", "-n", "git", "-f", str(file), "-U"], payload)
        file = Path(os.path.expanduser(key))  # noqa: PTH111 - as Git does, `~user` too
        if not (self._repo.root / file).exists():
            raise SigningFailed(
                f"There is no signing key {key}.",
                "git config user.signingkey ~/.ssh/id_ed25519.pub names yours.",
            )
        return _output([program, "-Y", "sign", "-n", "git", "-f", str(self._repo.root / file)], payload)

    def _default_key(self) -> str:
        """The key that the user's own command names."""
        command = self._repo.users_setting("gpg.ssh.defaultkeycommand")
        if command:
            lines = _output(["sh", "-c", command], b"").splitlines()
            if lines:
                return lines[0]
        raise SigningFailed(
            "Records are to be signed, and no key is set.",
            "git config user.signingkey ~/.ssh/id_ed25519.pub; without: sign: false in gitexp.yaml.",
        )

    def _by_gpg(self, key: str, payload: bytes) -> str:
        program = _program(self._repo, "gpg.program", "gpg")
        command = [program, "--batch", "--no-tty", "--pinentry-mode=error", "-bsa"]
        whose = key or self._repo.config.get("user.email", "")
        if whose:
            command += ["-u", whose]
        return _output(command, payload)


def _program(repo: GitCalls, key: str, otherwise: str) -> str:
    """The program that a setting of the user's own names."""
    return repo.users_setting(key) or otherwise


def _output(command: Sequence[str], payload: bytes) -> str:
    """The signature that a program prints. Raises SigningFailed."""
    status, out, err = _run(command, payload)
    if status != 0 or not out.strip():
        said = [line for line in err.splitlines() if line.strip()]
        why = f"it ended with status {status}"
        if said:
            why = said[-1].strip().rstrip(".")
        raise SigningFailed(
            f"Nothing can be signed now: {why}.",
            "ssh-add adds a key with a passphrase to the agent; sign: false in gitexp.yaml goes without.",
        )
    return out.decode("ascii", "replace")


def _run(command: Sequence[str], payload: bytes) -> tuple[int, bytes, str]:
    """Exit status, output and errors of a program that has no terminal to ask anybody."""
    if shutil.which(command[0]) is None:
        raise SigningFailed(
            f"There is no program {command[0]} to sign with.", "Install it, or correct its path."
        )
    environment = {name: value for name, value in os.environ.items() if name not in _ASKING}
    environment |= {"SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command,
            input=payload,
            capture_output=True,
            timeout=_PATIENCE,
            env=environment,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, b"", f"{command[0]} did not answer within {_PATIENCE:.0f} s"
    except OSError as error:
        return 1, b"", error.strerror or str(error)
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")


# -- the content of a commit -------------------------------------------------------------------------------


def _with_signature(content: bytes, signature: str, object_format: str) -> bytes:
    """The content of a commit with its signature in the header, as Git has it."""
    name = b"gpgsig-sha256" if object_format == "sha256" else b"gpgsig"
    lines = signature.strip("\n").encode().split(b"\n")
    head, message = content.split(b"\n\n", 1)
    return head + b"\n" + name + b" " + b"\n ".join(lines) + b"\n\n" + message


def split(content: bytes) -> tuple[bytes, list[bytes]]:
    """The content of a commit without its signatures, and the signatures."""
    head, blank, message = content.partition(b"\n\n")
    kept, found, is_in = list[bytes](), list[list[bytes]](), False
    for line in head.split(b"\n"):
        if line.startswith(_HEADERS):
            found.append([line.split(b" ", 1)[1]])
            is_in = True
        elif is_in and line.startswith(b" "):
            found[-1].append(line[1:])
        else:
            kept.append(line)
            is_in = False
    return b"\n".join(kept) + blank + message, [b"\n".join(lines) + b"\n" for lines in found]


# -- whose signature it is ---------------------------------------------------------------------------------


class Verifier:
    """Reads the signatures of commits, against Git's allowed signers and the keyring of GnuPG."""

    def __init__(self, repo: GitCalls) -> None:
        self._ssh = _program(repo, "gpg.ssh.program", "ssh-keygen")
        self._gpg = _program(repo, "gpg.program", "gpg")
        self._allowed = _file(repo, "gpg.ssh.allowedsignersfile")
        self._revoked = _file(repo, "gpg.ssh.revocationfile")

    def verify(self, content: bytes) -> Signature:
        """The worth of the signature in a commit's content."""
        payload, found = split(content)
        if not found:
            return Signature(SignatureState.NONE)
        if len(found) > 1:
            return Signature(SignatureState.BAD, told="it has several signatures")
        time_of = _COMMITTER.search(payload)
        try:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "signature"
                file.write_bytes(found[0])
                if found[0].startswith(b"-----BEGIN SSH SIGNATURE-----"):
                    return self._of_ssh(payload, file, int(time_of[1]) if time_of else 0)
                return self._of_gpg(payload, file)
        except SigningFailed as error:
            return Signature(SignatureState.UNKNOWN, told=error.message)

    def _of_ssh(self, payload: bytes, file: Path, seconds: int) -> Signature:
        signed = ["-n", "git", "-s", str(file)]
        if self._allowed is None:
            told = "git config gpg.ssh.allowedSignersFile is not set"
        elif not self._allowed.is_file():
            told = f"there is no file {self._allowed}"
        else:
            when = time.strftime("-Overify-time=%Y%m%d%H%M%SZ", time.gmtime(seconds))
            who = ["-f", str(self._allowed), when]
            revoked = list[str]()
            if self._revoked is not None:
                revoked = ["-r", str(self._revoked)]
            status, out, _ = _run([self._ssh, "-Y", "find-principals", "-s", str(file), *who], b"")
            told = "its key is not among the allowed signers"
            names = list[str]()
            if status == 0:
                names = out.decode("utf-8", "replace").splitlines()
            for name in names:
                told = "its key is revoked, or was not valid then"
                command = [self._ssh, "-Y", "verify", "-I", name, *signed, *who, *revoked]
                status, said, _ = _run(command, payload)
                if status == 0:
                    return Signature(SignatureState.GOOD, name, _fingerprint(said))
        status, said, _ = _run([self._ssh, "-Y", "check-novalidate", *signed], payload)
        if status != 0:
            return Signature(SignatureState.BAD, told="its signature does not fit it")
        return Signature(SignatureState.UNKNOWN, key=_fingerprint(said), told=told)

    def _of_gpg(self, payload: bytes, file: Path) -> Signature:
        command = [self._gpg, "--batch", "--status-fd=1", "--keyid-format=long", "--verify", str(file), "-"]
        _, out, _ = _run(command, payload)
        words: dict[str, list[str]] = {}
        lines = out.decode("utf-8", "replace").splitlines()
        if lines.count("[GNUPG:] NEWSIG") > 1:
            return Signature(SignatureState.BAD, told="it has several signatures")
        for line in lines:
            said = line.removeprefix("[GNUPG:] ").split(" ")
            words[said[0]] = said[1:]
        key = words.get("VALIDSIG", [""])[0]
        if "BADSIG" in words:
            return Signature(SignatureState.BAD, told="its signature does not fit it")
        if "GOODSIG" in words and any(trust in words for trust in _TRUSTED):
            return Signature(SignatureState.GOOD, " ".join(words["GOODSIG"][1:]), key)
        return Signature(SignatureState.UNKNOWN, key=key, told="its key is not one that GnuPG here trusts")


def _fingerprint(said: bytes) -> str:
    """The key in ssh-keygen's answer for a fitting signature."""
    found = _GOOD_SSH.search(said.decode("utf-8", "replace"))
    return found[1] if found is not None else ""


def _file(repo: GitCalls, key: str) -> Path | None:
    """The file of a setting, by Git's rule: a path from the root of the workspace."""
    value = repo.config.get(key, "")
    return repo.root / os.path.expanduser(value) if value else None  # noqa: PTH111 - `~user` too
