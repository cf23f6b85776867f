"""Scale: a plan without changes of 1,000 dashboards, 5,000 rules and 200 templates, and applying them.

obskit and a plain loop over the same client packages ask the same servers through the same proxy, which
holds each request back by 10 ms. Grafana is the stand-in of the tests, in a process of its own.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.estate import DASHBOARDS, RULES, TEMPLATES, Estate, estate
from benchmarks.latency import Proxy, delayed
from benchmarks.row import Row
from benchmarks.sides import measure

LATENCY = 0.010
ROUNDS = 3
_SERVERS = ("grafana", "elasticsearch", "prometheus")
_SETTINGS = """\
project: scale
prometheus: {url: "http://127.0.0.1:1", files: files, packs: []}
"""
#: Packages that only one target needs each.
_CLIENTS = ("elasticsearch", "grafana_client", "niquests", "prometheus_api_client", "structlog")


def run() -> list[Row]:
    """All rows."""
    return [*_start(), *_scale()]


# Scale ------------------------------------------------------------------------------------------------


def _scale() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        base.chmod(0o755)  # Elasticsearch runs as another user
        return [*_applying(base / "apply"), *_planning(base / "plan")]


def _applying(folder: Path) -> list[Row]:
    """Each round has a Grafana of its own, since what was applied is there."""
    best = {"ours_apply": float("inf"), "loop_apply": float("inf")}
    memory = 0.0
    for number in range(ROUNDS):
        for side, least in best.items():
            with (
                estate(folder / f"{side}-{number}", whole=False) as on,
                delayed([on.grafana]) as proxy,
            ):
                proxy.hold_back(LATENCY)
                found = measure(side, replace(on, grafana=proxy.urls[0]))
            best[side] = min(least, found["seconds"])
            memory = max(memory, found["mib"] if side == "ours_apply" else 0.0)
    ours, loop = best["ours_apply"], best["loop_apply"]
    return [
        _times(f"apply {DASHBOARDS:,} dashboards, 10 ms latency, against a loop", ours, loop, "at least 4"),
        _memory(f"greatest memory of applying {DASHBOARDS:,} dashboards", memory),
    ]  # fmt: skip


def _planning(folder: Path) -> list[Row]:
    with (
        estate(folder) as near,
        delayed([near.grafana, near.elasticsearch, near.prometheus]) as proxy,
    ):
        on = replace(near, **dict(zip(_SERVERS, proxy.urls, strict=True)))
        measure("ours_apply", on)
        best, memory, counts = _turns(on, proxy, LATENCY, ROUNDS)
        bare, _, _ = _turns(on, proxy, 0.0, 1)
    what = f"{DASHBOARDS:,} dashboards, {RULES:,} rules, {TEMPLATES} templates"
    asked = dict(zip(_SERVERS, counts["ours_plan"], strict=True))
    looped = dict(zip(_SERVERS, counts["loop_plan"], strict=True))
    each = asked["grafana"] / DASHBOARDS
    figure = f"plan of no change, {what}"
    return [
        _times(f"{figure}, 10 ms latency", best["ours_plan"], best["loop_plan"], "at least 5"),
        _times("the same, no latency", bare["ours_plan"], bare["loop_plan"], ""),
        _memory("greatest memory of that plan", memory),
        _requests("Grafana, a dashboard", asked["grafana"], looped["grafana"], each, "at most 1.01"),
        *(
            _requests(f"{name.title()}, in all", asked[name], looped[name], asked[name], most)
            for name, most in (("elasticsearch", "at most 12"), ("prometheus", "at most 2"))
        ),
    ]  # fmt: skip


def _turns(
    on: Estate, proxy: Proxy, latency: float, rounds: int
) -> tuple[Mapping[str, float], float, Mapping[str, Sequence[int]]]:
    """The least seconds of each side, our greatest memory, and requests by server; they take turns."""
    best = {"ours_plan": float("inf"), "loop_plan": float("inf")}
    counts: dict[str, Sequence[int]] = {}
    memory = 0.0
    for _ in range(rounds):
        for side, least in best.items():
            proxy.hold_back(latency)
            found = measure(side, on)
            counts[side] = proxy.counts()
            best[side] = min(least, found["seconds"])
            memory = max(memory, found["mib"] if side == "ours_plan" else 0.0)
    return best, memory, counts


def _times(figure: str, ours: float, loop: float, target: str) -> Row:
    return Row(figure, f"{ours:.2f} s", f"{loop:.2f} s", loop / ours, target)


def _memory(figure: str, mib: float) -> Row:
    return Row(figure, f"{mib:.0f} MB", "", mib, "at most 200 MB")


def _requests(figure: str, ours: int, loop: int, ratio: float, target: str) -> Row:
    return Row(f"requests of that plan: {figure}", f"{ours:,}", f"{loop:,}", ratio, target)


# Starting ---------------------------------------------------------------------------------------------


def _start() -> list[Row]:
    sides = {"ours": ["-m", "obskit", "--help"], "bare": ["-c", "pass"]}
    times: dict[str, list[float]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as folder:
        # With bytecode, as pip leaves an installed package, wherever this environment keeps it.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for number in range(21):
            for side, arguments in sides.items():
                start = time.perf_counter()
                subprocess.run(
                    [sys.executable, *arguments],
                    check=True,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                )
                if number:  # the first writes the bytecode
                    times[side].append(time.perf_counter() - start)
    ours, bare = (sorted(found)[len(found) // 2] * 1e3 for found in times.values())
    return [
        Row(
            "obskit --help over bare Python, median of 20 each",
            f"{ours:.0f} ms", f"{bare:.0f} ms bare", ours - bare, "at most 150 ms more",
        ),
        _imports(),
    ]  # fmt: skip


def _imports() -> Row:
    """Clients that ``obskit plan`` of a Prometheus alone loads."""
    code = (
        "import sys\nfrom obskit.cli import main\nsys.argv = ['obskit', 'plan']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print(*[name for name in {_CLIENTS!r} if name in sys.modules])"
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "obskit.yml").write_text(_SETTINGS)
        for name in ("rules", "targets"):
            (Path(folder) / "files" / name).mkdir(parents=True)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
        )
    assert "no connection" in done.stderr, done.stderr
    loaded = done.stdout.splitlines()[-1].split() if done.stdout.strip() else []
    return Row(
        f"clients that plan of a Prometheus alone imports, of {len(_CLIENTS)}",
        ", ".join(loaded) or "none", "", float(len(loaded)), "at most 0",
    )  # fmt: skip


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        for row in run():
            print("ok  " if row.met else "MISS", *row, sep=" | ")
