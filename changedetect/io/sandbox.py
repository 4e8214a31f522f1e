"""Runs one of our own readers on a foreign file in a limited process that hands back JSON.

The reader has its own session, little memory and time, no network where the system allows to take
it away, and GDAL drivers for three formats only. Whatever it does, the caller gets a JSON object
or an `InputError`.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from changedetect.errors import InputError

DRIVERS = frozenset({"GPKG", "ESRI Shapefile", "GeoJSON"})
"""Formats that a reader may open through GDAL."""

_MEGA = 1 << 20
_ANSWER_MAX = 512 * _MEGA
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class ReaderLimits:
    """What a reader may use: address space, processor time, time on the wall, bytes it may write."""

    memory_mb: int
    cpu_s: int
    wall_s: int
    write_mb: int = 1024
    open_files: int = 64


def read_limited(module: str, request: Mapping[str, Any], limits: ReaderLimits) -> dict[str, Any]:
    """Let a module of ours read something in a process of its own.

    Parameters
    ----------
    module
        Name of a module of this package that is run with ``-m``; it gets the request on stdin, limits itself
        first (`changedetect.io.returned.confine`), and prints one JSON object.
    request
        What it is asked; JSON.
    limits
        What it may use.

    Returns
    -------
    dict
        What it printed.

    Raises
    ------
    InputError
        It refused the file (with its reason), or died, ran out of time, or printed no JSON object.
    """
    bounds = {"limits": asdict(limits), "skip_drivers": ",".join(_foreign_drivers())}
    said = json.dumps({**request, **bounds}).encode()
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as noise:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE, stdout=answer, stderr=noise, env=_environment(),
            start_new_session=True, close_fds=True,
        )  # fmt: skip
        try:
            process.communicate(said, timeout=limits.wall_s)
        except subprocess.TimeoutExpired:
            msg = f"file rejected: its reader was ended after {limits.wall_s} s (读取超时，文件已拒收)"
            raise InputError(msg) from None
        finally:
            _end(process)
        answer.seek(0)
        return _result(process.returncode, answer.read(_ANSWER_MAX + 1), noise)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End what is left of a reader and of anything that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _result(code: int, data: bytes, noise: Any) -> dict[str, Any]:  # noqa: ANN401 - a temporary file
    if code != 0:
        noise.seek(0)
        last = noise.read().decode(errors="replace").strip().splitlines()[-1:]
        how = f"signal {-code} {_signal_name(-code)}" if code < 0 else f"exit {code}"
        msg = f"file rejected: reader died ({how}){': ' + last[0][:_SHOWN] if last else ''} (读取程序异常退出，文件已拒收)"
        raise InputError(msg)
    try:
        found = json.loads(data) if len(data) <= _ANSWER_MAX else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        msg = "file rejected: reader died (what it handed back is no JSON object) (文件已拒收)"
        raise InputError(msg)
    if "refused" in found:
        raise InputError(str(found["refused"]))
    return found


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _environment() -> dict[str, str]:
    """Return the few variables that a reader needs; nothing of the user's is handed on."""
    package = str(Path(__file__).parents[2])
    return {
        "PYTHONPATH": os.pathsep.join([package, *(path for path in sys.path if path)]),
        "PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2",
        "GDAL_PAM_ENABLED": "NO",
        "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}", "GDAL_HTTP_MAX_RETRY": "0",
        "OGR_SQLITE_LOAD_EXTENSIONS": "", "PROJ_NETWORK": "OFF",
    }  # fmt: skip


@lru_cache(maxsize=1)
def _foreign_drivers() -> tuple[str, ...]:
    """Name every driver that a reader does without: those that this process knows, or has put off."""
    import pyogrio  # noqa: PLC0415 - heavy, and only needed where something came back

    put_off = ",".join(os.environ.get(name, "") for name in ("GDAL_SKIP", "OGR_SKIP")).split(",")
    return tuple(sorted((set(pyogrio.list_drivers()) | set(put_off)) - DRIVERS - {""}))
