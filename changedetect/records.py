"""What stages hand over: frozen values that know no file, no clock and no database."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Literal

import shapely
from pydantic import PlainSerializer, PlainValidator
from shapely.geometry.base import BaseGeometry

from changedetect.codes import LandGroup
from changedetect.grid import Grid, Window
from changedetect.takings import Clues, Taking


def _from_text(value: BaseGeometry | str) -> BaseGeometry:
    """Read a geometry; Python turns digits into bytes, GEOS takes three times as long."""
    return shapely.from_wkb(bytes.fromhex(value)) if isinstance(value, str) else value


def _to_text(value: BaseGeometry) -> str:
    """Write a geometry as GEOS would (``hex=True``), which takes twice as long."""
    written: bytes = shapely.to_wkb(value)
    return written.hex().upper()


Geometry = Annotated[
    BaseGeometry, PlainValidator(_from_text), PlainSerializer(_to_text, return_type=str)
]
"""A shapely geometry; in stored records its WKB as hexadecimal text, so that it comes back exact."""


@dataclass(frozen=True, slots=True)
class Band:
    """One band of a scene: its role, its number in the file, and how numbers become quantities.

    ``value = stored * scale + offset`` gives reflectance (0-1), or decibel for radar.
    """

    role: str
    index: int
    scale: float
    offset: float


@dataclass(frozen=True, slots=True)
class Scene:
    """One image of the catalogue (the fields follow the STAC item).

    Attributes
    ----------
    scene_id
        Unique in a catalogue; the file's stem.
    sensor
        Name of the sensor profile (``configs/sensors/{sensor}.yaml``).
    kind
        ``optical``, ``radar`` or ``rgb`` (three bands, no infrared).
    time
        Acquisition, aware, UTC.
    href
        Where the file is, relative to the catalogue's folder, forward slashes.
    grid
        CRS, transform and size of the file.
    bands
        In the profile's order.
    dtype, nodata
        As stored; nodata None = none declared.
    gsd_m, off_nadir_deg, sun_elevation_deg, sun_azimuth_deg
        Empty where the metadata do not tell.
    cloud_href
        Cloud mask beside the image (schema.CLEAR, CLOUD, SHADOW), empty if none.
    sha256
        Of the file's bytes (and, after a colon, of the mask's).
    """

    scene_id: str
    sensor: str
    kind: Literal["optical", "radar", "rgb"]
    time: datetime
    href: str
    grid: Grid
    bands: tuple[Band, ...]
    dtype: str
    nodata: float | None
    gsd_m: float
    sha256: str
    cloud_href: str = ""
    off_nadir_deg: float | None = None
    sun_elevation_deg: float | None = None
    sun_azimuth_deg: float | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        """Band roles in order."""
        return tuple(band.role for band in self.bands)

    @property
    def day(self) -> date:
        """Day of acquisition. [UTC]"""
        return self.time.date()


@dataclass(frozen=True, slots=True)
class ScenePair:
    """Two images of the same ground, the older first."""

    before: Scene
    after: Scene

    @property
    def name(self) -> str:
        """Stable name of the pair."""
        return f"{self.before.scene_id}__{self.after.scene_id}"


class Verdict(Enum):
    """A three-valued fact."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class TimeCode(Enum):
    """SPSX: an approval's dates against the bracket of the change."""

    NONE = "0"
    BEFORE = "1"
    LATER = "2"
    EXPIRED = "3"
    BEYOND = "4"
    LAYER_MISSING = "9"


@dataclass(frozen=True, slots=True)
class LayerManifest:
    """What is known of one reference layer.

    Attributes
    ----------
    name
        Short layer name (DLTB, YJJBNTBHTB, STBHHX, CZKFBJ, XZQ, or an approval kind).
    version, as_of
        Declared by the supplier; None where nobody said.
    rows, sha256
        Number of features in it; digest of the file, empty where the layer is missing.
    covers
        District codes for which the layer is declared complete; empty = nobody declared any.
    state
        ``ok``, ``missing`` (no file), ``unreadable``, ``undated`` (approvals without any date),
        ``empty`` (approvals without a record in the counties, and nobody said so).
    source, note
        Who supplied it, as declared; what was wrong, in Chinese, for the list of layers.
    found, first_date, last_date
        Rows met in each county, by code; earliest and latest approval, None where there are none.
    """

    name: str
    version: str | None
    as_of: date | None
    rows: int
    covers: tuple[str, ...]
    sha256: str
    state: Literal["ok", "missing", "unreadable", "undated", "empty"] = "ok"
    note: str = ""
    source: str = ""
    found: tuple[tuple[str, int], ...] = ()
    first_date: date | None = None
    last_date: date | None = None

    def covers_district(self, code: str) -> bool:
        """Tell whether the layer is usable and declared complete for a district."""
        return self.state == "ok" and any(known and code.startswith(known) for known in self.covers)


@dataclass(frozen=True, slots=True)
class LandPiece:
    """A piece of a patch × parcel × zones; the pieces of a unit tile it (layer DLTH).

    ``land_class`` is empty where no parcel lies. Zone facts are three-valued: UNKNOWN where the
    zone's layer does not cover the district.
    """

    unit_id: str
    land_class: str
    settlement: str
    group: LandGroup
    basic_farmland: Verdict
    red_line: Verdict
    in_town_boundary: Verdict
    area_m2: float
    geometry: Geometry


@dataclass(frozen=True, slots=True)
class ApprovalOverlap:
    """One approval that meets a patch (layer SPTH)."""

    unit_id: str
    kind: str
    record_id: str
    doc_no: str
    agency: str
    approved_on: date | None
    valid_to: date | None
    project: str
    land_user: str
    record_area_m2: float
    overlap_m2: float
    share: float
    time_code: TimeCode
    layer_version: str
    used: bool
    reason: str


@dataclass(frozen=True, slots=True)
class UnitAreas:
    """Areas of a unit, all ellipsoidal, holes taken off. [m²]; None = its layer does not cover.

    ``zones``: further zones by layer. ``raw`` keeps, by field name, what zones and the unapproved
    remainder measured before slivers thinner than the position error were taken off.
    """

    total: float
    cropland: float
    paddy: float
    other_agricultural: float
    construction: float
    unused: float
    unknown: float
    basic_farmland: float | None
    red_line: float | None
    outside_town: float | None
    village: float
    approved: dict[str, float] = field(default_factory=dict)
    approved_union: float = 0.0
    unapproved: float = 0.0
    unapproved_cropland: float = 0.0
    unapproved_basic_farmland: float | None = None
    red_line_core: float | None = None
    raw: dict[str, float] = field(default_factory=dict)
    zones: dict[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of one unit against one theme, with its reasons.

    Attributes
    ----------
    unit_id, theme
        What was checked against which theme file.
    verdict
        YES = the theme's question is met and nothing excuses it; NO = excused or not met;
        UNKNOWN = evidence is missing.
    suggestion, severity
        PDJY code; 1 record … 5 province direct.
    below_minimum: smaller than the theme's minimum: pooled, counted, not dispatched.
    reasons, rule_ids, missing, changed_by
        In Chinese; ids of the rules behind; missing evidence (QZJ); what would change the answer.
    """

    unit_id: str
    theme: str
    verdict: Verdict
    suggestion: str
    severity: int
    below_minimum: bool
    reasons: tuple[str, ...]
    rule_ids: tuple[str, ...]
    missing: tuple[str, ...]
    changed_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """A patch, or the part of a patch in one county: what findings and cases are about.

    ``unit_id`` is the patch id, or ``{patch_id}-{county}`` for a part. Geometry in the grid's CRS.
    ``sources`` and ``against`` name the evidence that speaks for the change and against it.
    ``watch``: kind of a record watched without a patch, or ``case``. ``parent``: unit whose remainder it is.
    ``is_unseen``: no optical pair saw most of it; other sources say that it changed.
    """

    unit_id: str
    patch_id: str
    district: str
    district_name: str
    town: str
    town_name: str
    village: str
    village_name: str
    siblings: tuple[str, ...]
    geometry: Geometry
    area_m2: float
    perimeter_m: float
    area_sd_m2: float
    before_date: date
    after_date: date
    before_scene: str
    after_scene: str
    before_gsd_m: float
    after_gsd_m: float
    sources: tuple[str, ...]
    family: str
    family_probability: float
    change_probability: float
    areas: UnitAreas
    pieces: tuple[LandPiece, ...]
    approvals: tuple[ApprovalOverlap, ...]
    remainder: Geometry
    time_code: TimeCode
    findings: tuple[Finding, ...]
    against: tuple[str, ...] = ()
    watch: str = ""
    parent: str = ""
    is_unseen: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """What people work on: one unit, all its themes, one number, one state.

    ``record_only``: only themes that accuse nobody stand behind it; it keeps a number and counts,
    but is not dispatched. ``related`` names other live cases on some of the same ground, which a
    person may merge. ``taking`` is what of it nobody approved, ``clues`` what that adds up to.
    """

    number: str
    unit_id: str
    district: str
    themes: tuple[str, ...]
    main_theme: str
    suggestion: str
    severity: int
    state: str
    month: str
    first_found: date
    last_confirmed: date
    county_due: date
    clear_due: date
    geometry: Geometry
    area_m2: float
    parent: str = ""
    pooled: bool = False
    reasons: tuple[str, ...] = ()
    rule_ids: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    record_only: bool = False
    related: tuple[str, ...] = ()
    family: str = ""
    watch: str = ""
    taking: Taking | None = None
    clues: Clues | None = None


@dataclass(frozen=True, slots=True)
class UnobservedArea:
    """A piece of ground that was not observed this period, and why (layer WJCQ)."""

    reason: str
    window: Window
    geometry: Geometry
    area_m2: float
