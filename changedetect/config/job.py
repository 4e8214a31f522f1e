"""The job file: what a province runs every month."""

from typing import Annotated, Literal

from pydantic import Field

from changedetect.config.base import Section
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
from changedetect.config.returns import ReturnsSection

Role = Literal["interpreter", "county", "city", "province", "reviewer"]
"""In which role a person acts in the ledger."""


class LayerSection(Section):
    """One record layer and what its supplier declares of it."""

    path: str = Field(description="file, relative to the job file")
    layer: str | None = Field(None, description="layer inside the file, if there are several")
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
    encoding: str | None = Field(None, description="of a shapefile without .cpg, e.g. GBK")
    crs: str | None = Field(None, description="coordinate system, where the file does not tell")
    fields: dict[str, str] = Field(
        default_factory=dict, description="our column -> column of the file, where names differ"
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


class DeadlinesSection(Section):
    """Days of the month after the found month; the province sets them."""

    dispatch_day: int = Field(5, ge=1, le=28, description="packages go out")
    county_day: int = Field(20, ge=1, le=28, description="counties have filed")
    city_day: int = Field(24, ge=1, le=28, description="cities have checked")
    province_day: int = Field(28, ge=1, le=28, description="the province has checked")


class CasesSection(Section):
    """When a patch is on the ground of a case that is already known."""

    same_ground_share: float = Field(
        0.5, gt=0, le=1, description="least common share of the smaller of patch and case"
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
    patches: PatchesSection = Field(default_factory=PatchesSection)
    classify: ClassifySection = Field(default_factory=ClassifySection)
    crosscheck: CrosscheckSection = Field(default_factory=CrosscheckSection)
    deliver: DeliverSection = Field(default_factory=DeliverSection)
    cases: CasesSection = Field(default_factory=CasesSection)
    deadlines: DeadlinesSection = Field(default_factory=DeadlinesSection)
    ledger: LedgerSection = Field(default_factory=LedgerSection)
    returns: ReturnsSection = Field(default_factory=ReturnsSection)
