"""Every array and table that crosses a stage: name, dims or columns, dtype, unit, no-data.

Arrays are checked by `check_array`, tables by `check_table`; both raise `LayerError`.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from changedetect.errors import LayerError

EVIDENCE_NODATA = -32768
"""Value of a pixel that was not observed, in every quantised evidence raster."""

EVIDENCE_SCALE = 100
"""Evidence rasters hold log-likelihood ratio × this, rounded half to even, clipped to ±32767."""

UNCHANGED, CHANGED, NOT_OBSERVED = 0, 1, 255
"""Values of a change mask (uint8)."""

CLEAR, CLOUD, SHADOW = 0, 1, 2
"""Values of a cloud mask delivered with a scene (uint8); 255 is outside the image."""


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """Form of one kind of array."""

    name: str
    dims: tuple[str, ...]
    dtype: str
    unit: str
    no_data: str


STACK = ArraySpec(
    "stack", ("time", "band", "y", "x"), "float32", "reflectance 0-1 or dB", "NaN = not observed"
)
EVIDENCE = ArraySpec(
    "evidence", ("y", "x"), "int16", "log-likelihood ratio x 100", "-32768 = not observed"
)
CHANGE = ArraySpec("change", ("y", "x"), "uint8", "0 unchanged, 1 changed", "255 = not observed")

Kind = Literal["text", "float", "int", "date", "bool", "geometry"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its kind, unit, meaning, whether it may be empty, or be left out."""

    name: str
    kind: Kind
    meaning: str
    nullable: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class TableSpec:
    """Form of one kind of table (a GeoDataFrame, or a DataFrame where geometry is absent)."""

    name: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)


PATCHES = TableSpec(
    "patches",
    (
        Column("patch_id", "text", "stable name from the patch's first pixel: P{row:06d}{col:06d}"),
        Column("pixels", "int", "number of pixels"),
        Column("area_m2", "float", "ellipsoidal area [m²]"),
        Column("area_sd_m2", "float", "standard uncertainty of the area [m²]"),
        Column("perimeter_m", "float", "length of all rings [m]"),
        Column("llr_mean", "float", "mean log-likelihood ratio of its pixels"),
        Column("llr_max", "float", "largest log-likelihood ratio"),
        Column("before_scene", "text", "id of the scene before, under most of the patch"),
        Column("after_scene", "text", "id of the scene after, under most of the patch"),
        Column("before_date", "date", "QSX: last date on which the old state was seen"),
        Column("after_date", "date", "HSX: first date on which the new state was seen"),
        Column("sources", "text", "evidence that speaks for it: optical;series;radar;model"),
        Column(
            "against", "text", "evidence that speaks against it, in the same way", nullable=True
        ),
        Column("disputed", "bool", "one source speaks for it and another against it"),
        Column("optical_llr", "float", "mean evidence of the optical pair", nullable=True),
        Column("series_llr", "float", "mean evidence of the time series", nullable=True),
        Column("radar_llr", "float", "mean evidence of radar", nullable=True),
        Column("model_llr", "float", "mean evidence of a model of the user's own", nullable=True),
        Column("geometry", "geometry", "MultiPolygon on pixel edges, in the grid's CRS"),
    ),
)
"""Patches; `features` columns named ``f_*`` (float, NaN = missing) may follow."""

PARCELS = TableSpec(
    "parcels",
    (
        Column("parcel_id", "text", "BSM of the parcel"),
        Column("land_class", "text", "DLBM, three-survey code, text"),
        Column("settlement", "text", "CZCSXM: 203 = village; empty = none", nullable=True),
        Column("geometry", "geometry", "Polygon or MultiPolygon"),
    ),
)

ZONES = TableSpec(
    "zones",
    (
        Column("zone_id", "text", "identifier"),
        Column("name", "text", "name or code of the zone", nullable=True),
        Column("geometry", "geometry", "Polygon or MultiPolygon"),
    ),
)
"""Permanent basic farmland, red line, town boundary; red line names hold 核心 in core reserves."""

DISTRICTS = TableSpec(
    "districts",
    (
        Column("code", "text", "XZQDM, 6 digits (county), 9 (town) or 12 (village)"),
        Column("name", "text", "XZQMC"),
        Column("geometry", "geometry", "Polygon or MultiPolygon"),
    ),
)

_APPROVAL_DETAILS: tuple[tuple[str, Kind, str], ...] = (
    ("doc_key", "text", "document number in one form (codes.normalise_document), for matching"),
    ("valid_from", "date", "YXQQ, first day of validity; empty = the day of approval"),
    ("purpose", "text", "YT, use that was approved"),
    ("start_due", "date", "agreed last day on which work begins (supply of land)"),
    ("finish_due", "date", "agreed last day on which work ends (supply of land, projects)"),
    ("accepted_on", "date", "YSRQ, day of acceptance (projects of land improvement, restoration)"),
    ("accepted_doc", "text", "YSWH, number of the acceptance"),
)

APPROVALS = TableSpec(
    "approvals",
    (
        Column("record_id", "text", "identifier inside its layer"),
        Column("kind", "text", "SPLX: NZY ZS GY LS SS ZJD CK ZJG ZZ DJ … (codes.APPROVAL_KINDS)"),
        Column("doc_no", "text", "PZWH, document number as written", nullable=True),
        Column("agency", "text", "PZJG, who approved", nullable=True),
        Column("approved_on", "date", "PZRQ, date of approval", nullable=True),
        Column("valid_to", "date", "YXQZ, last day of validity; empty = unlimited", nullable=True),
        Column("project", "text", "XMMC", nullable=True),
        Column("land_user", "text", "YDDW", nullable=True),
        Column("area_m2", "float", "approved area by the document [m²]", nullable=True),
        Column("geometry", "geometry", "Polygon or MultiPolygon"),
        *(
            Column(name, kind, meaning, nullable=True, optional=True)
            for name, kind, meaning in _APPROVAL_DETAILS
        ),
    ),
)
"""Records of approval; the details after the geometry may be left out."""

PRIORITY_CELLS = TableSpec(
    "priority_cells",
    (
        Column("cell_id", "text", "WGBH, number of the cell"),
        Column("priority", "text", "codes.PRIORITIES: 1 重点, 2 一般"),
        Column("name", "text", "name of the cell", nullable=True),
        Column("geometry", "geometry", "Polygon or MultiPolygon"),
    ),
)
"""Cells of the territory, by how closely they are watched."""

CHARGES = TableSpec(
    "charges",
    (
        Column("area_id", "text", "identifier of the area"),
        Column("person", "text", "who answers for it", nullable=True),
        Column("office", "text", "to whom that person belongs", nullable=True),
        Column("level", "text", "of a field chief: county, town, village …", nullable=True),
        Column("geometry", "geometry", "Polygon or MultiPolygon"),
    ),
)
"""Areas of field chiefs (田长) and wardens (网格员)."""

VERIFIED = TableSpec(
    "verified changes",
    (
        Column("change_id", "text", "identifier"),
        Column("changed_on", "date", "day on which it was first seen, or could be", nullable=True),
        Column("family", "text", "codes.FAMILIES, or the list's own class", nullable=True),
        Column("source", "text", "who found it: patrol, hotline, ministry …", nullable=True),
        Column("geometry", "geometry", "Polygon or MultiPolygon"),
    ),
)
"""Changes that somebody verified, found independently of our alarms."""

TRUTH = TableSpec(
    "truth",
    (
        Column("truth_id", "text", "identifier"),
        Column("tblx", "text", "TBLX code of the state after"),
        Column("family", "text", "codes.FAMILIES"),
        Column("changed_on", "date", "day on which it could first be seen"),
        Column("area_m2", "float", "ellipsoidal area [m²]"),
        Column("legality", "text", "legal, illegal, or not_construction"),
        Column("excuse", "text", "SPLX of what excuses it; empty = nothing", nullable=True),
        Column("situation", "text", "valid, none, missing, expired, later, too_small …"),
        Column("geometry", "geometry", "MultiPolygon"),
    ),
)
"""Layer `changes` of truth.gpkg."""


def check_array(values: Any, spec: ArraySpec) -> None:  # noqa: ANN401 - numpy or xarray alike
    """Refuse an array that does not have the form that its name promises.

    Raises
    ------
    LayerError
        Wrong number of dimensions, dims or dtype.
    """
    dims = getattr(values, "dims", None)
    if len(values.shape) != len(spec.dims) or (dims is not None and tuple(dims) != spec.dims):
        msg = f"{spec.name}: dims {dims or values.shape} found, {spec.dims} expected"
        raise LayerError(msg)
    if values.dtype != np.dtype(spec.dtype):
        msg = f"{spec.name}: dtype {values.dtype} found, {spec.dtype} expected"
        raise LayerError(msg)


def check_table(table: Any, spec: TableSpec, where: str = "") -> None:  # noqa: ANN401
    """Refuse a table that lacks columns or holds empty values where none are allowed.

    Raises
    ------
    LayerError
        The message names the layer, the column and the first bad row.
    """
    place = f"{spec.name} ({where})" if where else spec.name
    missing = [
        column.name
        for column in spec.columns
        if not column.optional and column.name not in table.columns
    ]
    if missing:
        msg = f"{place}: columns {missing} are missing; found {sorted(map(str, table.columns))}"
        raise LayerError(msg)
    for column in spec.columns:
        if column.nullable:
            continue
        empty = np.asarray(table[column.name].isna())
        if empty.any():
            row = int(np.flatnonzero(empty)[0])
            msg = f"{place}: {column.name} ({column.meaning}) is empty in row {row}"
            raise LayerError(msg)
