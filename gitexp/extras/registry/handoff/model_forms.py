"""The form of a model's file: the framework that has written it, by its ending and its first bytes."""

from __future__ import annotations

import bz2
import lzma
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.registry.contents.choosing_models import MLMODEL
from gitexp.extras.registry.handoff.pickle_names import names_in
from gitexp.named_tuple import NamedTuple
from gitexp.words import shorten

# Forms of a file.
PICKLE, JOBLIB, SKOPS = "pickle", "joblib", "skops"
ONNX, TORCHSCRIPT, KERAS = "onnx", "torchscript", "keras"
XGBOOST, LIGHTGBM, CATBOOST = "xgboost", "lightgbm", "catboost"
MLFLOW = "mlflow"  # a folder

_READ = 1 << 20  # bytes of a file that are looked at
_BY_ENDING = {
    ".onnx": ONNX,
    ".cbm": CATBOOST,
    ".ubj": XGBOOST,
    ".bst": XGBOOST,
    ".keras": KERAS,
    ".h5": KERAS,
    ".hdf5": KERAS,
    ".skops": SKOPS,
}
_PICKLES = (".pkl", ".pickle", ".joblib", ".sav", ".model", ".gz", ".bz2", ".xz", ".lzma", ".z", "")
_TORCH = (".pt", ".pth", ".ckpt", ".bin", ".torchscript")
_NO_MODEL = ("builtins", "collections", "numpy", "pandas", "copyreg", "copy_reg", "joblib", "_codecs")
_FRAMEWORK = {
    ONNX: "onnx",
    TORCHSCRIPT: "torch",
    KERAS: "keras",
    XGBOOST: "xgboost",
    LIGHTGBM: "lightgbm",
    CATBOOST: "catboost",
    SKOPS: "sklearn",
}


class ModelForm(NamedTuple):
    """The form of a model.

    Attributes:
        name: `pickle`, `joblib`, `onnx`, `torchscript` and so on; `mlflow` for a folder with an MLmodel.
        framework: the module of the framework, such as `sklearn`; "" for a folder.
        modules: modules that a pickle names, without those below them; the framework's is the first.
    """

    name: str
    framework: str = ""
    modules: tuple[str, ...] = ()


def form_of(place: Path) -> ModelForm:
    """The form of a model at a place. Raises UsageError for a form that no server can load as it is."""
    if place.is_dir():
        if (place / MLMODEL).is_file():
            return ModelForm(MLFLOW)
        raise _unknown(place, f"{place.name} is a folder without an {MLMODEL}")
    ending = place.suffix.lower()
    known = _BY_ENDING.get(ending)
    if known is not None:
        return ModelForm(known, _FRAMEWORK[known], (_FRAMEWORK[known],))
    with place.open("rb") as opened:
        head = opened.read(_READ)
    if ending in (".json", ".txt", ".model") and (known := _of_trees(head)):
        return ModelForm(known, _FRAMEWORK[known], (_FRAMEWORK[known],))
    if ending in _TORCH and zipfile.is_zipfile(place):
        return _of_torch(place)
    if ending in (*_PICKLES, *_TORCH):
        return _of_pickle(place, head)
    raise _unknown(place, f"Nothing tells how {place.name} is loaded")


def _of_trees(head: bytes) -> str:
    """XGBOOST or LIGHTGBM for the beginning of a model of trees; "" for another file."""
    if head.startswith(b"tree\n"):
        return LIGHTGBM
    if head.lstrip().startswith(b"{") and b'"learner"' in head:
        return XGBOOST
    return ""


def _of_pickle(place: Path, head: bytes) -> ModelForm:
    content, is_packed = _unpacked(head)
    names = names_in(content)
    modules = list(dict.fromkeys(name.partition(".")[0] for name in names))
    if not modules:
        raise _unknown(place, f"{place.name} is no pickle of a model")
    own = [module for module in modules if module not in _NO_MODEL]
    if not own or modules[0] == "collections":
        raise _unknown(place, f"{place.name} holds {shorten(names[:3])}, and no model that predicts")
    if "__main__" in own:
        raise errors.UsageError(
            f"{place.name} needs a class of the script that wrote it (__main__), which no server has.",
            "Move the class into a module of its own, import it in the script, and run again.",
        )
    own = [module for module in own if module not in sys.stdlib_module_names]
    if not own:
        raise _unknown(place, f"{place.name} holds {shorten(names[:3])}, and no model that predicts")
    is_joblib = is_packed or any(name.startswith("joblib.") for name in names)
    return ModelForm(JOBLIB if is_joblib else PICKLE, own[0], tuple(own))


def _unpacked(head: bytes) -> tuple[bytes, bool]:
    """The bytes of a pickle, as many as are looked at, and whether joblib has packed them."""
    reader: Any = None
    if head.startswith(b"\x1f\x8b"):
        reader = zlib.decompressobj(31)
    elif head[:1] == b"\x78":
        reader = zlib.decompressobj()
    elif head.startswith(b"BZh"):
        reader = bz2.BZ2Decompressor()
    elif head.startswith((b"\xfd7zXZ", b"\x5d\x00\x00")):
        reader = lzma.LZMADecompressor(memlimit=1 << 28)
    if reader is None:
        return head, False
    try:
        content: bytes = reader.decompress(head, _READ)
    except (OSError, zlib.error, lzma.LZMAError, EOFError):
        return b"", True
    return content, True


def _of_torch(place: Path) -> ModelForm:
    """The form of an archive of PyTorch. Raises UsageError for weights without the code of the network."""
    try:
        with zipfile.ZipFile(place) as archive:
            names = archive.namelist()
            if any(name.endswith("/constants.pkl") for name in names):
                return ModelForm(TORCHSCRIPT, "torch", ("torch",))
            found = next((name for name in names if name.endswith("/data.pkl")), None)
            content = b""
            if found is not None:
                with archive.open(found) as opened:
                    content = opened.read(_READ)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, zlib.error) as error:
        raise _unknown(place, f"{place.name} is no archive that can be read: {error}") from None
    held = shorten(names_in(content)[:3]) or "weights"
    raise errors.UsageError(
        f"{place.name} has {held}: the code of the network is not in it.",
        "Store torch.jit.script(model) or an ONNX file in the run, and register that.",
    )


def _unknown(place: Path, why: str) -> errors.UsageError:
    return errors.UsageError(
        f"{why}.",
        f"A folder of mlflow.MODEL.save_model (it has an {MLMODEL}) or an ONNX file can be served.",
    )
