"""Files appear complete and verified, or not at all: temp -> verify -> fsync -> rename -> fsync.

A write that fails on a full disk can look like a success and leave a readable file with wrong
content, so nothing is ever written under its final name, and what was written is read again.
"""

import ctypes
import errno
import fcntl
import os
import platform
import re
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from changedetect.errors import InputError, LockedError, ResourceError

FILE_MODE = 0o640

_TOGETHER = 16
"""Files that wait for the disk at once: a journal commits what is asked for at one time in one go."""

_TELLS_FAULTS = (5, 8)
"""First Linux whose `syncfs` tells that something could not be written (man 2 syncfs)."""

_TEMP = re.compile(r"^\..+\.changedetect-(?P<pid>\d+)\.tmp(?:[.-].*)?$")


def _temp_path(path: Path) -> Path:
    """Name a hidden sibling; it keeps the suffix, by which drivers know the format."""
    return path.with_name(f".{path.name}.changedetect-{os.getpid()}.tmp{path.suffix}")


def publish(
    path: Path,
    write: Callable[[Path], None],
    verify: Callable[[Path], None] | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Write a file so that it is either complete under its name, or absent (or the old one).

    Parameters
    ----------
    path
        Final name; its folder exists.
    write
        Writes the file at the path that it is given (a hidden sibling).
    verify
        Opens what was written and raises if it is not what was meant.
    overwrite
        Replace an existing file.

    Raises
    ------
    InputError
        The file is there and `overwrite` is False, or the folder is not there.
    ResourceError
        The disk is full or does not allow writing.
    """
    _check_place(path, overwrite=overwrite)
    with _named_faults(path):
        _put(path, write, verify)
        _sync(path.parent)


def _check_place(path: Path, *, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        msg = f"{path} is there already; choose another place, or allow overwriting"
        raise InputError(msg)
    if not path.parent.is_dir():
        msg = f"{path.parent} is not a folder; it must exist before {path.name} is written"
        raise InputError(msg)


@contextmanager
def _named_faults(path: Path) -> Iterator[None]:
    """Say of a disk's fault which file it keeps from being written."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO}:
            msg = f"{path}: could not be written: {error.strerror}; nothing was left behind"
            raise ResourceError(msg) from error
        raise


def _put(path: Path, write: Callable[[Path], None], verify: Callable[[Path], None] | None) -> None:
    """Give a file its name when it is whole and on the disk; the name itself may not be yet."""
    temp = _temp_path(path)
    try:
        temp.unlink(missing_ok=True)
        write(temp)
        if verify is not None:
            verify(temp)
        temp.chmod(FILE_MODE)
        _sync(temp)
        temp.replace(path)
    finally:
        temp.unlink(missing_ok=True)


def publish_bytes(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Publish bytes; they are read again and compared before the file gets its name."""
    publish(path, *_bytes_of(path, data), overwrite=overwrite)


def _bytes_of(path: Path, data: bytes) -> tuple[Callable[[Path], None], Callable[[Path], None]]:
    """Return what writes bytes, and what compares them when they are read again."""

    def write(temp: Path) -> None:
        temp.write_bytes(data)

    def verify(temp: Path) -> None:
        if temp.read_bytes() != data:
            raise _misread(path)

    return write, verify


def publish_together(files: Mapping[Path, bytes]) -> None:
    """Publish many small files, each as `publish_bytes` does, but none before all are on the disk.

    The disk is waited for once, and folders are synced once, when all files have their names.

    Raises
    ------
    InputError, ResourceError
        As `publish_bytes`, for the first file in order that failed; none of them is there then,
        unless the fault came while they got their names.
    """
    temps = {path: _temp_path(path) for path in files}
    try:
        with _written_through({path.parent for path in files}) as wait:
            for path, data in files.items():
                _check_place(path, overwrite=False)
                with _named_faults(path):
                    _write_whole(temps[path], path, data)
            wait(list(temps.values()))
        for path, temp in temps.items():
            with _named_faults(path):
                temp.replace(path)
    except BaseException:
        for temp in temps.values():
            temp.unlink(missing_ok=True)
        raise
    for folder in sorted({path.parent for path in files}):
        with _named_faults(folder):
            _sync(folder)


def _write_whole(temp: Path, path: Path, data: bytes) -> None:
    """Write and compare a file by one handle: of many small files, opening them is what takes long."""
    handle = os.open(temp, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        if os.pread(handle, len(data) + 1, 0) != data:
            raise _misread(path)
        os.fchmod(handle, FILE_MODE)
    finally:
        os.close(handle)


def _misread(path: Path) -> ResourceError:
    msg = f"{path}: what was read back is not what was written; the disk is failing or full"
    return ResourceError(msg)


@contextmanager
def _written_through(folders: Iterable[Path]) -> Iterator[Callable[[Sequence[Path]], None]]:
    """Give what waits until files that were written inside the block are on the disk.

    A file system syncs all its files at once in a third of the processor time; it tells faults from
    when its folder was opened, so that is done first. Elsewhere files are synced one by one.
    """
    sync_all = _file_system_sync()
    handles: dict[Path, int] = {}
    try:
        for folder in sorted(folders) if sync_all else ():
            if folder.is_dir():
                handles[folder] = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)

        def wait(paths: Sequence[Path]) -> None:
            if sync_all is None:
                with ThreadPoolExecutor(_TOGETHER) as pool:
                    list(pool.map(_sync_named, paths))
                return
            for folder, handle in handles.items():
                with _named_faults(folder):
                    sync_all(handle)

        yield wait
    finally:
        for handle in handles.values():
            os.close(handle)


@cache
def _file_system_sync() -> Callable[[int], None] | None:
    """Return what syncs the file system of an open folder; None where it would not tell faults."""
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    if sys.platform != "linux" or release is None or _version(release) < _TELLS_FAULTS:
        return None
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return None

    def sync(handle: int) -> None:
        if syncfs(handle) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    return sync


def _version(release: re.Match[str]) -> tuple[int, int]:
    return int(release[1]), int(release[2])


def _sync_named(path: Path) -> None:
    with _named_faults(path):
        _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> tuple[Path, ...]:
    """Remove temporary files that killed processes of ours left behind, at any depth.

    Files of a process that is still alive stay.

    Returns
    -------
    tuple of Path
        What was removed, sorted.
    """
    removed = []
    for path in sorted(folder.rglob(".*.changedetect-*.tmp*")):
        match = _TEMP.match(path.name)
        if match and path.is_file() and not _is_alive(int(match["pid"])):
            path.unlink()
            removed.append(path)
    return tuple(removed)


def _is_alive(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass(slots=True)
class RunLock:
    """Holds a run folder or a ledger for one process, as a context manager.

    The lock is the kernel's (`flock`), so a killed process leaves none; the file says who holds it.

    Attributes
    ----------
    path
        Lock file; it is created and never removed.
    """

    path: Path
    _handle: int = field(default=-1, init=False)

    def __enter__(self) -> Self:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(self.path, flags, FILE_MODE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            msg = (
                f"{self.path.parent} is in use by {holder} (lock file {self.path.name}); "
                "wait for it to end, or end that process"
            )
            raise LockedError(msg) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"pid {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        self._handle = handle
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._handle)
        self._handle = -1
