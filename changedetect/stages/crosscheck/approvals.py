"""Approvals that meet a unit: their dates against the change, their union, and what remains.

Time logic. The change happened inside (QSX, HSX]: after the last image with the old state, not
later than the first with the new one.

- approved on or before QSX, not expired before QSX: valid before the change (1);
- approved, or valid from a day, after HSX: later than the change (2);
- last day of validity before QSX: expired (3);
- approved, valid from a day, or expired, inside the bracket: the images can not tell which came first. A clue must
  neither accuse nor excuse on that: by default it may be valid, which raises a question, is said
  in the reason, and asks for the date on which work began (`CrosscheckSection.inside_bracket`);
- no date of approval: nothing can be said (9).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.codes import normalise_document
from changedetect.config.crosscheck import CrosscheckSection
from changedetect.measure import area_m2, areas_m2
from changedetect.records import TimeCode

from .land import Indexed
from .overlay import beyond, pairs
from .slivers import EMPTY, without_slivers
from .units import Part

START_DATE = "动工日期"
"""Evidence that decides when a date lies between the two images."""


@dataclass(frozen=True, slots=True)
class Record:
    """One approval as it stands in its layer."""

    kind: str
    record_id: str
    doc_no: str
    agency: str
    approved_on: date | None
    valid_to: date | None
    project: str
    land_user: str
    area_m2: float
    valid_from: date | None = None

    @property
    def begins(self) -> date | None:
        """Day from which it holds: not before its approval; None = nobody told when it was approved."""
        if self.approved_on is None or self.valid_from is None:
            return self.approved_on
        return max(self.approved_on, self.valid_from)


@dataclass(frozen=True, slots=True)
class Meeting:
    """An approval that meets a unit, by its dates alone.

    ``undecided`` says that a date lies inside the bracket of the change.
    """

    record: Record
    geometry: BaseGeometry
    overlap_m2: float
    share: float
    time_code: TimeCode
    undecided: bool

    @property
    def kind(self) -> str:
        """SPLX of the record."""
        return self.record.kind

    @property
    def is_valid(self) -> bool:
        """Whether its dates make it valid before the change, or may make it so."""
        return self.time_code is TimeCode.BEFORE

    @property
    def is_decided(self) -> bool:
        """Whether its dates alone make it valid before the change."""
        return self.is_valid and not self.undecided


def time_code(
    record: Record, before: date, after: date, cfg: CrosscheckSection
) -> tuple[TimeCode, bool]:
    """Compare the dates of an approval with the bracket of the change.

    Parameters
    ----------
    record
        Its date of approval, first and last day of validity.
    before, after
        QSX and HSX.
    cfg
        How an approval dated inside the bracket is read.

    Returns
    -------
    tuple
        The code, and whether a date inside the bracket leaves it undecided.
    """
    begins, valid_to = record.begins, record.valid_to
    if begins is None:
        return TimeCode.LAYER_MISSING, False
    if begins > after:
        return TimeCode.LATER, False
    if valid_to is not None and valid_to < before:
        return TimeCode.EXPIRED, False
    if begins > before:
        readings = {"before": TimeCode.BEFORE, "later": TimeCode.LATER}
        return readings.get(cfg.inside_bracket, TimeCode.LAYER_MISSING), True
    if valid_to is not None and valid_to < after:
        readings = {"before": TimeCode.BEFORE, "later": TimeCode.EXPIRED}
        return readings.get(cfg.inside_bracket, TimeCode.LAYER_MISSING), True
    return TimeCode.BEFORE, False


def meet(
    parts: Sequence[Part], layer: Indexed, crs: str, cfg: CrosscheckSection
) -> list[tuple[Meeting, ...]]:
    """Find the approvals that meet each unit, one by one, in order of kind and record."""
    shapes = np.array([part.geometry for part in parts], dtype=object)
    left, right, shapes_met = pairs(layer.tree, shapes, layer.shapes)
    rows = {row: _record(layer.table.iloc[row]) for row in sorted(set(right.tolist()))}
    found: list[list[Meeting]] = [[] for _ in parts]
    sizes = areas_m2(shapes_met, crs)
    for k, row, shape, overlap_m2 in zip(
        left.tolist(), right.tolist(), shapes_met, sizes, strict=True
    ):
        if overlap_m2 <= cfg.dust_m2:
            continue
        code, undecided = time_code(rows[row], parts[k].before_date, parts[k].after_date, cfg)
        share = min(overlap_m2 / parts[k].area_m2, 1.0)
        found[k].append(Meeting(rows[row], shape, overlap_m2, share, code, undecided))
    return [tuple(meetings) for meetings in found]


def _record(row: Any) -> Record:  # noqa: ANN401 - a row of a table
    number = _text(row["doc_no"])
    return Record(
        kind=str(row["kind"]),
        record_id=str(row["record_id"]),
        doc_no=normalise_document(number),
        agency=_text(row["agency"]),
        approved_on=_day(row["approved_on"]),
        valid_to=_day(row["valid_to"]),
        project=_text(row["project"]),
        land_user=_text(row["land_user"]),
        area_m2=float("nan") if pd.isna(row["area_m2"]) else float(row["area_m2"]),
        valid_from=_day(row.get("valid_from")),
    )


def _text(value: Any) -> str:  # noqa: ANN401 - text or an empty cell
    return "" if pd.isna(value) else str(value)


def _day(value: Any) -> date | None:  # noqa: ANN401 - date, datetime64, text or an empty cell
    return None if pd.isna(value) or value == "" else pd.Timestamp(value).date()


@dataclass(frozen=True, slots=True)
class Remainder:
    """Ground that a set of approvals leaves uncovered."""

    geometry: BaseGeometry
    area_m2: float
    raw_m2: float
    is_covered: bool


def remainder(
    ground: BaseGeometry,
    ground_m2: float,
    meetings: Collection[Meeting],
    width_m: float,
    *,
    crs: str,
    cfg: CrosscheckSection,
) -> Remainder:
    """Take the union of approvals off a piece of ground; thinner than ``width_m`` is error. [m]

    Rims as thin as the registration error are taken off what remains, its raw area is kept. The
    ground is covered when nothing else remains, or when the union covers the share that is asked
    for and what remains is smaller than a case of its own.
    """
    if not meetings:
        return Remainder(ground, ground_m2, ground_m2, ground_m2 <= 0)
    union = shapely.union_all([meeting.geometry for meeting in meetings])
    raw = beyond(ground, union)
    if raw.area <= cfg.dust_m2:
        return Remainder(EMPTY, 0.0, 0.0, is_covered=True)
    kept = without_slivers(raw, ground.area, width_m, cfg)
    kept_m2 = min(area_m2(kept, crs), ground_m2)
    small = kept_m2 <= (1 - cfg.union_cover_share) * ground_m2 and kept_m2 < cfg.remainder_min_m2
    return Remainder(kept, kept_m2, min(area_m2(raw, crs), ground_m2), kept.is_empty or small)
