"""The ground of a world on a day, as reflectance: parcels' means, texture inside them, rows.

Reflectance is kept as a table by parcel and cover; only the last step lays it over cells. So a
fine image looks the table up once per cell, and a coarse one multiplies it with area shares.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy import ndimage, sparse

from changedetect.simulate import spectra
from changedetect.simulate.phenology import Calendar, material_shares
from changedetect.simulate.world import COVERS, UNTOUCHED, World

LUSHER = 0.35
"""Share of bare ground turned into leaves to see the direction in which a field is patchy. [1]"""

LOOKS_OF_CHANGE = 8
"""How many different-looking objects a planted change brings; its buildings take turns."""

SPOT_COLOUR, SPOT_COLOUR_PASSING = np.float32(0.045), np.float32(0.045)
"""Relative spread of a spot's bands that stays, and that differs from date to date. [1]"""


@dataclass(frozen=True, slots=True)
class State:
    """What covers the ground between two changes.

    Attributes
    ----------
    key
        ``(y, x)`` int32: ``cover * parcels + parcel``, row of the flattened tables.
    cover
        ``(y, x)`` uint8 index into `COVERS`.
    height_m
        ``(y, x)`` float32. [m]
    """

    key: np.ndarray
    cover: np.ndarray
    height_m: np.ndarray


@dataclass(frozen=True, slots=True)
class Tables:
    """Reflectance of every cover on every parcel on one day.

    Attributes
    ----------
    mean
        ``(cover * parcel, band)`` float32. [reflectance, 0-1]
    patchy
        ``(cover * parcel, band)`` float32; what one standard deviation of the field's own
        patchiness adds. [reflectance]
    """

    mean: np.ndarray
    patchy: np.ndarray


def correlated_noise(
    generator: np.random.Generator, shape: tuple[int, int], length_px: float
) -> np.ndarray:
    """Return smooth noise with zero mean and standard deviation 1.

    Parameters
    ----------
    generator
        Where the numbers come from.
    shape
        Rows and columns.
    length_px
        Standard deviation of the smoothing kernel. [px]

    Returns
    -------
    ndarray
        ``(y, x)`` float32.
    """
    step = max(1, int(length_px // 2))
    rows, cols = (-(-side // step) + 1 for side in shape)
    white = generator.standard_normal((rows, cols), dtype=np.float32)
    smooth = ndimage.gaussian_filter(white, length_px / step, mode="wrap")
    if step > 1:
        smooth = ndimage.zoom(smooth, step, order=1)[: shape[0], : shape[1]]
    smooth -= smooth.mean(dtype=np.float64)
    smooth /= max(float(smooth.std(dtype=np.float64)), 1e-6)
    return np.ascontiguousarray(smooth[: shape[0], : shape[1]], dtype=np.float32)


class Ground:
    """Everything about a world's ground that images share: draws, texture, rows, wetness."""

    __slots__ = (
        "_along_m", "_days", "_parcels", "_state", "_tables", "calendar", "parcel", "patchiness",
        "roughness", "world",
    )  # fmt: skip

    def __init__(self, world: World) -> None:
        self.world = world
        numbers, inverse = np.unique(world.parcel, return_inverse=True)
        self.parcel = inverse.reshape(world.parcel.shape).astype(np.int32)
        self._parcels = int(numbers.size) + LOOKS_OF_CHANGE * len(world.changes)
        self.calendar = Calendar(world.seed, self._parcels)
        shape = (world.grid.height, world.grid.width)
        generator = np.random.default_rng([world.seed, 110])
        patchy = correlated_noise(generator, shape, 12.0) + correlated_noise(generator, shape, 4.0)
        self.patchiness = patchy * np.float32(1 / np.sqrt(2))
        crowns = correlated_noise(generator, shape, 1.6)
        clods = generator.standard_normal(shape, dtype=np.float32)
        self.roughness = np.float32(0.85) * crowns + np.float32(0.53) * clods
        self._along_m = _distance_across_rows(self.parcel, self._parcels)
        self._days = sorted({stage.day for change in world.changes for stage in change.stages})
        self._state: tuple[int, State] | None = None
        self._tables: tuple[date, Tables] | None = None

    def state_number(self, day: date) -> int:
        """Return how many days of change lie on or before a day: the name of a state."""
        return sum(begins <= day for begins in self._days)

    def state(self, day: date) -> State:
        """Return cover, height and table rows of every cell on a day; the last one is kept."""
        number = self.state_number(day)
        if self._state is None or self._state[0] != number:
            cover, height_m = self.world.state_on(day)
            key = cover.astype(np.int32) * np.int32(self._parcels) + self._owner(day)
            self._state = (number, State(key, cover, np.nan_to_num(height_m, nan=0.0)))
        return self._state[1]

    def _owner(self, day: date) -> np.ndarray:
        """Parcel of every cell; ground that a change has touched belongs to the change."""
        owner = self.parcel.copy()
        first = self._parcels - LOOKS_OF_CHANGE * len(self.world.changes)
        touching = [
            (stage.day, change.truth_id, first + LOOKS_OF_CHANGE * number, stage)
            for number, change in enumerate(self.world.changes)
            for stage in change.stages
            if stage.day <= day
        ]
        for _, _, number, stage in sorted(touching, key=lambda item: item[:2]):
            standing = np.nan_to_num(stage.height_m, nan=0.0) > 0
            piece = ndimage.label(standing)[0] % LOOKS_OF_CHANGE
            touched = stage.cover != UNTOUCHED
            owner[stage.window.slices][touched] = number + piece[touched]
        return owner

    def wetness(self, day: date) -> np.ndarray:
        """Return how wet every parcel is: rain of the last days, drained at its own speed.

        Returns
        -------
        ndarray
            ``(parcel,)`` float64, 0 dry to 1 soaked. [1]
        """
        left = np.zeros(self._parcels)
        hold_days = 2.5 + 2.5 * self.calendar.life[6]
        for age in range(12):
            number = day.toordinal() - age
            rain = np.random.default_rng([self.world.seed, 120, number]).random(2)
            if rain[0] < 0.36:
                left += (0.25 + 0.9 * rain[1]) * np.exp(-age / hold_days)
        return np.clip(left, 0.0, 1.0)

    def tables(self, day: date) -> Tables:
        """Return the reflectance tables of a day; the last ones are kept."""
        if self._tables is None or self._tables[0] != day:
            self._tables = (day, self._make_tables(day))
        return self._tables[1]

    def _make_tables(self, day: date) -> Tables:
        wetness = self.wetness(day)
        mean = spectra.mix(material_shares(self.calendar, day, wetness))
        lush = spectra.mix(material_shares(self.calendar, day, wetness, lusher=LUSHER))
        life = np.random.default_rng([self.world.seed, 111])
        now = np.random.default_rng([self.world.seed, 112, day.toordinal()])
        brightness = self._factors(life, "between", bands=mean.shape[2])
        brightness = brightness * self._factors(now, "between_dates", bands=mean.shape[2])
        patchy = 0.9 * (lush - mean) + spectra.variety_column("patchy")[:, None, None] * mean
        return Tables(_flat(mean * brightness), _flat(patchy * brightness))

    def _factors(self, generator: np.random.Generator, field: str, *, bands: int) -> np.ndarray:
        """Lognormal factors ``(cover, parcel, band)``: brightness, and a little colour."""
        spread = spectra.variety_column(field)
        size = (len(COVERS), self._parcels)
        whole = generator.standard_normal(size)[:, :, None]
        tint = generator.standard_normal(size)[:, :, None] * np.linspace(-1.0, 1.0, bands)
        own = generator.standard_normal((*size, bands))
        drawn = 0.85 * whole + 0.35 * tint + 0.2 * own
        factors: np.ndarray = np.exp(spread[:, None, None] * drawn)
        return factors

    def rows(self, cover: np.ndarray) -> np.ndarray:
        """Return relative brightness by planted or built rows.

        Parameters
        ----------
        cover
            ``(y, x)`` uint8.

        Returns
        -------
        ndarray
            ``(y, x)`` float32 around 1.
        """
        period = spectra.variety_column("row_period_m").astype(np.float32)[cover]
        depth = spectra.variety_column("row_depth").astype(np.float32)[cover]
        wave = np.ones(cover.shape, dtype=np.float32)
        inside = period > 0
        phase = 2 * np.float32(np.pi) * self._along_m[inside] / period[inside]
        wave[inside] += depth[inside] * np.sin(phase)
        return wave

    def fine(self, day: date, bands: tuple[int, ...]) -> np.ndarray:
        """Return sunlit reflectance of every cell.

        Parameters
        ----------
        day
            Day of the image.
        bands
            Indices into `spectra.BANDS`.

        Returns
        -------
        ndarray
            ``(band, y, x)`` float32. [reflectance, 0-1]
        """
        state, tables = self.state(day), self.tables(day)
        rough = spectra.variety_column("rough").astype(np.float32)[state.cover]
        grain = (1 + rough * self.roughness) * self.rows(state.cover)
        drift = self._drift(day)
        colour = self._colour(day, 2)
        out = np.empty((len(bands), *state.cover.shape), dtype=np.float32)
        for index, band in enumerate(bands):
            mean = tables.mean[:, band][state.key]
            patchy = tables.patchy[:, band][state.key]
            own = np.repeat(np.repeat(colour[band], 2, axis=0), 2, axis=1)
            own = own[: grain.shape[0], : grain.shape[1]]
            out[index] = np.maximum((mean + patchy * drift) * grain * own, np.float32(0.003))
        return out

    def coarse(self, day: date, shares: sparse.csr_array, factor: int) -> np.ndarray:
        """Return sunlit reflectance of blocks of cells, from their area shares.

        Parameters
        ----------
        day
            Day of the image.
        shares
            ``(block, cover * parcel)`` as `area_shares` makes them.
        factor
            Side of a block. [cells]

        Returns
        -------
        ndarray
            ``(band, y, x)`` float32. [reflectance, 0-1]
        """
        tables = self.tables(day)
        drift = block_mean(self._drift(day), factor)
        mean = (shares @ tables.mean).T.reshape(-1, *drift.shape)
        patchy = (shares @ tables.patchy).T.reshape(-1, *drift.shape)
        colour = self._colour(day, factor)[:, : drift.shape[0], : drift.shape[1]]
        out: np.ndarray = np.maximum((mean + patchy * drift) * colour, np.float32(0.003))
        return out

    def _colour(self, day: date, factor: int) -> np.ndarray:
        """Draw what makes every spot's spectrum its own: ``(band, y, x)`` factors around 1."""
        rows, cols = self.world.grid.height, self.world.grid.width
        shape = (len(spectra.BANDS), -(-rows // factor), -(-cols // factor))
        always = np.random.default_rng([self.world.seed, 114, factor])
        now = np.random.default_rng([self.world.seed, 115, factor, day.toordinal()])
        spread = SPOT_COLOUR * always.standard_normal(shape, dtype=np.float32)
        spread += SPOT_COLOUR_PASSING * now.standard_normal(shape, dtype=np.float32)
        return np.float32(1) + spread.astype(np.float32)

    def area_shares(self, day: date, factor: int) -> sparse.csr_array:
        """Return which covers of which parcels fill each block of cells, and how much of it.

        Returns
        -------
        csr_array
            ``(block, cover * parcel)`` float32; rows sum to 1. [1]
        """
        key = self.state(day).key
        rows, cols = key.shape[0] // factor, key.shape[1] // factor
        cells = key[: rows * factor, : cols * factor]
        block = np.arange(rows)[:, None] * cols + np.arange(cols)[None, :]
        where = np.repeat(np.repeat(block, factor, axis=0), factor, axis=1)
        weight = np.full(cells.size, 1.0 / factor**2, dtype=np.float32)
        shape = (rows * cols, self._parcels * len(COVERS))
        return sparse.csr_array((weight, (where.ravel(), cells.ravel())), shape=shape)

    def _drift(self, day: date) -> np.ndarray:
        """Patchiness that mostly stays, and partly comes and goes with the weeks."""
        shape = self.patchiness.shape
        number = day.toordinal()
        passing = correlated_noise(
            np.random.default_rng([self.world.seed, 113, number]), shape, 14.0
        )
        drift: np.ndarray = np.float32(0.9) * self.patchiness + np.float32(0.45) * passing
        return drift


def block_mean(values: np.ndarray, factor: int) -> np.ndarray:
    """Average blocks of cells; cells beyond the last whole block are left out.

    Parameters
    ----------
    values
        ``(..., y, x)``.
    factor
        Side of a block. [cells]

    Returns
    -------
    ndarray
        ``(..., y // factor, x // factor)`` in the dtype of the values.

    Examples
    --------
    >>> block_mean(np.arange(16.0).reshape(4, 4), 2).tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    rows, cols = values.shape[-2] // factor, values.shape[-1] // factor
    cut = values[..., : rows * factor, : cols * factor]
    blocks = cut.reshape(*values.shape[:-2], rows, factor, cols, factor)
    averaged: np.ndarray = blocks.mean(axis=(-3, -1))
    return averaged


def _distance_across_rows(parcel: np.ndarray, parcels: int) -> np.ndarray:
    """Distance of cells across the long side of their parcel, where its rows run. [m]"""
    places: np.ndarray = np.indices(parcel.shape, dtype=np.float32)
    y, x = places[0], places[1]
    number = parcel.ravel()
    count = np.maximum(np.bincount(number, minlength=parcels), 1)

    def moment(values: np.ndarray) -> np.ndarray:
        summed: np.ndarray = np.bincount(number, values.ravel(), minlength=parcels) / count
        return summed

    mean_x, mean_y = moment(x), moment(y)
    spread_xx = moment(x * x) - mean_x**2
    spread_yy = moment(y * y) - mean_y**2
    spread_xy = moment(x * y) - mean_x * mean_y
    angle = 0.5 * np.arctan2(2 * spread_xy, spread_xx - spread_yy)
    across_x, across_y = -np.sin(angle), np.cos(angle)
    distance = x * across_x.astype(np.float32)[parcel] + y * across_y.astype(np.float32)[parcel]
    return np.asarray(distance, dtype=np.float32)


def _flat(table: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(table.reshape(-1, table.shape[-1]), dtype=np.float32)
