"""Record layers of a job: which may be trusted, and which rows belong to which kind."""

from datetime import date

import shapely

from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.territory import read_territory
from changedetect.pipeline.steps.references import read_references
from tests.pipeline import tiny_job

SOUTH, MIDDLE = 3100000, 500000
"""Two counties of 1 km, side by side."""
CONFIG = """
name: pair
grid: {crs: "EPSG:4547", resolution_m: 2.0}
scenes: {folder: scenes, sensors: [pms2m], pair_sensor: pms2m}
records:
  districts: {path: XZQ.gpkg, covers: ["430991", "430992"]}
  approvals:
    NZY: {path: NZY.gpkg, as_of: "2025-06-30", covers: ["430991", "430992"]MORE}
themes: ["02"]
"""


def square(x, y=100, side=50):
    return shapely.box(MIDDLE + x, SOUTH + y, MIDDLE + x + side, SOUTH + y + side)


def layer(folder, name, shapes, **columns):
    tiny_job.write_layer(
        folder / f"{name}.gpkg",
        [{key: values[k] for key, values in columns.items()} for k in range(len(shapes))],
        shapes,
    )


def job(folder, shapes, more="", **columns):
    counties = [shapely.box(MIDDLE + x, SOUTH, MIDDLE + x + 1000, SOUTH + 1000) for x in (-1000, 0)]
    layer(folder, "XZQ", counties, XZQDM=["430991", "430992"], XZQMC=["甲县", "乙县"])
    days = [date(2025, 1, 1)] * len(shapes)
    layer(folder, "NZY", shapes, BSM=[str(k) for k in range(len(shapes))], PZRQ=days, **columns)
    (folder / "config.yaml").write_text(CONFIG.replace("MORE", more), encoding="utf-8")
    return open_job(folder / "config.yaml")


def read(opened):
    references, problems = read_references(opened, read_territory(opened))
    return references, next(m for m in references.manifests if m.name == "NZY"), problems


def test_no_record_in_any_county__is_a_wrong_file(tmp_path):
    _, manifest, problems = read(job(tmp_path, [square(5000), square(6000)]))
    assert (manifest.state, manifest.rows) == ("empty", 2)
    assert "疑为误传图层" in manifest.note
    assert any("NZY is empty" in line for line in problems)
    assert not manifest.covers_district("430991")


def test_no_record_in_any_county__unless_that_is_said_to_be_right(tmp_path):
    _, manifest, problems = read(job(tmp_path, [square(5000)], ", may_be_empty: true"))
    assert manifest.covers_district("430991")
    assert not any("NZY" in line for line in problems)


def test_no_record_in_one_county__is_no_doubt_while_the_other_has_one(tmp_path):
    _, manifest, _ = read(job(tmp_path, [square(100)]))
    assert manifest.covers_district("430991")
    assert manifest.covers_district("430992")


def test_kinds_of_the_file_stand(tmp_path):
    references, manifest, _ = read(job(tmp_path, [square(100), square(-400)], SPLX=["NZY", "NZY"]))
    assert references.approvals["kind"].tolist() == ["NZY", "NZY"]
    assert manifest.state == "ok"


def test_kind_against_the_job_file__layer_is_refused_by_its_row(tmp_path):
    """A supply record in the file of conversions would make built cropland legal."""
    references, manifest, problems = read(
        job(tmp_path, [square(100), square(-400)], SPLX=["NZY", "GY"])
    )
    assert len(references.approvals) == 0
    assert manifest.state == "unreadable"
    assert "row 2: kind 'GY' in a layer that the job file gives as NZY" in manifest.note
    assert any("row 2" in line for line in problems)
    assert manifest.note.startswith("图层不能使用")
    assert str(tmp_path) not in manifest.note
    assert "NZY.gpkg" in manifest.note
