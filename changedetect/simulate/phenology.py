"""What grows on a parcel on a day: shares of materials by cover, with the parcel's own calendar.

Every parcel has its own sowing dates, winter crop, weeds and idle years, drawn once per parcel and
year, so that crops rotate and neighbours differ. Calendars (day of year) are those of the middle
Yangtze plain: single rice transplanted in June, double rice in late April and late July, rapeseed
from October to early May, mulch film in spring for less than 90 days.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from changedetect.simulate.spectra import FIXED_MIXTURES, MATERIALS
from changedetect.simulate.world import COVERS

FOREST_LEAF = {"broadleaf": "broadleaf", "conifer": "conifer", "bamboo": "bamboo"}
SHARE = {name: index for index, name in enumerate(MATERIALS)}
ROTATING = 0.10
"""Share of fields whose farmer decides anew in a year whether to sow a crop. [1]"""

DRAWS = 12
"""Random numbers that a parcel gets for its whole life, and again every year."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What stands on bare ground, per parcel.

    Attributes
    ----------
    green, dry, water, film
        ``(parcel,)`` float64, area shares; the rest is soil. [1]
    """

    green: np.ndarray
    dry: np.ndarray
    water: np.ndarray
    film: np.ndarray


@dataclass(frozen=True, slots=True)
class Season:
    """One crop between sowing and harvest.

    Attributes
    ----------
    age_days
        ``(parcel,)`` days since sowing or transplanting.
    length_days
        ``(parcel,)`` days to harvest.
    rise_days
        Days until half of the ground is covered.
    top
        ``(parcel,)`` share of ground covered at the height of the season.
    planted
        ``(parcel,)`` bool; this crop is grown this year.
    flooded
        Whether the ground is under water around transplanting.
    """

    age_days: np.ndarray
    length_days: np.ndarray
    rise_days: float
    top: np.ndarray
    planted: np.ndarray
    flooded: bool = False


class Calendar:
    """Parcels' draws: one row per parcel for life, one per parcel and year."""

    __slots__ = ("_parcels", "_seed", "_years", "life")

    def __init__(self, seed: int, parcels: int) -> None:
        self._seed = seed
        self._parcels = parcels
        self._years: dict[int, np.ndarray] = {}
        self.life = np.random.default_rng([seed, 101]).random((DRAWS, parcels))

    def year(self, year: int) -> np.ndarray:
        """Return ``(draw, parcel)`` numbers in 0-1 that hold for one year."""
        if year not in self._years:
            draws = np.random.default_rng([self._seed, 102, year]).random((DRAWS, self._parcels))
            self._years[year] = draws
        return self._years[year]


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Return the logistic function."""
    grown: np.ndarray = 1.0 / (1.0 + np.exp(-np.clip(values, -40.0, 40.0)))
    return grown


def warmth(day_of_year: np.ndarray | float) -> np.ndarray:
    """How much plants without a calendar grow: 0 in late January, 1 in late July."""
    season = 2 * np.pi * (np.asarray(day_of_year, dtype=np.float64) - 25) / 365.25
    return np.asarray(0.5 - 0.5 * np.cos(season))


def grow(seasons: list[Season], weeds: np.ndarray) -> Growth:
    """Lay the seasons of a parcel over its weeds.

    Parameters
    ----------
    seasons
        Crops of this and last year.
    weeds
        ``(parcel,)`` share of ground that weeds would cover on this day without a plough.

    Returns
    -------
    Growth
        Shares sum to at most 1.
    """
    shape = weeds.shape
    green, dry, water = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    idle = np.ones(shape)
    for season in seasons:
        age, length = season.age_days, season.length_days
        standing = season.planted & (age >= 0) & (age < length)
        cover = season.top * sigmoid((age - season.rise_days) / 7.0)
        ripe = sigmoid((age - (length - 14.0)) / 4.5)
        green += np.where(standing, cover * (1 - 0.8 * ripe), 0.0)
        dry += np.where(standing, cover * 0.8 * ripe, 0.0)
        after = np.where(season.planted & (age >= length), np.exp(-(age - length) / 32.0), 0.0)
        dry = np.maximum(dry, 0.6 * after * (~standing))
        tilled = season.planted & (age >= -14) & (age < length)
        idle *= np.where(tilled, 0.0, 1.0 - 0.9 * after)
        dry *= np.where(season.planted & (age >= -14) & (age < 0), 0.15, 1.0)
        if season.flooded:
            wet = season.planted & (age >= -12) & (age < 38)
            water = np.where(wet, np.maximum(water, 0.92), water)
    green = np.minimum(green + weeds * idle, 0.97)
    dry = np.minimum(dry, 1 - green)
    return Growth(green, dry, water * (1 - green - dry), np.zeros(shape))


def rice(calendar: Calendar, day: date, *, double: bool) -> Growth:
    """Return what stands in paddies: rice, a winter crop on some, weeds, stubble."""
    seasons: list[Season] = []
    life = calendar.life
    for year in (day.year - 1, day.year):
        draws = calendar.year(year)
        since = (day - date(year, 1, 1)).days
        tended = draws[0] > 0.04
        top = 0.84 + 0.12 * draws[1]
        if double:
            early = 114 + 10 * life[0] + 4 * draws[2]
            late = 201 + 8 * life[0] + 4 * draws[3]
            stay = 78 + 4 * draws[4]
            seasons.append(Season(since - early, stay, 24, top, tended, flooded=True))
            autumn = 92 + 8 * draws[5]
            seasons.append(Season(since - late, autumn, 22, top, tended, flooded=True))
        else:
            start = 148 + 20 * life[0] + 6 * draws[2]
            stay = 100 + 12 * draws[4]
            seasons.append(Season(since - start, stay, 26, top, tended, flooded=True))
            seasons.append(_rapeseed(life, draws, since, share=0.30))
    doy = day.timetuple().tm_yday
    weeds = (0.22 + 0.42 * life[2]) * (0.65 + 0.35 * warmth(doy))
    return grow(seasons, weeds)


def _rapeseed(life: np.ndarray, draws: np.ndarray, since: int, *, share: float) -> Season:
    """Rapeseed sown in October of the year that the draws belong to, harvested in May."""
    age = since - (288 + 14 * life[7] + 5 * draws[7])
    length = 192 + 8 * life[8]
    planted = _by_habit(life[9], draws[6], share=share)
    return Season(age, length, 48, 0.74 + 0.16 * draws[9], planted)


def _by_habit(habit: np.ndarray, whim: np.ndarray, *, share: float) -> np.ndarray:
    """Whether a share of farmers does something this year: most do as every year, some swap."""
    planted: np.ndarray = np.where(whim < ROTATING, whim < share * ROTATING, habit < share)
    return planted


def dry_crops(calendar: Calendar, day: date) -> Growth:
    """Return what stands on dry land: maize, then beans or sweet potato, rapeseed; rotating."""
    seasons: list[Season] = []
    for year in (day.year - 1, day.year):
        draws = calendar.year(year)
        since = (day - date(year, 1, 1)).days
        life = calendar.life
        spring = since - (84 + 16 * life[1] + 6 * draws[1])
        summer = since - (198 + 20 * life[4] + 6 * draws[3])
        top = 0.62 + 0.2 * life[10] + 0.08 * draws[2]
        sown = _by_habit(life[11], draws[0], share=0.75)
        again = _by_habit(life[0], draws[10], share=0.65)
        seasons.append(Season(spring, 100 + 14 * draws[4], 34, top, sown))
        seasons.append(Season(summer, 84 + 16 * draws[5], 28, top, again))
        seasons.append(_rapeseed(calendar.life, draws, since, share=0.35))
    weeds = (0.10 + 0.5 * calendar.life[3]) * (0.3 + 0.7 * warmth(day.timetuple().tm_yday))
    return grow(seasons, weeds)


def vegetables(calendar: Calendar, day: date) -> Growth:
    """Return what stands in vegetable plots: short crops all year, mulch film in spring."""
    draws = calendar.year(day.year)
    doy = day.timetuple().tm_yday
    cycle = 62 + 26 * calendar.life[4]
    phase = calendar.life[1] + 0.12 * draws[1]
    green = np.zeros_like(cycle)
    for bed, part in ((0.0, 0.40), (0.37, 0.35), (0.71, 0.25)):
        age = np.mod(doy + cycle * (phase + bed), cycle)
        green += part * 0.82 * sigmoid((age - 22) / 6.0) * sigmoid((0.92 * cycle - age) / 3.0)
    laid = 48 + 30 * draws[2]
    film_age = doy - laid
    kept = 55 + 30 * draws[3]
    covered = (draws[4] < 0.3) & (film_age >= 0) & (film_age < kept)
    film = np.where(covered, (0.45 + 0.4 * draws[5]) * (1 - 0.6 * film_age / 90), 0.0)
    green = green * (1 - film)
    dry = np.minimum(0.08 + 0 * green, 1 - green - film)
    return Growth(green, dry, np.zeros_like(green), film)


def perennial(calendar: Calendar, day: date, *, low: float, high: float) -> Growth:
    """Return the canopy of plants that stay: shares between a winter and a summer level."""
    level = calendar.life[5]
    late = 16 * (level - 0.5)
    share = low + (high - low) * warmth(day.timetuple().tm_yday - late)
    green = np.clip(share * (0.92 + 0.12 * level), 0.0, 0.98)
    dry = np.clip(0.6 * (high - green), 0.0, 1.0 - green)
    return Growth(green, dry, np.zeros_like(green), np.zeros_like(green))


PERENNIALS: dict[str, tuple[float, float, str, str]] = {
    "orchard": (0.66, 0.82, "broadleaf", "straw"),
    "tea": (0.74, 0.88, "broadleaf", "dead_leaf"),
    "broadleaf": (0.72, 0.97, "broadleaf", "dead_leaf"),
    "conifer": (0.88, 0.95, "conifer", "dead_leaf"),
    "bamboo": (0.84, 0.95, "bamboo", "dead_leaf"),
    "shrub": (0.50, 0.84, "broadleaf", "straw"),
    "grass": (0.28, 0.80, "crop", "straw"),
    "sapling_orchard": (0.10, 0.34, "broadleaf", "straw"),
    "sapling_forest": (0.16, 0.46, "broadleaf", "straw"),
    "bare_soil": (0.00, 0.10, "crop", "straw"),
    "yard": (0.02, 0.10, "crop", "straw"),
    "earthwork": (0.00, 0.02, "crop", "straw"),
    "spoil": (0.00, 0.05, "crop", "straw"),
    "pv_panel": (0.06, 0.20, "crop", "straw"),
    "greenhouse": (0.10, 0.24, "crop", "straw"),
}
"""Cover -> green share in winter and in summer, kind of leaf, kind of litter."""

GROUND: dict[str, tuple[str, str, float]] = {
    "earthwork": ("earth_dry", "earth_wet", 1.0),
    "spoil": ("earth_dry", "earth_wet", 0.7),
    "yard": ("gravel", "soil_wet", 0.6),
    "pv_panel": ("silicon", "silicon", 0.0),
    "greenhouse": ("film", "film", 0.0),
}
"""Cover -> what lies between plants when dry and when wet, and how fast rain shows."""


def growth_of(cover: str, calendar: Calendar, day: date) -> Growth:
    """Return the growth of one vegetated cover on every parcel."""
    if cover in ("paddy_single", "paddy_double"):
        return rice(calendar, day, double=cover == "paddy_double")
    if cover == "dryland":
        return dry_crops(calendar, day)
    if cover == "vegetables":
        return vegetables(calendar, day)
    low, high, _, _ = PERENNIALS[cover]
    return perennial(calendar, day, low=low, high=high)


def material_shares(
    calendar: Calendar, day: date, wetness: np.ndarray, *, lusher: float = 0.0
) -> np.ndarray:
    """Return what every cover would be made of on every parcel.

    Parameters
    ----------
    calendar
        Parcels' draws.
    day
        Day of the image.
    wetness
        ``(parcel,)`` 0 dry to 1 soaked. [1]
    lusher
        Turn this share of the soil into leaves; used to see how the picture varies inside a
        parcel. [1]

    Returns
    -------
    ndarray
        ``(cover, parcel, material)`` float64 that sums to 1 over materials. [1]
    """
    shares = np.zeros((len(COVERS), wetness.size, len(MATERIALS)))
    for index, cover in enumerate(COVERS):
        if cover in FIXED_MIXTURES:
            for material, part in FIXED_MIXTURES[cover].items():
                shares[index, :, SHARE[material]] = part
            continue
        growth = growth_of(cover, calendar, day)
        _, _, leaf, litter = PERENNIALS.get(cover, (0.0, 0.0, "crop", "straw"))
        dry_ground, wet_ground, speed = GROUND.get(cover, ("soil_dry", "soil_wet", 1.0))
        film = growth.film
        bare = 1 - growth.green - growth.dry - growth.water - film
        shares[index, :, SHARE[leaf]] += growth.green + lusher * bare
        shares[index, :, SHARE[litter]] += growth.dry
        shares[index, :, SHARE["paddy_water"]] += growth.water
        shares[index, :, SHARE["film"]] += film
        wet = np.clip(wetness * speed, 0.0, 1.0)
        ground = bare * (1 - lusher)
        shares[index, :, SHARE[dry_ground]] += ground * (1 - wet)
        shares[index, :, SHARE[wet_ground]] += ground * wet
    return shares
