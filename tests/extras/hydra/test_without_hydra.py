"""What gitexp knows of Hydra without asking it: applications, their words, composed files and errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitexp.errors import FileError
from gitexp.extras.integrations.hydra.app_words import with_overrides
from gitexp.extras.integrations.hydra.asking import as_ours
from gitexp.extras.integrations.hydra.multirun import apart
from gitexp.files.command_words.masked_arguments import MASK
from gitexp.project.hydra import hydra_app, hydra_params
from gitexp.project.tools.hydra_config import HydraConfig
from gitexp.runs.collecting import hydra_output

APP = "import hydra\n@hydra.main(config_path='conf', config_name='config')\ndef f(cfg): ...\n"


@pytest.mark.parametrize(
    ("command", "texts", "words"),
    [
        ("python app.py", ["lr=0.2"], "python app.py lr=0.2"),
        ("python app.py lr=0.1 db=pg", ["lr=0.2"], "python app.py lr=0.2 db=pg"),
        ("python app.py lr=0.1 --config-name x", ["db=pg"], "python app.py lr=0.1 db=pg --config-name x"),
        ("python app.py --config-name x", ["lr=1"], "python app.py --config-name x lr=1"),
        ("python app.py +lr=0.1 ++b=1", ["lr=0.2", "b=2"], "python app.py +lr=0.2 ++b=2"),
        ("python app.py lr=0.1", ["++lr=0.2"], "python app.py ++lr=0.2"),
        ("python app.py lr=0.1", ["~lr"], "python app.py ~lr"),
        ("python app.py ~lr", ["lr=1"], "python app.py lr=1"),
        (
            "python app.py",
            ["+db@b:c=pg", "hydra/launcher=basic"],
            "python app.py +db@b:c=pg hydra/launcher=basic",
        ),
        ("torchrun -m pkg.app a.b=1", ["a.b = 2"], "torchrun -m pkg.app a.b=2"),
    ],
)
def test_overrides_in_the_words(command: str, texts: list[str], words: str) -> None:
    found = command.split()
    start = next(at for at, word in enumerate(found) if word in ("app.py", "pkg.app")) + 1
    assert " ".join(with_overrides(found, start, texts)) == words


@pytest.mark.parametrize(
    ("command", "script"),
    [
        ("python app.py lr=1", "app.py"),
        ("A=1 python -u app.py", "app.py"),
        ("uv run app.py -m lr=1,2", "app.py"),
        ("torchrun --nproc-per-node 2 app.py", "app.py"),
        ("python -m pkg.app lr=1", "pkg/app.py"),
        ("python -m pkg", "pkg/__main__.py"),
        ("python other.py lr=1", None),
        ("python told.py -m lr=1", None),
        ("python missing.py", None),
        ("sh -c 'python app.py'", None),
        ("python app.py lr=1 | tee log", None),
        ("python -c 'import hydra'", None),
        ("", None),
    ],
)
def test_which_commands_are_applications(tmp_path: Path, command: str, script: str | None) -> None:
    (tmp_path / "pkg").mkdir()
    for name in ("app.py", "pkg/app.py", "pkg/__main__.py"):
        (tmp_path / name).write_text(APP)
    (tmp_path / "other.py").write_text("import hydra\nhydra.compose('config')\n")
    (tmp_path / "told.py").write_text('"""Once with hydra.main(."""\n# @hydra.main(None)\n')
    found = hydra_app.find(command, tmp_path)
    assert (found and found.script) == (script and tmp_path / script)
    if found is not None:
        assert found.config_folder == found.script.parent / "conf"


def test_what_jobs_have_in_common_stays_as_it_was_typed() -> None:
    words = ["python", "app.py", "x=3", "lr=0.1,0.2", "n='a  b'", "~old", "--config-name", "c"]
    common = ["x=3", "n='a b'", "from.config=1"]
    jobs = [[*common, "lr=0.1", "~old="], [*common, "lr=0.2", "~old="]]
    kept, points = apart(words, 2, jobs)
    assert kept == ["python", "app.py", "x=3", "--config-name", "c"]
    assert points == [
        ("n='a b'", "from.config=1", "lr=0.1", "~old"),
        ("n='a b'", "from.config=1", "lr=0.2", "~old"),
    ]


def test_the_composed_configuration_stands_for_its_sources(tmp_path: Path) -> None:
    folder = tmp_path / "outputs/2026-11-29/12-00-00/.hydra"
    folder.mkdir(parents=True)
    sources = f"[{{schema: pkg, path: hydra.conf}}, {{schema: file, path: {tmp_path}/conf}}, {{path: 1}}]"
    (folder / "hydra.yaml").write_text(f"hydra: {{runtime: {{config_sources: {sources}}}}}\n")
    name = "outputs/2026-11-29/12-00-00/.hydra/config.yaml"
    options = {"lr": 0.2, "db": "pg", "model": {"size": 1, "layers": "[1, 2]"}, "n": "null"}
    before = {"conf/config.yaml": {"lr": 0.1}, "other.yaml": {"a": 1}, ".gitexp/command": {"args": options}}
    written = {name: {"lr": 0.2, "db": {"host": "h"}, "model": {"size": 2, "layers": [1, 2]}, "n": None}}
    assert hydra_output.joined(tmp_path, before, written) == {
        "other.yaml": {"a": 1},
        ".gitexp/command": {"args": {"db": "pg", "model": {"size": 1}}},
        ".hydra/config.yaml": written[name],
    }
    too_large = {"text": "x" * 70_000}
    assert hydra_output.joined(tmp_path, {}, {name: too_large}) == {name: too_large}
    (folder / "hydra.yaml").write_text("hydra: [")
    assert "conf/config.yaml" in hydra_output.joined(tmp_path, before, written)


def test_a_secret_of_the_command_is_in_no_params(tmp_path: Path) -> None:
    name = ".hydra/config.yaml"
    config = {"lr": 1, "db": {"password": "hunter2", "key": "abc", "host": "h"}}
    options = {"db": {"password": MASK}, "x": f"{{key:{MASK}}}"}
    found = hydra_output.joined(tmp_path, {".gitexp/command": {"args": options}}, {name: config})
    assert found == {
        name: {"lr": 1, "db": {"password": MASK, "key": "abc", "host": "h"}},
        ".gitexp/command": {"args": {"x": f"{{key:{MASK}}}"}},
    }
    assert hydra_output.joined(tmp_path, {}, {name: config}) == {name: config}
    written = hydra_output.among([name, "a/.hydra/hydra.yaml", "metrics.json"])
    assert hydra_output.withheld(written, "python app.py") == written
    without = hydra_output.withheld(written, f"python app.py password={MASK}")
    assert (without.files, without.config) == ((), name)
    assert without.warning == "not stored, for it has the secret of the command: .hydra, a/.hydra"


def test_the_metrics_in_the_folder_of_a_job() -> None:
    in_job = ["logs/1/csv/metrics.csv", "logs/1/a/m.json", "logs/1/b/m.json", "logs/1/y.json"]
    written = [*in_job, "logs/2/x.json", "y.json"]
    names = ["metrics.csv", "m.json", "x.json", "y.json"]
    assert hydra_output.metrics_in("logs/1", names, written) == {"metrics.csv": "logs/1/csv/metrics.csv"}


@pytest.mark.parametrize(
    ("text", "override", "message", "hint"),
    [
        (
            "In 'c': Could not find 'db/x'\n\nAvailable options in 'db':\n\tpg\n\tme\nConfig search path:",
            "",
            "Hydra: In 'c': Could not find 'db/x'.",
            "db has: me, pg.",
        ),
        (
            "Could not override 'a'.\nTo append use +a=1\nKey 'a' is not in struct\nfull_key: a",
            "",
            "Hydra: Could not override 'a'.",
            "To append use +a=1",
        ),
        (
            "no viable alternative at input '[1'\nSee https://hydra.cc/docs/1.2/x for details",
            "lr=[1",
            "Hydra cannot read lr=[1: no viable alternative at input '[1'.",
            None,
        ),
        (
            "BasicSweeper does not support sweep type : INTERVAL_SWEEP",
            "",
            "interval(…) names no values to run.",
            "Name them: -S lr=0.1,0.01; a search takes bounds: -S 'lr=uniform(0,1)'",
        ),
    ],
)
def test_errors_of_hydra_in_one_sentence(text: str, override: str, message: str, hint: str | None) -> None:
    error = as_ours({"kind": "X", "from": "hydra", "text": text, "override": override})
    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize("overrides", [[], ["model=vit", "+x=[1, 2]", 'name="é\n"', "# With: []"]])
def test_a_composed_file_says_its_overrides(overrides: list[str]) -> None:
    data = hydra_params.sealed(HydraConfig("conf"), overrides, 'text: |\n# With: ["lr=3"]\n')
    assert hydra_params.standing("params.yaml", data) == overrides
    assert hydra_params.standing("params.yaml", data.replace(b"\n", b"\r\n")) == overrides
    for edited in (data + b"a: 1\n", data.replace(b"conf", b"else"), b"lr: 0.1\n", b"\xff"):
        with pytest.raises(FileError) as caught:
            hydra_params.standing("params.yaml", edited)
        assert str(caught.value).startswith("params.yaml: this file is not as Hydra composed it")
