"""The job file: what a province runs every month."""

from typing import Annotated, Literal

from pydantic import Field

from changedetect.config.base import Section
from changedetect.config.clues import CluesSection
from changedetect.config.crosscheck import CrosscheckSection
from changedetect.config.deliver import DeliverSection
from changedetect.config.detection import (
    ClassifySection,
    EvidenceSection,
    GridSection,
    PatchesSection,
    PixelsSection,
    ScenesSection,
)
from changedetect.config.learned import ModelSection
from changedetect.config.record_forms import AreaUnit, DatumShift, RecordChecksSection
from changedetect.config.returns import ReturnsSection
from changedetect.config.series import FusionSection, RadarSection, SeriesSection

Role = Literal["interpreter", "county", "city", "province", "reviewer"]
"""In which role a person acts in the ledger."""


class LayerSection(Section):
    """One record layer and what its supplier declares of it."""

    path: str = Field(
        description="file, relative to the job file; several with * in the name (batches/*.txt)"
    )
    layer: str | None = Field(None, description="layer inside the file, if there are several")
    source: str | None = Field(None, description="who supplied it")
    version: str | None = Field(None, description="version named by the supplier")
    as_of: str | None = Field(None, description="date of the data, YYYY-MM-DD")
    covers: tuple[Annotated[str, Field(pattern=r"^\d{2,12}$")], ...] = Field(
        (), description="county codes for which it is complete"
    )
    may_be_empty: bool = Field(
        False,
        description="the supplier says that no record of this approval lies in the counties; "
        "else a layer without any is taken for a wrong file",
    )
    encoding: str | None = Field(
        None, description="of a shapefile without .cpg, a CSV or a text file, e.g. GBK"
    )
    crs: str | None = Field(None, description="coordinate system, where the file does not tell")
    fields: dict[str, str] = Field(
        default_factory=dict, description="our column -> column of the file, where names differ"
    )
    values: dict[str, str] = Field(
        default_factory=dict,
        description="our column -> what holds for every row, where the file has no such column (a "
        "boundary text of one approval has no date); {stem} is the name of the file",
    )
    form: str | None = Field(
        None, description="records/{form}.yaml, where the layer is not in the form of its kind"
    )
    axis_order: Literal["north_first", "east_first"] = Field(
        "north_first",
        description="of X and Y in tables and text files; surveyors write X = north",
    )
    area_unit: AreaUnit | None = Field(
        None, description="unit of the stated area, where the column's name does not tell"
    )
    datum_shift: DatumShift | None = Field(
        None, description="seven parameters to CGCS2000 of a layer in Xian 80 or Beijing 54"
    )


class RecordsSection(Section):
    """Reference layers; a layer left out is missing, and what rests on it becomes unknown."""

    districts: LayerSection = Field(description="XZQ: counties")
    towns: LayerSection | None = Field(None, description="towns")
    villages: LayerSection | None = Field(None, description="villages")
    parcels: LayerSection | None = Field(None, description="DLTB: land-use parcels")
    basic_farmland: LayerSection | None = Field(None, description="YJJBNTBHTB")
    red_line: LayerSection | None = Field(None, description="STBHHX")
    town_boundary: LayerSection | None = Field(None, description="CZKFBJ")
    approvals: dict[str, LayerSection] = Field(
        default_factory=dict, description="kind (NZY, GY, LS …) -> layer"
    )
    priority_cells: LayerSection | None = Field(
        None, description="YXWG: cells of the territory, 重点 or 一般"
    )
    field_chiefs: LayerSection | None = Field(None, description="TZ: areas of field chiefs (田长)")
    wardens: LayerSection | None = Field(None, description="WGY: areas of wardens (网格员)")
    checks: RecordChecksSection = Field(default_factory=RecordChecksSection)
    zones: dict[str, LayerSection] = Field(
        default_factory=dict,
        description="further zones that themes name: ZRBHD, GHFW, HHAX … -> layer",
    )


class DeadlinesSection(Section):
    """Days of the month after the found month; the province sets them."""

    dispatch_day: int = Field(5, ge=1, le=28, description="packages go out")
    county_day: int = Field(20, ge=1, le=28, description="counties have filed")
    city_day: int = Field(24, ge=1, le=28, description="cities have checked")
    province_day: int = Field(28, ge=1, le=28, description="the province has checked")
    calendar: str | None = Field(
        None,
        pattern=r"^[\w-]+$",
        description="table of holidays (holidays/{name}.yaml, e.g. china): a deadline on a day off moves "
        "to the next working day, that of clearing back to the last of its month; none = every day counts",
    )
    soon_days: int = Field(
        3,
        ge=0,
        description="so many (working) days before its deadline a case is listed as due soon",
    )


class CasesSection(Section):
    """When a patch is on the ground of a case that is already known."""

    same_ground_share: float = Field(
        0.5, gt=0, le=1, description="least common share of the smaller of patch and case"
    )
    beside_m: float = Field(
        10.0,
        ge=0,
        description="a new patch so near to an open case of an earlier month may be its extension [m]",
    )
    grown_share: float = Field(
        0.2, gt=0, description="a case has grown if it covers new ground of this share of its own"
    )


class LedgerSection(Section):
    """Where the ledger is, how it is chained, and who may do what in it."""

    server: str | None = Field(
        None,
        pattern=r"^postgresql\+psycopg://",
        description="address of a PostgreSQL database for several people at once (the password "
        "comes from PGPASSWORD or ~/.pgpass); none = an SQLite file beside the months",
    )
    algorithm: Literal["sha256", "sm3"] = Field(
        "sha256", description="digest of a new ledger; an existing one keeps its own"
    )
    people: dict[str, tuple[Role, ...]] = Field(
        default_factory=dict,
        description="user name -> roles in which they may act; empty = everybody in every role",
    )


class JobConfig(Section):
    """A whole job."""

    name: str = Field(
        pattern=r"^[\w-]+$",
        max_length=60,
        description="name of the job (letters, digits, _ and - only); its runs lie under runs/{name}/",
    )
    language: Literal["zh", "en"] = Field("zh", description="language of messages")
    grid: GridSection
    scenes: ScenesSection
    records: RecordsSection
    themes: tuple[str, ...] = Field(description="theme codes to check, e.g. 01, 02, 03, 07")
    pixels: PixelsSection = Field(default_factory=PixelsSection)
    evidence: EvidenceSection = Field(default_factory=EvidenceSection)
    series: SeriesSection = Field(default_factory=SeriesSection)
    radar: RadarSection = Field(default_factory=RadarSection)
    fusion: FusionSection = Field(default_factory=FusionSection)
    model: ModelSection | None = Field(
        None, description="a change model of your own (ONNX); needs the extra onnx"
    )
    patches: PatchesSection = Field(default_factory=PatchesSection)
    classify: ClassifySection = Field(default_factory=ClassifySection)
    promise: str | None = Field(
        None,
        description="promise file of `promise fit`, relative to the job file: its thresholds take the "
        "place of crosscheck.pseudo_change_probability; none = no recall is promised",
    )
    crosscheck: CrosscheckSection = Field(default_factory=CrosscheckSection)
    deliver: DeliverSection = Field(default_factory=DeliverSection)
    cases: CasesSection = Field(default_factory=CasesSection)
    deadlines: DeadlinesSection = Field(default_factory=DeadlinesSection)
    ledger: LedgerSection = Field(default_factory=LedgerSection)
    clues: CluesSection = Field(default_factory=CluesSection)
    returns: ReturnsSection = Field(default_factory=ReturnsSection)
