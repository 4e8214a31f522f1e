"""Forms of record layers: what offices call our columns and values, one file a kind of record."""

from typing import Literal

from pydantic import Field

from changedetect.config.base import Section

AreaUnit = Literal["m2", "ha", "mu"]


class ColumnForm(Section):
    """One column of ours, as offices deliver it."""

    aliases: tuple[str, ...] = Field(
        (),
        description="names of the column in files, tried in order; case, width and blanks do not matter",
    )
    required: bool = Field(False, description="a layer without this column is refused")
    values: dict[str, str] = Field(
        default_factory=dict, description="word or code of the file -> our code, whole cells only"
    )
    units: dict[str, AreaUnit] = Field(
        default_factory=dict, description="name of an area column that does not count in m² -> unit"
    )


class RecordForm(Section):
    """A kind of record layer."""

    code: str = Field(
        pattern=r"^[A-Z]{1,12}$", description="short name of the layer or kind of approval"
    )
    name: str = Field(description="name in Chinese")
    extends: str | None = Field(
        None, description="form whose columns are understood too; what stands here is tried first"
    )
    planar: bool = Field(False, description="rows must not overlap one another")
    covering: bool = Field(False, description="rows together cover every county that is declared")
    needs_end: bool = Field(False, description="a row without a last day of validity is doubtful")
    columns: dict[str, ColumnForm] = Field(
        default_factory=dict, description="our column -> how offices deliver it"
    )

    def on(self, base: "RecordForm") -> "RecordForm":
        """Return this form with what a base form understands besides.

        Aliases here come before those of the base; values and units here replace those of the base.
        """
        columns = dict(base.columns)
        for name, own in self.columns.items():
            under = base.columns.get(name, ColumnForm())
            columns[name] = ColumnForm(
                aliases=tuple(dict.fromkeys((*own.aliases, *under.aliases))),
                required=own.required or under.required,
                values={**under.values, **own.values},
                units={**under.units, **own.units},
            )
        return self.model_copy(update={"columns": columns})


class DatumShift(Section):
    """Seven parameters from an older datum to CGCS2000, as the province's survey office gives them."""

    dx_m: float = Field(description="shift along X [m]")
    dy_m: float = Field(description="shift along Y [m]")
    dz_m: float = Field(description="shift along Z [m]")
    rx_arcsec: float = Field(description="rotation about X [arc second]")
    ry_arcsec: float = Field(description="rotation about Y [arc second]")
    rz_arcsec: float = Field(description="rotation about Z [arc second]")
    scale_ppm: float = Field(description="scale less one [1e-6]")
    convention: Literal["position_vector", "coordinate_frame"] = Field(
        description="sign of the rotations: position_vector (Bursa-Wolf, EPSG 9606) or coordinate_frame "
        "(布尔莎模型另一符号, EPSG 9607); the two differ, so it is never assumed"
    )


class RecordChecksSection(Section):
    """What a record layer is held against before it is used; our choices, a province confirms them."""

    repair_share: float = Field(
        0.001, ge=0, description="a repair that changes a polygon's area by more is a fault"
    )
    overlap_m2: float = Field(
        1.0, ge=0, description="smaller overlaps of two rows are drawing error [m²]"
    )
    overlap_width_m: float = Field(
        0.2, ge=0, description="thinner overlaps of two rows are drawing error [m]"
    )
    stated_area_share: float = Field(
        0.01, gt=0, description="a stated area may differ from the measured one by this share"
    )
    stated_area_m2: float = Field(1.0, ge=0, description="or by this much [m²]")
    sliver_width_m: float = Field(
        0.5, ge=0, description="a polygon thinner than this on average is a sliver [m]"
    )
    outside_m: float = Field(
        50.0, ge=0, description="a row farther than this outside every county is out of place [m]"
    )
    max_vertices: int = Field(
        1_000_000, ge=100, description="a polygon with more corners is refused"
    )
    covered_share: float = Field(
        0.99, gt=0, le=1, description="a covering layer covers at least this share of a county"
    )
    fallen_share: float = Field(
        0.5, gt=0, le=1, description="fewer rows than this share of the last time are pointed out"
    )
    named_rows: int = Field(5, ge=1, description="rows that a check names")
