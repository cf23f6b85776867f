"""Where lines come from: blocks, ranges, compressed files, carriers, growing files, commands."""

# ruff: noqa: E501 (cases stand in one line)

import gzip
import io
import json
import os
import sys
import threading
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard

from obskit.errors import ConfigError, LocalError
from obskit.lint.carrier import Carrier, Unwrapper, detect
from obskit.lint.linter import LONGEST
from obskit.lint.source.blocks import Giant, blocks
from obskit.lint.source.files import Source, find_sources
from obskit.lint.source.follow import Command, follow
from obskit.schema.fields import BUILTIN


def pieces(data, size):
    return list(blocks(io.BytesIO(data).read, size=size))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_blocks_are_whole_lines_and_together_the_source(size):
    data = b"one\n\nthree\r\n" + b"x" * 50 + b"\nlast without feed"
    found = pieces(data, size)
    assert b"".join(block.data for block in found) == data
    assert all(block.data.endswith(b"\n") for block in found[:-1])


@pytest.mark.parametrize("behind", [b"\nafter\nmore\n", b"\nafter", b"\n", b""])
@pytest.mark.parametrize("size", [100_000, 524_288])
def test_a_giant_is_told_with_its_size_and_the_lines_behind_it_keep_their_numbers(behind, size):
    data = b"a\nb\n" + b"x" * (LONGEST + 2_000_000) + behind
    found = pieces(data, size)
    giants = [item for item in found if isinstance(item, Giant)]
    assert [item.size for item in giants] == [LONGEST + 2_000_001]
    place = found.index(giants[0])
    assert b"".join(item.data for item in found[:place]) == b"a\nb\n"
    assert b"".join(item.data for item in found[place + 1 :]) == behind[1:]


@pytest.mark.parametrize("cuts", [[10], [1, 2, 3], [4, 8, 12, 16, 20, 24], list(range(1, 60))])
def test_ranges_give_every_line_once(tmp_path, cuts):
    data = b"first\n\nthird line\nx\n" + b"long " * 6 + b"\nend"
    path = tmp_path / "a.json"
    path.write_bytes(data)
    edges = [0, *cuts, len(data)]
    found = []
    for start, end in pairwise(edges):
        last = end if end < len(data) else -1
        with Source(str(path)).open(start, last) as read:
            while chunk := read(7):
                found.append(chunk)
    assert b"".join(found) == data


def test_compressed_files_are_known_by_their_first_bytes(tmp_path):
    for name, packed in (("a.gz", gzip.compress(b"x\n") + gzip.compress(b"y\n")), ("b.log", zstandard.compress(b"x\n") + zstandard.compress(b"y\n")),
                         ("c.gz", b"x\ny\n")):  # fmt: skip
        (tmp_path / name).write_bytes(packed)
        with Source(str(tmp_path / name)).open() as read:
            data = b""
            while chunk := read(100):
                data += chunk
        assert data == b"x\ny\n", name


def test_names_stand_for_files_directories_and_patterns(tmp_path):
    for name in ("a.json", "sub/b.log", "sub/deep/c.jsonl.gz", "sub/d.txt", ".hidden.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}\n")
    names = [
        str(Path(source.name).relative_to(tmp_path)) for source in find_sources([str(tmp_path)])
    ]
    assert names == ["a.json", "sub/b.log", "sub/deep/c.jsonl.gz"]
    assert len(find_sources([f"{tmp_path}/**/*.log", f"{tmp_path}/sub/d.txt", "-"])) == 3


def test_every_name_that_stands_for_nothing_is_told(tmp_path):
    with pytest.raises(ConfigError) as caught:
        find_sources([f"{tmp_path}/none.json", f"{tmp_path}/*.log", str(tmp_path)])
    assert len(caught.value.problems) == 3


def docker(text, when="2023-09-10T12:34:56.5Z"):
    return json.dumps({"log": text, "stream": "stdout", "time": when}).encode()


def test_docker_lines_are_unwrapped_and_parts_joined():
    data = b"\n".join(
        [
            docker("a\n"),
            docker("b"),
            docker("c"),
            docker("d\n"),
            docker("e\n"),
            b'{"level":"INFO"}',
            docker("open"),
        ]
    )
    assert detect(data) is Carrier.DOCKER
    unwrapper = Unwrapper(Carrier.DOCKER, BUILTIN)
    found = [
        (line.number, line.raw, line.reference)
        for line in (*unwrapper.lines(data, 1), *unwrapper.rest())
    ]
    at = 1694349296.5
    assert found == [
        (1, b"a", at),
        (2, b"bcd", at),
        (5, b"e", at),
        (6, b'{"level":"INFO"}', None),
        (7, b"open", at),
    ]


def test_cri_lines_are_unwrapped_by_stream():
    data = b"\n".join(
        [
            b"2023-09-10T12:34:56.123456789Z stdout F a b", b"2023-09-10T14:34:57+02:00 stdout P left-", b"2023-09-10T12:34:58Z stderr F other",
            b"2023-09-10T12:34:58Z stdout F right", b"2023-09-10T12:34:59Z stdout F ",
        ]
    )  # fmt: skip
    assert detect(data) is Carrier.CRI
    found = [(line.number, line.raw) for line in Unwrapper(Carrier.CRI, BUILTIN).lines(data, 1)]
    assert found == [(1, b"a b"), (3, b"other"), (2, b"left-right"), (5, b"")]


def test_an_event_of_the_schema_is_no_carrier():
    assert detect(b'\n{"timestamp":"2023-09-10T12:34:56Z","level":"INFO"}\n') is Carrier.PLAIN
    assert detect(b'{"log":"x","time":"2023-09-10T12:34:56Z","level":"INFO"}') is Carrier.PLAIN
    assert detect(b"plain text") is Carrier.PLAIN


def test_parts_that_never_end_do_not_fill_the_memory():
    unwrapper = Unwrapper(Carrier.DOCKER, BUILTIN)
    part = docker("x" * 16_000)
    tracemalloc.start()
    for _ in range(100):
        assert list(unwrapper.lines(part, 1)) == []
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 200_000
    (line,) = unwrapper.rest()
    assert line.size == 1_600_001
    assert len(line.raw) < 20_000


def collected(path, stop, found):
    for item in follow([str(path)], until=stop.is_set):
        found.append((item.number, item.raw, item.when is not None))


def test_following_goes_on_across_rotation_and_truncation(tmp_path):
    path = tmp_path / "app.json"
    path.write_bytes(b"one\ntwo\nhal")
    stop, found = threading.Event(), []
    thread = threading.Thread(target=collected, args=(path, stop, found))
    thread.start()

    def wait_for(count):
        deadline = time.monotonic() + 10
        while len(found) < count and time.monotonic() < deadline:
            time.sleep(0.02)

    try:
        wait_for(2)
        with path.open("ab") as file:
            file.write(b"f\nthree\n")
        wait_for(4)
        path.rename(tmp_path / "app.json.1")
        path.write_bytes(b"new\n")
        wait_for(5)
        path.write_bytes(b"")
        time.sleep(0.5)
        path.write_bytes(b"cut\nopen")
        wait_for(6)
    finally:
        stop.set()
        thread.join()
    assert found == [
        (1, b"one", False), (2, b"two", False), (3, b"half", True), (4, b"three", True), (1, b"new", True), (1, b"cut", True), (2, b"open", True),
    ]  # fmt: skip


def test_a_commands_output_and_error_are_read_until_it_ends():
    code = "import sys; print('a'); print('b', file=sys.stderr); sys.stdout.write('c'); sys.exit(4)"
    command = Command([sys.executable, "-c", code])
    found = {(item.name, item.number, item.raw) for item in command.lines(until=lambda: False)}
    assert found == {("stdout", 1, b"a"), ("stderr", 1, b"b"), ("stdout", 2, b"c")}
    assert command.status == 4


def test_a_command_that_goes_on_is_asked_to_end():
    started = time.monotonic()
    command = Command(
        [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
    )
    lines = [item.raw for item in command.lines(until=lambda: time.monotonic() > started + 1)]
    assert lines == [b"up"]
    assert command.status == -15
    assert time.monotonic() - started < 20


def test_a_command_that_is_not_there_is_told():
    with pytest.raises(LocalError, match="No such file"):
        list(Command(["obskit-no-such-command"]).lines(until=lambda: False))


def test_a_named_pipe_loses_no_bytes(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(b"one\ntwo\n"))
    writer.start()
    with Source(str(path)).open() as read:
        data = b""
        while chunk := read(100):
            data += chunk
    writer.join()
    assert data == b"one\ntwo\n"
