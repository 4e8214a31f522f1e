"""Who stands behind a patch: its scenes, its dates, and what each source of evidence said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np

from changedetect import measure, schema
from changedetect.errors import LayerError
from changedetect.records import ScenePair

_DAY_BITS = 12
_DAYS = 1 << _DAY_BITS
"""Days of a bracket are counted back from the end of the month; older ones count as oldest."""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What a pixel of a patch can rest on.

    Attributes
    ----------
    pairs
        Scenes before and after of every witness: optical pairs first, then coarser sources.
    pixel_m
        Pixel size at which each outlines a patch. [m]
    until
        Last day that counts.
    """

    pairs: tuple[ScenePair, ...]
    pixel_m: tuple[float, ...]
    until: date

    def encode(self, place: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Give witness and bracket of each pixel one number, to be voted for.

        Parameters
        ----------
        place
            ``(y, x)`` number of the witness; negative = none.
        before, after
            ``(y, x)`` ordinals of the bracket; 0 = that of the witness. [day]

        Returns
        -------
        ndarray
            ``(y, x)`` int64; negative = none.
        """
        days = np.array([self._days(pair) for pair in self.pairs] + [(0, 0)], np.int64)
        dated = after > 0
        last = self.until.toordinal()
        codes = [
            np.clip(last - np.where(dated, found, days[place, side]), 0, _DAYS - 1)
            for side, found in enumerate((before, after))
        ]
        code = (place.astype(np.int64) * _DAYS + codes[0]) * _DAYS + codes[1]
        return np.where(place >= 0, code, -1)

    def decode(self, code: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return witness, day before and day after of numbers; ordinals. [day]"""
        last = self.until.toordinal()
        place, rest = np.divmod(code, _DAYS * _DAYS)
        return place, last - rest // _DAYS, last - rest % _DAYS

    @staticmethod
    def _days(pair: ScenePair) -> tuple[int, int]:
        return pair.before.day.toordinal(), pair.after.day.toordinal()


def attribute(
    table: gpd.GeoDataFrame,
    votes: np.ndarray,
    said: np.ndarray,
    witnesses: Witnesses,
    names: Sequence[str],
    speak_llr: float,
) -> gpd.GeoDataFrame:
    """Name the scenes, the dates and the sources of patches.

    Parameters
    ----------
    table
        Patches as outlined, without scene columns.
    votes
        ``(v, 3)`` int64: row of the patch, number of `Witnesses.encode`, pixels.
    said
        ``(patch, source, 3)`` int64: pixels that a source observed, sum and sum of squares of
        what it said there. [log-likelihood ratio x 100]
    witnesses
        What the numbers stand for.
    names
        Of the sources.
    speak_llr
        A source speaks for or against a patch from this mean on; of a patch for which none does,
        the one with the highest mean is named.

    Returns
    -------
    GeoDataFrame
        schema.PATCHES. Scenes are those under most pixels, dates the bracket of most pixels (the
        earlier one of two equals); the area of what only coarse pixels saw is as uncertain as
        those make it.

    Raises
    ------
    LayerError
        A patch rests on nothing.
    """
    place, before, after = witnesses.decode(votes[:, 1])
    rows = len(table)
    witness = _majority(votes[:, 0], place, votes[:, 2], rows)
    days = before * _ORDINALS + after
    bracket = _majority(votes[:, 0], days, votes[:, 2], rows)
    if (witness < 0).any() or (witness >= len(witnesses.pairs)).any():
        wrong = int(np.flatnonzero((witness < 0) | (witness >= len(witnesses.pairs)))[0])
        msg = (
            f"patch {table['patch_id'].iloc[wrong]} rests on witness {witness[wrong]}; 0 to "
            f"{len(witnesses.pairs) - 1} were expected; give the tiles the same witnesses"
        )
        raise LayerError(msg)
    under = [witnesses.pairs[index] for index in witness.tolist()]
    pixel_m = [witnesses.pixel_m[index] for index in witness.tolist()]
    columns = {
        "before_scene": [pair.before.scene_id for pair in under],
        "after_scene": [pair.after.scene_id for pair in under],
        "before_date": [date.fromordinal(day) for day in (bracket // _ORDINALS).tolist()],
        "after_date": [date.fromordinal(day) for day in (bracket % _ORDINALS).tolist()],
        "area_sd_m2": [
            measure.area_sd_m2(length, size)
            for length, size in zip(table["perimeter_m"].tolist(), pixel_m, strict=True)
        ],
    }
    whole = table.assign(**columns, **_spoken(said, names, speak_llr))
    return whole[list(schema.PATCHES.names)]


_ORDINALS = 1 << 22
"""More than any ordinal of a day."""


def _majority(group: np.ndarray, value: np.ndarray, pixels: np.ndarray, rows: int) -> np.ndarray:
    """Return the value with most pixels in each group, the smaller of two equals; -1 = none."""
    order = np.lexsort((value, group))
    group, value, pixels = group[order], value[order], pixels[order]
    new = np.ones(len(group), bool)
    new[1:] = (group[1:] != group[:-1]) | (value[1:] != value[:-1])
    first = np.flatnonzero(new)
    total = np.add.reduceat(pixels, first) if len(first) else pixels
    best = np.lexsort((value[first], -total, group[first]))
    owners, at = np.unique(group[first][best], return_index=True)
    winner = np.full(rows, -1, np.int64)
    winner[owners] = value[first][best][at]
    return winner


def _spoken(said: np.ndarray, names: Sequence[str], speak_llr: float) -> dict[str, list[object]]:
    """Return the columns about sources."""
    counts, sums = said[:, :, 0], said[:, :, 1]
    mean = np.where(counts > 0, sums / np.maximum(counts, 1) / schema.EVIDENCE_SCALE, np.nan)
    loud = np.where(np.isnan(mean), -np.inf, mean)
    for_it, against = loud >= speak_llr, (mean <= -speak_llr)
    silent = ~for_it.any(axis=1)
    if len(loud):
        for_it[silent, loud[silent].argmax(axis=1)] = True
    columns: dict[str, list[object]] = {
        "sources": [_listed(names, row) for row in for_it],
        "against": [_listed(names, row) for row in against],
        "disputed": [bool(row.any()) for row in against],
    }
    return columns | {
        f"{name}_llr": [round(value, 4) for value in mean[:, place].tolist()]
        for place, name in enumerate(names)
    }


def _listed(names: Sequence[str], chosen: np.ndarray) -> str:
    return ";".join(name for name, one in zip(names, chosen.tolist(), strict=True) if one)
