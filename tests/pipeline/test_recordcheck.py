"""``records check`` on a whole job: every layer reported, drawn, and held against the last time."""

import json
from datetime import date
from types import SimpleNamespace

import geopandas as gpd
import pytest
import shapely
from typer.testing import CliRunner

from changedetect.cli.app import app
from changedetect.errors import ConfigError
from changedetect.io import record_files
from changedetect.pipeline.looks.recordcheck import check_records
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.month_files import LAYERS
from changedetect.pipeline.runs.progress import Silent
from changedetect.pipeline.runs.territory import read_territory
from changedetect.pipeline.steps.checking import warn_of_fallen
from changedetect.pipeline.steps.references import read_references
from changedetect.pipeline.steps.watch import Watch
from changedetect.records import LayerManifest
from tests.pipeline import tiny_job

X, Y = 500000, 3100000
CONFIG = """
name: pair
grid: {crs: "EPSG:4547", resolution_m: 2.0}
scenes: {folder: scenes, sensors: [pms2m], pair_sensor: pms2m}
records:
  districts: {path: XZQ.gpkg, covers: ["430991", "430992"]}
  priority_cells: {path: YXWG.gpkg, covers: ["430991", "430992"]}
  wardens: {path: WGY.gpkg}
  approvals:
    NZY: {path: NZY.gpkg, as_of: "2025-06-30", covers: ["430991", "430992"], source: 省厅, version: v7}
    LS: {path: LS.txt, covers: ["430991"], values: {approved_on: "2025-02-01", valid_to: "2027-02-01", doc_no: 临〔2025〕1号}}
    GY: {path: gone.gpkg}
themes: ["02"]
"""
TEXT = """[属性描述]
坐标系=2000国家大地坐标系
几度分带=3
带号=38
[地块坐标]
4,0.01,1,施工便道,面,,临时用地,,@
J1,1,3100100,38500100
J2,1,3100110,38500100
J3,1,3100110,38500110
J4,1,3100100,38500110
"""
BOWTIE = shapely.Polygon([(X, Y), (X + 50, Y + 50), (X + 50, Y), (X, Y + 50)])


def box(x, y, side=50):
    return shapely.box(X + x, Y + y, X + x + side, Y + y + side)


@pytest.fixture
def job(tmp_path):
    def layer(name, shapes, **columns):
        rows = [{key: values[k] for key, values in columns.items()} for k in range(len(shapes))]
        tiny_job.write_layer(tmp_path / f"{name}.gpkg", rows, shapes)

    counties = [shapely.box(X + x, Y, X + x + 1000, Y + 1000) for x in (0, 1000)]
    layer("XZQ", counties, XZQDM=["430991", "430992"], XZQMC=["甲县", "乙县"])
    layer("YXWG", counties, WGBH=["1", "2"], YXJ=["重点", "一般"])
    layer("WGY", counties[:1], WGBH=["1"], WGYXM=["王某"], WGYDW=["甲站"])
    shapes = [box(100, 100), box(1200, 100), BOWTIE]
    layer(
        "NZY", shapes, BSM=list("abc"), PZRQ=[date(2025, 1, k) for k in (1, 2, 3)], PZWH=list("xyz")
    )
    (tmp_path / "LS.txt").write_text(TEXT, encoding="gbk")
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path / "config.yaml"


def test_records_check__reports_every_layer(job, tmp_path):
    report = check_records(open_job(job), layer=None, out=tmp_path / "out", progress=Silent())
    states = {layer.manifest.name: layer.state for layer in report.layers}
    assert states == {
        "XZQ": "pass", "YXWG": "pass", "WGY": "warn", "GY": "fail", "LS": "pass", "NZY": "fail",
    }  # fmt: skip
    assert report.exit_code == 3
    assert "DLTB" in report.absent
    nzy = next(layer for layer in report.layers if layer.manifest.name == "NZY")
    assert (nzy.manifest.source, nzy.manifest.version) == ("省厅", "v7")
    assert nzy.manifest.found == (("430991", 2), ("430992", 1))
    text = "\n".join(report.lines())
    for phrase in ("gone.gpkg: no such file", "拓扑有效", "第 3 行", "任务未提供: ", "来源 省厅"):
        assert phrase in text


def test_records_check__leaves_pictures_page_originals_and_json(job, tmp_path):
    out = tmp_path / "out"
    report = check_records(open_job(job), layer=None, out=out, progress=Silent())
    assert (out / "NZY.png").read_bytes().startswith(b"\x89PNG")
    original = gpd.read_file(out / "NZY_original.gpkg")
    assert original["HH"].tolist() == ["3"]
    assert shapely.get_parts(original.geometry[0])[0].equals_exact(BOWTIE)
    page = (out / "records.html").read_text(encoding="utf-8")
    assert "不作任何合法性结论" in page
    assert "default-src 'none'" in page
    assert json.loads((out / "records.json").read_text(encoding="utf-8")) == report.facts()


def test_records_check__same_input_same_bytes(job, tmp_path):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        check_records(open_job(job), layer=None, out=folder, progress=Silent())
    names = sorted(path.name for path in folders[0].iterdir())
    assert len(names) >= 7
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name


def test_records_check__rows_that_fell_since_the_last_report(job, tmp_path):
    opened, out = open_job(job), tmp_path / "out"
    check_records(opened, layer="NZY", out=out, progress=Silent())
    tiny_job.write_layer(
        tmp_path / "NZY.gpkg", [{"BSM": "a", "PZRQ": date(2025, 1, 1)}], [box(100, 100)]
    )
    again = check_records(opened, layer="NZY", out=out, progress=Silent())
    assert any("上次 3 行, 这次 1 行" in line for line in again.lines())


def test_records_check__a_layer_that_the_job_does_not_have(job):
    with pytest.raises(ConfigError, match=r"no layer 'DLTB' in the job; it has XZQ, YXWG"):
        check_records(open_job(job), layer="DLTB", out=None, progress=Silent())


def test_command__json_and_exit_code(job):
    result = CliRunner().invoke(
        app, ["records", "check", str(job), "--layer", "XZQ", "--json", "-q"]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["layers"][0]["state"] == "pass"
    result = CliRunner().invoke(app, ["records", "check", str(job), "-q"])
    assert result.exit_code == 3
    assert "疑似违法" not in result.stdout


def test_references__manifests_say_what_was_found(job):
    opened = open_job(job)
    references, _ = read_references(opened, read_territory(opened))
    manifest = references.manifest("NZY")
    assert manifest.found == (("430991", 2), ("430992", 1))
    assert (manifest.first_date, manifest.last_date) == (date(2025, 1, 1), date(2025, 1, 3))
    assert references.approvals["purpose"].tolist() == ["临时用地", None, None, None]
    ls = references.approvals.iloc[0]
    assert (ls["doc_key"], ls["approved_on"]) == ("临〔2025〕1号", date(2025, 2, 1))
    assert ls["valid_to"] == date(2027, 2, 1)
    watch = Watch(opened, read_territory(opened))
    assert [one.name for one in watch.manifests] == ["YXWG", "WGY"]
    assert watch.problems == ()


class Warnings(Silent):
    """Listens to warnings."""

    __slots__ = ("heard",)

    def __init__(self):
        object.__setattr__(self, "heard", [])

    def warn(self, message):
        self.heard.append(message)


@pytest.mark.parametrize(("rows", "told"), [(4, 0), (3, 1)])
def test_month__fewer_than_half_the_rows_of_the_last_month_are_pointed_out(
    job, tmp_path, rows, told
):
    folders = {month: tmp_path / "runs" / month for month in ("2025-04", "2025-05", "2025-06")}
    for month, number in (("2025-04", 99), ("2025-05", 8)):
        folders[month].mkdir(parents=True)
        manifest = LayerManifest("NZY", None, None, number, (), "")
        record_files.write_records(folders[month] / LAYERS, [manifest], LayerManifest)
    folders["2025-06"].mkdir()
    context = SimpleNamespace(
        folder=folders["2025-06"], month="2025-06", job=open_job(job), progress=Warnings()
    )
    warn_of_fallen(context, [LayerManifest("NZY", None, None, rows, (), "")])
    assert len(context.progress.heard) == told
    assert all("in 2025-05 it had 8" in message for message in context.progress.heard)
