"""What this machine offers: libraries, codecs, coordinate systems, fonts, disk, memory."""

import os
import platform
import shutil
import sqlite3
import sys
from pathlib import Path

import numba
import psutil
import pyogrio
import pyproj
import rasterio
from rasterio.crs import CRS
from rasterio.drivers import raster_driver_extensions
from rasterio.transform import Affine

from changedetect.io import cores
from changedetect.io.chips import chinese_font
from changedetect.io.environment import INHERITED_AT_START

CODECS = ("DEFLATE", "ZSTD", "LZW", "LERC")
CODES = (4490, 4526, 4547)
"""Coordinate systems that every copy of PROJ must know."""

WAL_SAFE = (3, 51, 3)
"""First SQLite without the write-ahead-log reset fault (we do not use that mode)."""


def python() -> str:
    """Describe Python and the platform."""
    libc = " ".join(platform.libc_ver()) or "no glibc"
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}, {libc}"


def python_fits() -> bool:
    """Tell whether this Python is one that the lock was made for."""
    return (3, 11) <= sys.version_info[:2] < (3, 13)


def processor() -> str:
    """Describe the cores that this process may use."""
    return f"{cores.usable()} of {os.cpu_count()} cores"


def inherited_variables() -> tuple[str, ...]:
    """Return variables of other GDAL or PROJ installations that were set when we started."""
    return INHERITED_AT_START


def libraries() -> str:
    """Name the versions of GDAL and PROJ in this process."""
    gdal = ".".join(map(str, pyogrio.__gdal_version__))
    return f"GDAL {rasterio.__gdal_version__} (images), {gdal} (layers), PROJ {pyproj.proj_version_str}"


def missing_codecs() -> tuple[str, ...]:
    """Return codecs that this build of GDAL lacks, found by writing a small file with each."""
    missing = []
    for codec in CODECS:
        with rasterio.MemoryFile() as memory:
            try:
                with memory.open(
                    driver="GTiff", width=16, height=16, count=1, dtype="uint8", compress=codec,
                    crs="EPSG:4547", transform=Affine(2, 0, 0, 0, -2, 32),
                ):  # fmt: skip
                    pass
            except rasterio.errors.RasterioError:
                missing.append(codec)
    return tuple(missing)


def image_formats() -> int:
    """Count the image formats that can be opened."""
    return len(raster_driver_extensions())


def unknown_systems() -> tuple[str, ...]:
    """Return coordinate systems that a copy of PROJ does not know."""
    unknown = []
    for code in CODES:
        for name, build in (("pyproj", pyproj.CRS.from_epsg), ("rasterio", CRS.from_epsg)):
            try:
                build(code)
            except (pyproj.exceptions.CRSError, rasterio.errors.CRSError):
                unknown.append(f"EPSG:{code} in {name}")
    return tuple(unknown)


def font() -> str | None:
    """Return the font with Chinese that pictures use; None if there is none."""
    return chinese_font()


def sqlite() -> str:
    """Describe SQLite."""
    safe = sqlite3.sqlite_version_info >= WAL_SAFE
    return f"{sqlite3.sqlite_version}, journal DELETE is used{'' if safe else ' (its WAL mode is unsafe)'}"


def sqlite_has_strict_tables() -> bool:
    """Tell whether SQLite knows STRICT tables (3.37)."""
    return sqlite3.sqlite_version_info >= (3, 37)


def compiler() -> str:
    """Describe numba and where compiled kernels are kept."""
    return f"numba {numba.__version__}, cache {_cache_folder() or 'beside the program'}"


def _cache_folder() -> str:
    return str(getattr(numba.config, "CACHE_DIR", ""))


def kernel_cache_is_writable() -> bool:
    """Tell whether compiled kernels can be kept for the next run."""
    folder = Path(_cache_folder() or Path(__file__).parents[1] / "kernels")
    return os.access(folder, os.W_OK)


def free_disk_bytes(folder: Path) -> int:
    """Return the free space under a folder. [byte]"""
    return shutil.disk_usage(folder).free


def memory_bytes() -> tuple[int, int]:
    """Return available and total memory. [byte]"""
    memory = psutil.virtual_memory()
    return memory.available, memory.total
