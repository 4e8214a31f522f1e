"""Record layers in every format that offices deliver: the same ground, or an error that says why not."""

import datetime as dt
import shutil
import zipfile

import geopandas as gpd
import numpy as np
import openpyxl
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from changedetect.config.job import LayerSection
from changedetect.config.record_forms import RecordForm
from changedetect.config.yaml_text import parse
from changedetect.errors import LayerError
from changedetect.io.formats.rings import assemble, ring_of
from changedetect.io.vectors import Kind, read_kind
from changedetect.schema import APPROVALS, ZONES

CRS = "EPSG:4547"
X, Y = 500000.0, 3100000.0
OUTER = [(X, Y), (X, Y + 100), (X + 80, Y + 100), (X + 80, Y)]
HOLE = [(X + 20, Y + 20), (X + 40, Y + 20), (X + 40, Y + 40), (X + 20, Y + 40)]
RINGED = Polygon(OUTER, [HOLE])
SQUARE = box(X + 200, Y, X + 300, Y + 50)


@pytest.fixture(scope="session")
def forms(repository):
    def form(name):
        text = (repository / "configs" / "records" / f"{name}.yaml").read_text(encoding="utf-8")
        found = parse(text, RecordForm, f"{name}.yaml")
        return found.on(form(found.extends)) if found.extends else found

    return form


@pytest.fixture
def read(forms):
    def read(path, name="NZY", target=CRS, **section):
        kind = Kind(name, APPROVALS if name in {"NZY", "LS", "GY"} else ZONES, forms(name))
        return read_kind(path, LayerSection(path=path.name, **section), kind, target)

    return read


def same(found, expected, tolerance_m2=0.01):
    return found.symmetric_difference(expected).area < tolerance_m2


# --- the land-boundary text


def text(
    parcels,
    *,
    system="2000国家大地坐标系",
    zone="38",
    width="3",
    prefix=0.0,
    closed=True,
    order="NE",
):
    """Write parcels ``[(number, area_ha, rings)]`` as land offices do; rings are (east, north)."""
    lines = [
        "[属性描述]", "格式版本号=1.01版本", "数据产生单位=某县自然资源局", "数据产生日期=2025-3-1",
        f"坐标系={system}", f"几度分带={width}", "投影类型=高斯克吕格", "计量单位=米", f"带号={zone}",
        "精度=0.001", "转换参数=0,0,0,0,0,0,0", "[地块坐标]",
    ]  # fmt: skip
    for number, area, rings in parcels:
        full = [[*ring, ring[0]] if closed else list(ring) for ring in rings]
        count = sum(map(len, full))
        lines.append(f"{count},{area},{number},某项目{number},面,G49,工业用地,0601,@")
        corner = 0
        for k, ring in enumerate(full, start=1):
            for east, north in ring:
                corner += 1
                pair = (north, east + prefix) if order == "NE" else (east + prefix, north)
                lines.append(f"J{corner},{k},{pair[0]:.4f},{pair[1]:.4f}")
    return "\r\n".join(lines) + "\r\n"


TWO = [("A01", 0.76, [OUTER, HOLE]), ("A02", 0.5, [list(SQUARE.exterior.coords)[:-1]])]


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("prefix", [0.0, 38e6])
@pytest.mark.parametrize("closed", [True, False])
def test_land_text__every_way_of_writing_gives_the_same_parcels(
    tmp_path, read, encoding, prefix, closed
):
    path = tmp_path / "boundary.txt"
    path.write_bytes(text(TWO, prefix=prefix, closed=closed).encode(encoding))
    table, manifest = read(path)
    assert same(table.geometry[0], RINGED)
    assert same(table.geometry[1], SQUARE)
    assert table["record_id"].tolist() == ["A01", "A02"]
    assert table["project"].tolist() == ["某项目A01", "某项目A02"]
    assert table["purpose"].tolist() == ["工业用地", "工业用地"]
    assert table["area_m2"].tolist() == [7600.0, 5000.0]
    assert "数据产生日期 2025-3-1" in manifest.note


def test_land_text__system_may_be_declared_where_the_file_is_silent(tmp_path, read):
    path = tmp_path / "b.txt"
    path.write_text(text(TWO).replace("坐标系=2000国家大地坐标系", "坐标系="), encoding="gbk")
    with pytest.raises(LayerError, match="no coordinate system"):
        read(path)
    assert same(read(path, crs=CRS)[0].geometry[0], RINGED)


def test_land_text__a_ring_apart_is_a_part_and_one_in_a_hole_too(tmp_path, read):
    island = [(X + 25, Y + 25), (X + 35, Y + 25), (X + 30, Y + 35)]
    apart = [(X + 120, Y), (X + 130, Y), (X + 130, Y + 9)]
    path = tmp_path / "b.txt"
    path.write_text(text([("1", 1, [OUTER, HOLE, island, apart])]), encoding="gbk")
    shape = read(path)[0].geometry[0]
    assert shape.geom_type == "MultiPolygon"
    assert same(shape, shapely.union_all([RINGED, Polygon(island), Polygon(apart)]))


def edit(old, new):
    return lambda whole: whole.replace(old, new, 1)


BAD_TEXTS = {
    "cut inside a corner": (lambda whole: whole[: whole.rindex(",")], r"line 29: .*J1,ring,X,Y"),
    "corner lost": (
        lambda whole: "\r\n".join(whole.split("\r\n")[:-3]),
        r"line 24 \(parcel A02\): field 点数 says 5 corners, 3 follow",
    ),
    "no parcel": (lambda whole: whole[: whole.index("10,0.76")], "no parcel below"),
    "another zone": (edit("带号=38", "带号=37"), "zone 37 was expected"),
    "no such zone": (edit("带号=38", "带号=99"), "zone 99 was expected"),
    "a word": (edit("3100100.0000", "三百万"), r"line 15: column X: '三百万' is not a number"),
    "a line": (edit(",面,", ",线,"), r"line 13: field 图形属性: '线' found, 面"),
    "comma in a name": (
        edit("某项目A01", "某,项,目,A01"),
        r"line 13: 11 fields before @; 8 were expected",
    ),
    "corner first": (
        edit("[地块坐标]", "[地块坐标]\r\nJ1,1,3100000,500000"),
        "a corner before the line of its parcel",
    ),
    "other system": (edit("2000国家", "火星"), "坐标系.*is not known; 2000国家大地坐标系"),
    "before": (edit("[地块坐标]", "[别的]"), r"line 13: .* stands before \[地块坐标\]"),
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_land_text__hostile(tmp_path, read, name):
    change, message = BAD_TEXTS[name]
    path = tmp_path / "b.txt"
    path.write_text(change(text(TWO, prefix=38e6)), encoding="gbk", newline="")
    with pytest.raises(LayerError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_land_text__mixed_prefixes_and_swapped_axes_name_their_line(tmp_path, read):
    path = tmp_path / "b.txt"
    path.write_text(text(TWO, prefix=38e6).replace("38500080", "500080", 1), encoding="gbk")
    with pytest.raises(LayerError, match=r"line 16: easting 500080\.000 is of zone none, zone 38"):
        read(path)
    path.write_text(text(TWO, order="EN"), encoding="gbk")
    with pytest.raises(LayerError, match=r"line 14: X 500000\.000 is an easting .*颠倒"):
        read(path)
    assert same(read(path, axis_order="east_first")[0].geometry[0], RINGED)


def test_land_text__rings_that_cross_are_refused(tmp_path, read):
    path = tmp_path / "b.txt"
    across = [(X + 60, Y + 10), (X + 100, Y + 10), (X + 100, Y + 30), (X + 60, Y + 30)]
    path.write_text(text([("1", 1, [OUTER, across])]), encoding="gbk")
    with pytest.raises(LayerError, match="ring 2 crosses ring 1"):
        read(path)


def test_land_text__older_datum_is_refused(tmp_path, read):
    path = tmp_path / "b.txt"
    path.write_text(text(TWO, system="80国家大地坐标系"), encoding="gbk")
    with pytest.raises(LayerError, match=r"datums differ .*datum_shift"):
        read(path)


@given(
    size=st.integers(3, 24),
    seed=st.integers(0, 2**32 - 1),
    zone=st.integers(25, 45),
    turned=st.booleans(),
)
def test_land_text__round_trip(tmp_path_factory, size, seed, zone, turned):
    """Any star comes back to 0.1 mm, whatever its zone, direction and first corner."""
    chance = np.random.default_rng(seed)
    angle = np.sort(chance.uniform(0, 2 * np.pi, size) * 0.9)
    radius = chance.uniform(20, 200, size)
    ring = np.column_stack([X + 5 + radius * np.cos(angle), Y + radius * np.sin(angle)]).round(4)
    shape = Polygon(ring)
    if len(np.unique(ring, axis=0)) < 3 or shape.area < 1:
        return
    path = tmp_path_factory.mktemp("t") / "b.txt"
    corners = ring[::-1] if turned else np.roll(ring, 1, axis=0)
    whole = text([("1", 1, [corners.tolist()])], zone=str(zone), prefix=zone * 1e6)
    path.write_text(whole, encoding="gbk")
    found, _ = read_kind(
        path, LayerSection(path="b.txt"), Kind("NZY", APPROVALS), f"EPSG:{4488 + zone}"
    )
    moved = shapely.affinity.translate(found.geometry[0], -zone * 1e6)
    if shape.is_valid:
        assert moved.hausdorff_distance(shape) < 1e-4


# --- tables of corners


def sheet(path, rows, name="界址点", title=True):
    book = openpyxl.Workbook()
    book.active.title = name
    if title:
        book.active.append(["某县临时用地界址点成果表"])
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


HEAD = ["地块编号", "圈号", "点号", "X坐标", "Y坐标", "批准文号", "批准日期", "有效期至"]


def corner_rows(day=dt.datetime(2025, 3, 1), numbers=("007", "008")):  # noqa: DTZ001
    rows = []
    for number, rings in zip(numbers, ([OUTER, HOLE], [list(SQUARE.exterior.coords)]), strict=True):
        for k, ring in enumerate(rings, start=1):
            rows += [
                [number, k, f"J{i}", n, e, f"湘临〔2025〕{number}号", day, "2027年2月28日"]
                for i, (e, n) in enumerate(ring, start=1)
            ]
    return rows


def csv_text(rows, delimiter=","):
    return "\n".join(delimiter.join(str(cell) for cell in row) for row in rows) + "\n"


def test_sheet__corners_become_polygons(tmp_path, read):
    path = sheet(tmp_path / "ls.xlsx", [HEAD, *corner_rows()])
    table, manifest = read(path, "LS", crs=CRS)
    assert same(table.geometry[0], RINGED)
    assert same(table.geometry[1], SQUARE)
    assert table["record_id"].tolist() == ["007", "008"]
    assert table["doc_key"].tolist() == ["湘临〔2025〕007号", "湘临〔2025〕008号"]
    assert table["approved_on"].tolist() == [dt.date(2025, 3, 1)] * 2
    assert table["valid_to"].tolist() == [dt.date(2027, 2, 28)] * 2
    assert "由 13 个界址点生成 2 个面" in manifest.note
    with pytest.raises(LayerError, match="no coordinate system"):
        read(path, "LS")


@pytest.mark.parametrize(
    ("encoding", "declared"), [("utf-8-sig", None), ("gbk", None), ("utf-8", None), ("gbk", "GBK")]
)
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv__any_encoding_and_delimiter(tmp_path, read, encoding, declared, delimiter):
    path = tmp_path / "ls.csv"
    rows = [HEAD, *corner_rows(day="45717")]
    path.write_bytes(csv_text(rows, delimiter).encode(encoding))
    table, _ = read(path, "LS", crs=CRS, encoding=declared)
    assert same(table.geometry[0], RINGED)
    assert table["record_id"].tolist() == ["007", "008"]
    assert table["approved_on"].tolist() == [dt.date(2025, 3, 1)] * 2


def test_csv__longitude_and_latitude(tmp_path, read):
    shape = gpd.GeoSeries([SQUARE], crs=CRS).to_crs("EPSG:4490")[0]
    rows = [["ID", "经度", "纬度"], *(["1", x, y] for x, y in shape.exterior.coords)]
    path = tmp_path / "p.csv"
    path.write_text(csv_text(rows), encoding="utf-8")
    assert same(read(path, crs="EPSG:4490")[0].geometry[0], SQUARE, 0.1)
    with pytest.raises(LayerError, match=r"are not degrees|look like degrees"):
        read(path, crs=CRS)


BAD_TABLES = {
    "word": (lambda rows: put(rows, 3, 3, "三百万"), r"row 4: column X坐标: '三百万' is no"),
    "empty": (lambda rows: put(rows, 3, 4, ""), r"row 4: column Y坐标: '' is not a coordinate"),
    "two corners": (lambda rows: rows[:3], r"row 2 \(polygon 007\), ring 1: 2 different corners"),
    "nothing": (lambda rows: rows[:1], "no corner below its column names"),
    "no columns": (lambda rows: put(rows, 0, 3, "甲"), "no columns of coordinates"),
    "contradiction": (
        lambda rows: put(rows, 4, 5, "别的文号"),
        "row 5: column 批准文号: '别的文号', but '湘临〔2025〕007号' in an earlier",
    ),
    "bad date": (
        lambda rows: [rows[0], *(put([row], 0, 6, "2025年13月1日")[0] for row in rows[1:])],
        "field 批准日期: row 2: '2025年13月1日' is not a date",
    ),
    "swapped": (
        lambda rows: [rows[0], *([*r[:3], r[4], r[3], *r[5:]] for r in rows[1:])],
        "row 2: X 500000.000 is an easting",
    ),
    "no polygon": (lambda rows: [r[1:] for r in rows], "no column tells which polygon"),
}


def put(rows, row, column, value):
    rows = [list(one) for one in rows]
    rows[row][column] = value
    return rows


@pytest.mark.parametrize("name", BAD_TABLES)
def test_csv__hostile(tmp_path, read, name):
    change, message = BAD_TABLES[name]
    path = tmp_path / "ls.csv"
    path.write_text(csv_text(change([HEAD, *corner_rows(day="2025-03-01")])), encoding="utf-8")
    with pytest.raises(LayerError, match=message) as caught:
        read(path, "LS", crs=CRS)
    assert str(path) in str(caught.value)


def test_csv__an_encoding_that_nothing_tells_is_asked_for(tmp_path, read):
    path = tmp_path / "p.csv"
    rows = [["ID", "X", "Y", "MC"], *(["1", n, e, "青山"] for e, n in OUTER)]
    path.write_bytes(csv_text(rows).encode("gbk"))
    with pytest.raises(LayerError, match="line 2 is not ASCII, and nothing tells its encoding"):
        read(path, crs=CRS)
    with pytest.raises(LayerError, match=r"line 2: bytes .* are not utf-8"):
        read(path, crs=CRS, encoding="UTF-8")
    assert read(path, "CZKFBJ", crs=CRS, encoding="GBK")[0]["name"].tolist() == ["青山"]


def test_sheet__several_sheets_need_a_name_and_hidden_ones_do_not_count(tmp_path, read):
    path = sheet(tmp_path / "ls.xlsx", [HEAD, *corner_rows()])
    book = openpyxl.load_workbook(path)
    book.create_sheet("填表说明")
    book.save(path)
    with pytest.raises(LayerError, match=r"2 layers \(界址点, 填表说明\)"):
        read(path, "LS", crs=CRS)
    assert len(read(path, "LS", crs=CRS, layer="界址点")[0]) == 2
    book["填表说明"].sheet_state = "hidden"
    book.save(path)
    assert len(read(path, "LS", crs=CRS)[0]) == 2


def test_sheet__cut_short(tmp_path, read):
    path = sheet(tmp_path / "ls.xlsx", [HEAD, *corner_rows()])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(LayerError, match=r"ls\.xlsx: no readable archive"):
        read(path, "LS", crs=CRS)


def test_csv__order_of_rows_between_polygons_changes_nothing(tmp_path, read):
    rows = corner_rows(day="2025-03-01")
    first, second = rows[:8], rows[8:]
    mixed, chance = [], np.random.default_rng(7)
    while first or second:
        mixed.append((first if first and (not second or chance.random() < 0.5) else second).pop(0))
    path = tmp_path / "ls.csv"
    path.write_text(csv_text([HEAD, *mixed]), encoding="utf-8")
    table = read(path, "LS", crs=CRS)[0].sort_values("record_id", ignore_index=True)
    assert same(table.geometry[0], RINGED)
    assert same(table.geometry[1], SQUARE)


# --- GeoParquet, KML, zipped FileGDB


def frame(**columns):
    data = {
        "BSM": ["007", "008"],
        "PZWH": ["湘〔2025〕1号", "湘〔2025〕2号"],
        "PZRQ": ["2025-03-01"] * 2,
    }
    return gpd.GeoDataFrame({**data, **columns}, geometry=[RINGED, SQUARE], crs=CRS)


def test_parquet__with_its_own_system_or_asked_for(tmp_path, read):
    frame().to_parquet(tmp_path / "a.parquet")
    table, manifest = read(tmp_path / "a.parquet")
    assert same(table.geometry[0], RINGED)
    assert (table["record_id"].tolist(), manifest.rows) == (["007", "008"], 2)
    frame().to_crs("EPSG:4326").to_parquet(tmp_path / "b.parquet")
    assert same(read(tmp_path / "b.parquet")[0].geometry[0], RINGED, 0.1)
    frame().set_crs(None, allow_override=True).to_parquet(tmp_path / "c.parquet")
    with pytest.raises(LayerError, match="no coordinate system"):
        read(tmp_path / "c.parquet")
    assert same(read(tmp_path / "c.parquet", crs=CRS)[0].geometry[0], RINGED)


def test_parquet__hostile(tmp_path, read):
    frame().drop(columns="geometry").to_parquet(tmp_path / "plain.parquet")
    with pytest.raises(LayerError, match="Parquet without geometry"):
        read(tmp_path / "plain.parquet")
    path = tmp_path / "a.parquet"
    frame().to_parquet(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(LayerError, match=r"a\.parquet: can not be opened .* fetch it again"):
        read(path)
    path.write_bytes(b"not parquet")
    with pytest.raises(LayerError, match=r"which is no \.parquet layer"):
        read(path)


def kml(marks):
    return (
        '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2">'
        f"<Document><Folder><name>批次</name>{marks}</Folder></Document></kml>"
    )


def mark(shape, name="007", close=True):
    def ring(line):
        corners = list(line.coords)[: None if close else -1]
        return " ".join(f"{x:.9f},{y:.9f},0" for x, y in corners)

    holes = "".join(
        f"<innerBoundaryIs><LinearRing><coordinates>{ring(hole)}</coordinates></LinearRing></innerBoundaryIs>"
        for hole in shape.interiors
    )
    return (
        f"<Placemark><name>{name}</name><ExtendedData><Data name='PZRQ'><value>2025/3/1</value></Data>"
        f"<Data name='BSM'><value>{name}</value></Data></ExtendedData><Polygon><outerBoundaryIs><LinearRing>"
        f"<coordinates>{ring(shape.exterior)}</coordinates></LinearRing></outerBoundaryIs>{holes}</Polygon>"
        "</Placemark>"
    )


@pytest.fixture(scope="session")
def degrees():
    return gpd.GeoSeries([RINGED, SQUARE], crs=CRS).to_crs("EPSG:4490").tolist()


@pytest.mark.parametrize("close", [True, False])
@pytest.mark.parametrize("suffix", [".kml", ".kmz"])
def test_kml(tmp_path, read, degrees, suffix, close):
    whole = kml(mark(degrees[0], close=close) + mark(degrees[1], "008"))
    path = tmp_path / f"a{suffix}"
    if suffix == ".kmz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("doc.kml", whole)
    else:
        path.write_text(whole, encoding="utf-8")
    table, _ = read(path)
    assert same(table.geometry[0], RINGED, 0.1)
    assert table["record_id"].tolist() == ["007", "008"]
    assert table["approved_on"].tolist() == [dt.date(2025, 3, 1)] * 2
    assert len(read(path, layer="批次")[0]) == 2
    with pytest.raises(LayerError, match="no folder '别的'; it has 批次"):
        read(path, layer="别的")


def test_kml__hostile(tmp_path, read, degrees):
    path = tmp_path / "a.kml"
    path.write_text(kml(mark(degrees[0]))[:-40], encoding="utf-8")
    with pytest.raises(LayerError, match="not well-formed XML"):
        read(path)
    bomb = kml(mark(degrees[0])).replace("?>", '?><!DOCTYPE a [<!ENTITY b "c">]>', 1)
    path.write_text(bomb, encoding="utf-8")
    with pytest.raises(LayerError, match="declares entities"):
        read(path)
    point = "<Placemark><Point><coordinates>114,28</coordinates></Point></Placemark>"
    path.write_text(kml(point), encoding="utf-8")
    with pytest.raises(LayerError, match="no polygon among 1 placemarks"):
        read(path)
    path.write_text(kml(point + mark(degrees[1])), encoding="utf-8")
    table, manifest = read(path)
    assert (len(table), "1 个地标不是面" in manifest.note) == (1, True)
    path.write_text(
        kml(
            mark(degrees[1])
            .replace(",0 ", ",o,0 ", 1)
            .replace("<coordinates>1", "<coordinates>one", 1)
        ),
        encoding="utf-8",
    )
    with pytest.raises(LayerError, match=r"placemark 1 \(007\)"):
        read(path)


def test_zipped_filegdb(tmp_path, read):
    folder = tmp_path / "a.gdb"
    pyogrio.write_dataframe(frame(), folder, driver="OpenFileGDB", layer="NZY")
    shutil.make_archive(str(tmp_path / "a.gdb"), "zip", tmp_path, "a.gdb")
    table, manifest = read(tmp_path / "a.gdb.zip")
    assert same(table.geometry[0], RINGED)
    assert table["doc_no"].tolist() == ["湘〔2025〕1号", "湘〔2025〕2号"]
    assert len(manifest.sha256) == 64
    with zipfile.ZipFile(tmp_path / "a.gdb.zip", "a") as archive:
        archive.writestr("b.gdb/a.gdbtable", b"x")
    with pytest.raises(LayerError, match="2 FileGDB folders inside"):
        read(tmp_path / "a.gdb.zip")


def test_archive__that_would_flood_the_disk_is_refused(tmp_path, read):
    path = tmp_path / "a.kmz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", b"<kml>" + b" " * 50_000_000)
    with pytest.raises(LayerError, match="500 times the size"):
        read(path)


# --- rings


def test_ring_of__drops_what_repeats():
    ring = ring_of(np.array([[0, 0], [0, 0], [4, 0], [4, 4], [4, 4], [0, 0.0]]), "p")
    assert ring.tolist() == [[0, 0], [4, 0], [4, 4], [0, 0]]
    with pytest.raises(LayerError, match="2 different corners"):
        ring_of(np.array([[0, 0], [1, 1], [0, 0], [1, 1.0]]), "p")
    with pytest.raises(LayerError, match="not a number"):
        ring_of(np.array([[0, 0], [np.nan, 1], [0, 2.0]]), "p")


@given(st.permutations(range(4)))
def test_assemble__order_of_rings_means_nothing(order):
    boxes = [box(0, 0, 100, 100), box(10, 10, 60, 60), box(20, 20, 30, 30), box(200, 0, 210, 10)]
    rings = [np.asarray(one.exterior.coords) for one in boxes]
    found = assemble([rings[k] for k in order], "p")
    assert found.area == 100 * 100 - 50 * 50 + 10 * 10 + 10 * 10


# --- a layer in several files


def test_several_files__each_in_its_own_zone_make_one_layer(tmp_path, read):
    (tmp_path / "批次一.txt").write_text(text(TWO), encoding="gbk")
    moved = gpd.GeoSeries([SQUARE], crs=CRS).to_crs("EPSG:4548")[0]
    ring = list(moved.exterior.coords)[:-1]
    (tmp_path / "批次二.txt").write_text(text([("A01", 0.5, [ring])], zone="39"), encoding="utf-8")
    values = {"doc_no": "湘政地（2025）{stem}", "approved_on": "2025-03-01"}
    table, manifest = read(tmp_path / "*.txt", values=values)
    assert table["record_id"].tolist() == ["批次一/A01", "批次一/A02", "批次二/A01"]
    assert table["doc_key"].tolist()[::2] == ["湘政地〔2025〕批次一", "湘政地〔2025〕批次二"]
    assert same(table.geometry[2], SQUARE, 0.1)
    assert (manifest.rows, manifest.state) == (3, "ok")
    assert "2 个文件; 第 1–2 行 批次一.txt" in manifest.note
    (tmp_path / "批次二.txt").write_text(text(TWO, zone="37", prefix=38e6), encoding="gbk")
    with pytest.raises(LayerError, match=r"批次二\.txt: line 14"):
        read(tmp_path / "*.txt", values=values)


def test_several_files__none_is_a_missing_layer(tmp_path, read):
    with pytest.raises(LayerError, match="no such file"):
        read(tmp_path / "*.txt")
