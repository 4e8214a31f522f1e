"""The package of one county, in whichever process: what all counties share comes in, figures go out.

Imports little: a process that only writes packages has neither the detector nor the classifier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import partial
from pathlib import Path

import pandas as pd
import shapely

from changedetect import measure
from changedetect.casepackage import FORMS
from changedetect.casepackage.charges import Charge
from changedetect.errors import InputError
from changedetect.io import geopackage, page, workbook
from changedetect.io.memory import give_back, old_left_alone
from changedetect.io.publish import publish, publish_bytes
from changedetect.io.record_files import RecordIndex
from changedetect.pipeline.ledger import handout
from changedetect.pipeline.ledger.sealing import seal_package
from changedetect.pipeline.runs.counties import in_county
from changedetect.pipeline.runs.job import Job, month_span
from changedetect.pipeline.steps.picturing import Pictures
from changedetect.records import Case, LayerManifest, Scene, Unit, UnobservedArea
from changedetect.stages import deliver

_NOTES = {"LZRZ": "下发时为空：流转日志保存在省级台账中，按案件编号查询"}


@dataclass(frozen=True, slots=True)
class Month:
    """What all packages of a month share."""

    scenes: dict[str, Scene]
    units: RecordIndex[Unit]
    cases: RecordIndex[Case]
    unobserved: tuple[UnobservedArea, ...]
    manifests: tuple[LayerManifest, ...]
    charges: tuple[Charge, ...]
    rules: tuple[deliver.RuleRow, ...]
    compared: frozenset[str]
    registration_px: tuple[tuple[str, float], ...]
    accounts: Mapping[str, deliver.YearSoFar]
    digest: str


@dataclass(frozen=True, slots=True)
class District:
    """A county that gets a package, or a part of one that is a row of its own in the layer."""

    code: str
    name: str
    geometry: shapely.Geometry

    @property
    def named(self) -> str:
        """Code and name."""
        return f"{self.code} {self.name}"


@dataclass(frozen=True, slots=True)
class KeptBack:
    """A county whose package could not be written this time, and why."""

    district: District
    reason: str

    @property
    def problem(self) -> str:
        """One line for people."""
        return f"county {self.district.named} was not delivered this time: {self.reason}"


@dataclass(frozen=True, slots=True)
class Made:
    """What remains of a package that is written: its figures, and the year's account of its county.

    ``digests`` are those of its files that are known, by path relative to the package.
    """

    figures: deliver.Delivered
    account: deliver.CountyAccount
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Packaging:
    """Writes the package of one county after the other, where packages are made.

    Attributes
    ----------
    job, month
        The job; ``YYYY-MM``.
    run
        Folder of the month.
    shared
        What all packages share.
    pictures
        Draws those of the cases.
    """

    job: Job
    month: str
    run: Path
    shared: Month
    pictures: Pictures

    def __call__(self, county: District) -> Made | KeptBack:
        """Write a package; what is wrong with a county's records keeps only that one back."""
        with in_county(county.named), old_left_alone():
            try:
                package, account = _package(self, county)
                totals, digests = _write_package(self, package)
                return Made(deliver.delivered(package, totals), account, digests)
            except InputError as error:
                return KeptBack(county, str(error))
            finally:
                give_back()


def _package(
    work: Packaging, county: District
) -> tuple[deliver.PackageInput, deliver.CountyAccount]:
    """Gather what concerns one county; unobserved ground is clipped to it."""
    job, month, ground = work.job, work.shared, county.geometry
    crs = job.config.grid.crs
    shapely.prepare(ground)
    hidden = []
    for area in month.unobserved:
        if not ground.intersects(area.geometry):
            continue
        part = _surface(ground.intersection(area.geometry))
        if not part.is_empty:
            hidden.append(replace(area, geometry=part, area_m2=measure.area_m2(part, crs)))
    unobserved_m2 = sum(area.area_m2 for area in hidden)
    units, cases = month.units.read(county.code), month.cases.read(county.code)
    account = _account(work, county.code, units, cases)
    package = deliver.PackageInput(
        themes={theme.code: theme.name for theme in job.themes},
        recording=frozenset(theme.code for theme in job.themes if not theme.dispatch),
        district=county.code,
        district_name=county.name,
        month=work.month,
        crs=crs,
        units=units,
        cases=cases,
        scenes=tuple(month.scenes[name] for name in sorted(month.compared)),
        unobserved=tuple(hidden),
        manifests=month.manifests,
        rules=month.rules,
        district_geometry=ground,
        examined_m2=measure.area_m2(ground, crs) - unobserved_m2,
        unobserved_m2=unobserved_m2,
        digest=month.digest,
        registration_px=month.registration_px,
        sizes_mu=job.config.deliver.size_limits_mu,
        ranking=job.config.deliver.ranking,
        charges=month.charges,
        accounts=deliver.account_tables([account], job.config.deliver),
    )
    return package, account


def _account(
    work: Packaging, code: str, units: Sequence[Unit], cases: Sequence[Case]
) -> deliver.CountyAccount:
    by_unit = {case.unit_id: case for case in cases}
    sums = deliver.sums_of(units, by_unit, work.month, work.job.config.deliver)
    return work.shared.accounts[code].with_month(sums.get(code, deliver.Sums()))


def _surface(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    """Keep the surfaces of an overlay; shared borders and points are dropped."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return shapely.MultiPolygon([part for part in parts if part.geom_type == "Polygon"])


def _write_package(
    work: Packaging, package: deliver.PackageInput
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Write a county's package where it is made; return its totals, and digests of its files."""
    folder = handout.make(work.run, package.stem)
    sent = [(case, unit) for case, unit in package.pairs() if not case.pooled]
    package = replace(package, chips=frozenset(case.number for case, _ in sent))
    stamp = datetime.combine(month_span(work.month)[1], time(), UTC)
    with work.pictures.coming(folder, sent) as drawn:
        layers = deliver.layers(package)
        write = partial(
            geopackage.write_case_package, tables=layers, forms=FORMS, stamp=stamp, notes=_NOTES
        )
        check = partial(geopackage.verify_case_package, tables=layers)
        publish(folder / f"{package.stem}_AJ.gpkg", write, check)
        found = deliver.checks(package, layers)
        content = deliver.workbook(package, layers, found)
        shown = deliver.page_context(package, layers, found)
        publish_bytes(folder / f"{package.stem}.html", page.render_page(shown).encode())
        pictures = drawn()
    publish(
        folder / content.file_name,
        partial(workbook.write_workbook, content=content, pictures=pictures.small),
        partial(workbook.verify_workbook, content=content),
    )
    return layers["TJ_XJ"], seal_package(folder, pictures.digests)
