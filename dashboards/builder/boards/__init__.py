"""Every board, in the order of the menu; a new board is one module and one line here."""

from __future__ import annotations

from ..model import Board
from . import logs, node, services

__all__ = ["BOARDS"]

BOARDS: tuple[Board, ...] = (node.BOARD, logs.BOARD, services.BOARD)
