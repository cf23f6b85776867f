"""Every board, in the order of the menu; a new board is one module and one line here."""

from __future__ import annotations

from ..model import Board
from . import (
    blackbox,
    clock,
    go,
    logs,
    mysql,
    node,
    postgres,
    python,
    redis,
    services,
    slo,
    stack,
)

__all__ = ["BOARDS"]

BOARDS: tuple[Board, ...] = tuple(
    module.BOARD
    for module in (
        services,
        slo,
        logs,
        node,
        clock,
        stack,
        python,
        go,
        redis,
        mysql,
        postgres,
        blackbox,
    )
)
