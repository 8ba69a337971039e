"""Expressions of Python worked out without running them, and the names that a statement gives a value."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from gitexp.files.limits import MAX_INT_BITS, MAX_LEAVES
from gitexp.files.scalars import is_nested, is_number
from gitexp.model import MISSING, Value

_MOST_TEXT = 1 << 16  # characters of a text that is put together

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {"float": float, "int": int}


def value_of(item: ast.expr) -> Value:
    """The value of a literal, or of an expression of literals: `2**19`, `-1`, `int(6e5)`, `[64] * 3`.

    MISSING for code to be run, for values unfit for a params file, and for too large values.
    """
    try:
        value = _value_of(item)
    except (ArithmeticError, ValueError, TypeError, RecursionError):
        return MISSING
    return value if _is_small(value) else MISSING


def _value_of(item: ast.expr) -> Any:
    match item:
        case ast.Constant(None | str() | int() | float() as value):
            return value
        case ast.UnaryOp(sign, operand) if type(sign) in _SIGNS:
            number = value_of(operand)
            return _SIGNS[type(sign)](number) if is_number(number) else MISSING
        case ast.UnaryOp(ast.Not(), ast.Constant(bool() as truth)):
            return not truth
        case ast.BinOp(left, sign, right):
            return _calculated(sign, value_of(left), value_of(right))
        case ast.Call(ast.Name("float" | "int" as name), [argument], []):
            given = value_of(argument)
            return MISSING if given is MISSING else _CONVERSIONS[name](given)
        case ast.List(items):
            values = list(map(value_of, items))
            return MISSING if MISSING in values else values
    return MISSING


def _calculated(sign: ast.operator, left: Any, right: Any) -> Any:
    """The result of an operator; MISSING for other than numbers, texts and lists, or a large result."""
    if is_number(left) and is_number(right):
        is_large = isinstance(sign, ast.Pow | ast.LShift) and _bits(sign, left, right) > MAX_INT_BITS
        value = MISSING if is_large else _OPERATORS[type(sign)](left, right)
        return value if is_number(value) else MISSING
    if isinstance(sign, ast.Add) and type(left) is type(right) and isinstance(left, str | list):
        return left + right
    if isinstance(sign, ast.Mult):
        for repeated, times in ((left, right), (right, left)):
            if _is_flat(repeated) and type(times) is int:
                return repeated * times if len(repeated) * times <= MAX_LEAVES else MISSING
    return MISSING


def _bits(sign: ast.operator, left: float, right: float) -> float:
    """About how many bits the result of a power or a shift has."""
    if isinstance(sign, ast.LShift):
        return right
    if isinstance(left, int) and isinstance(right, int):
        return left.bit_length() * right
    return 0  # floats overflow by themselves


def _is_flat(value: Any) -> bool:
    """Whether a value is a text, or a list without lists: a repetition multiplies its size and no more."""
    return isinstance(value, str) or (isinstance(value, list) and not any(map(is_nested, value)))


def _is_small(value: Any) -> bool:
    if isinstance(value, int):
        return value.bit_length() <= MAX_INT_BITS
    if isinstance(value, str):
        return len(value) <= _MOST_TEXT
    return not isinstance(value, list) or len(value) <= MAX_LEAVES


def bound_names(statement: ast.stmt) -> dict[str, int]:
    """The names bound or deleted by a statement, each with the line.

    Names inside functions, classes or comprehensions below the statement are other names.
    """
    found: dict[str, int] = {}
    waiting: list[ast.AST] = [statement]
    while waiting:
        item = waiting.pop()
        for name in _bound_by(item):
            found[name] = getattr(item, "lineno", statement.lineno)
        if isinstance(item, ast.comprehension):
            waiting += [item.iter, *item.ifs]
        elif not isinstance(item, _SCOPES) and not (isinstance(item, ast.AnnAssign) and item.value is None):
            waiting.extend(ast.iter_child_nodes(item))
    return found


def _bound_by(item: ast.AST) -> list[str]:
    match item:
        case ast.Name(name, ast.Store() | ast.Del()):
            return [name]
        case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
            return [name]
        case ast.alias(name, other_name) if name != "*":
            return [other_name or name.partition(".")[0]]
        case ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name):
            return [name]
    return []
