"""The first thing that a reader does: take from itself what it does not need."""

import ctypes
import json
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_MEGA = 1 << 20


class Refused(Exception):  # noqa: N818 - it is an answer, not a fault
    """The file can not be used; the message says why."""


def serve(read: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Read the request, limit this process, answer with one JSON object on stdout.

    Parameters
    ----------
    read
        Answers a request; it may raise `Refused`.
    """
    request = json.loads(sys.stdin.buffer.read())
    confine(request["limits"])
    os.environ["GDAL_SKIP"] = os.environ["OGR_SKIP"] = request["skip_drivers"]
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not stand in the answer
    try:
        found = read(request)
    except Refused as error:
        found = {"refused": str(error)}
    json.dump(found, answer, ensure_ascii=True, allow_nan=False)
    answer.close()


def confine(limits: dict[str, int]) -> None:
    """Limit memory, processor time, file size and open files; leave the network if possible."""
    _leave_network()
    sizes = {
        resource.RLIMIT_AS: limits["memory_mb"] * _MEGA,
        resource.RLIMIT_CPU: limits["cpu_s"],
        resource.RLIMIT_FSIZE: limits["write_mb"] * _MEGA,
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_CORE: 0,
    }
    for what, most in sizes.items():
        hard = resource.getrlimit(what)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (value, value))
    sys.addaudithook(_refuse)


def _leave_network() -> None:
    """Enter an empty network namespace; where the system forbids it, the audit hook stays."""
    library = ctypes.CDLL(None)
    if library.unshare(_NEW_NETWORK) != 0:
        library.unshare(_NEW_USER | _NEW_NETWORK)


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in {
        "socket.connect",
        "socket.bind",
        "socket.getaddrinfo",
        "subprocess.Popen",
        "os.exec",
    }:
        msg = f"{event} is not allowed in a reader"
        raise PermissionError(msg)
