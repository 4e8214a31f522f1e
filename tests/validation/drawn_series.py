"""Many pixels of a 10 m series from the physics of the simulator, each on a parcel of its own.

A county has few parcels, so its pixels tell little about rare false alarms. Here every pixel of a
small image is its own field with its own calendar; clouds, shadows, haze, calibration and the
producer's imperfect mask are those of `changedetect.simulate`. Half of the pixels lie on a boundary:
registration moves part of another field into them, another part on every date.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from changedetect.simulate import acquisition, optics, sky, spectra
from changedetect.simulate.images import CAMERAS
from changedetect.simulate.phenology import Calendar, material_shares
from changedetect.simulate.world import COVERS
from changedetect.stages import pixels

ROLES = spectra.BANDS
BUFFER_PX = 1
BOUNDARY = 0.10
"""Part of a neighbour that registration moves into a boundary pixel, 1 sigma."""


@dataclass(frozen=True)
class DrawnSeries:
    """Days, ``(date, band, y, x)`` reflectance with NaN, covers, and the truth of the changes."""

    days: list
    values: np.ndarray
    cover: np.ndarray
    after: np.ndarray
    changed: np.ndarray


def moisture(seed, day, calendar, count):
    left = np.zeros(count)
    for age in range(12):
        rain = np.random.default_rng([seed, 120, day.toordinal() - age]).random(2)
        if rain[0] < 0.36:
            left += (0.25 + 0.9 * rain[1]) * np.exp(-age / (2.5 + 2.5 * calendar.life[6]))
    return np.clip(left, 0.0, 1.0)


class Fields:
    """Reflectance of every cover on every parcel."""

    def __init__(self, seed, count):
        self.seed, self.count = seed, count
        self.calendar = Calendar(seed, count)
        life = np.random.default_rng([seed, 1])
        self.between = self._factors(life, "between")
        self.place = life.standard_normal(count)
        self.spot = 0.045 * life.standard_normal((count, len(ROLES)))

    def _factors(self, rng, field):
        size = (len(COVERS), self.count)
        tint = rng.standard_normal(size)[:, :, None] * np.linspace(-1, 1, len(ROLES))
        drawn = 0.85 * rng.standard_normal(size)[:, :, None] + 0.35 * tint
        drawn = drawn + 0.2 * rng.standard_normal((*size, len(ROLES)))
        return np.exp(spectra.variety_column(field)[:, None, None] * drawn)

    def on(self, day):
        """``(cover, parcel, band)`` reflectance of a day."""
        rng = np.random.default_rng([self.seed, 2, day.toordinal()])
        wet = moisture(self.seed, day, self.calendar, self.count)
        mean = spectra.mix(material_shares(self.calendar, day, wet))
        lush = spectra.mix(material_shares(self.calendar, day, wet, lusher=0.35))
        patchy = 0.9 * (lush - mean) + spectra.variety_column("patchy")[:, None, None] * mean
        drift = 0.9 * self.place + 0.45 * rng.standard_normal(self.count)
        spot = 1 + self.spot + 0.045 * rng.standard_normal(self.spot.shape)
        value = (
            (mean + patchy * drift[:, None]) * self.between * self._factors(rng, "between_dates")
        )
        return np.maximum(value * spot, 0.003)


def draw(seed, cover, after, changed, share, years=4.0):
    """Draw a series.

    ``cover``, ``after``: ``(y, x)`` indices into COVERS; ``changed``: ``(y, x)`` ordinal of the
    change, 0 = none; ``share``: part of the pixel that becomes ``after``.
    """
    shape, count = cover.shape, cover.size
    first = date(2022, 1, 1)
    last = date.fromordinal(first.toordinal() + round(365.25 * years))
    shots = [s for s in acquisition.schedule(seed, first, last) if s.sensor == "msi10m"]
    fields = Fields(seed, count)
    rng = np.random.default_rng([seed, 3])
    partner = rng.permutation(count)
    edge = rng.random(count) < 0.5
    camera, names, mine = CAMERAS["msi10m"], ROLES, np.arange(count)
    out = []
    for shot in shots:
        day = shot.time.date()
        rng = np.random.default_rng([seed, 4, day.toordinal()])
        table = fields.on(day)
        value = table[cover.ravel(), mine]
        new = table[after.ravel(), mine]
        part = np.where((changed.ravel() > 0) & (day.toordinal() >= changed.ravel()), share, 0.0)
        value = (1 - part)[:, None] * value + part[:, None] * new
        moved = np.where(edge, np.abs(BOUNDARY * rng.standard_normal()), 0.0)[:, None]
        value = (1 - moved) * value + moved * value[partner]
        ground = value.T.reshape(len(names), *shape).astype(np.float32)
        sun = sky.sun_at(shot.time, 28.2, 112.5)
        above = sky.draw_sky(rng, shape, 10.0, sun, cloud_share=shot.cloud_share, haze=shot.haze)
        seen = sky.veil(ground, names, above)
        mask = sky.producer_mask(rng, above, seen[names.index("blue")], 10.0)
        numbers = optics.record(seen, camera, rng).astype(np.float32) / 10_000
        out.append(pixels.masked(numbers, mask, BUFFER_PX))
    return DrawnSeries([s.time.date() for s in shots], np.stack(out), cover, after, changed)
