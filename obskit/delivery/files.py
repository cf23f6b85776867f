"""Files that a server reads: written whole or not at all, below one folder, and put back on refusal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from obskit.deadline import Deadline
from obskit.errors import DeliveryError

__all__ = ["Batch", "Folder", "Lock"]

_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that obskit delivers to; no path leaves it.

    Args:
        root: The folder.
    """

    root: Path

    def path(self, name: str) -> Path:
        """The path of a file below the folder.

        Raises:
            DeliveryError: The name, or a link on its way, leads out of the folder.
        """
        base = self.root.resolve()
        found = (base / name).resolve()
        if found == base or not found.is_relative_to(base):
            raise DeliveryError(
                f"{name!r} leads out of the folder", where=str(self.root),
                hint="give a name below it, without .. and without links that lead elsewhere",
            )  # fmt: skip
        return found

    def require(self) -> None:
        """Make sure that the folder is there and can be written to.

        Raises:
            DeliveryError: It is not.
        """
        if not self.root.is_dir():
            raise DeliveryError(
                "no such folder", where=str(self.root),
                hint="make it, or write where the server reads its files from",
            )  # fmt: skip
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise DeliveryError(
                "may not be written to", where=str(self.root), hint="run as a user who may"
            )

    def read(self, name: str) -> str | None:
        """The text of a file; None when there is none.

        Raises:
            DeliveryError: It is there and cannot be read.
        """
        path = self.path(name)
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise DeliveryError(f"cannot be read: {error}", where=str(path)) from None

    def names(self, pattern: str) -> list[str]:
        """Names of the files that match a glob, sorted.

        Raises:
            DeliveryError: The folder is there and cannot be listed.
        """
        try:
            return sorted(
                str(path.relative_to(self.root))
                for path in self.root.glob(pattern)
                if path.is_file() and not path.name.startswith(".obskit-")
            )
        except OSError as error:
            raise DeliveryError(f"cannot be listed: {error}", where=str(self.root)) from None

    def write(self, name: str, text: str, *, mode: int | None = None) -> None:
        """Put a file in place in one step: a reader sees the old text or the new one.

        Args:
            name: Name below the folder.
            text: All of its text.
            mode: Permissions; those of the file that was there, or 0644, when None.

        Raises:
            DeliveryError: Disk full, no permission; the old file is still there.
        """
        path = self.path(name)
        temporary = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            was = path.stat() if path.exists() else None
            handle, temporary = tempfile.mkstemp(prefix=".obskit-", dir=path.parent)
            with os.fdopen(handle, "wb") as stream:
                stream.write(text.encode())
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).chmod(
                mode if mode is not None else (was.st_mode & 0o777 if was else _MODE)
            )
            if was is not None and os.geteuid() == 0:
                os.chown(temporary, was.st_uid, was.st_gid)
            Path(temporary).replace(path)
            _flush_folder(path.parent)
        except OSError as error:
            raise DeliveryError(f"cannot be written: {error.strerror}", where=str(path)) from None
        finally:
            with contextlib.suppress(FileNotFoundError):  # it was renamed, which is what we want
                if temporary:
                    Path(temporary).unlink()

    def delete(self, name: str) -> None:
        """Remove a file; nothing happens when it is not there.

        Raises:
            DeliveryError: It cannot be removed.
        """
        path = self.path(name)
        try:
            path.unlink(missing_ok=True)
            _flush_folder(path.parent)
        except FileNotFoundError:
            return
        except OSError as error:
            raise DeliveryError(f"cannot be removed: {error.strerror}", where=str(path)) from None


@dataclass(slots=True)
class Batch:
    """Writes to a folder that can be put back together.

    Args:
        folder: Where to write.
    """

    folder: Folder
    _before: dict[str, str | None] = field(default_factory=dict)

    def write(self, name: str, text: str, *, mode: int | None = None) -> None:
        """Write a file, remembering what was there; see :meth:`Folder.write`."""
        self._before.setdefault(name, self.folder.read(name))
        self.folder.write(name, text, mode=mode)

    def delete(self, name: str) -> None:
        """Remove a file, remembering what was there."""
        self._before.setdefault(name, self.folder.read(name))
        self.folder.delete(name)

    def restore(self) -> None:
        """Put every file back as it was before the batch.

        Raises:
            DeliveryError: Some could not be put back; each is named.
        """
        failed = []
        for name, text in self._before.items():
            try:
                if text is None:
                    self.folder.delete(name)
                else:
                    self.folder.write(name, text)
            except DeliveryError as error:
                failed.append(str(error))
        self._before.clear()
        if failed:
            raise DeliveryError("not put back: " + "; ".join(failed), where=str(self.folder.root))

    def keep(self) -> None:
        """Forget what was there: the server has taken the new files."""
        self._before.clear()


class Lock:
    """One obskit at a time, where several projects write into one file: flock(2) on the folder itself.

    It leaves no file behind, and ends with the process.

    Args:
        folder: The folder of the file.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._held: int | None = None

    def take(self, deadline: Deadline) -> None:
        """Wait for it; nothing happens where it is held already.

        Args:
            deadline: By when.

        Raises:
            DeliveryError: Somebody else holds it for that long, or the folder cannot be opened.
        """
        if self._held is not None:
            return
        root = self._folder.root
        try:
            opened = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise DeliveryError(f"cannot be opened: {error.strerror}", where=str(root)) from None
        while True:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if deadline.sleep(0.05):
                    continue
                os.close(opened)
                raise DeliveryError(
                    f"another obskit has been writing there for {deadline.seconds:g} s", where=str(root),
                    hint="nothing was written; wait for it, and try again",
                ) from None  # fmt: skip
            self._held = opened
            return

    def give(self) -> None:
        """Let the next one write."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


def _flush_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
