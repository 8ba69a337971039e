"""Params, metrics and overrides: parsed, flattened, edited in place. Bytes in, values or bytes out."""

from gitexp.files.command_words.overrides import Op, Override, apply_overrides, parse_override
from gitexp.files.keys import flatten, flatten_files, format_key, parse_key
from gitexp.files.metrics import parse_metrics
from gitexp.files.parse import parse, parse_leniently, parse_params
from gitexp.files.plain_values import measured
from gitexp.files.printed import check_printed, parse_printed, printed_tree
from gitexp.files.scalars import as_list, is_finite, is_number, jsonable

__all__ = [
    "Op",
    "Override",
    "apply_overrides",
    "as_list",
    "check_printed",
    "flatten",
    "flatten_files",
    "format_key",
    "is_finite",
    "is_number",
    "jsonable",
    "measured",
    "parse",
    "parse_key",
    "parse_leniently",
    "parse_metrics",
    "parse_override",
    "parse_params",
    "parse_printed",
    "printed_tree",
]
