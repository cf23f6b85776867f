"""Run lines through the generated Filebeat script and the generated Logstash filter, as their servers do."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import yaml

from obskit.local import binaries

HERE = Path(__file__).resolve().parent
JRUBY = "9.4.9.0"  # the Ruby of Logstash 8

Document = dict[str, Any]

_END = b"this is no event, and the last line"


def filebeat_documents(
    filebeat: Path, script: str, lines: Sequence[bytes], folder: Path
) -> list[Document]:
    """What the real Filebeat makes of lines: one process, standard input to standard output, in order.

    Blank lines give no document. ``@metadata`` is kept: it names the stream.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "filebeat.inputs": [
            {
                "type": "stdin",
                "processors": [
                    {
                        "add_fields": {
                            "when.contains": {"message": "\ufffd"},
                            "target": "obskit",
                            "fields": {"replacement": True},
                        }
                    },
                    {"script": {"lang": "javascript", "source": script}},
                ],
                "publisher_pipeline.disable_host": True,
            }
        ],
        "processors": [{"drop_fields": {"fields": ["agent", "ecs", "input", "log"]}}],
        "output.console": {"codec.json": {"pretty": False, "escape_html": False}},
        "logging.to_files": False,
        "logging.level": "error",
        "path.home": str(folder),
        "path.data": str(folder / "data"),
    }
    path = folder / "filebeat.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    path.chmod(0o600)
    shutil.rmtree(folder / "data", ignore_errors=True)
    # `--once` may end before the last lines are through, so a line behind them tells that they are.
    with (folder / "filebeat.log").open("wb") as log:
        process = subprocess.Popen(
            [str(filebeat), "run", "-c", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    feeder = threading.Thread(target=_feed, args=(process.stdin, [*lines, _END]), daemon=True)
    guard = threading.Timer(120, process.kill)
    guard.start()
    feeder.start()
    documents: list[Document] = []
    try:
        for line in process.stdout:
            if line.startswith(b"{"):
                document = json.loads(line)
                if document["message"] == _END.decode():
                    return documents
                documents.append(document)
    finally:
        guard.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
        feeder.join()
        process.stdin.close()
    raise AssertionError((folder / "filebeat.log").read_text(errors="replace")[-2000:])


def _feed(stream: IO[bytes], lines: Sequence[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):
        for line in lines:
            stream.write(line + b"\n")
        stream.flush()


def jruby() -> list[str] | None:
    """The command of a JRuby of Logstash's line, else of any Ruby of the same language level; None if none."""
    java = os.environ.get("JAVA_HOME")
    program = str(Path(java, "bin", "java")) if java else shutil.which("java")
    jar = binaries.cache_folder() / f"jruby-{JRUBY}" / "jruby.jar"
    if program and jar.is_file():
        # Jackson, which parses in Logstash, needs little stack for deep lines; the json gem needs much.
        return [program, "-Xss32m", "-jar", str(jar)]
    found = shutil.which("jruby") or shutil.which("ruby")
    return [found] if found else None


def logstash_documents(
    command: Sequence[str], code: str, events: Sequence[Mapping[str, Any]], folder: Path
) -> list[Document | None]:
    """What the Ruby of the Logstash filter makes of events, in order; None where it cancels one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "filter.rb"
    path.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [*command, str(HERE / "logstash_filter.rb"), str(path)],
        input="".join(json.dumps(event) + "\n" for event in events).encode(),
        capture_output=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return [json.loads(line) for line in done.stdout.split(b"\n") if line]
