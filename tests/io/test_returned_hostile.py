"""Files from outside are data: whatever they hold, they are read within limits or refused by name."""

import io
import sqlite3
import struct
import zipfile
from contextlib import closing

import numpy as np
import openpyxl
import pyogrio
import pytest
import shapely

from changedetect.config.returns import ReturnsSection
from changedetect.errors import InputError
from changedetect.io.returned.keep import find_returned, keep
from changedetect.io.returned.parent import read_returned
from changedetect.io.sandbox import ReaderLimits, read_limited

SECTION = ReturnsSection()
NUMBER = "43099102250600001C"


def read(path, tmp_path, section=SECTION):
    (found,), _ = find_returned([path])
    return read_returned(keep(tmp_path / "store", found, section.file_max_mb), section)


def workbook(path, rows, title="核查记录", change=None):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    if change:
        change(sheet)
    book.save(path)
    return path


def repacked(path, change):
    """Change parts of a workbook's archive."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def geopackage(path, blob=None, rows=1):
    with closing(sqlite3.connect(path)) as base:
        base.executescript("""
            PRAGMA application_id = 1196444487; PRAGMA user_version = 10200;
            CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT,
                organization_coordsys_id INTEGER, definition TEXT);
            INSERT INTO gpkg_spatial_ref_sys VALUES ('CGCS2000', 4490, 'EPSG', 4490, '');
            CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT, identifier TEXT,
                last_change TEXT, srs_id INTEGER);
            CREATE TABLE gpkg_geometry_columns (table_name TEXT PRIMARY KEY, column_name TEXT, srs_id INTEGER);
            CREATE TABLE HC_JL (fid INTEGER PRIMARY KEY, geom BLOB, AJBH TEXT, HCJG TEXT);
            INSERT INTO gpkg_contents VALUES ('HC_JL', 'features', '', '2025-07-15T08:00:00.000Z', 4490);
            INSERT INTO gpkg_geometry_columns VALUES ('HC_JL', 'geom', 4490);
        """)
        base.executemany(
            "INSERT INTO HC_JL (geom, AJBH, HCJG) VALUES (?, ?, ?)", [(blob, NUMBER, "2")] * rows
        )
        base.commit()
    return path


def header(wkb):
    return b"GP\x00\x01" + struct.pack("<i", 4490) + wkb


def test_workbook__a_cell_at_the_last_place_is_refused_by_name(tmp_path):
    def far(sheet):
        sheet["XFD1048576"] = "x"

    path = workbook(tmp_path / "far.xlsx", [["案件编号"], [NUMBER]], change=far)
    with pytest.raises(InputError, match="XFD1048576 is beyond row"):
        read(path, tmp_path)


def test_workbook__formatted_empty_cells_far_away_do_not_matter(tmp_path):
    def far(sheet):
        sheet["XFD1048576"].number_format = "@"

    path = workbook(tmp_path / "styled.xlsx", [["案件编号"], [NUMBER]], change=far)
    (table,) = read(path, tmp_path).tables
    assert [row.cells["案件编号"] for row in table.rows] == [NUMBER]


def test_workbook__a_bomb_is_told_by_its_ratio_before_it_is_unpacked(tmp_path):
    path = workbook(tmp_path / "bomb.xlsx", [["案件编号"], [NUMBER]])
    repacked(path, lambda parts: parts.update({"xl/media/x.bin": bytes(40 << 20)}))
    with pytest.raises(InputError, match=r"unpacks to \d+ times its size"):
        read(path, tmp_path)


def test_workbook__a_lying_size_does_not_help(tmp_path):
    """An archive that tells a small size for a large part is cut or refused, never unpacked whole."""
    path = workbook(tmp_path / "liar.xlsx", [["案件编号"], [NUMBER]])
    name = "xl/worksheets/sheet1.xml"
    repacked(
        path,
        lambda parts: parts.update(
            {name: parts[name].replace(b"</sheetData>", b" " * (60 << 20) + b"</sheetData>")}
        ),
    )
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo(name).file_size
    data = path.read_bytes()
    assert data.count(struct.pack("<I", size)) == 2
    path.write_bytes(data.replace(struct.pack("<I", size), struct.pack("<I", 400)))
    with pytest.raises(InputError, match=r"liar\.xlsx"):
        read(path, tmp_path)


def test_workbook__macros_are_refused(tmp_path):
    path = workbook(tmp_path / "macro.xlsx", [["案件编号"], [NUMBER]])
    repacked(path, lambda parts: parts.update({"xl/vbaProject.bin": b"x"}))
    with pytest.raises(InputError, match="macros"):
        read(path, tmp_path)


def test_workbook__too_many_rows_are_refused(tmp_path):
    """A million rows, written as XML by hand: counted, not kept."""
    path = workbook(tmp_path / "rows.xlsx", [["案件编号"], [NUMBER]])

    def many(parts):
        rows = "".join(f'<row r="{n}"><c r="A{n}"><v>1</v></c></row>' for n in range(1, 1_000_001))
        name = "xl/worksheets/sheet1.xml"
        text = parts[name].decode()
        begin, end = text.index("<sheetData>"), text.index("</sheetData>")
        parts[name] = (text[:begin] + "<sheetData>" + rows + text[end:]).encode()

    repacked(path, many)
    with pytest.raises(InputError, match="is beyond row 100000"):
        read(path, tmp_path)


def test_workbook__a_formula_is_named_and_its_stored_value_read(tmp_path):
    def change(sheet):
        sheet["A3"] = '=CONCATENATE("4309910225060000","1C")'

    path = workbook(
        tmp_path / "formula.xlsx",
        [["案件编号", "核查人"], [NUMBER, "赵"], ["x", "钱"]],
        change=change,
    )
    (table,) = read(path, tmp_path).tables
    assert [row.formulas for row in table.rows] == [frozenset(), frozenset({"案件编号"})]


def test_workbook__an_entity_bomb_dies_in_its_reader(tmp_path):
    path = workbook(tmp_path / "entities.xlsx", [["案件编号"], [NUMBER]])

    def change(parts):
        names = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
        parts["docProps/core.xml"] = (
            f'<!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">{names}]><x>&a11;</x>'.encode()
        )

    repacked(path, change)
    with pytest.raises(InputError, match=r"entities\.xlsx"):
        read(path, tmp_path)


@pytest.mark.parametrize("text", ["", "no archive", "PK\x03\x04 cut"])
def test_workbook__rubbish_is_refused_by_name(tmp_path, text):
    path = tmp_path / "rubbish.xlsx"
    path.write_text(text)
    with pytest.raises(InputError, match=r"rubbish\.xlsx"):
        read(path, tmp_path)


def test_geopackage__a_renamed_vrt_reads_nothing_else(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("AJBH\nsecret\n")
    path = tmp_path / "evil.gpkg"
    path.write_text(
        f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
    )
    with pytest.raises(InputError, match="no GeoPackage"):
        read(path, tmp_path)


def test_shapes__a_renamed_vrt_reads_nothing_else(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("AJBH\nsecret\n")
    path = tmp_path / "evil.geojson"
    path.write_text(
        f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
    )
    with pytest.raises(InputError, match="can not be read"):
        read(path, tmp_path)


def test_geopackage__deeply_nested_collections_harm_nobody(tmp_path):
    wkb = b"\x01" + struct.pack("<II", 7, 1)
    blob = header(wkb * 200_000 + b"\x01" + struct.pack("<I", 1) + struct.pack("<dd", 113, 28))
    with pytest.raises(InputError, match="row 1: its outline is a collection"):
        read(geopackage(tmp_path / "nested.gpkg", blob), tmp_path)


def test_geopackage__a_ring_that_lies_about_its_length_is_refused(tmp_path):
    wkb = b"\x01" + struct.pack("<III", 3, 1, 0xFFFFFFF0)
    with pytest.raises(InputError, match=r"lying\.gpkg"):
        read(geopackage(tmp_path / "lying.gpkg", header(wkb)), tmp_path)


def test_geopackage__a_cut_file_is_refused(tmp_path):
    path = geopackage(tmp_path / "cut.gpkg", rows=2000)
    path.write_bytes(path.read_bytes()[:-8192])
    with pytest.raises(InputError, match=r"cut\.gpkg"):
        read(path, tmp_path)


def test_geopackage__a_view_or_trigger_of_the_file_is_not_run(tmp_path):
    path = geopackage(tmp_path / "view.gpkg")
    with closing(sqlite3.connect(path)) as base:
        base.executescript("""
            CREATE VIEW HC_FW AS WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x) SELECT n AS fid FROM x;
            INSERT INTO gpkg_contents VALUES ('HC_FW', 'features', '', '', 4490);
        """)
    (table,) = read(path, tmp_path).tables
    assert table.name == "HC_JL"


def test_geopackage__too_many_rows_are_refused(tmp_path):
    path = geopackage(tmp_path / "many.gpkg", rows=50)
    section = ReturnsSection(rows_max=10)
    with pytest.raises(InputError, match="50 rows; at most 10"):
        read(path, tmp_path, section)


def test_geopackage__edits_in_the_log_beside_it_are_read(tmp_path):
    path = geopackage(tmp_path / "field.gpkg")
    base = sqlite3.connect(path)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA wal_autocheckpoint=0")
    base.execute("UPDATE HC_JL SET HCJG = '1'")
    base.commit()
    folder = tmp_path / "sent"
    folder.mkdir()
    for name in ("field.gpkg", "field.gpkg-wal"):
        (folder / name).write_bytes((tmp_path / name).read_bytes())
    base.close()
    (table,) = read(folder / "field.gpkg", tmp_path).tables
    assert table.rows[0].cells["HCJG"] == "1"
    assert sorted(path.name for path in folder.iterdir()) == ["field.gpkg", "field.gpkg-wal"]


def test_geopackage__without_its_log_it_is_refused(tmp_path):
    path = geopackage(tmp_path / "field.gpkg")
    base = sqlite3.connect(path)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("UPDATE HC_JL SET HCJG = '1'")
    base.commit()
    alone = tmp_path / "alone.gpkg"
    alone.write_bytes(path.read_bytes())
    base.close()
    with pytest.raises(InputError, match="-wal is not"):
        read(alone, tmp_path)


def shapefile(path, encoding, cpg):
    pyogrio.raw.write(
        path, geometry=np.array([shapely.to_wkb(shapely.box(113, 28, 113.1, 28.1))]),
        field_data=[np.array([NUMBER], object), np.array(["青山县已建厂房"], object)],
        fields=["AJBH", "SM"], geometry_type="Polygon", crs="EPSG:4490", driver="ESRI Shapefile", encoding=encoding,
    )  # fmt: skip
    if not cpg:
        path.with_suffix(".cpg").unlink(missing_ok=True)
        dbf = bytearray(path.with_suffix(".dbf").read_bytes())
        dbf[29] = 0
        path.with_suffix(".dbf").write_bytes(dbf)
    return path


@pytest.mark.parametrize("cpg", [True, False])
def test_shapefile__gbk_is_read_with_and_without_its_declaration(tmp_path, cpg):
    found = read(shapefile(tmp_path / "HC_FW.shp", "GBK", cpg), tmp_path)
    (table,) = found.tables
    assert table.rows[0].cells["SM"] == "青山县已建厂房"
    assert table.rows[0].number == 1
    assert bool(found.notes) != cpg


def test_shapefile__bytes_of_no_declared_encoding_are_refused(tmp_path):
    path = shapefile(tmp_path / "HC_FW.shp", "GBK", cpg=True)
    path.with_suffix(".cpg").write_text("UTF-8")
    with pytest.raises(InputError, match="are not utf-8"):
        read(path, tmp_path)


def test_shapefile__a_missing_part_is_named(tmp_path):
    path = shapefile(tmp_path / "HC_FW.shp", "GBK", cpg=True)
    path.with_suffix(".dbf").unlink()
    with pytest.raises(InputError, match=r"HC_FW\.dbf is missing"):
        read(path, tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv__is_read_in_every_encoding_that_offices_write(tmp_path, encoding):
    path = tmp_path / "核查记录.csv"
    path.write_text(f"案件编号,核查情况\n'{NUMBER},已建厂房\n", encoding=encoding)
    (table,) = read(path, tmp_path).tables
    assert table.rows[0].cells == {"案件编号": NUMBER, "核查情况": "已建厂房"}


def test_csv__a_lone_quote_with_a_huge_field_is_refused(tmp_path):
    path = tmp_path / "核查记录.csv"
    path.write_text('案件编号\n"' + "x" * 200_000)
    with pytest.raises(InputError, match="row 2 can not be read"):
        read(path, tmp_path)


def test_file__larger_than_allowed_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "big.csv"
    path.write_text("案件编号\n" + "x" * 3_000_000)
    with pytest.raises(InputError, match="at most 1 MB"):
        read(path, tmp_path, ReturnsSection(file_max_mb=1))


def test_find__an_archive_is_not_opened(tmp_path):
    path = tmp_path / "all.zip"
    path.write_bytes(b"PK")
    with pytest.raises(InputError, match="unpack it first"):
        find_returned([path])


def test_keep__raw_bytes_lie_under_their_digest_and_stay(tmp_path):
    path = shapefile(tmp_path / "HC_FW.shp", "GBK", cpg=True)
    (found,), _ = find_returned([path])
    first = keep(tmp_path / "store", found, 512)
    names = sorted(entry.name for entry in (tmp_path / "store").iterdir())
    assert keep(tmp_path / "store", found, 512) == first
    assert sorted(entry.name for entry in (tmp_path / "store").iterdir()) == names
    assert f"{first.digest}.json" in names
    assert len(names) == len(first.members) + 1


# what a reader may not do: modules of this test, run as readers

LIMITS = ReaderLimits(memory_mb=1024, cpu_s=5, wall_s=20)


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """Write a reader and run it as one of ours."""

    def run(body, limits=LIMITS):
        (tmp_path / "evil_reader.py").write_text(
            "from changedetect.io.returned.confine import serve\n\ndef read(request):\n"
            + "".join(f"    {line}\n" for line in body.splitlines())
            + "\nserve(read)\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        return read_limited("evil_reader", {}, limits)

    return run


def test_reader__that_dies_by_a_signal_is_a_rejected_file(reader):
    with pytest.raises(InputError, match=r"reader died \(signal 11 SIGSEGV\)"):
        reader("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")


def test_reader__that_takes_all_memory_is_a_rejected_file(reader):
    with pytest.raises(InputError, match="reader died"):
        reader("x = [bytes(1 << 20) for _ in range(1 << 20)]\nreturn {'n': len(x)}")


def test_reader__that_never_ends_is_ended(reader):
    with pytest.raises(InputError, match="ended after 2 s"):
        reader("import time\ntime.sleep(60)", ReaderLimits(1024, 5, 2))


def test_reader__that_spins_is_ended_by_its_processor_time(reader):
    with pytest.raises(InputError, match="reader died"):
        reader("while True: pass", ReaderLimits(1024, 1, 60))


def test_reader__that_prints_rubbish_is_a_rejected_file(reader):
    with pytest.raises(InputError, match="reader died"):
        reader("return [1]")


def test_reader__what_libraries_print_does_not_spoil_the_answer(reader):
    assert reader("import os\nos.write(1, b'noise')\nreturn {'fine': 1}") == {"fine": 1}


def test_reader__reaches_no_network_and_starts_no_program(reader):
    said = reader(
        "import socket, subprocess\nfound = []\n"
        "for what in (lambda: socket.create_connection(('127.0.0.1', 9), 1), lambda: subprocess.run(['true'])):\n"
        "    try:\n        what()\n        found.append('done')\n"
        "    except Exception as error:\n        found.append(type(error).__name__)\n"
        "return {'found': found}"
    )
    assert said["found"] == ["PermissionError", "PermissionError"]


def test_reader__gets_nothing_of_the_users_environment(reader, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "secret")
    said = reader("import os\nreturn {'names': sorted(os.environ)}")
    assert "PGPASSWORD" not in said["names"]


def test_reader__writes_no_large_file(reader, tmp_path):
    target = tmp_path / "large"
    with pytest.raises(InputError, match="reader died"):
        reader(
            f"open({str(target)!r}, 'wb').write(bytes(3 << 20))\nreturn {{}}",
            ReaderLimits(1024, 5, 20, write_mb=1),
        )
    assert not target.exists() or target.stat().st_size <= 1 << 20


def test_stamp__is_the_one_that_the_workbook_tells(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [["案件编号"], [NUMBER]])
    stream = io.BytesIO(path.read_bytes())
    told = openpyxl.load_workbook(stream).properties.modified
    assert read(path, tmp_path).stamp.startswith(told.isoformat()[:19])
