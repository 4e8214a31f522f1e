"""What was found when a record layer was looked at: checks, coverage, and where the faults lie."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np
from shapely.geometry.base import BaseGeometry

from changedetect.records import LayerManifest

State = Literal["pass", "warn", "fail", "skip"]

STATE_NAMES: dict[State, str] = {"pass": "通过", "warn": "提醒", "fail": "不合格", "skip": "未检查"}


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one layer.

    Attributes
    ----------
    name, title
        Key, and name in Chinese.
    state
        ``pass``; ``warn`` = look at it; ``fail`` = what rests on it may be wrong; ``skip`` = it
        could not be done, and the text says why.
    count
        Rows at fault.
    rows
        The first of them, as numbered in the file.
    text
        What was found, in Chinese.
    """

    name: str
    title: str
    state: State
    count: int = 0
    rows: tuple[int, ...] = ()
    text: str = ""

    def facts(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return {
            "name": self.name,
            "title": self.title,
            "state": self.state,
            "count": self.count,
            "rows": list(self.rows),
            "text": self.text,
        }

    def line(self) -> str:
        """Return one line for people."""
        named = f" 第 {'、'.join(map(str, self.rows))} 行" if self.rows else ""
        more = " …" if self.count > len(self.rows) > 0 else ""
        return f"[{STATE_NAMES[self.state]}] {self.title}: {self.text or '无问题'}{named}{more}"


@dataclass(frozen=True, slots=True)
class CountyCoverage:
    """What a layer holds of a county.

    Attributes
    ----------
    county
        Code.
    declared
        Whether the supplier says that the layer is complete for it.
    rows
        Rows that meet it.
    first_date, last_date
        Of its approvals; None where there are none.
    share
        Part of the county's area under the layer, 0-1; None where the layer need not cover it.
    """

    county: str
    declared: bool
    rows: int
    first_date: date | None = None
    last_date: date | None = None
    share: float | None = None

    def facts(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return {
            "county": self.county,
            "declared": self.declared,
            "rows": self.rows,
            "first_date": self.first_date.isoformat() if self.first_date else None,
            "last_date": self.last_date.isoformat() if self.last_date else None,
            "share": None if self.share is None else round(self.share, 6),
        }


@dataclass(frozen=True, slots=True)
class LayerReport:
    """Everything about one layer.

    Attributes
    ----------
    manifest, title
        What is known of it, and its name in Chinese.
    checks, coverage
        In the order in which they are read.
    shapes
        ``(row,)`` its ground in the grid's CRS, for the picture.
    marks
        Faults for the picture: state, title, geometry.
    originals
        Rows of the file whose geometry had to be repaired, as delivered.
    crs
        The layer's own system, that of the originals; empty where it could not be read.
    """

    manifest: LayerManifest
    title: str
    checks: tuple[Check, ...]
    coverage: tuple[CountyCoverage, ...] = ()
    shapes: np.ndarray = field(default_factory=lambda: np.empty(0, object))
    marks: tuple[tuple[State, str, BaseGeometry], ...] = ()
    originals: tuple[tuple[int, BaseGeometry], ...] = ()
    crs: str = ""

    @property
    def state(self) -> State:
        """The worst of the checks."""
        found = {check.state for check in self.checks}
        order: tuple[State, ...] = ("fail", "warn", "pass")
        return next((state for state in order if state in found), "skip")

    def facts(self) -> dict[str, Any]:
        """Return JSON-able values."""
        manifest = self.manifest
        return {
            "name": manifest.name,
            "title": self.title,
            "state": self.state,
            "version": manifest.version,
            "as_of": manifest.as_of.isoformat() if manifest.as_of else None,
            "source": manifest.source or None,
            "rows": manifest.rows,
            "sha256": manifest.sha256,
            "covers": list(manifest.covers),
            "crs": self.crs or None,
            "readable": manifest.state,
            "note": manifest.note,
            "checks": [check.facts() for check in self.checks],
            "coverage": [county.facts() for county in self.coverage],
        }

    def lines(self) -> list[str]:
        """Return the report for people."""
        manifest = self.manifest
        head = (
            f"{manifest.name} {self.title}: {STATE_NAMES[self.state]}, {manifest.rows} 行, "
            f"版本 {manifest.version or '未写'}, 日期 {manifest.as_of or '未写'}, "
            f"来源 {manifest.source or '未写'}, {self.crs or '坐标系不明'}"
        )
        checks = [f"  {check.line()}" for check in self.checks if check.state != "pass"]
        passed = [check.title for check in self.checks if check.state == "pass"]
        lines = [head, *checks]
        if passed:
            lines.append(f"  [通过] {'、'.join(passed)}")
        if manifest.note:
            lines.append(f"  说明: {manifest.note}")
        return [*lines, *(f"  {_county(one)}" for one in self.coverage)]


def _county(one: CountyCoverage) -> str:
    words = [
        f"覆盖 {one.county}: {'已声明' if one.declared else '未声明'}",
        f"{one.rows} 行",
    ]
    if one.first_date and one.last_date:
        words.append(f"{one.first_date} 至 {one.last_date}")
    if one.share is not None:
        words.append(f"占县域 {one.share:.1%}")
    return ", ".join(words)
