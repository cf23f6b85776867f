"""Run lines through the generated Filebeat script and the generated Logstash filter, as their servers do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from obskit.local import binaries

HERE = Path(__file__).resolve().parent
JRUBY = "9.4.9.0"  # the Ruby of Logstash 8

Document = dict[str, Any]


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
    done = subprocess.run(
        [str(filebeat), "run", "--once", "-c", str(path)],
        input=b"".join(line + b"\n" for line in lines),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return [json.loads(line) for line in done.stdout.split(b"\n") if line.startswith(b"{")]


def jruby() -> list[str] | None:
    """The command of a JRuby of Logstash's line, else of any Ruby of the same language level; None if none."""
    java = os.environ.get("JAVA_HOME")
    program = str(Path(java, "bin", "java")) if java else shutil.which("java")
    jar = binaries.cache_folder() / f"jruby-{JRUBY}" / "jruby.jar"
    if program and jar.is_file():
        return [program, "-jar", str(jar)]
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
