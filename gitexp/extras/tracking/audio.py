"""Sounds as artifacts: WAV."""

from __future__ import annotations

import array
import io
import os
import sys
import wave
from pathlib import Path
from typing import Any

from gitexp.extras.tracking.arrays import as_array, as_list
from gitexp.extras.tracking.artifact_names import artifact_name
from gitexp.extras.tracking.run_log import RunLog

_WIDTHS = {"uint8": 1, "int16": 2, "int32": 4}  # kinds of samples that a WAV has as they are -> bytes


def log_audio(log: RunLog, name: str, samples: Any, rate: int | None = None, step: int | None = None) -> None:
    """Log a sound, see `Run.log_audio`."""
    if isinstance(samples, str | os.PathLike):
        path = Path(samples)
        log.copy_file(path, artifact_name("audio", name, path.suffix, step))
        return
    if isinstance(rate, bool) or not isinstance(rate, int) or rate <= 0:
        raise TypeError(f"the sound {name!r} needs rate=…, its samples a second; it is {rate!r}")
    log.put_bytes(artifact_name("audio", name, ".wav", step), _wav(name, samples, rate))


def _wav(name: str, samples: Any, rate: int) -> bytes:
    found = as_array(samples)
    if found is None:
        channels, width, frames = 1, 2, _frames_of_list(name, samples)
    else:
        found = _last_channels(name, found)
        channels = found.shape[1]
        width = _WIDTHS.get(str(found.dtype), 2)
        frames = _frames_of_array(name, found)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        writer.writeframes(frames)
    return file.getvalue()


def _last_channels(name: str, samples: Any) -> Any:
    """The samples as moments by channels; there are fewer channels than moments."""
    shape = tuple(samples.shape)
    if len(shape) == 1:
        return samples.reshape((-1, 1))
    if len(shape) == 2:
        return samples if shape[1] <= shape[0] else samples.transpose(1, 0)
    raise ValueError(f"the sound {name!r} has samples, or samples by channels, and not the shape {shape}")


def _frames_of_array(name: str, samples: Any) -> bytes:
    if str(samples.dtype) in _WIDTHS:
        return bytes(samples.astype(samples.dtype.newbyteorder("<")).tobytes())
    if samples.dtype.kind != "f":
        raise ValueError(
            f"the sound {name!r} has samples of {samples.dtype}; a WAV has floats from -1 to 1, "
            "uint8, int16 or int32"
        )
    if not (samples.min(initial=0) >= -1 and samples.max(initial=0) <= 1):
        raise ValueError(f"the samples of the sound {name!r} are not all from -1 to 1")
    return bytes((samples * 32767).round().astype("<i2").tobytes())


def _frames_of_list(name: str, samples: Any) -> bytes:
    values = as_list(f"the samples of the sound {name!r}", samples)
    if not all(isinstance(value, int | float) and -1 <= value <= 1 for value in values):
        raise ValueError(f"the samples of the sound {name!r} are not all numbers from -1 to 1")
    frames = array.array("h", [round(value * 32767) for value in values])
    if sys.byteorder == "big":
        frames.byteswap()
    return frames.tobytes()
