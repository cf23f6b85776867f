"""What a running Filebeat's own configuration tells of its folders, for ``init --from-running``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from obskit.delivery.listener import Process
from obskit.targets.filebeat.running import section_of


def section(folder: Path, text: str | None, *options: str) -> dict[str, Any]:
    if text is not None:
        (folder / "filebeat.yml").write_text(text)
    return section_of(Process(arguments=["filebeat", *options], folder=folder))


@pytest.mark.parametrize(
    "text",
    [
        "filebeat.config.inputs:\n  enabled: true\n  path: ${path.config}/in.d/*.yml\n",
        "filebeat:\n  config:\n    inputs: {path: in.d/*.yml}\n",
        "filebeat.config:\n  inputs.path: ${path.home}/in.d/*.yml\n",
    ],
)
def test_the_folder_of_its_inputs_is_found_however_it_is_written(text: str, tmp_path: Path) -> None:
    found = section(tmp_path, text, "-c", "filebeat.yml", "--path.home", str(tmp_path))
    assert found == {"inputs": str(tmp_path / "in.d")}


def test_it_ships_where_its_output_says(tmp_path: Path) -> None:
    found = section(tmp_path, "output.logstash:\n  hosts: ['ls:5044']\n")
    assert found == {"shipping": "logstash", "logstash_hosts": ["ls:5044"]}


def test_its_data_folder_is_named_where_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert section(tmp_path, "name: x\n") == {"data": str(tmp_path / "data")}


@pytest.mark.parametrize("text", [None, "{broken", "- a list\n"])
def test_a_configuration_that_tells_nothing_leaves_the_guess(
    text: str | None, tmp_path: Path
) -> None:
    assert section(tmp_path, text) == {}


def test_one_on_another_machine_tells_nothing() -> None:
    assert section_of(None) == {}
