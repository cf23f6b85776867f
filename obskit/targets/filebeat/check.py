"""Offline: the files as Filebeat's own checker reads them, where it is installed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from obskit.delivery import checker
from obskit.errors import Problem, Severity

__all__ = ["check_inputs", "check_main"]


def check_inputs(files: Mapping[str, str]) -> Iterator[Problem]:
    """Findings of input files.

    Args:
        files: Their texts by name.
    """
    inputs: list[object] = []
    for name, text in files.items():
        try:
            inputs.extend(yaml.safe_load(text))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            yield Problem(
                rule="filebeat/yaml", message=f"is not YAML: {getattr(error, 'problem', error)}", path=name,
                line=mark.line + 1 if mark else None, column=mark.column + 1 if mark else None,
            )  # fmt: skip
            return
    main = {"filebeat.inputs": inputs, "output.console": {"enabled": True}}
    yield from check_main(yaml.safe_dump(main), ", ".join(files))


def check_main(text: str, shown: str) -> Iterator[Problem]:
    """Findings of a whole configuration, by ``filebeat test config``.

    Args:
        text: The configuration.
        shown: Its name, for messages.
    """
    filebeat = checker.find("filebeat")
    if filebeat is None:
        yield Problem(
            rule="filebeat/not-installed", severity=Severity.INFO, path=shown,
            message="filebeat is not installed here: only that the files are YAML was checked",
        )  # fmt: skip
        return
    with tempfile.TemporaryDirectory(prefix="obskit-") as folder:
        path = Path(folder, "filebeat.yml")
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)  # Filebeat refuses a configuration that others may write
        ran = checker.run(
            [
                filebeat,
                "test",
                "config",
                "-c",
                str(path),
                "--path.home",
                folder,
                "--path.data",
                folder,
            ]
        )
    if not ran.ok:
        words = ran.words.replace(str(path), shown).strip().splitlines()
        yield Problem(
            rule="filebeat/test-config", path=shown,
            message=f"filebeat test config: {words[0] if words else f'exit code {ran.code}'}",
        )  # fmt: skip
