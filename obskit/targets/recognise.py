"""Which servers answer at which addresses: for ``init --from-running``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.errors import BadAnswerError, DeniedError, RejectedError, ServerError
from obskit.targets import REGISTRY, target_class

__all__ = ["Found", "look"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What answers at an address.

    Args:
        address: The address.
        target: Name of the target; empty when nothing that obskit knows answers.
        section: What obskit.yml should say of it.
        problem: Why nothing was found, in words.
    """

    address: str
    target: str = ""
    section: Mapping[str, Any] | None = None
    problem: str = ""


def look(addresses: Sequence[str], *, seconds: float = 10.0) -> list[Found]:
    """Ask each address what it is.

    Args:
        addresses: Addresses, such as ``http://127.0.0.1:9090``; without a scheme ``http://`` is meant.
        seconds: Deadline for each.
    """
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="look") as pool:
        return list(pool.map(lambda address: _look(address, seconds), addresses))


def _look(address: str, seconds: float) -> Found:
    # host:port is how people name a server; what speaks TLS says so below
    whole = address if "://" in address else f"http://{address}"
    http, deadline = Http(whole), Deadline.after(seconds)
    denied: list[str] = []
    for name in REGISTRY:
        try:
            section = target_class(name).recognise(http, deadline)
        except DeniedError:
            denied.append(name)  # it might be one that wants a password
            continue
        except (RejectedError, BadAnswerError):
            continue  # another kind of server: it knows no such path
        except ServerError as error:
            return Found(address=address, problem=error.message)
        if section is not None:
            return Found(address=address, target=name, section=section)
    if denied:
        return Found(
            address=address,
            problem=f"asks for a password (is it {' or '.join(denied)}?): write its section by hand",
        )
    return Found(address=address, problem="answers, but is no server that obskit knows")
