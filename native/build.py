"""Builds the native part into the wheel, where there is a Rust compiler.

`OBSKIT_NATIVE=required` makes its absence an error, `OBSKIT_NATIVE=none` leaves it out. Without it everything
works, from the same tests, and slower: `obskit lint` looks into every line.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAME = "_native.abi3.so"
TAG = "cp311-abi3"


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds the native module to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the module and names its place, or says why there is none.

        Args:
            version: ``standard``, or ``editable`` for ``pip install -e``.
            build_data: What hatchling puts into the wheel; it is changed.

        Raises:
            RuntimeError: The module is required and cannot be built.
        """
        wanted = os.environ.get("OBSKIT_NATIVE", "optional")
        root = Path(self.root)
        try:
            built = _build(root / "native") if wanted != "none" else None
        except RuntimeError as error:
            if wanted == "required":
                raise
            self.app.display_warning(f"obskit without its native part (slower): {error}")
            built = None
        place = root / "obskit" / NAME
        if version == "editable":
            place.unlink(missing_ok=True)  # a loaded module is not overwritten but replaced
            if built is not None:
                shutil.copy2(built, place)
        if built is None:
            return
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"{TAG}-{platform}"
        if version != "editable":
            build_data["force_include"][str(built)] = f"obskit/{NAME}"


def _build(folder: Path) -> Path:
    if shutil.which("cargo") is None:
        raise RuntimeError("there is no cargo on the PATH; install Rust, then obskit again")
    _cargo(folder, "--version")  # rustup's cargo is there where no toolchain is
    _cargo(folder, "build", "--release", "--locked", "--quiet")
    suffix = {"darwin": "dylib"}.get(sys.platform, "so")
    return folder / "target" / "release" / f"lib_native.{suffix}"


def _cargo(folder: Path, *arguments: str) -> None:
    environment = {**os.environ, "PYO3_PYTHON": sys.executable}
    done = subprocess.run(
        ["cargo", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip()
        raise RuntimeError(f"cargo {arguments[0]} failed:\n{said[-2_000:]}")
