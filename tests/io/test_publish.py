"""Files are complete and verified, or absent."""

import errno
import os
import subprocess
import sys

import pytest

from changedetect.errors import InputError, LockedError, ResourceError
from changedetect.io.publish import RunLock, publish, publish_bytes, publish_together, sweep


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_publish__writes_once_and_replaces_only_when_told(tmp_path):
    path = tmp_path / "a.txt"
    publish_bytes(path, b"one")
    with pytest.raises(InputError, match="is there already"):
        publish_bytes(path, b"two")
    assert path.read_bytes() == b"one"
    publish_bytes(path, b"two", overwrite=True)
    assert path.read_bytes() == b"two"
    assert names(tmp_path) == ["a.txt"]
    assert path.stat().st_mode & 0o777 == 0o640


def test_publish__a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")

    def full(temp):
        temp.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ResourceError, match=r"a\.txt: could not be written: No space left"):
        publish(path, full, overwrite=True)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.txt"]


def test_publish__a_failed_check_leaves_nothing(tmp_path):
    def check(temp):
        assert temp.read_bytes() == b"wrong"
        msg = "not what was meant"
        raise ResourceError(msg)

    with pytest.raises(ResourceError, match="not what was meant"):
        publish(tmp_path / "a.txt", lambda temp: temp.write_bytes(b"wrong"), check)
    assert names(tmp_path) == []


def test_publish__no_folder(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        publish_bytes(tmp_path / "no" / "a.txt", b"")


def test_sweep__removes_what_dead_processes_left(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    left = [f".a.tif.changedetect-{dead}.tmp.tif", f".a.tif.changedetect-{dead}.tmp.tif.plain.tif",
            f".b.gpkg.changedetect-{dead}.tmp.gpkg-journal"]  # fmt: skip
    keep = [f".c.tif.changedetect-{os.getppid()}.tmp.tif", "a.tif", ".hidden"]
    for name in left + keep:
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in sweep(tmp_path)] == sorted(left)
    assert names(tmp_path) == sorted(keep)


def test_run_lock__a_second_holder_is_told_who_holds_it(tmp_path):
    path = tmp_path / ".lock"
    with RunLock(path):
        code = (
            "from pathlib import Path; from changedetect.io.publish import RunLock; "
            f"RunLock(Path({str(path)!r})).__enter__()"
        )
        second = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert f"is in use by pid {os.getpid()} on " in second.stderr
        with pytest.raises(LockedError), RunLock(path):
            pass
    with RunLock(path):
        pass


@pytest.fixture(params=["the file system at once", "file by file"])
def syncing(request, monkeypatch):
    if request.param == "file by file":
        monkeypatch.setattr("changedetect.io.publish._file_system_sync", lambda: None)


@pytest.mark.usefixtures("syncing")
def test_publish_together__all_files_or_none_and_the_first_fault_in_order_is_told(tmp_path):
    files = {tmp_path / f"{number:02d}.jpg": bytes([number]) * 100 for number in range(40)}
    publish_together(files)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files
    more = {tmp_path / "new.jpg": b"new", **files}
    with pytest.raises(InputError, match=r"00\.jpg is there already"):
        publish_together(more)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files


def _full(_place):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("sync", [_full, None], ids=["at once", "file by file"])
def test_publish_together__a_full_disk_is_named_and_leaves_nothing(tmp_path, monkeypatch, sync):
    monkeypatch.setattr("changedetect.io.publish._file_system_sync", lambda: sync)
    monkeypatch.setattr("changedetect.io.publish._sync", _full)
    with pytest.raises(ResourceError, match="nothing was left behind"):
        publish_together({tmp_path / "a.jpg": b"a", tmp_path / "b.jpg": b"b"})
    assert list(tmp_path.iterdir()) == []


def test_publish_together__what_is_read_back_is_compared(tmp_path, monkeypatch):
    monkeypatch.setattr("os.pread", lambda _handle, _size, _at: b"other")
    with pytest.raises(ResourceError, match="failing or full"):
        publish_together({tmp_path / "a.jpg": b"a"})
    assert list(tmp_path.iterdir()) == []
