"""Which polygons are watched without a patch, and from which day their duty runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.codes import normalise_document
from changedetect.config.themes import Theme
from changedetect.config.watches import Watch

from .overlay import beyond

_DAYS = {"accepted": "accepted_on", "start_due": "start_due", "expired": "valid_to"}
"""From which column a duty's first day is read; the day of approval is the fallback."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A polygon that a theme watches without a patch, and the day from which its duty runs.

    ``watch_id`` is stable from month to month; ``since`` is None where the record does not tell.
    ``needs_series``: a question about it needs the images of a season.
    """

    watch_id: str
    theme: str
    watch: int
    kind: str
    record_id: str
    doc_no: str
    project: str
    since: date | None
    needs_series: bool
    geometry: BaseGeometry


@dataclass(frozen=True, slots=True)
class ClosedCase:
    """A case that is rectified or closed: number, the day on which that was said, its ground.

    ``family`` is what it was built as (empty = not told, or no change of its own), ``seen_on`` the
    newest image that shows it.
    ``checked`` is what the last image check left standing at least, and the day of its image.
    """

    number: str
    closed_on: date
    geometry: BaseGeometry
    family: str = ""
    seen_on: date | None = None
    checked: tuple[float, date] | None = None


def grounds(
    approvals: gpd.GeoDataFrame, themes: Sequence[Theme], cases: Sequence[ClosedCase], day: date
) -> tuple[Watched, ...]:
    """List the polygons whose duty is due.

    Parameters
    ----------
    approvals
        schema.APPROVALS, all kinds.
    themes
        With their watches; rules not in force on the day ask nothing.
    cases
        Rectified or closed cases.
    day
        Day of the later image.

    Returns
    -------
    tuple of Watched
        Sorted by id. Ground under records that a watch leaves out is taken off; ground renewed by a
        valid record is not listed.
    """
    found: list[Watched] = []
    for theme in themes:
        for number, watch in enumerate(theme.watches):
            if not theme.rule_of(watch.rule).in_force(day):
                continue
            if watch.source == "closed_cases":
                found += [_of_case(theme, number, watch, case) for case in cases]
            else:
                found += _of_records(theme, number, watch, approvals, day)
    due = [one for one in found if _is_due(one, themes, day) and one.geometry.area > 0]
    return tuple(sorted(due, key=lambda one: one.watch_id))


def _is_due(one: Watched, themes: Sequence[Theme], day: date) -> bool:
    theme = next(theme for theme in themes if theme.code == one.theme)
    wait = theme.watches[one.watch].due_days
    return one.since is None or (day - one.since).days >= max(wait, 0)


def _of_case(theme: Theme, number: int, watch: Watch, case: ClosedCase) -> Watched:
    return Watched(
        watch_id=f"W{theme.code}-{case.number}",
        theme=theme.code,
        watch=number,
        kind="case",
        record_id=case.number,
        doc_no=case.number,
        project="",
        since=case.closed_on,
        needs_series=watch.needs_series,
        geometry=case.geometry,
    )


def _of_records(
    theme: Theme, number: int, watch: Watch, approvals: gpd.GeoDataFrame, day: date
) -> list[Watched]:
    kinds = approvals["kind"].astype(str)
    mine = approvals[kinds.isin(watch.kinds)]
    less = approvals[kinds.isin(watch.less)].geometry.to_numpy()
    renewing = approvals[kinds.isin(watch.renewed_by)]
    tree, renewed = shapely.STRtree(less), _valid_on(renewing, day)
    found = []
    for row in mine.to_dict("records"):
        since = _since(row, watch)
        shape = row["geometry"]
        if since is None and watch.since == "expired":
            continue
        shape = _without(shape, less[tree.query(shape, predicate="intersects")])
        shape = _without(shape, _others(renewed, row))
        found.append(
            Watched(
                watch_id=f"W{theme.code}-{row['kind']}-{row['record_id']}",
                theme=theme.code,
                watch=number,
                kind=str(row["kind"]),
                record_id=str(row["record_id"]),
                doc_no=normalise_document(_text(row["doc_no"])),
                project=_text(row["project"]),
                since=since,
                needs_series=watch.needs_series,
                geometry=shape,
            )
        )
    return found


def _valid_on(table: gpd.GeoDataFrame, day: date) -> tuple[gpd.GeoDataFrame, shapely.STRtree]:
    """Keep the records that are approved and not run out on a day."""
    approved, ends = (pd.to_datetime(table[name]) for name in ("approved_on", "valid_to"))
    starts = pd.to_datetime(table["valid_from"]) if "valid_from" in table else approved
    now = pd.Timestamp(day)
    valid = table[
        (approved <= now) & (starts.isna() | (starts <= now)) & (ends.isna() | (ends >= now))
    ]
    return valid, shapely.STRtree(valid.geometry.to_numpy())


def _others(renewed: tuple[gpd.GeoDataFrame, shapely.STRtree], row: dict[str, Any]) -> np.ndarray:
    table, tree = renewed
    near = table.iloc[np.sort(tree.query(row["geometry"], predicate="intersects"))]
    same = (near["kind"] == row["kind"]) & (near["record_id"] == row["record_id"])
    return np.asarray(near[~same].geometry.to_numpy())


def _without(shape: BaseGeometry, others: np.ndarray) -> BaseGeometry:
    return beyond(shape, shapely.union_all(others)) if len(others) else shape


def _since(row: dict[str, Any], watch: Watch) -> date | None:
    if watch.since == "expired":
        return _day(row.get("valid_to"))
    told = _day(row.get(_DAYS.get(watch.since, "approved_on")))
    return told or _day(row.get("approved_on"))


def _day(value: Any) -> date | None:  # noqa: ANN401 - a cell
    return None if value is None or pd.isna(value) or value == "" else pd.Timestamp(value).date()


def _text(value: Any) -> str:  # noqa: ANN401 - a cell
    return "" if pd.isna(value) else str(value)
