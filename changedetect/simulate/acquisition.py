"""Which images are taken when, and under what sky: the schedule of a simulated county."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

HISTORY_MONTHS = 15
"""Months between the first day of a world and its first monitored month."""

YEAR_MONTHS = 12

CLEAR_SHARE_KEPT = 0.08
"""Dates with less clear ground than this are not ordered. [1]"""

CLOUDINESS = (0.66, 0.68, 0.70, 0.66, 0.62, 0.62, 0.48, 0.46, 0.46, 0.48, 0.52, 0.58)
"""Mean cloud share by month, about that of Hunan (our choice). [1]"""


@dataclass(frozen=True, slots=True)
class Shot:
    """One image to be taken.

    Attributes
    ----------
    sensor
        ``pms2m``, ``msi10m``, ``sar10m`` or ``rgb05m``.
    time
        Moment, UTC.
    cloud_share
        Wanted share of clouds. [1]
    haze
        Mean path radiance in blue. [reflectance]
    off_nadir_deg
        Viewing angle. [degree]
    """

    sensor: str
    time: datetime
    cloud_share: float = 0.0
    haze: float = 0.0
    off_nadir_deg: float = 0.0

    @property
    def scene_id(self) -> str:
        """Sensor and day, as in the file's name."""
        return f"{self.sensor.upper()}_{self.time:%Y%m%d}"


def month_start(day: date, months: int) -> date:
    """Return the first day of a month some months later.

    Examples
    --------
    >>> month_start(date(2024, 3, 9), 15)
    datetime.date(2025, 6, 1)
    """
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def schedule(
    seed: int,
    first_day: date,
    last_day: date,
    *,
    history_months: int = HISTORY_MONTHS,
    last_year: bool = False,
) -> tuple[Shot, ...]:
    """Return every image of a world in order of time, then sensor.

    Parameters
    ----------
    seed
        The world's.
    first_day, last_day
        Span of the world.
    history_months
        Months before the first monitored one.
    last_year
        Whether the archive holds a fine image a year before each monitored month, too, as that of an
        office that has watched for a year. The other images are the same with it or without.

    Returns
    -------
    tuple of Shot
    """
    start = month_start(first_day, history_months)
    generator = np.random.default_rng([seed, 140])
    shots = _pairs(generator, start, last_day)
    if last_year:
        shots += _a_year_before(np.random.default_rng([seed, 141]), start, last_day)
    shots += _chips(generator, start, last_day)
    shots += _series(generator, first_day, start, last_day)
    shots += _radar(generator, first_day, start, last_day)
    shots += _radar_before(np.random.default_rng([seed, 142]), first_day, shots)
    return tuple(sorted(shots, key=lambda shot: (shot.time, shot.sensor)))


def _moment(generator: np.random.Generator, day: date, hour: int = 3) -> datetime:
    """Give a day its time of passing: about the same every day, minutes differ."""
    minutes = int(generator.integers(-12, 13))
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC) + timedelta(minutes=minutes)


def _pairs(generator: np.random.Generator, start: date, last_day: date) -> list[Shot]:
    """One usable fine image before the first monitored month and one in each."""
    shots: list[Shot] = []
    begins = month_start(start, -1)
    while begins <= last_day:
        shots += _fine(generator, begins, (15, 25) if begins < start else (16, 26), last_day)
        begins = month_start(begins, 1)
    return shots


def _a_year_before(generator: np.random.Generator, start: date, last_day: date) -> list[Shot]:
    """One usable fine image in the same month a year before each monitored one.

    Months from the image before the first monitored one on have theirs already.
    """
    shots: list[Shot] = []
    begins = month_start(start, -YEAR_MONTHS)
    while begins < month_start(start, -1) and month_start(begins, YEAR_MONTHS) <= last_day:
        shots += _fine(generator, begins, (16, 26), last_day)
        begins = month_start(begins, 1)
    return shots


def _fine(
    generator: np.random.Generator, begins: date, days: tuple[int, int], last_day: date
) -> list[Shot]:
    """Draw a usable fine image between two days of a month; none if the world ends before."""
    day = begins + timedelta(days=int(generator.integers(days[0], days[1] + 1)) - 1)
    cloud = float(generator.choice([0.0, 0.0, 0.01, 0.03]))
    haze = float(generator.uniform(0.004, 0.022))
    angle = float(generator.uniform(1.0, 18.0))
    if day > last_day:
        return []
    return [Shot("pms2m", _moment(generator, day), cloud, haze, angle)]


def _chips(generator: np.random.Generator, start: date, last_day: date) -> list[Shot]:
    """One very fine chip shortly before the first monitored month, one at the very end."""
    days = (start - timedelta(days=int(generator.integers(3, 7))), last_day - timedelta(days=1))
    return [
        Shot("rgb05m", _moment(generator, day), 0.0, float(generator.uniform(0.003, 0.015)), 8.0)
        for day in days
    ]


def _series(
    generator: np.random.Generator, first_day: date, start: date, last_day: date
) -> list[Shot]:
    """Medium images: every 10 days in history, every 5 from three months before the start."""
    shots: list[Shot] = []
    dense = month_start(start, -2)
    day = first_day + timedelta(days=int(generator.integers(1, 6)))
    while day <= last_day:
        mean = CLOUDINESS[day.month - 1]
        cloud = float(generator.beta(1.1 * mean, 1.1 * (1 - mean)))
        cloud = 0.0 if cloud < 0.03 else cloud
        haze = float(0.003 + 0.02 * generator.beta(1.2, 3.0) + 0.012 * cloud)
        if cloud < 1 - CLEAR_SHARE_KEPT:
            shots.append(Shot("msi10m", _moment(generator, day), cloud, haze, 4.0))
        day += timedelta(days=5 if day >= dense else 10)
    return shots


def _radar(
    generator: np.random.Generator, first_day: date, start: date, last_day: date
) -> list[Shot]:
    """Radar of one orbit every 12 days over nine months and the monitored ones."""
    day = max(month_start(start, -9), first_day) + timedelta(days=int(generator.integers(0, 12)))
    shots: list[Shot] = []
    while day <= last_day:
        shots.append(Shot("sar10m", _moment(generator, day, 10), off_nadir_deg=38.0))
        day += timedelta(days=12)
    return shots


def _radar_before(generator: np.random.Generator, first_day: date, shots: list[Shot]) -> list[Shot]:
    """Radar of the same orbit from the first day of a world to the earliest of some images."""
    days = [shot.time.date() for shot in shots if shot.sensor == "sar10m"]
    earlier: list[Shot] = []
    day = min(days, default=first_day) - timedelta(days=12)
    while day >= first_day:
        earlier.append(Shot("sar10m", _moment(generator, day, 10), off_nadir_deg=38.0))
        day -= timedelta(days=12)
    return earlier
