"""Values that options of the command take, checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Final, TypeVar, get_args

import click

from inspect_mlflow_compare._types import Better

__all__ = ["EVERY_SCORER", "directions", "margins", "share"]

EVERY_SCORER: Final = "*"
"""Stands for all scorers that are not named."""

_Value = TypeVar("_Value")


def margins(ctx: click.Context, param: click.Parameter, values: Iterable[str]) -> dict[str, float]:
    """Losses by scorer, from `0.02` for all and `SCORER=0.02` for one.

    Raises:
        click.BadParameter: A value is something else, or a scorer was named twice.
    """
    return _by_scorer(ctx, param, values, _loss, "a loss such as 0.02 or SCORER=0.02")


def directions(ctx: click.Context, param: click.Parameter, values: Iterable[str]) -> dict[str, str]:
    """Directions by scorer, from `SCORER=lower` and `SCORER=higher`.

    Raises:
        click.BadParameter: A value is something else, or a scorer was named twice.
    """
    wanted = "SCORER=lower or SCORER=higher"
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f"{value!r} is not {wanted}", ctx=ctx, param=param)
    return _by_scorer(ctx, param, values, _direction, wanted)


def share(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A share, from `0.05` or `5%`.

    Raises:
        click.BadParameter: It is something else, or not from 0 to 1.
    """
    if value is None:
        return None
    text = value.strip()
    try:
        number = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise click.BadParameter(f"{value!r} is not a share such as 0.05 or 5%", ctx, param)
    return number


def _by_scorer(
    ctx: click.Context,
    param: click.Parameter,
    values: Iterable[str],
    parse: Callable[[str], _Value],
    wanted: str,
) -> dict[str, _Value]:
    found: dict[str, _Value] = {}
    for value in values:
        # A scorer's name may have the sign in it, what is said of it has not.
        name, sign, text = value.rpartition("=")
        try:
            parsed = parse(text.strip())
        except ValueError:
            raise click.BadParameter(f"{value!r} is not {wanted}", ctx, param) from None
        if sign and not name:
            raise click.BadParameter(f"{value!r} names no scorer", ctx, param)
        scorer = name or EVERY_SCORER
        if scorer in found:
            raise click.BadParameter(f"given twice for {scorer!r}", ctx, param)
        found[scorer] = parsed
    return found


def _loss(text: str) -> float:
    loss = float(text)
    if not (math.isfinite(loss) and loss >= 0):
        raise ValueError("a loss is not negative")
    return loss


def _direction(text: str) -> str:
    if text not in get_args(Better):
        raise ValueError("there is no such direction")
    return text
