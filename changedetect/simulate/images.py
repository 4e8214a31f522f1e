"""The images of a world, one at a time, in order of acquisition.

========  =====  =====================================  ======  ======================
sensor    pixel  bands, in this order                   dtype   stored number
========  =====  =====================================  ======  ======================
pms2m     2 m    blue green red nir                     uint16  reflectance × 10000
msi10m    10 m   blue green red rededge nir swir1 swir2 uint16  reflectance × 10000
sar10m    10 m   vv vh                                  int16   decibel × 100
rgb05m    0.5 m  red green blue                         uint8   stretched, for the eye
========  =====  =====================================  ======  ======================

No data is 0, but -32768 for radar. Optical images are what an office orders: corrected to surface
reflectance, not perfectly; laid on the grid, not perfectly; with a cloud mask that is not perfect.
"""

import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from pyproj import Transformer
from scipy import sparse

from changedetect.grid import Grid, Window
from changedetect.simulate import acquisition, optics, radar, sky
from changedetect.simulate.acquisition import Shot
from changedetect.simulate.ground import Ground, block_mean
from changedetect.simulate.optics import Camera
from changedetect.simulate.spectra import BANDS
from changedetect.simulate.world import COVERS, World

ROLES: dict[str, tuple[str, ...]] = {
    "pms2m": ("blue", "green", "red", "nir"),
    "msi10m": BANDS,
    "sar10m": ("vv", "vh"),
    "rgb05m": ("red", "green", "blue"),
}
GSD_M = {"pms2m": 2.0, "msi10m": 10.0, "sar10m": 10.0, "rgb05m": 0.5}

CAMERAS: dict[str, Camera] = {
    "pms2m": Camera(
        blur_px=0.55, shift_px=0.30, bend_px=0.12, read_noise=0.0030, shot_noise=0.006,
        step_dn=20, gain_sd=0.03, offset_sd=0.004,
    ),
    "msi10m": Camera(
        blur_px=0.50, shift_px=0.18, bend_px=0.04, read_noise=0.0034, shot_noise=0.006,
        step_dn=20, gain_sd=0.02, offset_sd=0.003,
    ),
    "rgb05m": Camera(
        blur_px=0.80, shift_px=0.60, bend_px=0.20, read_noise=0.0020, shot_noise=0.006,
        step_dn=20, gain_sd=0.04, offset_sd=0.004,
    ),
}  # fmt: skip

COARSE = 5
"""Cells along half a pixel of the 10 m sensors, on which their ground is mixed."""

CHIP_M = 200
"""Side of the very fine chips. [m]"""

BUILT = (
    "concrete", "roof_grey", "roof_red", "roof_blue", "roof_white", "greenhouse", "pv_panel",
    "asphalt",
)  # fmt: skip
EYE_CATCHING = 20.0
"""How many cells of new soil or rock one cell of new building is worth in a chip."""

EYE_WHITE = 0.34
"""Reflectance that a chip shows as white."""


@dataclass(frozen=True, slots=True)
class SimulatedImage:
    """One image as its producer delivers it.

    Attributes
    ----------
    scene_id, sensor
        Name (sensor and day), and sensor profile.
    time
        Acquisition, UTC.
    grid
        Where the pixels lie.
    values
        ``(band, y, x)``; dtype and unit by sensor, see the module.
    roles
        Bands in order.
    nodata
        Stored number of pixels without data.
    cloud
        ``(y, x)`` uint8 schema.CLEAR, CLOUD, SHADOW as a producer tells it, with its mistakes;
        None for radar and chips.
    tags
        DATETIME, ACQUISITION_TIME, SUN_ELEVATION, SUN_AZIMUTH, OFF_NADIR, GSD, SENSOR.
    """

    scene_id: str
    sensor: str
    time: datetime
    grid: Grid
    values: np.ndarray
    roles: tuple[str, ...]
    nodata: int
    cloud: np.ndarray | None
    tags: dict[str, str]


class Studio:
    """A world with everything that its images share; `take` makes one of them."""

    __slots__ = ("_latitude", "_longitude", "_shares", "ground", "world")

    def __init__(self, world: World) -> None:
        self.world = world
        self.ground = Ground(world)
        west, south, east, north = world.grid.bounds
        to_degrees = Transformer.from_crs(world.grid.crs, "EPSG:4326", always_xy=True)
        place = to_degrees.transform((west + east) / 2, (south + north) / 2)
        self._longitude, self._latitude = float(place[0]), float(place[1])
        self._shares: tuple[int, sparse.csr_array] | None = None

    def take(self, shot: Shot, *, chip: Window | None = None) -> SimulatedImage:
        """Take one image.

        Parameters
        ----------
        shot
            Sensor, time and sky.
        chip
            Cells of the world under a very fine chip; needed for ``rgb05m`` only.

        Returns
        -------
        SimulatedImage
            The same whatever was taken before it.
        """
        generator = np.random.default_rng(
            [self.world.seed, 150, zlib.crc32(shot.scene_id.encode())]
        )
        cloud: np.ndarray | None = None
        window = self.world.grid.window
        if shot.sensor == "sar10m":
            values = self._radar(shot, generator)
        elif shot.sensor == "rgb05m":
            window = chip if chip is not None else chip_window(self.world, shot.time.date())
            values = self._chip(shot, window, generator)
        else:
            values, cloud = self._optical(shot, generator)
        return SimulatedImage(
            scene_id=shot.scene_id,
            sensor=shot.sensor,
            time=shot.time,
            grid=_image_grid(self.world.grid, window, GSD_M[shot.sensor]),
            values=values,
            roles=ROLES[shot.sensor],
            nodata=radar.RADAR_NODATA if shot.sensor == "sar10m" else 0,
            cloud=cloud,
            tags=self._tags(shot),
        )

    def sun(self, time: datetime) -> sky.Sun:
        """Return where the sun stands over the middle of the world."""
        return sky.sun_at(time, self._latitude, self._longitude)

    def _tags(self, shot: Shot) -> dict[str, str]:
        tags = {
            "DATETIME": shot.time.isoformat(),
            "ACQUISITION_TIME": shot.time.isoformat(),
            "OFF_NADIR": f"{shot.off_nadir_deg:.1f}",
            "GSD": f"{GSD_M[shot.sensor]:g}",
            "SENSOR": shot.sensor,
        }
        if shot.sensor != "sar10m":
            sun = self.sun(shot.time)
            tags["SUN_ELEVATION"] = f"{sun.elevation_deg:.2f}"
            tags["SUN_AZIMUTH"] = f"{sun.azimuth_deg:.2f}"
        return tags

    def _half_pixel_shares(self, day: date) -> sparse.csr_array:
        number = self.ground.state_number(day)
        if self._shares is None or self._shares[0] != number:
            self._shares = (number, self.ground.area_shares(day, COARSE))
        return self._shares[1]

    def _radar(self, shot: Shot, generator: np.random.Generator) -> np.ndarray:
        day = shot.time.date()
        shares = self._half_pixel_shares(day)
        return radar.radar_image(self.ground, day, shares, COARSE, generator)

    def _lit_ground(self, shot: Shot, roles: tuple[str, ...]) -> tuple[np.ndarray, int]:
        """Reflectance with shadows and slopes, and how many of its cells make a pixel."""
        day, sun = shot.time.date(), self.sun(shot.time)
        height_m, terrain_m = self.ground.state(day).height_m, self.world.terrain_m
        if shot.sensor == "msi10m":
            values = self.ground.coarse(day, self._half_pixel_shares(day), COARSE)
            height_m, terrain_m = block_mean(height_m, COARSE), block_mean(terrain_m, COARSE)
            cell_m, factor = float(COARSE), 2
        else:
            values = self.ground.fine(day, tuple(BANDS.index(role) for role in roles))
            cell_m, factor = 1.0, round(GSD_M[shot.sensor])
        covered = sky.cast_shadows(height_m, sun, cell_m)
        relief = sky.relief_light(terrain_m, sun, cell_m)
        return sky.illuminate(values, roles, covered, relief), factor

    def _optical(self, shot: Shot, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        camera, roles, gsd_m = CAMERAS[shot.sensor], ROLES[shot.sensor], GSD_M[shot.sensor]
        lit, factor = self._lit_ground(shot, roles)
        shape = (lit.shape[1] // factor, lit.shape[2] // factor)
        seen = optics.see(lit, camera, optics.displacement(generator, camera, shape), factor)
        above = sky.draw_sky(
            generator, shape, gsd_m, self.sun(shot.time),
            cloud_share=shot.cloud_share, haze=shot.haze,
        )  # fmt: skip
        veiled = sky.veil(seen, roles, above)
        mask = sky.producer_mask(generator, above, veiled[roles.index("blue")], gsd_m)
        return optics.record(veiled, camera, generator), mask

    def _chip(self, shot: Shot, window: Window, generator: np.random.Generator) -> np.ndarray:
        """Render a chip: cells doubled, finer grain added, blurred, stretched to 8 bits."""
        camera, roles = CAMERAS["rgb05m"], ROLES["rgb05m"]
        lit, _ = self._lit_ground(shot, roles)
        part = lit[(slice(None), *window.slices)]
        doubled = np.repeat(np.repeat(part, 2, axis=1), 2, axis=2)
        shape = (doubled.shape[1], doubled.shape[2])
        grain = generator.standard_normal(shape, dtype=np.float32)
        moved = optics.displacement(generator, camera, shape)
        seen = optics.see(doubled * (1 + np.float32(0.10) * grain), camera, moved, 1)
        above = sky.draw_sky(
            generator, shape, 0.5, self.sun(shot.time), cloud_share=0.0, haze=shot.haze
        )
        numbers = optics.record(sky.veil(seen, roles, above), camera, generator)
        bright = np.sqrt(numbers / (optics.DN_PER_REFLECTANCE * EYE_WHITE))
        chip: np.ndarray = np.clip(np.rint(bright * 255), 1, 255).astype(np.uint8)
        return chip


def images(
    world: World,
    *,
    history_months: int = acquisition.HISTORY_MONTHS,
    sensors: Collection[str] = tuple(GSD_M),
    last_year: bool = False,
) -> Iterator[SimulatedImage]:
    """Take all images of a world.

    Parameters
    ----------
    world
        Land and its changes.
    history_months
        Months of the world before its first monitored month.
    sensors
        Whose images are taken; an image is the same whatever others are.
    last_year
        Whether there is a fine image a year before each monitored month, too.

    Yields
    ------
    SimulatedImage
        One at a time, in order of time; the same bytes for the same world.
    """
    studio = Studio(world)
    shots = acquisition.schedule(
        world.seed,
        world.first_day,
        world.last_day,
        history_months=history_months,
        last_year=last_year,
    )
    chips = [shot.time.date() for shot in shots if shot.sensor == "rgb05m"]
    chip = chip_window(world, chips[0], chips[-1])
    for shot in shots:
        if shot.sensor in sensors:
            yield studio.take(shot, chip=chip)


def chip_window(world: World, before: date, after: date | None = None) -> Window:
    """Return the square of cells that shows most change between two days; buildings count more.

    Parameters
    ----------
    world
        Land and its changes.
    before, after
        Days of the two chips; ``after`` None = last day of the world.

    Returns
    -------
    Window
        `CHIP_M` cells a side, or the whole world where that is smaller; corners on multiples of
        10 cells; the first one of equals.
    """
    rows, cols = world.grid.height, world.grid.width
    size = min(CHIP_M, rows, cols) // 10 * 10
    old, new = world.state_on(before)[0], world.state_on(after or world.last_day)[0]
    worth = np.array([EYE_CATCHING if name in BUILT else 1.0 for name in COVERS])
    tens = block_mean((old != new) * worth[new], 10) * 100
    sums = np.zeros((tens.shape[0] + 1, tens.shape[1] + 1))
    sums[1:, 1:] = np.rint(tens).cumsum(axis=0).cumsum(axis=1)
    side = size // 10
    found = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    best = int(np.argmax(found))
    row, col = divmod(best, found.shape[1])
    return Window(row * 10, col * 10, size, size)


def _image_grid(cells: Grid, window: Window, gsd_m: float) -> Grid:
    """Grid of an image over a window of the world's cells, from the same corner."""
    a, b, c, d, e, f = cells.window_transform(window)
    scale = gsd_m / a
    width, height = int(window.width / scale), int(window.height / scale)
    return Grid(cells.crs, (a * scale, b, c, d, e * scale, f), width, height)
