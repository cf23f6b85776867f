#!/usr/bin/env python3
"""Obtain the real servers that the tests and the demo run against: `make servers`.

Idempotent: what is on the PATH or in the cache already is left alone, and a second run does nothing.
Needs Python's standard library only, so that it also works before the environment is there. Every
download is checked against a digest that is committed: SHA-256 here, go.sum beside the Go modules,
the archive's own signatures for Debian packages.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))  # run as a script, also by `python -I`

from tests.servers import golang, jvm  # noqa: E402
from tests.servers.obtaining import Part, Unobtainable, apt, cache, on_path, say  # noqa: E402


def postgres() -> Path | None:
    """PostgreSQL's server, which Debian keeps beside the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1] if found else on_path("postgres")()


# What the dashboards and rules of databases and probes are about; only tests of these need them.
EXPORTERS = [
    Part("redis", "5 s, 5 MB (Debian)", on_path("redis-server"), apt("redis-server")),
    Part("mariadb", "60 s, 180 MB (Debian)", on_path("mariadbd"), apt("mariadb-server")),
    Part("postgres", "20 s, 60 MB (Debian)", postgres, apt("postgresql")),
    *(
        Part(
            f"{name}_exporter",
            "5 s, 15 MB (Debian)",
            on_path(f"{name}_exporter", f"prometheus-{name}-exporter"),
            apt(f"prometheus-{name}-exporter"),
        )
        for name in ("redis", "mysqld", "postgres", "elasticsearch", "blackbox")
    ),
]


def parts(*, newest: bool, exporters: bool = False) -> list[Part]:
    """Everything to have, in the order to obtain it."""
    wanted = [
        Part("prometheus", "20 s, 35 MB (Debian)", on_path("prometheus"), apt("prometheus")),
        Part("promtool", "with prometheus", on_path("promtool"), apt("prometheus")),
        Part(
            "alertmanager",
            "10 s, 15 MB (Debian)",
            on_path("alertmanager", "prometheus-alertmanager"),
            apt("prometheus-alertmanager"),
        ),
        Part("amtool", "with alertmanager", on_path("amtool"), apt("prometheus-alertmanager")),
        Part(
            "node_exporter",
            "10 s, 5 MB (Debian)",
            on_path("node_exporter", "prometheus-node-exporter"),
            apt("prometheus-node-exporter"),
        ),
        *jvm.parts(),
        *golang.parts(),
    ]
    if exporters:
        wanted += EXPORTERS
    if newest:
        wanted += [*jvm.newest(), *golang.newest()]
    return wanted


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One run at a time on this cache; a second one waits and says so."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run is obtaining servers into {cache()}: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def obtain_all(wanted: list[Part]) -> dict[str, str]:
    """Obtain what is missing; the reason of everything that could not be had."""
    missing = [part for part in wanted if part.find() is None]
    if missing:
        say(f"obtaining {len(missing)} of {len(wanted)} servers and tools, into {cache()}:")
        for part in missing:
            say(f"  {part.name:<24} {part.cost}")
    failed: dict[str, str] = {}
    for part in missing:
        if part.find() is not None:  # came with an earlier package
            continue
        say(f"  {part.name} …")
        started = time.monotonic()
        try:
            part.obtain()
            if part.find() is None:
                raise Unobtainable("obtained, but it is still not found")
            say(f"  {part.name} done in {time.monotonic() - started:.0f} s")
        except Unobtainable as error:
            failed[part.name] = str(error)
            say(f"  {part.name}: NOT obtained")
    return failed


def main(argv: list[str] | None = None) -> int:
    """Obtain everything and print what there is; 1 where something cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--newest", action="store_true", help="also the newest servers")
    parser.add_argument("--exporters", action="store_true", help="also databases and exporters")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    options = parser.parse_args(argv)
    wanted = parts(
        newest=options.newest or golang.PROMETHEUS.find() is not None,
        exporters=options.exporters or all(part.find() for part in EXPORTERS),
    )
    if options.list:
        failed = {part.name: "not here" for part in wanted if part.find() is None}
    else:
        with alone():
            failed = obtain_all(wanted)
    for part in wanted:
        say(
            f"{'ok' if part.name not in failed else 'MISSING':<8}{part.name:<24}{part.find() or '-'}"
        )
    for name, reason in failed.items():
        print(f"\n{name} cannot be had: {reason}", file=sys.stderr)
    return 1 if any(part.name in failed and not part.optional for part in wanted) else 0


if __name__ == "__main__":
    sys.exit(main())
