"""Adding a server is one module and one registry line: done here, with a server made of a dictionary."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from obskit import targets
from obskit.config import Section
from obskit.config.load import load
from obskit.engine import execute
from obskit.engine.plan import Change
from obskit.engine.resource import Address, Live, Resource
from obskit.errors import ConfigError
from obskit.schema import BUILTIN
from obskit.targets import stack
from obskit.targets.base import Target

STORE: dict[str, Live] = {}


class ShelfSettings(Section):
    """The section ``shelf``."""

    books: tuple[str, ...] = ()


class Shelf(Target[ShelfSettings]):
    """A shelf of books."""

    name: ClassVar[str] = "shelf"
    Settings: ClassVar[type[Section]] = ShelfSettings
    kinds: ClassVar[tuple[str, ...]] = ("book",)

    def desired(self) -> Sequence[Resource]:
        return [
            Resource(address=self.address("book", name), body={"title": name})
            for name in self.settings.books
        ]

    def read(self, wanted: frozenset[Address]) -> Mapping[Address, Live]:
        del wanted
        return {Address.parse(key): live for key, live in STORE.items()}

    def write(self, change: Change) -> None:
        if change.after is None:
            del STORE[str(change.address)]
        else:
            STORE[str(change.address)] = Live(
                address=change.address, body=change.after.body, mark=self.mark(change)
            )


def test_a_module_and_a_registry_line_are_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Configuration with line numbers, plan, apply, an empty second plan, and deletion."""
    module = types.ModuleType("shelf_of_a_test")
    module.Shelf = Shelf  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shelf_of_a_test", module)
    monkeypatch.setitem(targets.REGISTRY, "shelf", "shelf_of_a_test:Shelf")
    STORE.clear()
    path = tmp_path / "obskit.yml"

    path.write_text("project: shop\nshelf:\n  boks: [Emma]\n")
    with pytest.raises(ConfigError, match=r"obskit\.yml:3:3: shelf\.boks: .*did you mean 'books'"):
        load(path, targets.sections())

    def plan(text: str):
        path.write_text(text)
        made = targets.create(load(path, targets.sections()), BUILTIN)
        return made, stack.plan(made, "shop")

    made, first = plan("project: shop\nshelf:\n  books: [Emma, Persuasion]\n")
    assert [str(change.address) for change in first.changes] == [
        "shelf/book/Emma",
        "shelf/book/Persuasion",
    ]
    assert execute.succeeded(execute.apply(first, made))
    assert not stack.plan(made, "shop")
    made, fewer = plan("project: shop\nshelf:\n  books: [Emma]\n")
    assert [change.action.sign for change in fewer.changes] == ["-"]
    assert execute.succeeded(execute.apply(fewer, made))
    assert list(STORE) == ["shelf/book/Emma"]


def test_the_command_line_knows_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its section in a new obskit.yml, its completion, its plan, its objects' removal."""
    from obskit.cli import main

    module = types.ModuleType("shelf_of_a_test")
    module.Shelf = Shelf  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shelf_of_a_test", module)
    monkeypatch.setitem(targets.REGISTRY, "shelf", "shelf_of_a_test:Shelf")
    monkeypatch.chdir(tmp_path)
    STORE.clear()
    (tmp_path / "obskit.yml").write_text("project: shop\nshelf: {books: [Emma]}\n")

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        return int(ended.value.code or 0), capsys.readouterr().out

    assert "\n# shelf:\n" in run("init", "--full", "-f", "-")[1]
    assert run("plan")[0] == 3
    assert run("provision", "--yes", "--no-verify", "--json")[0] == 0
    assert run("plan", "--target", "shelf")[0] == 0
    code, said = run("verify")
    assert (code, said) == (1, "Proofs: there was nothing to try. Nothing was proved.\n")
    assert run("destroy", "--yes")[0] == 0
    assert STORE == {}
