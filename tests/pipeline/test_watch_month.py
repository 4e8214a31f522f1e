"""Cells, field chiefs and wardens through a month: from the job file into the case list."""

import shutil

import pyogrio
import shapely

from changedetect.casepackage.charges import Charge
from changedetect.io import record_files
from changedetect.pipeline.runs.month_files import CHARGES
from changedetect.records import LayerManifest, Unit
from tests.pipeline import tiny_job

LINES = """  priority_cells: {path: records/YXWG.gpkg, covers: ["431001", "431002"]}
  wardens: {path: records/WGY.gpkg, covers: ["431001"], source: 县网格办}
  field_chiefs: {path: records/gone.gpkg}
  approvals:
"""


def test_month__cases_name_their_warden_and_a_missing_layer_is_told(
    whole, tiny_base, tmp_path, monkeypatch
):
    tiny_job.use_model(tiny_base, monkeypatch)
    shutil.copytree(whole.parent, tmp_path / "job")
    config = tmp_path / "job" / "config.yaml"
    west, south, east, north = tiny_job.GRID.bounds
    halves = [
        shapely.box(west, south, tiny_job.BORDER_X, north),
        shapely.box(tiny_job.BORDER_X, south, east, north),
    ]
    folder = config.parent / "records"
    cells = [{"网格编号": "1", "优先级": "一般"}, {"网格编号": "2", "优先级": "重点"}]
    tiny_job.write_layer(folder / "YXWG.gpkg", cells, halves)
    rows = [{"BSM": "1", "网格员姓名": "王某", "WGYDW": "甲站"}]
    tiny_job.write_layer(folder / "WGY.gpkg", rows, halves[:1])
    text = config.read_text(encoding="utf-8").replace("  approvals:\n", LINES)
    config.write_text(text, encoding="utf-8")

    report = tiny_job.run(config, overwrite=True)
    assert report.exit_code == 3
    assert any("layer TZ is missing" in line for line in report.problems)
    units = record_files.read_records(report.folder / "units.json", Unit)
    charges = record_files.read_records(report.folder / CHARGES, Charge)
    assert [one.unit_id for one in charges] == [unit.unit_id for unit in units]
    for unit, charge in zip(units, charges, strict=True):
        in_west = unit.geometry.intersection(halves[0]).area > 1
        in_east = unit.geometry.intersection(halves[1]).area > 1
        assert charge.priority == ("1" if in_east else "2")
        assert charge.warden == ("王某" if in_west else "")
    manifests = record_files.read_records(report.folder / "layers.json", LayerManifest)
    assert {"YXWG", "WGY", "TZ"} <= {one.name for one in manifests}
    package = next(report.folder.glob(f"packages/{tiny_job.WEST}_*/*_AJ.gpkg"))
    cases = pyogrio.read_dataframe(package, layer="AJTB", read_geometry=False)
    assert set(cases["ZRDW"]) == {"甲站"}
    assert set(cases["ZRR"]) == {"网格员王某"}
    listed = pyogrio.read_dataframe(package, layer="SJQD").set_index("TCMC")
    assert (listed.loc["WGY", "LY"], listed.loc["WGY", "BXHS"]) == ("县网格办", 1)
    assert str(listed.loc["NZY", "ZZRQ"])[:4] == "2025"
