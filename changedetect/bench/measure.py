"""Time, processor time and memory of a piece of work, and the machine it ran on."""

import importlib
import importlib.util
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from changedetect.io import cores

LIBRARIES = (
    "numpy", "numba", "rasterio", "shapely", "geopandas", "pyogrio", "pandas", "scipy", "xarray",
    "dask", "distributed", "nrt",
)  # fmt: skip
"""Libraries whose version stands in a report; absent ones are named as such."""

MEGABYTE = 1e6

LOOK_S = 0.5
"""Between two looks at what the processes of a piece of work hold together. [s]"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work took.

    Attributes
    ----------
    wall_s, cpu_s
        Time on the wall, and of all cores (user and system). [s]
    peak_mb
        Largest resident memory of its process, or what it and the processes that it started held
        together (shared pages once) where that was more; None where it did not have one of its own. [MB]
    """

    wall_s: float
    cpu_s: float
    peak_mb: float | None = None


def timed(work: Callable[[], object]) -> Cost:
    """Do the work once and measure it."""
    cpu, wall = _cpu_s(), time.perf_counter()
    work()
    return Cost(time.perf_counter() - wall, _cpu_s() - cpu)


def watched(work: Callable[[], object]) -> Cost:
    """Do the work once and measure it, its own peak of memory too where the system can tell it."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak so far
    except OSError:
        return timed(work)
    with _together() as held_mb:
        cost = timed(work)
    return Cost(cost.wall_s, cost.cpu_s, _largest(_peak_mb(), *held_mb))


@contextmanager
def _together() -> Iterator[list[float]]:
    """Look now and then at what this process and all that it started hold together. [MB]

    Looks say nothing while no other process is at work: the system knows this one's own peak better.
    """
    held_mb: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            others = psutil.Process().children(recursive=True)
            if others:
                held_mb.append(sum(map(_share_mb, [psutil.Process(), *others])))

    beside = threading.Thread(target=look, daemon=True)
    beside.start()
    try:
        yield held_mb
    finally:
        over.set()
        beside.join()


def _share_mb(process: psutil.Process) -> float:
    """Resident memory of a process, pages that several hold counted in parts; 0 where it has ended."""
    try:
        held = process.memory_full_info()
    except psutil.Error:
        return 0.0
    return float(getattr(held, "pss", held.uss) / MEGABYTE)


def _largest(*peaks_mb: float | None) -> float | None:
    known = [peak for peak in peaks_mb if peak is not None]
    return round(max(known), 1) if known else None


def _cpu_s() -> float:
    children = os.times()  # counts in hundredths of a second, too coarse for this process
    return time.process_time() + children.children_user + children.children_system


def alone(work: Callable[..., object], *given: object) -> tuple[Cost, Any]:
    """Do the work in a process of its own; return its cost, with its peak, and what it gave back."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_inside, work, given).result()


def _inside(work: Callable[..., object], given: tuple[object, ...]) -> tuple[Cost, object]:
    found: list[object] = []
    with _together() as held_mb:
        cost = timed(lambda: found.append(work(*given)))
    return Cost(cost.wall_s, cost.cpu_s, _largest(_peak_mb(), *held_mb)), found[0]


def _peak_mb() -> float | None:
    """Largest resident memory since the program started (getrusage would count the parent's)."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return round(int(found[0]) * 1024 / MEGABYTE, 1) if found else None


def median(costs: Sequence[Cost]) -> Cost:
    """Return the medians of several measurements of one piece of work; the largest peak."""
    return Cost(
        statistics.median(cost.wall_s for cost in costs),
        statistics.median(cost.cpu_s for cost in costs),
        _largest(*(cost.peak_mb for cost in costs)),
    )


def interleaved(
    works: Mapping[str, Callable[[], Cost]], repeat: int, said: Callable[[str], None]
) -> dict[str, Cost]:
    """Measure several pieces of work in turn, several times; return their medians.

    In turn, so that what else the machine does falls on all of them alike.
    """
    found: dict[str, list[Cost]] = {name: [] for name in works}
    for _ in range(repeat):
        for name, work in works.items():
            found[name].append(work())
            said(name)
    return {name: median(costs) for name, costs in found.items()}


def machine() -> dict[str, object]:
    """Describe processor, memory, load and versions."""
    return {
        "processor": _processor(),
        "cores": cores.usable(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load": round(psutil.getloadavg()[0], 2),
        "python": platform.python_version(),
        "gdal": str(importlib.import_module("rasterio").__gdal_version__),
        "versions": {name: version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def version(name: str) -> str:
    """Return a library's version, or ``absent``."""
    if importlib.util.find_spec(name) is None:
        return "absent"
    return str(getattr(importlib.import_module(name), "__version__", "unknown"))


def copy_gb_per_s(megabytes: int = 256) -> float:
    """Measure what one core copies within memory, reading and writing counted. [GB/s]"""
    source = np.ones(megabytes * 1_000_000 // 8)
    target = np.empty_like(source)
    np.copyto(target, source)
    best = min(timed(lambda: np.copyto(target, source)).wall_s for _ in range(5))
    return 2 * source.nbytes / best / 1e9
