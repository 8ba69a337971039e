"""What a script logs as files: figures, tables, texts, sounds, confusion matrices, files and folders."""

from __future__ import annotations

import csv
import io
import json
import wave
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gitexp.extras.tracking.png import encode
from gitexp.extras.tracking.run import Run
from gitexp.extras.tracking.run_log import RunLog
from tests.extras.tracking.test_runs import only, script
from tests.support.workspace import Workspace


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that logs into a folder."""
    return Run("one", RunLog(tmp_path / "logged"))


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return tmp_path / "logged/artifacts"


def test_figures(run: Run, top: Path, tmp_path: Path) -> None:
    class Drawn:
        def savefig(self, file: io.BytesIO, format: str) -> None:
            file.write(format.encode())

    class Axes:
        figure = Drawn()

    class Plotly:
        def write_html(self) -> None: ...

        def to_plotly_json(self) -> None: ...

        def to_html(self, **options: object) -> str:
            return f"<html>{options['include_plotlyjs']}"

    class Image:
        mode, size = "CMYK", (1, 1)

        def convert(self, mode: str) -> Image:
            self.mode = mode
            return self

        def save(self, file: io.BytesIO, format: str) -> None:
            file.write(f"{self.mode} {format}".encode())

    (tmp_path / "drawn.svg").write_text("<svg/>")
    run.log_figure("a", Drawn())
    run.log_figure("a", Axes(), step=3)
    run.log_figure("deep/b", Plotly())
    run.log_figure("c", Image())
    run.log_figure("d", np.zeros((2, 3)))
    run.log_figure("e", tmp_path / "drawn.svg")
    assert (top / "figures/a.png").read_bytes() == (top / "figures/a/3.png").read_bytes() == b"png"
    assert (top / "figures/deep/b.html").read_text() == "<html>cdn"
    assert (top / "figures/c.png").read_text() == "RGB PNG"
    assert (top / "figures/d.png").read_bytes().startswith(b"\x89PNG")
    assert (top / "figures/e.svg").read_text() == "<svg/>"
    with pytest.raises(TypeError, match="'f' is a dict; log_figure takes"):
        run.log_figure("f", {})


def pixels(png: bytes) -> tuple[tuple[int, int, int, int], bytes]:
    """Width, height, depth and type of a PNG of one filter, and its bytes without those of the filter."""
    width, height = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
    start = png.index(b"IDAT") + 4
    size = int.from_bytes(png[start - 8 : start - 4])
    assert zlib.crc32(png[start - 4 : start + size]) == int.from_bytes(png[start + size : start + size + 4])
    data = zlib.decompress(png[start : start + size])
    row = len(data) // height
    return (width, height, png[24], png[25]), b"".join(
        data[at + 1 : at + row] for at in range(0, len(data), row)
    )


@pytest.mark.parametrize(
    ("array", "head", "data"),
    [
        (np.array([[0, 255, 7]], np.uint8), (3, 1, 8, 0), b"\x00\xff\x07"),
        (np.array([[True], [False]]), (1, 2, 8, 0), b"\xff\x00"),
        (np.array([[0.0, 0.5, 1.0]]), (3, 1, 8, 0), b"\x00\x80\xff"),
        (np.arange(6).reshape(1, 2, 3), (2, 1, 8, 2), bytes(range(6))),
        (np.arange(24).reshape(3, 2, 4), (2, 3, 8, 6), bytes(range(24))),
        (
            np.arange(30).reshape(3, 2, 5),
            (5, 2, 8, 2),
            np.arange(30, dtype=np.uint8).reshape(3, 10).T.tobytes(),
        ),
        (np.array([[256, 1]], np.uint16), (2, 1, 16, 0), b"\x01\x00\x00\x01"),
    ],
)
def test_an_array_as_png(array: Any, head: tuple[int, ...], data: bytes) -> None:
    assert pixels(encode(array)) == (head, data)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(3),
        np.zeros((5, 5, 7)),
        np.zeros((0, 3)),
        np.array([[2.0]]),
        np.array([[np.nan]]),
        np.array([[300]]),
        np.array([[-1]]),
        np.array([["a"]]),
    ],
)
def test_what_is_no_image(array: Any) -> None:
    with pytest.raises(ValueError, match="image"):
        encode(array)


def test_tables(run: Run, top: Path) -> None:
    class Frame:
        index, columns = range(2), ("a",)

        def to_csv(self, *, index: bool, lineterminator: str) -> str:
            return f"pandas {index}"

    run.log_table("dicts", [{"a": np.float64(0.5), "b": [1, "x"]}, {"a": float("nan"), "c": "x,\ny"}])
    run.log_table("lists", {"n": np.arange(2), "name": ["a", None]}, step=7)
    run.log_table("rows", [(1, 2), [3, 4]], columns=["x", "y"])
    run.log_table("frame", Frame())
    run.log_table("empty", [])
    found = {}
    for path in (top / "tables").rglob("*.csv"):
        rows = csv.reader(io.StringIO(path.read_text(), newline=""))
        found[path.relative_to(top / "tables").as_posix()] = [*rows]
    assert found == {
        "dicts.csv": [["a", "b", "c"], ["0.5", '[1, "x"]', ""], ["nan", "", "x,\ny"]],
        "lists/7.csv": [["n", "name"], ["0", "a"], ["1", ""]],
        "rows.csv": [["x", "y"], ["1", "2"], ["3", "4"]],
        "frame.csv": [["pandas True"]],
        "empty.csv": [[]],
    }


@pytest.mark.parametrize(
    ("table", "columns", "error"),
    [
        ("text\nof a file", None, FileNotFoundError),
        (5, None, TypeError),
        ([1, 2], None, TypeError),
        ([[1, 2]], ["a"], ValueError),
        ({"a": [1], "b": [1, 2]}, None, ValueError),
        ({"a": 5}, None, TypeError),
    ],
)
def test_what_is_no_table(run: Run, table: Any, columns: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        run.log_table("t", table, columns=columns)


def test_texts_sounds_and_confusion(run: Run, top: Path) -> None:
    run.log_text("notes.md", "# ü\n")
    run.log_text("v1.5", "half of a pair: \ud800")
    run.log_audio("mono", [0.0, 1.0, -1.0], 8000)
    run.log_audio("stereo", np.zeros((2, 5), np.int16), 44100, step=1)
    run.log_audio("floats", np.array([0.5, -1.0], np.float32), rate=100)
    run.log_confusion("val", np.array([1, 0, 1]), ["1", 0, 1])
    assert (top / "texts/notes.md").read_text() == "# ü\n"
    assert (top / "texts/v1.5.txt").read_text() == "half of a pair: \\ud800"
    found = {}
    for name in ("mono.wav", "stereo/1.wav", "floats.wav"):
        with wave.open(str(top / "audio" / name)) as sound:
            shape = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate(), sound.getnframes())
            found[name] = (*shape, sound.readframes(9))
    assert found == {
        "mono.wav": (1, 2, 8000, 3, b"\0\0\xff\x7f\x01\x80"),
        "stereo/1.wav": (2, 2, 44100, 5, bytes(20)),
        "floats.wav": (1, 2, 100, 2, b"\x00\x40\x01\x80"),
    }
    assert json.loads((top / "confusion/val.json").read_text()) == {
        "labels": [0, 1, "1"],
        "matrix": [[1, 0, 0], [0, 1, 1], [0, 0, 0]],
    }
    with pytest.raises(TypeError, match="rate="):
        run.log_audio("a", [0.0])
    with pytest.raises(ValueError, match="from -1 to 1"):
        run.log_audio("a", [2.0], 1)
    with pytest.raises(ValueError, match="3 labels and 1 predictions"):
        run.log_confusion("a", [1, 2, 3], [1])
    with pytest.raises(TypeError, match="classes"):
        run.log_confusion("a", [1], [[0.5, 0.5]])
    with pytest.raises(TypeError, match="takes a str"):
        run.log_text("a", 5)  # type: ignore[arg-type]  # a wrong use


@pytest.mark.parametrize(
    "name",
    ["", "../x", "/x", "a/../b", ".git/x", "a\nb", "a\0", "\udcff", "x" * 250, "gitexp.lock", "a\\b", "nul"],
)
def test_names_that_no_artifact_has(run: Run, top: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="artifact cannot be called"):
        run.log_artifact(tmp_path / "file", name)
    assert not top.exists()


def test_folders_and_links(run: Run, top: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "model/deep").mkdir(parents=True)
    (tmp_path / "model/deep/weights").write_text("w")
    (tmp_path / "model/inside").symlink_to("deep/weights")
    (tmp_path / "model/outside").symlink_to("../secret")
    (tmp_path / "model/dangling").symlink_to("nowhere")
    run.log_artifact(tmp_path / "model")
    run.log_artifact(tmp_path / "model/deep", "other/")
    found = sorted(path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file())
    assert found == ["model/deep/weights", "model/inside", "other/weights"]
    assert capsys.readouterr().err.count("gitexp: ") == 1
    facts = (tmp_path / "logged/facts.jsonl").read_text().splitlines()
    assert [json.loads(line)["warning"][0].rpartition(" ")[2] for line in facts] == [
        "model/dangling",
        "model/outside",
    ]
    with pytest.raises(FileNotFoundError):
        run.log_artifact(tmp_path / "nothing")
    with pytest.raises(ValueError, match="called like its folder"):
        run.log_artifact(tmp_path / "secret", "model/inside/x")
    with pytest.raises(TypeError):
        run.log_artifact(5)  # type: ignore[arg-type]  # a wrong use


def test_a_folder_is_logged_whole_or_not_at_all(run: Run, top: Path, tmp_path: Path) -> None:
    (tmp_path / "model/a").mkdir(parents=True)
    (tmp_path / "model/a/weights").write_text("w")
    (tmp_path / "model/gitexp.lock").touch()
    with pytest.raises(ValueError, match=r"cannot be called 'model/gitexp\.lock'"):
        run.log_artifact(tmp_path / "model")
    assert not top.exists()
    with pytest.raises(ValueError, match="gitexp's own files in it"):  # it would be copied into itself
        run.log_artifact(tmp_path, "all")
    assert not top.exists()
    folder = run.folder("checkpoints")
    assert folder is not None
    (folder / "last").touch()
    run.log_artifact(folder, "checkpoints/again")
    assert sorted(path.name for path in folder.iterdir()) == ["again", "last"]


TRAIN = """
import gitexp

params = gitexp.params()
assert params.train.lr == params["train"]["lr"] == 0.5, params
with open("large.bin", "wb") as file:
    file.write(b"x" * 3_000_000)
with gitexp.start_run("one"):
    gitexp.log_artifact("large.bin", "models/best.bin")
    gitexp.log_text("words", "words")
"""


def test_large_artifacts_travel_with_their_experiment(repo: Workspace, tmp_path: Path) -> None:
    """Through the store, gc, fsck, the data remote, the trash; a branch leaves them where they are."""
    repo.write("gitexp.yaml", "max_untracked: 1MB\n")
    repo.write("params.yaml", "train: {lr: 0.5}\n")
    repo.write(".gitignore", "large.bin\n")
    repo.commit()
    repo.writes("large.bin")
    script(repo, TRAIN)
    experiment = only(repo)
    (large, words) = repo.json("artifacts", "one")["artifacts"]
    assert (large["name"], large["size"]) == ("models/best.bin", 3_000_000)
    assert words == {"name": "texts/words.txt", "size": 5, "hash": None}
    assert repo.json("show", "one")[0]["artifacts"] == [large, words]
    assert "models/best.bin" in repo.gitexp("show", "one").stdout
    repo.gitexp("remove", "-y", "one")
    assert repo.json("gc", "--yes")["used"]["objects"] == 1
    repo.gitexp("restore", "one")
    assert repo.json("fsck")["objects"] == 1

    repo.allow("files", "gitexp.yaml")
    repo.gitexp("remote", "add", "store", str(tmp_path / "store"))
    assert repo.json("data", "push", "one")["objects"] == 1
    stored = repo.path / ".git/gitexp/objects" / large["hash"][:2] / large["hash"][2:]
    stored.unlink()
    assert repo.json("fsck")["elsewhere"]
    listed = repo.gitexp("artifacts", "one", "--format", "csv", "--limit", "1").stdout
    assert listed == f"name,size,hash\nmodels/best.bin,3000000,{large['hash']}\n"
    repo.gitexp("artifacts", "one", "--output", str(tmp_path / "out"))
    assert (tmp_path / "out/models/best.bin").read_bytes() == b"x" * 3_000_000
    assert (tmp_path / "out/texts/words.txt").read_text() == "words"
    for wrong, told in ((".git/x", "in a folder of Git's own"), ("params.yaml", "is a file, and no folder")):
        refused = repo.gitexp("artifacts", "one", "--output", wrong, check=False)
        assert told in refused.stderr
        assert "--output artifacts" in refused.stderr
    again = repo.gitexp("artifacts", "one", "texts", "--output", str(tmp_path / "out"), check=False)
    assert "there is already" in again.stderr
    repo.gitexp("artifacts", "one", "texts", "--output", str(tmp_path / "out"), "--force")
    assert repo.json("data", "pull", "one")["objects"] == 0
    repo.allow("refs", "refs/heads/side")
    repo.allow("reflogs", "refs/heads/side")
    repo.gitexp("branch", "one", "side")
    assert "models" not in repo.git("ls-tree", "-r", "--name-only", "side")
    assert experiment.record.warnings == ()


def test_params_of_several_files(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "params: [a.yaml, b.yaml]\n")
    repo.write("a.yaml", "train: {lr: 1, deep: [{x: 1}]}\n")
    repo.write("b.yaml", "train: {momentum: 2}\n")
    repo.commit()
    repo.writes("b.yaml")
    printed = script(
        repo,
        "import gitexp, copy, pickle\n"
        "p = gitexp.params()\n"
        "assert p['train.lr'] == p.train.lr and 'train.no' not in p\n"
        "print(p.train.lr, p.train.momentum, p.train.deep[0].x, p.to_dict(), dict(**p.train))\n"
        "assert copy.deepcopy(p) == p and pickle.loads(pickle.dumps(p)) == p\n"
        "try:\n    p.train.nothing\nexcept AttributeError as error:\n    print(error)\n"
        "print(gitexp.params('b.yaml'))\n"
        "open('b.yaml', 'w').write('train: {lr: 2}')\n"
        "try:\n    gitexp.params()\nexcept KeyError as error:\n    print(error)\n",
    )
    lines = printed.splitlines()
    assert lines[0].startswith("1 2 1 {'train': {'lr': 1, ")
    assert "there is no param 'nothing'; those here: lr, deep, momentum" in lines[1]
    assert lines[2] == "Params({'train': {'momentum': 2}})"
    assert "train.lr has another value in a.yaml than in b.yaml" in lines[3]
