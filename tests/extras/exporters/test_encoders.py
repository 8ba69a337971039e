"""What gitexp writes in the forms of other tools, read back by its own readers."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.extras.integrations.file_formats import protobuf_writer, tensorboard_file, wandb_file
from gitexp.extras.integrations.file_formats.protobuf import Message

_BLOCK = 32 * 1024


@given(
    st.integers(1, 5000),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.floats(width=32),
    st.text(),
    st.binary(max_size=300),
)
def test_each_field_is_read_as_it_was_written(
    number: int, whole: int, double: float, single: float, text: str, content: bytes
) -> None:
    assert Message(protobuf_writer.integer(number, whole)).integer(number) == whole
    assert Message(protobuf_writer.zigzag(number, whole)).zigzag(number) == whole
    assert _bits(Message(protobuf_writer.double(number, double)).double(number)) == _bits(double)
    assert _bits(Message(protobuf_writer.single(number, single)).single(number)) == _bits(single)
    assert Message(protobuf_writer.text(number, text)).text(number) == text
    assert Message(protobuf_writer.content(number, content)).content(number) == content
    inner = Message(protobuf_writer.message(number, protobuf_writer.text(1, text))).message(number)
    assert inner.text(1) == text


def test_a_number_too_large_for_32_bits_is_infinite() -> None:
    assert Message(protobuf_writer.single(1, 1e300)).single(1) == float("inf")
    assert Message(protobuf_writer.single(1, -1e300)).single(1) == float("-inf")


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert Message(protobuf_writer.text(1, "a\ud800b")).text(1) == "a?b"


@given(st.lists(st.binary(max_size=200)))
def test_events_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    file = tmp_path_factory.getbasetemp() / "events.out.tfevents.1.x"
    file.write_bytes(b"".join(tensorboard_file.framed(each) for each in contents))
    assert list(tensorboard_file.read(file)) == contents


@pytest.mark.parametrize(
    "sizes",
    [
        [0, 1, 0],
        [_BLOCK - 14, 5],  # the first block is full to the last byte
        [_BLOCK - 14 - 3, 5],  # no room for a piece: three zeros
        [_BLOCK - 14 - 7, 5],  # room for a piece without content
        [10 * _BLOCK, 3, 2 * _BLOCK],
    ],
)
def test_records_of_wandb_are_read_as_they_were_written(tmp_path: Path, sizes: list[int]) -> None:
    contents = [bytes(index % 251 for index in range(size)) for size in sizes]
    written = io.BytesIO()
    log = wandb_file.RecordLog(written)
    for each in contents:
        log.add(each)
    file = tmp_path / "run-x.wandb"
    file.write_bytes(written.getvalue())
    assert list(wandb_file.read(file)) == contents


def _bits(number: float) -> bytes:
    return struct.pack("<d", number)
