"""``doctor``: whether a machine is fit for the job, each point with its advice."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from changedetect.io import machine

GIB = 1 << 30
LEAST_DISK_GIB, LEAST_MEMORY_GIB = 5, 2


@dataclass(frozen=True, slots=True)
class Check:
    """One point: ``ok``, ``warn`` (works, but) or ``bad`` (does not work)."""

    name: str
    state: Literal["ok", "warn", "bad"]
    found: str
    advice: str = ""

    def facts(self) -> dict[str, Any]:
        """Return the point as JSON-able values."""
        return asdict(self)


def examine() -> tuple[Check, ...]:
    """Examine this machine."""
    return (*_programs(), *_formats(), *_resources())


def _check(
    name: str, found: str, advice: str, *, fine: bool, otherwise: Literal["warn", "bad"]
) -> Check:
    return Check(name, "ok" if fine else otherwise, found, "" if fine else advice)


def _programs() -> tuple[Check, ...]:
    inherited = machine.inherited_variables()
    return (
        _check(
            "Python",
            machine.python(),
            "use Python 3.11 or 3.12",
            fine=machine.python_fits(),
            otherwise="bad",
        ),
        Check("processor", "ok", machine.processor()),
        _check(
            "GDAL/PROJ variables",
            ", ".join(inherited) or "none inherited",
            "they point to another installation and are ignored here; unset them to be sure",
            fine=not inherited,
            otherwise="warn",
        ),
        Check("GDAL and PROJ", "ok", machine.libraries()),
        _check(
            "SQLite",
            machine.sqlite(),
            "a Python with SQLite 3.37 or newer is needed for the ledger",
            fine=machine.sqlite_has_strict_tables(),
            otherwise="bad",
        ),
        _check(
            "numba",
            machine.compiler(),
            "kernels are compiled again by every run; set NUMBA_CACHE_DIR to a writable folder",
            fine=machine.kernel_cache_is_writable(),
            otherwise="warn",
        ),
    )


def _formats() -> tuple[Check, ...]:
    codecs, unknown, font = machine.missing_codecs(), machine.unknown_systems(), machine.font()
    encoding = sys.stdout.encoding or "unknown"
    return (
        _check(
            "codecs",
            f"missing: {', '.join(codecs)}" if codecs else ", ".join(machine.CODECS),
            "install rasterio from its wheel",
            fine=not codecs,
            otherwise="bad",
        ),
        _check(
            "CGCS2000",
            ", ".join(unknown) or "known to every copy of PROJ",
            "PROJ's database is broken; install pyproj and rasterio from their wheels",
            fine=not unknown,
            otherwise="bad",
        ),
        _check(
            "Chinese font",
            font or "none found",
            "captions of pictures will be ASCII; install fonts-noto-cjk / 安装中文字体",
            fine=font is not None,
            otherwise="warn",
        ),
        _check(
            "console",
            encoding,
            "not UTF-8: signs outside its set are replaced, files are not affected",
            fine=encoding.lower().replace("-", "") == "utf8",
            otherwise="warn",
        ),
    )


def _resources() -> tuple[Check, ...]:
    disk = machine.free_disk_bytes(Path.cwd())
    available, total = machine.memory_bytes()
    return (
        _check(
            "disk",
            f"{disk / GIB:.1f} GiB free here",
            f"at least {LEAST_DISK_GIB} GiB are advised; clear up or work elsewhere",
            fine=disk >= LEAST_DISK_GIB * GIB,
            otherwise="warn",
        ),
        _check(
            "memory",
            f"{available / GIB:.1f} of {total / GIB:.1f} GiB available",
            "use smaller tiles (--tile 512) and fewer workers (--workers 1)",
            fine=available >= LEAST_MEMORY_GIB * GIB,
            otherwise="warn",
        ),
    )
