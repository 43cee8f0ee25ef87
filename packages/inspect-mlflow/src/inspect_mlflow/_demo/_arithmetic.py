"""Arithmetic on text, for the demo's calculator; nothing but numbers and four operators."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Final

_BINARY: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_UNARY: Final[dict[type[ast.unaryop], Callable[[float], float]]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_LONGEST_EXPRESSION: Final = 200


def calculate(expression: str) -> float:
    """Return the value of an expression of numbers, `+ - * /` and parentheses.

    The text comes from a model, so it is never executed: its syntax tree is walked.

    Args:
        expression: For example `(8 + 9) * 6`.

    Raises:
        ValueError: The text is something else, too long, or divides by zero.
    """
    if len(expression) > _LONGEST_EXPRESSION:
        raise ValueError(f"an expression has at most {_LONGEST_EXPRESSION} characters")
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body)
    except SyntaxError:
        raise ValueError(f"{expression!r} is not an expression") from None
    except (ZeroDivisionError, OverflowError) as error:
        raise ValueError(str(error)) from None


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return float(str(node.value))
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return _UNARY[type(node.op)](_value(node.operand))
    raise ValueError("only numbers, + - * / and parentheses are understood")
