"""What disk, rights and names do: the exit code and the advice, never "a fault of the program"."""

import errno
import os
import sys

import pytest

from changedetect import cli
from changedetect.cli.faults import explained
from changedetect.errors import InputError, ResourceError


def refused(number, path="/data/out"):
    return OSError(number, os.strerror(number), path)


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.ENOSPC, ResourceError, "make room"),
        (errno.EACCES, ResourceError, "right"),
        (errno.EROFS, ResourceError, "another --out"),
        (errno.EMFILE, ResourceError, "ulimit"),
        (errno.ENOTDIR, InputError, "a file stands where a folder"),
        (errno.EEXIST, InputError, "in the way"),
        (errno.ENAMETOOLONG, InputError, "shorter"),
        (errno.ENOENT, InputError, "not there"),
    ],
)
def test_faults__say_what_to_do_and_name_the_place(number, kind, says):
    error = explained(refused(number))
    assert type(error) is kind
    assert says in str(error)
    assert "/data/out" in str(error)


@pytest.mark.parametrize("error", [OSError("no number"), refused(errno.EBADF)])
def test_faults__what_no_user_can_mend_stays_a_fault_of_the_program(error):
    assert explained(error) is None


def called(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["changedetect", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, capsys.readouterr().err


def test_faults__out_that_is_a_file_exits_4(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    code, err = called(monkeypatch, capsys, "simulate", tmp_path / "file", "--size-km", "0.5")
    assert code == 4
    assert "a file stands where a folder was expected" in err
    assert "fault of the program" not in err


def test_faults__a_name_too_long_exits_4(tmp_path, monkeypatch, capsys):
    code, err = called(monkeypatch, capsys, "simulate", tmp_path / ("x" * 300))
    assert code == 4
    assert "shorter" in err
