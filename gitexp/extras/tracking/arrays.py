"""Arrays and tensors of other packages, known by what they can do: nothing of these packages is imported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def as_array(value: Any) -> Any:
    """The array of NumPy's in a tensor of PyTorch's or TensorFlow's; any other array as it is; else None."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if not hasattr(value, "tobytes") and hasattr(value, "numpy"):
        value = value.numpy()
    if all(hasattr(value, name) for name in ("shape", "dtype", "tobytes", "astype")):
        return value
    return None


def as_list(what: str, value: Any) -> list[Any]:
    """The values of a sequence, an array, a tensor or a column of a table. Raises TypeError for others."""
    array = as_array(value)
    if array is not None:
        value = array
    if hasattr(value, "tolist"):
        value = value.tolist()
    elif hasattr(value, "to_list"):
        value = value.to_list()
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"{what} are a sequence or an array, and not a {type(value).__name__}")
    return list(value)
