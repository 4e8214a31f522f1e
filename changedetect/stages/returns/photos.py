"""Photos of a return: what is doubtful about each (YCBZ 1 to 8). A doubt is a question, not a verdict."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from shapely.geometry.base import BaseGeometry

from changedetect.casepackage import CODE_LISTS
from changedetect.casepackage.returned import PhotoFacts
from changedetect.config.returns import ReturnsSection
from changedetect.measure import direction_gap_deg, distance_m

_PLAIN_BITS = 4
"""A hash with fewer bits of either kind is of a picture without structure, and tells nothing."""
_METRES_PER_DEGREE = 111_000.0


@dataclass(frozen=True, slots=True)
class PhotoCase:
    """What photos of a case are judged by: outline, CRS, day of dispatch (ISO; '' = not known)."""

    geometry: BaseGeometry
    crs: str
    dispatched: str


@dataclass(frozen=True, slots=True)
class EarlierPhoto:
    """A photo that was taken in before: its case, digest and difference hash."""

    case: str
    sha256: str
    dhash: str


@dataclass(slots=True)
class PhotoDoubts:
    """Codes of YCBZ for one photo with what was found, and its distance from the patch [m]."""

    path: str
    case: str
    found: dict[str, str] = field(default_factory=dict)
    distance_m: float | None = None

    @property
    def codes(self) -> str:
        """Codes in order, joined by commas."""
        return ",".join(sorted(self.found))

    def lines(self) -> list[str]:
        """Say each doubt in words."""
        names = CODE_LISTS["YCBZ"].items
        return [
            f"{self.path}: {code} {names[code]}（{text}）"
            for code, text in sorted(self.found.items())
        ]


def judge_photos(
    photos: Iterable[PhotoFacts],
    cases: Mapping[str, PhotoCase],
    dangling: Iterable[tuple[str, str]],
    section: ReturnsSection,
    *,
    earlier: Sequence[EarlierPhoto] = (),
    latest: str = "",
) -> tuple[PhotoDoubts, ...]:
    """Judge photos one by one and against each other.

    Parameters
    ----------
    photos
        Their facts, in any order; the case is the number of a known case.
    cases
        Case number -> what its photos are judged by; photos of other cases are only compared.
    dangling
        (case, path) of rows whose photo was not sent.
    section
        Limits.
    earlier
        Photos of earlier returns.
    latest
        Local time by which they must have been taken, ISO; '' = no limit.

    Returns
    -------
    tuple of PhotoDoubts
        One a photo, and one a dangling path, by path.
    """
    ordered = sorted(photos, key=lambda photo: (photo.path, photo.sha256))
    doubts = [PhotoDoubts(photo.path, photo.case) for photo in ordered]
    for photo, doubt in zip(ordered, doubts, strict=True):
        if photo.problem:
            doubt.found["7"] = photo.problem
            continue
        _judge_alone(photo, doubt, cases.get(photo.case), section, latest)
    _find_same(ordered, doubts, earlier, section.photo_same_bits)
    _find_stations(ordered, doubts, section)
    lost = [
        PhotoDoubts(path, case, {"7": "没有收到该照片"}) for case, path in sorted(set(dangling))
    ]
    return tuple(sorted([*doubts, *lost], key=lambda doubt: (doubt.path, doubt.case)))


def _judge_alone(
    photo: PhotoFacts,
    doubt: PhotoDoubts,
    case: PhotoCase | None,
    section: ReturnsSection,
    latest: str,
) -> None:
    if photo.lon is None or photo.lat is None or (photo.lon == 0 and photo.lat == 0):
        doubt.found["1"] = "EXIF中没有坐标"
    elif case is not None:
        doubt.distance_m = round(distance_m(photo.lon, photo.lat, case.geometry, case.crs), 1)
        if doubt.distance_m > section.photo_distance_m:
            doubt.found["2"] = f"{doubt.distance_m:.0f}米，限{section.photo_distance_m:g}米"
    if doubt_of_time := _time_doubt(photo.taken, case.dispatched if case else "", latest):
        doubt.found["3"] = doubt_of_time
    if photo.bearing is None:
        doubt.found["4"] = "EXIF中没有方位角"
    if photo.moire > section.photo_moire_log10:
        doubt.found["6"] = (
            f"频谱峰值{photo.moire:.1f}，限{section.photo_moire_log10:g}；仅为嫌疑，请人工查看"
        )


def _time_doubt(taken: str, dispatched: str, latest: str) -> str:
    if not taken:
        return "没有拍摄时间"
    if taken[:10] < dispatched:
        return f"拍摄于{taken}，{dispatched}下发"
    if latest and taken > latest:
        return f"拍摄于{taken}，晚于回传{latest}"
    return ""


def _find_same(
    photos: Sequence[PhotoFacts],
    doubts: Sequence[PhotoDoubts],
    earlier: Sequence[EarlierPhoto],
    most_bits: int,
) -> None:
    """Mark photos that are one picture: of this return, or of an earlier one under another case or digest."""
    mine = _bits([photo.dhash for photo in photos])
    old = _bits([photo.dhash for photo in earlier])
    for place, photo in enumerate(photos):
        if not photo.dhash:
            continue
        for other in _near(mine, mine[place], most_bits):
            if (
                other != place
                and photos[other].dhash
                and (_telling(mine[place]) or photos[other].sha256 == photo.sha256)
            ):
                doubts[place].found.setdefault("5", f"与{photos[other].path}相同或近似")
        for number in _near(old, mine[place], most_bits):
            known = earlier[number]
            again = known.case == photo.case and known.sha256 == photo.sha256
            if not again and (_telling(mine[place]) or known.sha256 == photo.sha256):
                doubts[place].found.setdefault("5", f"与案件{known.case}以前的照片相同或近似")


def _bits(hashes: Sequence[str]) -> np.ndarray:
    return np.array([int(text or "0", 16) for text in hashes], np.uint64)


def _near(hashes: np.ndarray, one: np.uint64, most_bits: int) -> list[int]:
    found: list[int] = np.flatnonzero(np.bitwise_count(hashes ^ one) <= most_bits).tolist()
    return found


def _telling(one: np.uint64) -> bool:
    return _PLAIN_BITS <= int(np.bitwise_count(one)) <= 64 - _PLAIN_BITS


def _find_stations(
    photos: Sequence[PhotoFacts], doubts: Sequence[PhotoDoubts], section: ReturnsSection
) -> None:
    """Mark photos of a case that were taken from one place in one direction."""
    groups: dict[str, list[int]] = {}
    for place, photo in enumerate(photos):
        if photo.lon is not None and photo.lat is not None and photo.bearing is not None:
            groups.setdefault(photo.case, []).append(place)
    for places in groups.values():
        for place in places:
            for other in places:
                if other != place and _alike(photos[place], photos[other], section):
                    doubts[place].found.setdefault("8", f"与{photos[other].path}位置和方位相近")


def _alike(one: PhotoFacts, two: PhotoFacts, section: ReturnsSection) -> bool:
    assert one.lon is not None and two.lon is not None and one.lat is not None  # noqa: PT018
    assert two.lat is not None and one.bearing is not None and two.bearing is not None  # noqa: PT018
    east = (one.lon - two.lon) * math.cos(math.radians(one.lat))
    apart = math.hypot(east, one.lat - two.lat) * _METRES_PER_DEGREE
    turned = direction_gap_deg(one.bearing, two.bearing)
    return apart < section.station_distance_m and turned < section.station_bearing_deg
