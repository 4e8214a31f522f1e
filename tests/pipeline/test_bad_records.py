"""Record layers that can not be used: named, what rests on them unknown, the rest delivered."""

import shutil
from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import pyogrio
import pytest

from changedetect.errors import ConfigError, LayerError
from changedetect.io import record_files
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.progress import Silent
from changedetect.records import LayerManifest, Unit, Verdict
from tests.pipeline import tiny_job

OPEN = tiny_job.PLANTED[0]
APPROVED = next(one for one in tiny_job.PLANTED if one.name == "approved")


@pytest.fixture
def classified(whole, tiny_base, tmp_path, monkeypatch):
    """Config of a job whose steps up to `classify` are done."""
    tiny_job.use_model(tiny_base, monkeypatch)
    shutil.copytree(whole.parent, tmp_path / "job")
    return tmp_path / "job" / "config.yaml"


def check(config):
    """Redo the cross-check; its report and the verdict on theme 02 of a planted change."""
    report = tiny_job.run(config, only="check", overwrite=True)
    return report, record_files.read_records(report.folder / "units.json", Unit)


def verdict(units, planted, theme="02"):
    found = {
        finding.verdict
        for unit in units
        if unit.geometry.intersects(planted.polygon.buffer(-4))
        for finding in unit.findings
        if finding.theme == theme
    }
    assert len(found) == 1
    return found.pop()


def replace(config, old, new):
    text = config.read_text(encoding="utf-8")
    assert old in text
    config.write_text(text.replace(old, new), encoding="utf-8")


def empty(config):
    table = gpd.GeoDataFrame(
        {"BSM": [], "PZWH": []}, geometry=gpd.GeoSeries([], crs=tiny_job.CRS), crs=tiny_job.CRS
    )
    path = config.parent / "records" / "SP_NZY.gpkg"
    path.unlink()
    pyogrio.write_dataframe(table, path, layer="SP_NZY", geometry_type="MultiPolygon")


def undated(config):
    row = tiny_job.approval(APPROVED, date(2025, 3, 3), 1) | {"PZRQ": None}
    path = config.parent / "records" / "SP_NZY.gpkg"
    tiny_job.write_layer(path, [row], [APPROVED.polygon.buffer(6)])


def not_covering(config):
    replace(
        config,
        'SP_NZY.gpkg, version: v1, as_of: "2025-06-30", covers: ["431001", "431002"]',
        'SP_NZY.gpkg, version: v1, as_of: "2025-06-30", covers: ["431002"]',
    )


def missing(config):
    (config.parent / "records" / "SP_NZY.gpkg").unlink()


def cut_short(config):
    path = config.parent / "records" / "SP_NZY.gpkg"
    path.write_bytes(path.read_bytes()[:5000])


def disguised(config):
    path = config.parent / "records" / "SP_NZY.gpkg"
    path.write_text("<OGRVRTDataSource></OGRVRTDataSource>")


def zone_prefixed(config):
    """Eastings with the zone's number in front, in the system without it."""
    path = config.parent / "records" / "SP_NZY.gpkg"
    table = gpd.GeoSeries([APPROVED.polygon]).translate(38_000_000)
    rows = [tiny_job.approval(APPROVED, date(2025, 3, 3), 1)]
    tiny_job.write_layer(path, rows, list(table))


def contradicting_crs(config):
    replace(config, "SP_NZY.gpkg, version", 'SP_NZY.gpkg, crs: "EPSG:4526", version')


def bad_date(config):
    row = tiny_job.approval(APPROVED, date(2025, 3, 3), 1) | {"PZRQ": "2025年13月"}
    path = config.parent / "records" / "SP_NZY.gpkg"
    tiny_job.write_layer(path, [row], [APPROVED.polygon.buffer(6)])


@dataclass(frozen=True)
class Row:
    """What is broken; what the message says; what the run says of a change nobody approved."""

    breaks: object
    says: tuple[str, ...]
    exit_code: int = 3
    unapproved: Verdict = Verdict.UNKNOWN
    state: str = "unreadable"


ROWS = (
    Row(undated, ("NZY", "undated", "unknown"), state="undated"),
    Row(not_covering, (), exit_code=0, state="ok"),
    Row(missing, ("NZY", "missing", "文件不存在", "unknown"), state="missing"),
    Row(cut_short, ("NZY", "SP_NZY.gpkg", "fetch it again")),
    Row(disguised, ("NZY", "SP_NZY.gpkg", "starts with", "GeoPackage")),
    Row(zone_prefixed, ("NZY", "EPSG:4547", "38500", "38")),
    Row(contradicting_crs, ("NZY", "EPSG:4547", "EPSG:4526", "remove the wrong one")),
    Row(bad_date, ("NZY", "row 1", "PZRQ", "2025年13月", "YYYY-MM-DD")),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.breaks.__name__)
def test_bad_record__is_named_and_what_rests_on_it_is_unknown(classified, row):
    row.breaks(classified)
    report, units = check(classified)
    assert report.exit_code == row.exit_code
    text = "\n".join(report.problems)
    for phrase in row.says:
        assert phrase in text
    assert verdict(units, OPEN) is row.unapproved
    manifests = record_files.read_records(report.folder / "layers.json", LayerManifest)
    assert {one.name: one.state for one in manifests}["NZY"] == row.state
    assert len(units) == 6, "every unit is still there"
    others = [one.state for one in manifests if one.name != "NZY"]
    assert set(others) <= {"ok", "missing"}


def test_bad_record__all_layers_whole_gives_an_answer(classified):
    """Negative control of the table above."""
    report, units = check(classified)
    assert report.exit_code == 0
    assert verdict(units, OPEN) is Verdict.YES
    assert verdict(units, APPROVED) is Verdict.NO


class Warnings(Silent):
    """Listens to warnings."""

    __slots__ = ("heard",)

    def __init__(self):
        object.__setattr__(self, "heard", [])

    def warn(self, message):
        self.heard.append(message)


def test_bad_record__a_layer_that_may_be_empty_counts_as_declared_and_is_pointed_out(classified):
    empty(classified)
    replace(classified, "SP_NZY.gpkg, version: v1", "SP_NZY.gpkg, may_be_empty: true, version: v1")
    listener = Warnings()
    report = tiny_job.run(classified, only="check", overwrite=True, progress=listener)
    units = record_files.read_records(report.folder / "units.json", Unit)
    assert verdict(units, OPEN) is Verdict.YES, "its supplier declares it complete"
    assert len(listener.heard) == 1
    assert "layer NZY holds no row" in listener.heard[0]
    assert "431001, 431002" in listener.heard[0]
    manifests = record_files.read_records(report.folder / "layers.json", LayerManifest)
    assert "图层为空" in next(one.note for one in manifests if one.name == "NZY")


def test_bad_record__a_layer_without_rows_that_nobody_declares_complete_is_unknown(classified):
    empty(classified)
    old = 'SP_NZY.gpkg, version: v1, as_of: "2025-06-30", covers: ["431001", "431002"]'
    replace(classified, old, "SP_NZY.gpkg, version: v1")
    _, units = check(classified)
    assert verdict(units, OPEN) is Verdict.UNKNOWN


def test_bad_record__one_bad_layer_still_delivers_the_packages(classified):
    cut_short(classified)
    report = tiny_job.run(classified, overwrite=True)
    assert report.exit_code == 3
    assert [record.name for record, reused in report.steps if not reused] == [
        "check", "cases", "deliver",
    ]  # fmt: skip
    again = tiny_job.run(classified)
    assert again.repeated
    assert again.exit_code == 3, "a repeated run tells again what was left out"


def shapefile(config, encoding):
    """Write the counties as a shapefile without .cpg, its text in an encoding."""
    folder = config.parent / "records"
    table = pyogrio.read_dataframe(folder / "XZQ.gpkg")
    (folder / "XZQ.gpkg").unlink()
    pyogrio.write_dataframe(table, folder / "XZQ.shp", encoding=encoding)
    (folder / "XZQ.cpg").unlink()
    dbf = folder / "XZQ.dbf"
    data = bytearray(dbf.read_bytes())
    data[29] = 0  # no word about the language either
    dbf.write_bytes(bytes(data))
    replace(config, "records/XZQ.gpkg", "records/XZQ.shp")


def test_bad_record__a_gbk_shapefile_without_cpg_gives_right_names_when_declared(classified):
    shapefile(classified, "GBK")
    replace(classified, "XZQ.shp, version", "XZQ.shp, encoding: GBK, version")
    units = check_all(classified)
    assert {unit.district_name for unit in units} == {"甲县", "乙县"}


def check_all(config):
    for name in ("detect", "classify", "check"):
        report = tiny_job.run(config, only=name, overwrite=True)
    return record_files.read_records(report.folder / "units.json", Unit)


def test_bad_record__a_gbk_shapefile_without_cpg_is_never_guessed(classified):
    shapefile(classified, "GBK")
    says = r"XZQ\.dbf: row 1, field XZQMC holds bytes .* nothing declares their encoding .*GBK"
    with pytest.raises(LayerError, match=says):
        check_all(classified)


def test_bad_record__counties_that_are_missing_end_the_run(tiny):
    (tiny.parent / "records" / "XZQ.gpkg").unlink()
    tiny_job.run(tiny, only="scenes")
    with pytest.raises(LayerError, match=r"XZQ\.gpkg: no such file; it was given as the layer"):
        tiny_job.run(tiny, only="detect")


CONFIGS = (
    ("themes: [", "theems: [", r"config\.yaml:17: theems: unknown key; did you mean themes"),
    ("pair_sensor: pms2m", "pair_sensor: gf7", r"sensors/gf7\.yaml not found .* known: .*'pms2m'"),
    ("sensors: [pms2m]", "sensors: [gf7]", r"sensors/gf7\.yaml not found .* known: .*'pms2m'"),
    ('themes: ["01"', 'themes: ["99"', r"themes/99\.yaml not found .* known: \['01'"),
    ("resolution_m: 2.0", "resolution_m: -2", r"config\.yaml:3: grid\.resolution_m: .*-2"),
    ("name: tiny\n", "", r"config\.yaml:\d+: name: this key is missing"),
    ("name: tiny", "name: *all", r"config\.yaml:2: aliases"),
    ("name: tiny", "name: tiny\nname: two", r"config\.yaml:3: not valid YAML 1\.2.*duplicate"),
    ("pair_sensor: pms2m", "pair_sensor: ../pms2m", r"a name of letters, digits, _ and -"),
    ('crs: "EPSG:4547"', 'crs: "EPSG:99999"', r"EPSG:99999' is no known coordinate system; EPSG:n"),
    ('crs: "EPSG:4547"', 'crs: "EPSG:4490"', r"EPSG:4490' .* counts in degree; a projected"),
)


@pytest.mark.parametrize(("old", "new", "says"), CONFIGS, ids=lambda text: str(text)[:24])
def test_bad_config__names_file_line_and_way_out(tiny, old, new, says):
    replace(tiny, old, new)
    with pytest.raises(ConfigError, match=says) as caught:
        open_job(tiny)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("month", ["2025-6", "2025-13", "202506", "June", "2025-06-01", ""])
def test_bad_config__a_malformed_month_is_refused(tiny, month):
    with pytest.raises(ConfigError, match=r"YYYY-MM was expected, e\.g\. 2025-06") as caught:
        tiny_job.run(tiny, month=month)
    assert repr(month) in str(caught.value)
    assert not (tiny.parent / "out").exists()
