"""What else an environment is made of than packages: variables, package indexes, and the machine.

All of it is text that goes into a record, which others may read. So variables are taken from a list of names,
and URLs lose their passwords.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from gitexp.masks import without_credentials
from gitexp.regex import regex

# Variables that change numbers, or the order in which threads add them up.
REPEATED = (
    *("PYTHONHASHSEED", "PYTHONOPTIMIZE", "PL_GLOBAL_SEED"),
    *("OMP_NUM_THREADS", "OMP_DYNAMIC", "OMP_PROC_BIND", "OMP_SCHEDULE", "KMP_BLOCKTIME", "KMP_AFFINITY"),
    *("MKL_NUM_THREADS", "MKL_DYNAMIC", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS"),
    *("OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "NPY_DISABLE_CPU_FEATURES", "ATEN_CPU_CAPABILITY", "POLARS_MAX_THREADS"),
    *("CUBLAS_WORKSPACE_CONFIG", "CUDA_LAUNCH_BLOCKING", "NVIDIA_TF32_OVERRIDE", "NCCL_ALGO", "NCCL_PROTO"),
    *("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "PYTORCH_CUDA_ALLOC_CONF", "TORCH_DETERMINISTIC"),
    *("TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC", "TF_ENABLE_ONEDNN_OPTS"),
    *("XLA_FLAGS", "JAX_ENABLE_X64", "JAX_DEFAULT_MATMUL_PRECISION"),
    *("TZ", "LANG", "LC_ALL"),
)
_OF_MACHINE = ("CUDA_VISIBLE_DEVICES", "CUDA_VERSION", "JAX_PLATFORMS")  # told, and not set again
_INDEXES = {
    "PIP_INDEX_URL": "index",
    "UV_DEFAULT_INDEX": "index",
    "UV_INDEX_URL": "index",
    "PIP_EXTRA_INDEX_URL": "extra-index",
    "UV_INDEX": "extra-index",
    "UV_EXTRA_INDEX_URL": "extra-index",
    "PIP_FIND_LINKS": "find-links",
    "UV_TORCH_BACKEND": "torch-backend",
}
_OF_PIP = regex(r"^\s*(index[-_]url|extra[-_]index[-_]url)\s*[=:]\s*(\S.*)$", re.MULTILINE)
_CPU = regex(r"^model name\s*:\s*(.+)$", re.MULTILINE)
_DRIVER = regex(r"Kernel Module\s+(?:for \S+\s+)?([0-9.]+)")
_LONGEST = 300  # characters of a value
_HEAD = 8192  # bytes of a file of the system

Line = tuple[str, str]


def details(env: Mapping[str, str]) -> tuple[Line, ...]:
    """The lines for the record, by key: of a command with these variables, on this machine."""
    found = [*_machine()]
    for key, value in _indexes(env):
        found.append((key, without_credentials(value)))
    for name in (*REPEATED, *_OF_MACHINE):
        if name in env:
            found.append(("variable", f"{name}={env[name]}"))
    return tuple((key, value[:_LONGEST]) for key, value in found if value.isprintable())


def _indexes(env: Mapping[str, str]) -> Iterator[Line]:
    """Where packages come from: by variables, else by pip's files."""
    named = False
    for name, key in _INDEXES.items():
        for url in env.get(name, "").split():
            named = named or key == "index"
            yield key, url
    if named:
        return
    home = env.get("HOME", "")
    config = env.get("XDG_CONFIG_HOME", f"{home}/.config")
    for file in (
        env.get("PIP_CONFIG_FILE", ""),
        f"{config}/pip/pip.conf",
        f"{home}/.pip/pip.conf",
        "/etc/pip.conf",
    ):
        for match in _OF_PIP.finditer(_head(file)):
            kind = "index"
            if match[1].startswith("extra"):
                kind = "extra-index"
            for url in match[2].split():
                yield kind, url


def _machine() -> Iterator[Line]:
    """The processor, the C library and the driver, if a file tells."""
    if sys.platform != "linux":
        return
    if (cpu := _CPU.search(_head("/proc/cpuinfo"))) is not None:
        yield "cpu", cpu[1].strip()
    with contextlib.suppress(OSError, ValueError):
        yield "libc", os.confstr("CS_GNU_LIBC_VERSION") or ""
    if (driver := _DRIVER.search(_head("/proc/driver/nvidia/version"))) is not None:
        yield "driver", driver[1]


def _head(file: str) -> str:
    """The beginning of a file; "" for none."""
    try:
        with Path(file).open("rb") as opened:
            return opened.read(_HEAD).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
