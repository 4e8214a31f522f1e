"""What a county's package is made from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd
from shapely.geometry.base import BaseGeometry

from changedetect.casepackage import CODE_LISTS
from changedetect.casepackage.charges import Charge
from changedetect.config.deliver import RankingSection
from changedetect.entries import Entry
from changedetect.errors import LayerError
from changedetect.records import Case, LayerManifest, Scene, Unit, UnobservedArea


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule of a theme file: id, version, text and source, as the county reads them."""

    rule_id: str
    version: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class PackageInput:
    """Everything that one county's package of one month says.

    Attributes
    ----------
    district, district_name, month
        Six-digit code, name, ``YYYY-MM``.
    crs
        Coordinate system of every geometry here, save the scenes' own grids.
    units
        Units of the district (those without a case were excused or met no theme).
    cases
        Cases of the district, pooled ones included; each names one of the units.
    scenes
        Images that the month rests on.
    unobserved
        Ground not observed, clipped to the district.
    manifests, rules
        Reference layers and rules behind the findings.
    district_geometry
        The county.
    examined_m2, unobserved_m2
        Ground observed and not observed; together the county. [m²]
    digest
        SHA-256 over inputs, configuration and code.
    chips
        Case numbers that have pictures under ``chips/``.
    sizes_mu
        Limits between the size classes of the statistics. [mu]
    ranking
        What zones weigh in the order of the case list.
    dispatched_on
        Day on which the package goes out; None = not yet.
    entries
        Ledger entries of the cases.
    observed_px_m2
        Ground observed inside the county as counted in pixels, apart from `examined_m2`; None = not
        counted. [m²]
    registration_px
        Image -> residual error with which it lies on the older image of its pair; an image that was
        not moved, or whose error is not known, is left out. [pixel]
    recording
        Themes that only record: they suspect nobody, and nothing goes out for them.
    charges
        Whose the units are; a unit without one is nobody's.
    accounts
        Accounts of the county's year, from `account_tables`; empty = none were made.
    themes
        Names of the job's themes by code; those of the province's own list need none.

    Raises
    ------
    LayerError
        The county's code or the month does not have its form (file names are made from them).
    """

    district: str
    district_name: str
    month: str
    crs: str
    units: tuple[Unit, ...]
    cases: tuple[Case, ...]
    scenes: tuple[Scene, ...]
    unobserved: tuple[UnobservedArea, ...]
    manifests: tuple[LayerManifest, ...]
    rules: tuple[RuleRow, ...]
    district_geometry: BaseGeometry
    examined_m2: float
    unobserved_m2: float
    digest: str
    chips: frozenset[str] = frozenset()
    sizes_mu: tuple[float, ...] = ()
    ranking: RankingSection = field(default_factory=RankingSection)
    dispatched_on: date | None = None
    entries: tuple[Entry, ...] = ()
    observed_px_m2: float | None = None
    registration_px: tuple[tuple[str, float], ...] = ()
    recording: frozenset[str] = frozenset({"01"})
    charges: tuple[Charge, ...] = ()
    accounts: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    themes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d{6}", self.district):
            msg = f"district {self.district!r}: six digits (XZQDM of a county) expected"
            raise LayerError(msg)
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", self.month):
            msg = f"month {self.month!r} of county {self.district}: YYYY-MM expected"
            raise LayerError(msg)

    @property
    def period(self) -> str:
        """The month as ``YYYYMM``."""
        return self.month.replace("-", "")

    @property
    def stem(self) -> str:
        """``{XZQDM}_{YYYYMM}``, with which every file name of the package starts."""
        return f"{self.district}_{self.period}"

    def meanings(self, codes: str) -> dict[str, str]:
        """Return a code list; that of the themes with the job's own ones behind the others."""
        items = CODE_LISTS[codes].items
        return {**self.themes, **items} if codes == "ZTDM" else items

    def covered(self, name: str) -> bool:
        """Tell whether a reference layer is usable and complete for this county."""
        return any(
            manifest.name == name and manifest.covers_district(self.district)
            for manifest in self.manifests
        )

    def pairs(self) -> list[tuple[Case, Unit]]:
        """Return every case with its unit, by case number.

        Raises
        ------
        LayerError
            A case is of another county, stands twice, or its unit is not here.
        """
        units = {unit.unit_id: unit for unit in self.units}
        seen: set[str] = set()
        for case in self.cases:
            fault = ""
            if case.number in seen:
                fault = "stands twice"
            elif case.district != self.district:
                fault = f"is of county {case.district}"
            elif case.unit_id not in units:
                fault = f"names unit {case.unit_id}, which is not among the {len(units)} units"
            if fault:
                msg = (
                    f"package {self.stem}: case {case.number} {fault}; every case was expected "
                    "once, with its unit, in its own county; check the step that made the cases"
                )
                raise LayerError(msg)
            seen.add(case.number)
        ordered = sorted(self.cases, key=lambda case: case.number)
        return [(case, units[case.unit_id]) for case in ordered]


def listing(case: Case) -> str:
    """Tell on which list a case stands (RCBZ): 0 dispatched, 1 pooled, 2 only recorded."""
    if case.pooled:
        return "1"
    return "2" if case.record_only else "0"


def chip_paths(number: str) -> tuple[str, str, str]:
    """Return the relative paths of a case's pictures: before, after, overlay.

    Examples
    --------
    >>> chip_paths("43099102250600001C")[0]
    'chips/43099102250600001C_Q.jpg'
    """
    return (f"chips/{number}_Q.jpg", f"chips/{number}_H.jpg", f"chips/{number}_T.jpg")
