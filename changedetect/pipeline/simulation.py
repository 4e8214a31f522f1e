"""``simulate``: a county that does not exist, written as an office would deliver it, with its truth."""

import json
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.compat import StringIO

from changedetect.errors import InputError
from changedetect.io import raster_writer, vector_writer
from changedetect.io.publish import publish_bytes
from changedetect.io.rasters import OUTSIDE
from changedetect.pipeline.runs.job import month_span
from changedetect.pipeline.runs.progress import Progress
from changedetect.simulate import images, land
from changedetect.simulate.layers import LAYERS
from changedetect.simulate.world import World

APPROVAL_PREFIX = "SP_"
COUNTIES_KEY = "XZQ"
LAYER_KEYS = {
    "towns": "XZ",
    "villages": "C",
    "parcels": "DLTB",
    "basic_farmland": "YJJBNTBHTB",
    "red_line": "STBHHX",
    "town_boundary": "CZKFBJ",
    "priority_cells": "YXWG",
    "field_chiefs": "TZ",
    "wardens": "WGY",
}
ZONE_LAYERS = ("GHFW", "HHAX", "ZRBHD")
CLOUD_FORM = raster_writer.RasterForm("uint8", OUTSIDE, ("0 clear, 1 cloud, 2 shadow",))
HEAD = "# Simulated county"
"""How the job file of a world begins."""

SENSORS = ("pms2m", "msi10m", "sar10m", "rgb05m")


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """What was made."""

    folder: Path
    images: int
    changes: int
    months: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """Return the report as JSON-able values."""
        return {
            "folder": str(self.folder),
            "images": self.images,
            "changes": self.changes,
            "months": list(self.months),
        }

    def lines(self) -> list[str]:
        """Return the report for people."""
        return [
            f"{self.images} images, {self.changes} true changes: {self.folder}",
            f"next 下一步: changedetect run {self.folder / 'config.yaml'} --month {self.months[0]}",
        ]


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """Which world: what it is drawn from, its months, its size, and which sensors see it.

    ``last_year``: whether there is a fine image a year before each monitored month, too.
    """

    seed: int
    months: int = 1
    start: str = "2025-06"
    size_km: float = 1.6
    sensors: tuple[str, ...] = SENSORS
    last_year: bool = False


def simulate(
    out: Path, options: WorldOptions, *, overwrite: bool, progress: Progress
) -> SimulationReport:
    """Make a simulated county: images, records, truth and a job file; same seed, same bytes.

    Raises
    ------
    InputError
        The folder holds something and may not be replaced.
    """
    first, _ = month_span(options.start)
    _clear(out, overwrite=overwrite)
    progress.begin("land", 1)
    world = land.build_world(
        options.seed, months=options.months, start=first, size_km=options.size_km
    )
    progress.end("land", f"{len(world.truth)} true changes")
    (out / "records").mkdir(parents=True)
    _write_records(out / "records", world)
    vector_writer.write_geopackage(
        out / "truth.gpkg",
        {"changes": world.truth},
        descriptions={"changes": "真值 true changes"},
        crs=world.grid.crs,
        overwrite=True,
    )
    count = _write_images(out / "scenes", world, options, progress)
    names = tuple(_month_name(first, number) for number in range(options.months))
    text = _config_text(world, options, names)
    publish_bytes(out / "config.yaml", text.encode(), overwrite=True)
    return SimulationReport(out, count, len(world.truth), names)


def _clear(out: Path, *, overwrite: bool) -> None:
    if not out.exists():
        return
    if any(out.iterdir()) and not overwrite:
        msg = f"{out} is not empty; choose another folder, or add --overwrite to replace the world in it"
        raise InputError(msg)
    if any(out.iterdir()) and not _is_world(out):
        msg = f"{out} holds something that is no simulated world; it is left as it is: choose another folder / 目录中不是模拟数据，不予覆盖"
        raise InputError(msg)
    for name in ("scenes", "records"):
        shutil.rmtree(out / name, ignore_errors=True)


def _is_world(out: Path) -> bool:
    """Tell whether a folder is a world of ours: a real job's images must not be taken for one."""
    config = out / "config.yaml"
    if not (out / "truth.gpkg").is_file() or not config.is_file():
        return False
    with config.open("rb") as stream:
        return stream.read(len(HEAD)) == HEAD.encode()


def _write_records(folder: Path, world: World) -> None:
    for name, table in sorted(world.records.items()):
        vector_writer.write_geopackage(
            folder / f"{name}.gpkg",
            {name: table},
            descriptions={name: " ".join(LAYERS[name])},
            crs=world.grid.crs,
            overwrite=True,
        )


def _write_images(folder: Path, world: World, options: WorldOptions, progress: Progress) -> int:
    folder.mkdir(parents=True)
    count = 0
    progress.begin("images", 0)
    for image in images.images(world, sensors=options.sensors, last_year=options.last_year):
        form = raster_writer.RasterForm(
            image.values.dtype.name, image.nodata, image.roles, tuple(sorted(image.tags.items()))
        )
        raster_writer.write_cog_array(
            folder / f"{image.scene_id}.tif", image.grid, image.values, form
        )
        if image.cloud is not None:
            raster_writer.write_cog_array(
                folder / f"{image.scene_id}_cloud.tif", image.grid, image.cloud, CLOUD_FORM
            )
        count += 1
        progress.advance("images", image.scene_id)
    progress.end("images", f"{count} images")
    return count


def _month_name(first: date, number: int) -> str:
    index = first.year * 12 + first.month - 1 + number
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def _config_text(world: World, options: WorldOptions, months: tuple[str, ...]) -> str:
    counties = [str(code) for code in world.records[COUNTIES_KEY]["XZQDM"]]

    def layer(name: str) -> dict[str, Any]:
        return {
            "path": f"records/{name}.gpkg",
            "version": f"simulated, seed {options.seed}",
            "as_of": world.first_day.isoformat(),
            "covers": counties,
        }

    records: dict[str, Any] = {"districts": layer(COUNTIES_KEY)}
    records |= {key: layer(name) for key, name in LAYER_KEYS.items() if name in world.records}
    records["parcels"]["as_of"] = f"{int(months[0][:4]) - 1}-12-31"
    records["approvals"] = {
        name.removeprefix(APPROVAL_PREFIX): layer(name)
        | {"as_of": world.last_day.isoformat(), "may_be_empty": True}
        for name in sorted(world.records)
        if name.startswith(APPROVAL_PREFIX)
    }
    records["zones"] = {name: layer(name) for name in ZONE_LAYERS if name in world.records}
    config: dict[str, Any] = {
        "name": f"county_{options.seed}",
        "grid": {"crs": world.grid.crs, "resolution_m": 2.0},
        "scenes": {"folder": "scenes", "sensors": list(options.sensors), "pair_sensor": "pms2m"},
        "records": records,
        "themes": [f"{number:02d}" for number in range(1, 17)],
    }
    stream = StringIO()
    writer = YAML()
    writer.default_flow_style = False
    writer.allow_unicode = True
    writer.dump(json.loads(json.dumps(config)), stream)
    head = f"{HEAD}, seed {options.seed}; months {', '.join(months)}.\n"
    return head + stream.getvalue()
