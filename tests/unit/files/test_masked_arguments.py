"""Secrets in commands: what is masked, in words and in lines for the shell, and filled in again."""

from __future__ import annotations

import shlex

import pytest

from gitexp.files.command_words.credentials import has_key_in, is_secret_name
from gitexp.files.command_words.masked_arguments import MASK, filled, masked, secrets_in

Q = f"'{MASK}'"


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        *((name, True) for name in ("--api-key", "HF_TOKEN", "dbPassword", "client_secret", "wandb.apikey")),
        *((name, True) for name in ("--token", "aws_secret_access_key", "--auth", "smtp_pass", "AUTH_TOKEN")),
        *((name, False) for name in ("--max-tokens", "--eos_token", "--tokenizer", "--key", "--sort-key")),
        *(
            (name, False)
            for name in ("--password-file", "pad_token_id", "--author", "--n-pass", "--secret-name")
        ),
    ],
)
def test_names(name: str, is_secret: bool) -> None:
    assert is_secret_name(name) is is_secret


@pytest.mark.parametrize(
    ("line", "stored"),
    [
        (
            "API_KEY=abc python t.py --secret 'a b' | tee log",
            f"API_KEY={Q} python t.py --secret {Q} | tee log",
        ),
        ('python t.py --token "$T" --api-key $K', 'python t.py --token "$T" --api-key $K'),
        ("python t.py --api-key=abc>log", f"python t.py --api-key={Q}>log"),
        ("curl https://u:pw@host/x && python t.py", f"curl {Q} && python t.py"),
    ],
)
def test_a_line_for_the_shell(line: str, stored: str) -> None:
    command, names = masked(line)
    assert command == stored
    assert bool(names) is (line != stored)
    values = [f"v{number}" for number in range(len(secrets_in(command)))]
    again = filled(command, values)
    assert isinstance(again, str)
    assert MASK not in again
    assert all(value in again for value in values)


def test_words_are_filled_in_where_they_were() -> None:
    words = ("t", "--token", "a", "b=1", "--key-file", "f", "--pwd=c", "sk-proj-abcdefghijklmnopqrst")
    command, names = masked(words)
    assert command == ("t", "--token", MASK, "b=1", "--key-file", "f", f"--pwd={MASK}", MASK)
    assert names[:2] == ("--token", "--pwd")
    assert filled(command, ["a", "c", words[-1]]) == words


@pytest.mark.parametrize(
    ("word", "stored"),
    [
        ('{"api_key": "S3C", "lr": 1}', f'{{"api_key": "{MASK}", "lr": 1}}'),
        ("--config={a: {password: S3C}, lr: 1}", f"--config={{a: {{password: {MASK}}}, lr: 1}}"),
        ("{'token': 'S3C'}", f"{{'token': '{MASK}'}}"),
        ("lr=1,api_key=S3C", f"lr=1,api_key={MASK}"),
        ("--env=API_KEY=S3C", f"--env=API_KEY={MASK}"),
        ("https://host/x?a=1&api_key=S3C", f"https://host/x?a=1&api_key={MASK}"),
        ("Authorization: Bearer S3C", f"Authorization: {MASK}"),
        ("API_KEY=S3C python t.py --token S3C --lr 1", f"API_KEY={MASK} python t.py --token {MASK} --lr 1"),
        ("f(api_key='S3C', lr=1)", f"f(api_key='{MASK}', lr=1)"),
        ("api_key = get(); f(api_key=key)", "api_key = get(); f(api_key=key)"),
        (
            "{'tokens': 12, 'sort_key': 'acc', 'api_key': '$K'}",
            "{'tokens': 12, 'sort_key': 'acc', 'api_key': '$K'}",
        ),
    ],
)
def test_inside_a_word(word: str, stored: str) -> None:
    command = masked(("python", "t.py", word)).command
    assert command == ("python", "t.py", stored)
    assert filled(command, ["S3C"] * len(secrets_in(command)))[2] == stored.replace(MASK, "S3C")
    line = masked(shlex.join(("python", "t.py", word))).command
    assert shlex.split(str(line)) == ["python", "t.py", stored]
    secret = "a'b$c"
    again = filled(line, [secret] * len(secrets_in(line)))
    assert shlex.split(str(again))[2] == stored.replace(MASK, secret)


@pytest.mark.parametrize(
    ("content", "has_key"),
    [
        (b"x = 'AKIAABCDEFGHIJKLMNOP'", True),
        (b"token: ghp_" + b"a" * 36, True),
        (b"-----BEGIN RSA PRIVATE KEY-----", True),
        (b"-----BEGIN CERTIFICATE-----", False),
        (b'<div class="sk-text-repr-fallback sk-container-id-1">', False),
        (b"task-aaaaaaaaaaaaaaaaaaaaaaaa", False),
        (b"\0ghp_" + b"a" * 36, False),
        (b" " * (1 << 17) + b"ghp_" + b"a" * 36, False),
    ],
)
def test_the_content_of_a_file(content: bytes, has_key: bool) -> None:
    assert has_key_in(content) is has_key


@pytest.mark.parametrize(
    ("word", "stored"),
    [
        ("env:HF_TOKEN=abc", f"env:HF_TOKEN={MASK}"),
        ("--set-env:API_KEY=zzz", f"--set-env:API_KEY={MASK}"),
        ("env:API_KEY:zzz", f"env:API_KEY:{MASK}"),
        ("env:lr=1,a:b:API_KEY=zzz", f"env:lr=1,a:b:API_KEY={MASK}"),
        ("python t.py env:API_KEY=zzz -v", f"python t.py env:API_KEY={MASK} -v"),
        ("tokenizer:max_tokens=12", "tokenizer:max_tokens=12"),
        ("key=env:API_KEY", "key=env:API_KEY"),
        ("a=b:c=d", "a=b:c=d"),
    ],
)
def test_a_name_behind_another_name(word: str, stored: str) -> None:
    command, _ = masked(("t", word))
    assert command == ("t", stored)
    assert len(secrets_in(command)) == stored.count(MASK)
    if " " not in word:
        line, _ = masked(f"t {word}")
        assert shlex.split(str(line)) == ["t", stored]
