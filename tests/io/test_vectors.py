"""Record layers: right text, right place, right dates, or an error that says why not."""

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from pydantic import ValidationError
from shapely.geometry import Point, Polygon, box

from changedetect.config.job import LayerSection
from changedetect.errors import LayerError
from changedetect.io.vectors import read_layer
from changedetect.records import LayerManifest
from changedetect.schema import APPROVALS, DISTRICTS, PARCELS, ZONES, check_table

CRS = "EPSG:4547"
SQUARE = box(500000, 3100000, 500100, 3100100)


def parcels(**columns):
    data = {"BSM": ["1", "2"], "DLBM": ["0101", "0702"], "CZCSXM": ["", "203"], **columns}
    return gpd.GeoDataFrame(
        data, geometry=[SQUARE, shapely.affinity.translate(SQUARE, 200)], crs=CRS
    )


def approvals(**columns):
    data = {
        "BSM": ["a", "b"],
        "PZWH": ["湘自然资发〔2023〕258号", None],
        "PZRQ": ["2023-05-01", "20240229"],
        "YXQZ": [None, "2026/01/31"],
        "SPMJ": ["1200.5", None],
        **columns,
    }
    return gpd.GeoDataFrame(data, geometry=[SQUARE, SQUARE], crs=CRS)


def write(path, frame, **options):
    with np.errstate(all="ignore"):
        pyogrio.write_dataframe(frame, path, **options)
    return path


def read(path, spec=PARCELS, *, name="DLTB", target=CRS, required=True, **section):
    return read_layer(
        path, spec=spec, section=LayerSection(path=path.name, **section), name=name,
        target_crs=target, required=required,
    )  # fmt: skip


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".geojson", ".fgb", ".gdb"])
def test_read_layer__every_format_gives_the_same_table(tmp_path, suffix):
    options = {".shp": {"encoding": "UTF-8"}, ".gdb": {"driver": "OpenFileGDB"}}.get(suffix, {})
    source = parcels().to_crs("EPSG:4490") if suffix == ".geojson" else parcels()
    path = write(tmp_path / f"DLTB{suffix}", source, **options)
    table, manifest = read(path)
    if suffix == ".fgb":  # written in the order of its spatial index
        table = table.sort_values("parcel_id", ignore_index=True)
    check_table(table, PARCELS)
    assert list(table.columns) == list(PARCELS.names)
    assert table["parcel_id"].tolist() == ["1", "2"]
    assert table["land_class"].tolist() == ["0101", "0702"]
    assert table["settlement"].tolist() == [None, "203"]
    assert table.geometry[0].symmetric_difference(SQUARE).area < 1
    assert (manifest.state, manifest.rows, manifest.name) == ("ok", 2, "DLTB")
    assert len(manifest.sha256) == 64


def test_read_layer__approvals(tmp_path):
    path = write(tmp_path / "sp.gpkg", approvals())
    table, manifest = read(
        path, APPROVALS, name="NZY", version="2025Q1", as_of="2025-03-31", covers=("430991",)
    )
    assert table["kind"].tolist() == ["NZY", "NZY"]
    assert table["doc_no"].tolist() == ["湘自然资发〔2023〕258号", None]
    assert table["approved_on"].tolist() == [dt.date(2023, 5, 1), dt.date(2024, 2, 29)]
    assert table["valid_to"].tolist() == [None, dt.date(2026, 1, 31)]
    assert table["area_m2"][0] == 1200.5
    assert np.isnan(table["area_m2"][1])
    assert (manifest.version, manifest.as_of) == ("2025Q1", dt.date(2025, 3, 31))
    assert manifest.covers_district("430991")


def test_read_layer__true_date_columns(tmp_path):
    days = pd.to_datetime(["2023-05-01", None])
    table, _ = read(write(tmp_path / "sp.gpkg", approvals(PZRQ=days)), APPROVALS, name="NZY")
    assert table["approved_on"].tolist() == [dt.date(2023, 5, 1), None]


@pytest.mark.parametrize(
    "bad", ["2023-02-30", "23-5-1", "五月", "20231301", "0000-00-00", "1023-05-01"]
)
def test_read_layer__bad_date_names_row_and_field(tmp_path, bad):
    path = write(tmp_path / "sp.gpkg", approvals(PZRQ=["2023-05-01", bad]))
    with pytest.raises(LayerError, match=r"sp\.gpkg: layer sp: field PZRQ: row 2: ") as caught:
        read(path, APPROVALS, name="NZY")
    assert bad in str(caught.value)


@pytest.mark.parametrize(
    "never", ["9999-12-31", "99991231", "9999/12/31", "长期", "永久", " 长期有效 "]
)
def test_read_layer__validity_without_end_is_no_error(tmp_path, never):
    table, manifest = read(
        write(tmp_path / "sp.gpkg", approvals(YXQZ=["2026-01-31", never])), APPROVALS, name="CK"
    )
    assert table["valid_to"].tolist() == [dt.date(2026, 1, 31), None]
    assert manifest.state == "ok"
    path = write(tmp_path / "no.gpkg", approvals(PZRQ=["2023-05-01", never]))
    with pytest.raises(LayerError, match="row 2"):
        read(path, APPROVALS, name="CK")


def test_read_layer__control_characters_become_blanks(tmp_path):
    path = write(tmp_path / "sp.gpkg", approvals(YDDW=["甲\r\n公司", "乙公司"]))
    table, manifest = read(path, APPROVALS, name="NZY")
    assert table["land_user"].tolist() == ["甲  公司", "乙公司"]
    assert "YDDW 有 1 行含控制字符" in manifest.note


def test_layer__an_empty_county_code_covers_nothing():
    with pytest.raises(ValidationError, match="covers"):
        LayerSection(path="x.gpkg", covers=("",))
    assert not LayerManifest("NZY", None, None, 1, ("",), "").covers_district("430991")


def test_read_layer__no_date_at_all_is_undated_and_none_is_empty(tmp_path):
    path = write(tmp_path / "sp.gpkg", approvals(PZRQ=[None, ""]))
    assert read(path, APPROVALS, name="NZY")[1].state == "undated"
    path = write(tmp_path / "none.gpkg", approvals().iloc[:0], geometry_type="Polygon")
    table, manifest = read(path, APPROVALS, name="NZY")
    assert (len(table), manifest.state, manifest.rows, manifest.note) == (0, "empty", 0, "图层为空")
    assert (
        read(path, APPROVALS, name="NZY", covers=("430991",))[1].covers_district("430991") is False
    )
    allowed = read(path, APPROVALS, name="NZY", covers=("430991",), may_be_empty=True)[1]
    assert allowed.covers_district("430991")
    zones = write(tmp_path / "zones.gpkg", parcels().iloc[:0], geometry_type="Polygon")
    assert read(zones, ZONES, name="STBHHX")[1].state == "ok"


def test_read_layer__missing(tmp_path):
    path = tmp_path / "gone.gpkg"
    with pytest.raises(LayerError, match="no such file"):
        read(path)
    table, manifest = read(path, required=False, covers=("430991",))
    assert (len(table), manifest.state) == (0, "missing")
    assert list(table.columns) == list(PARCELS.names)
    assert not manifest.covers_district("430991")


def test_read_layer__numbers_become_codes_again(tmp_path):
    frame = parcels(DLBM=[101, 1006], BSM=[430991000000000001, 430991000000000002])
    table, manifest = read(write(tmp_path / "p.gpkg", frame))
    assert table["land_class"].tolist() == ["0101", "1006"]
    assert table["parcel_id"].tolist() == ["430991000000000001", "430991000000000002"]
    assert "DLBM 为数值型" in manifest.note
    frame = parcels(BSM=[4.30991e17, 4.30992e17])
    with pytest.raises(LayerError, match=r"field BSM: row 1: .* does not keep its digits"):
        read(write(tmp_path / "q.gpkg", frame))


def test_read_layer__fields_are_found_as_declared(tmp_path):
    path = write(tmp_path / "p.gpkg", parcels().rename(columns={"DLBM": "CLASS"}))
    with pytest.raises(LayerError, match=r"no field for land_class .* it has BSM, CLASS, CZCSXM"):
        read(path)
    assert read(path, fields={"land_class": "class"})[0]["land_class"].tolist() == ["0101", "0702"]
    with pytest.raises(LayerError, match=r"field 'DL' \(declared for land_class\) is not there"):
        read(path, fields={"land_class": "DL"})
    with pytest.raises(LayerError, match="names landclass, which parcels does not have"):
        read(path, fields={"landclass": "CLASS"})


def test_read_layer__a_town_is_named_by_its_own_code(tmp_path):
    data = {"XZQDM": ["430991"], "XZQMC": ["云塘区"], "XZDM": ["430991101"], "XZMC": ["云塘镇"]}
    path = write(tmp_path / "xz.gpkg", gpd.GeoDataFrame(data, geometry=[SQUARE], crs=CRS))
    table, _ = read(path, DISTRICTS, name="XZ")
    assert (table["code"][0], table["name"][0]) == ("430991101", "云塘镇")


def test_read_layer__a_zone_is_named_by_itself_not_by_its_county(tmp_path):
    data = {"BSM": ["1"], "XZQDM": ["430991"], "XZQMC": ["云溪县"], "HXMC": ["核心保护区"]}
    path = write(tmp_path / "hx.gpkg", gpd.GeoDataFrame(data, geometry=[SQUARE], crs=CRS))
    assert read(path, ZONES, name="STBHHX")[0]["name"].tolist() == ["核心保护区"]
    data = {"BSM": ["1"], "XZQMC": ["云溪县"], "MC": ["一般控制区"]}
    path = write(tmp_path / "mc.gpkg", gpd.GeoDataFrame(data, geometry=[SQUARE], crs=CRS))
    assert read(path, ZONES, name="STBHHX")[0]["name"].tolist() == ["一般控制区"]


def test_read_layer__empty_where_it_must_not_be(tmp_path):
    path = write(tmp_path / "p.gpkg", parcels(DLBM=["0101", None]))
    with pytest.raises(LayerError, match=r"row 2: land_class .* is empty"):
        read(path)


def test_read_layer__geometry_is_repaired_only_by_name(tmp_path):
    x, y = 500000, 3100000
    bowtie = Polygon([(x, y), (x + 10, y + 10), (x + 10, y), (x, y + 10)])
    frame = parcels()
    frame["geometry"] = [bowtie, shapely.force_3d(SQUARE, 5.0)]
    table, manifest = read(write(tmp_path / "p.gpkg", frame))
    assert table.geometry.is_valid.all()
    assert table.geometry[0].area == pytest.approx(50)
    assert not table.geometry.has_z.any()
    assert "1 个图形拓扑无效, 已用 make_valid 修复: 第 1 行" in manifest.note
    assert "Z 值" in manifest.note


def test_read_layer__rows_without_geometry_are_named(tmp_path):
    frame = parcels()
    frame["geometry"] = [None, SQUARE]
    table, manifest = read(write(tmp_path / "p.gpkg", frame, geometry_type="Polygon"))
    assert table["parcel_id"].tolist() == ["2"]
    assert "1 行无图形, 未参与套合: 第 1 行" in manifest.note


def test_read_layer__a_point_is_no_parcel(tmp_path):
    frame = parcels()
    frame["geometry"] = [SQUARE, Point(500000, 3100000)]
    with pytest.raises(LayerError, match="row 2: Point found, a polygon was expected"):
        read(write(tmp_path / "p.gpkg", frame, geometry_type="Unknown"))


def test_read_layer__no_coordinate_system_is_asked_for(tmp_path):
    path = write(tmp_path / "p.shp", parcels(), encoding="UTF-8")
    path.with_suffix(".prj").unlink()
    with pytest.raises(LayerError, match="no coordinate system"):
        read(path)
    assert len(read(path, crs=CRS)[0]) == 2


def test_read_layer__file_and_job_may_not_contradict(tmp_path):
    path = write(tmp_path / "p.gpkg", parcels())
    with pytest.raises(LayerError, match="its file says EPSG:4547, the job file says EPSG:4548"):
        read(path, crs="EPSG:4548")


ZONED = shapely.affinity.translate(SQUARE, 38_000_000)


@pytest.mark.parametrize(
    ("shape", "crs", "message"),
    [
        (ZONED, "EPSG:4547", "zone prefix 38, the declared system has none"),
        (SQUARE, "EPSG:4526", "no zone prefix, the declared system expects 38"),
        (ZONED, "EPSG:4525", "zone prefix 38, the declared system 37: another zone"),
        (SQUARE, "EPSG:4490", "not degrees"),
        (box(114, 28, 114.1, 28.1), "EPSG:4547", "look like degrees"),
        (SQUARE, "EPSG:2383", "datums differ"),
        (SQUARE, "EPSG:2437", "datums differ"),
    ],
)
def test_read_layer__wrong_system_is_refused(tmp_path, shape, crs, message):
    frame = gpd.GeoDataFrame({"BSM": ["1"], "DLBM": ["0101"]}, geometry=[shape], crs=crs)
    with pytest.raises(LayerError, match=message):
        read(write(tmp_path / "p.gpkg", frame))


@pytest.mark.parametrize("crs", ["EPSG:4526", "EPSG:4490", "EPSG:4326", "EPSG:32649", "EPSG:4548"])
def test_read_layer__right_systems_end_up_in_the_same_place(tmp_path, crs):
    path = write(tmp_path / "p.gpkg", parcels().to_crs(crs))
    table, _ = read(path)
    assert table.crs == CRS
    assert table.geometry[0].symmetric_difference(SQUARE).area < 1


def test_read_layer__esri_text_of_a_chinese_zone_is_known(tmp_path):
    path = write(tmp_path / "p.shp", parcels(), encoding="UTF-8")
    assert 'PROJCS["CGCS2000_3_Degree_GK_CM_114E"' in path.with_suffix(".prj").read_text()
    table, _ = read(path)
    assert table.geometry[0].normalize().equals_exact(SQUARE.normalize(), 1e-6)


def test_read_layer__gbk_without_cpg_is_asked_for(tmp_path):
    path = write(tmp_path / "z.shp", gpd.GeoDataFrame(
        {"BSM": ["1"], "MC": ["青山乡"]}, geometry=[SQUARE], crs=CRS), encoding="GBK")  # fmt: skip
    path.with_suffix(".cpg").unlink()
    dbf = bytearray(path.with_suffix(".dbf").read_bytes())
    dbf[29] = 0
    path.with_suffix(".dbf").write_bytes(bytes(dbf))
    with pytest.raises(LayerError, match=r"row 1, field MC holds bytes .* set encoding:"):
        read(path, ZONES, name="CZKFBJ")
    assert read(path, ZONES, name="CZKFBJ", encoding="GBK")[0]["name"].tolist() == ["青山乡"]
    with pytest.raises(LayerError, match=r"are not utf-8 \(declared in the job file\)"):
        read(path, ZONES, name="CZKFBJ", encoding="UTF-8")


def test_read_layer__several_layers_need_a_name(tmp_path):
    path = write(tmp_path / "p.gpkg", parcels(), layer="DLTB")
    write(path, parcels(), layer="旧", append=True)
    with pytest.raises(LayerError, match=r"2 layers \(DLTB, 旧\)"):
        read(path)
    assert len(read(path, layer="DLTB")[0]) == 2
    with pytest.raises(LayerError, match="no layer 'X'; it has DLTB, 旧"):
        read(path, layer="X")


def test_read_layer__a_reference_named_gpkg_is_no_layer(tmp_path):
    path = tmp_path / "evil.gpkg"
    path.write_text("<OGRVRTDataSource><OGRVRTLayer name='a'/></OGRVRTDataSource>")
    with pytest.raises(LayerError, match=r"which is no \.gpkg layer"):
        read(path)


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.7])
def test_read_layer__cut_short(tmp_path, kept):
    path = write(tmp_path / "p.gpkg", parcels())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(LayerError, match=r"p\.gpkg"):
        read(path)


@pytest.mark.parametrize("kind", ["JC", "TG"])
def test_read_layer__yearly_balance_and_conversion_back_can_be_supplied(tmp_path, kind):
    table, manifest = read(write(tmp_path / "sp.gpkg", approvals()), APPROVALS, name=kind)
    assert (table["kind"].tolist(), manifest.state) == ([kind, kind], "ok")


def test_read_layer__unknown_kind(tmp_path):
    path = write(tmp_path / "sp.gpkg", approvals(SPLX=["NZY", "XYZ"]))
    with pytest.raises(LayerError, match="row 2: kind 'XYZ'"):
        read(path, APPROVALS, name="NZY")
