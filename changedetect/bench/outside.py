"""Peers that live in an interpreter of their own: run there as a script, they print their costs.

``python outside.py nrt FILE.npz`` fits and monitors a series with every monitor of `nrt` that is
asked for; ``python outside.py rioxarray BEFORE AFTER WORKERS`` compares two images with rioxarray
and dask, as it is usually written. Nothing of the program is imported, so that their libraries need not fit ours.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import dask
import numpy as np
import xarray as xr

CHUNK_PX = 1024


class Monitor(Protocol):
    """What all monitors of nrt can do."""

    def fit(self, dataarray: xr.DataArray, **kwargs: object) -> None:
        """Fit the history."""

    def monitor(self, array: np.ndarray, date: object) -> None:
        """Take one more date in."""


def measured(work: Callable[[], object]) -> dict[str, float]:
    """Do the work once; time on the wall and of all cores. [s]"""
    cpu, wall = os.times(), time.perf_counter()
    work()
    after = os.times()
    used = after.user + after.system - cpu.user - cpu.system
    return {"wall_s": time.perf_counter() - wall, "cpu_s": used}


def nrt_monitors(path: Path) -> dict[str, dict[str, float]]:
    """Fit the first dates of a series and monitor the others, with each monitor; compiled before.

    The file holds ``values`` ``(date, y, x)``, ``days`` ``(date,)`` since 1970 and ``fitted``, how
    many dates are history.
    """
    # By name: only the other interpreter has them.
    monitors = (import_module(f"nrt.monitor.{name}") for name in ("ccdc", "iqr", "ewma"))
    ccdc, iqr, ewma = monitors
    with np.load(path) as stored:
        values, days, fitted = stored["values"], stored["days"], int(stored["fitted"])
    times = days.astype("datetime64[D]").astype("datetime64[ns]")
    places = [np.arange(side, dtype=float) for side in values.shape[1:]]
    series = xr.DataArray(
        values, dims=("time", "y", "x"), coords={"time": times, "y": places[0], "x": places[1]}
    )
    found = {}
    # What CCDC has of its own asks for more bands, or for a trend: ordinary least squares instead.
    screens: dict[Any, dict[str, object]] = {
        ccdc.CCDC: {"method": "OLS", "screen_outliers": None}, iqr.IQR: {}, ewma.EWMA: {},
    }  # fmt: skip
    for kind, screen in screens.items():
        follow(kind, screen, series[:, :4, :4], fitted)  # compiles
        work = partial(follow, kind, screen, series, fitted)
        found[f"nrt_{kind.__name__.lower()}"] = measured(work)
    return found


def follow(
    kind: Callable[..., Monitor], screen: dict[str, object], cube: xr.DataArray, fitted: int
) -> None:
    """Fit a monitor to the first dates of a series and give it the others one by one."""
    monitor = kind(trend=False, harmonic_order=2)
    monitor.fit(dataarray=cube[:fitted], **screen)
    for image, stamp in zip(cube.values[fitted:], cube["time"].values[fitted:], strict=True):
        monitor.monitor(array=image, date=stamp.astype("datetime64[s]").item())


def rioxarray_cva(before: str, after: str, workers: int) -> dict[str, dict[str, float]]:
    """Change vector analysis with rioxarray on dask: length of the difference of standardised bands."""
    rioxarray = import_module("rioxarray")

    def compare() -> float:
        chunks = {"band": -1, "x": CHUNK_PX, "y": CHUNK_PX}
        images = [
            rioxarray.open_rasterio(path, chunks=chunks, masked=True) for path in (before, after)
        ]
        scaled = [(image - image.mean(("y", "x"))) / image.std(("y", "x")) for image in images]
        return float(np.sqrt(((scaled[1] - scaled[0]) ** 2).sum("band")).mean())

    with dask.config.set(scheduler="threads", num_workers=workers):
        return {"rioxarray_cva": measured(compare)}


def main(words: list[str]) -> None:
    """Run the peer that is named and print its costs as JSON."""
    if words[0] == "nrt":
        found = nrt_monitors(Path(words[1]))
    else:
        found = rioxarray_cva(words[1], words[2], int(words[3]))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
