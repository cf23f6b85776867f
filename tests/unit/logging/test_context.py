"""Context: right across tasks, empty in new threads, carried on request; OpenTelemetry read where present."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from obskit.logging import JSONFormatter, bind, bound, carry, clear, context, unbind
from obskit.logging.context import current_span, parse_traceparent


def test_bind_adds_and_unbind_takes_away() -> None:
    bind(trace_id="a", tenant="t")
    bind(tenant="u")
    assert context() == {"trace_id": "a", "tenant": "u"}
    unbind("tenant", "unknown")
    assert context() == {"trace_id": "a"}
    clear()
    assert context() == {}


def test_bound_restores_what_was_there() -> None:
    bind(trace_id="outer")
    with bound(trace_id="inner", more=1):
        assert context() == {"trace_id": "inner", "more": 1}
    assert context() == {"trace_id": "outer"}


def test_traceparent_gives_both_ids() -> None:
    bind(traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    assert context() == {
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "00f067aa0ba902b7",
    }


@pytest.mark.parametrize(
    "value",
    [None, 7, "", "abc", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "ff-" + "a" * 32 + "-" + "b" * 16 + "-01",
     "00-" + "A" * 32 + "-" + "b" * 16 + "-01", "00-" + "a" * 32 + "-" + "0" * 16 + "-01",
     "00-" + "a" * 31 + "-" + "b" * 16 + "-01"],
)  # fmt: skip
def test_what_is_no_traceparent_gives_none(value: object) -> None:
    assert parse_traceparent(value) is None


def test_a_later_version_may_be_longer() -> None:
    assert parse_traceparent("01-" + "a" * 32 + "-" + "b" * 16 + "-01-more") == ("a" * 32, "b" * 16)


def test_tasks_inherit_and_do_not_leak() -> None:
    async def child(name: str, seen: dict[str, object]) -> None:
        bind(task=name)
        await asyncio.sleep(0.01)
        seen[name] = context()

    async def main() -> tuple[dict[str, object], dict[str, object]]:
        seen: dict[str, object] = {}
        bind(trace_id="a")
        await asyncio.gather(child("one", seen), child("two", seen))
        return seen, context()

    seen, after = asyncio.run(main())
    assert seen == {
        "one": {"trace_id": "a", "task": "one"},
        "two": {"trace_id": "a", "task": "two"},
    }
    assert after == {"trace_id": "a"}


def _in_thread(function: Any) -> dict[str, object]:
    seen: list[dict[str, object]] = []
    thread = threading.Thread(target=lambda: seen.append(function()))
    thread.start()
    thread.join()
    return seen[0]


def test_new_threads_start_empty_and_carry_fills_them() -> None:
    bind(trace_id="a")
    assert _in_thread(context) == {}
    assert _in_thread(carry(context)) == {"trace_id": "a"}


def test_executors_both_ways() -> None:
    bind(trace_id="a")
    with ThreadPoolExecutor(2) as pool:
        assert pool.submit(context).result() == {}
        assert pool.submit(carry(context)).result() == {"trace_id": "a"}
        carried = carry(context)
        assert list(pool.map(lambda _: carried(), range(20))) == [{"trace_id": "a"}] * 20
        assert pool.submit(context).result() == {}

    async def main() -> tuple[object, object, object]:
        loop = asyncio.get_running_loop()
        return (
            await loop.run_in_executor(None, context),
            await loop.run_in_executor(None, carry(context)),
            await asyncio.to_thread(context),
        )

    assert asyncio.run(main()) == ({}, {"trace_id": "a"}, {"trace_id": "a"})


def test_a_carried_function_does_not_change_its_origin() -> None:
    bind(trace_id="a")

    def inside() -> dict[str, object]:
        bind(trace_id="b")
        return context()

    assert _in_thread(carry(inside)) == {"trace_id": "b"}
    assert context() == {"trace_id": "a"}


def test_the_current_span_is_read_where_opentelemetry_is_loaded(
    make_record: Any, judge: Any
) -> None:
    trace = pytest.importorskip("opentelemetry.trace")
    from opentelemetry.sdk.trace import TracerProvider

    formatter = JSONFormatter(service="s")
    assert judge(formatter.format(make_record()))["trace_id"] is None
    with TracerProvider().get_tracer("t").start_as_current_span("work") as span:
        found = span.get_span_context()
        event = judge(formatter.format(make_record()))
        assert event["trace_id"] == trace.format_trace_id(found.trace_id)
        assert event["span_id"] == trace.format_span_id(found.span_id)
        assert judge(formatter.format(make_record(trace_id="own")))["trace_id"] == "own"
        both = judge(formatter.format(make_record(cart=1, client_ip="::1")))
        assert (both["span_id"], both["attributes"]) == (event["span_id"], {"cart": 1})
        tricky = judge(formatter.format(make_record(span_id="mine", text='"span_id"')))
        assert tricky["trace_id"] == event["trace_id"]
    assert current_span() is None


def test_opentelemetry_is_never_imported() -> None:
    code = (
        "import logging, sys; from obskit.logging import JSONFormatter\n"
        "JSONFormatter(service='s').format(logging.makeLogRecord({}))\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_span_that_raises_costs_no_line(
    monkeypatch: pytest.MonkeyPatch, make_record: Any, judge: Any
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", SimpleNamespace())
    event = judge(JSONFormatter(service="s").format(make_record("kept", cart=1)))
    assert (event["message"], event["attributes"]) == ("kept", {"cart": 1})
