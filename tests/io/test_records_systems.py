"""Coordinate systems of China: codes, swapped axes, and older datums with seven parameters."""

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pyproj import CRS, Transformer
from shapely.geometry import box

from changedetect.config.job import LayerSection
from changedetect.config.record_forms import DatumShift
from changedetect.errors import GridError, LayerError
from changedetect.io import china_zones as zones
from changedetect.io import layer_source
from changedetect.io.crs import check_places, epsg_code, mover
from changedetect.io.vectors import Kind, read_kind
from changedetect.schema import ZONES

GRID = "EPSG:4547"
SQUARE = box(500000, 3100000, 500100, 3100100)
SEVEN = {
    "dx_m": 12.5, "dy_m": -140.25, "dz_m": -80.75, "rx_arcsec": 0.6, "ry_arcsec": -1.3, "rz_arcsec": 2.1,
    "scale_ppm": -4.2,
}  # fmt: skip


def read(path, target=GRID, **section):
    kind = Kind("CZKFBJ", ZONES)
    return read_kind(path, LayerSection(path=path.name, **section), kind, target)


def write(path, shape, crs):
    frame = gpd.GeoDataFrame({"BSM": ["1"]}, geometry=[shape], crs=crs)
    pyogrio.write_dataframe(frame, path)
    return path


@pytest.mark.parametrize("prefixed", [True, False])
@pytest.mark.parametrize("width", [3, 6])
@pytest.mark.parametrize("datum", ["CGCS2000", "Xian 80", "Beijing 54"])
def test_zone_code__every_zone_has_the_meridian_and_easting_that_it_should(datum, width, prefixed):
    first, last = (25, 45) if width == 3 else (13, 23)
    geographic = CRS.from_user_input(zones.geographic_code(datum))
    for zone in range(first, last + 1):
        crs = CRS.from_user_input(zones.zone_code(datum, width, zone, prefixed=prefixed))
        found = {one.name: one.value for one in crs.coordinate_operation.params}
        meridian = zone * 3 if width == 3 else zone * 6 - 3
        assert found["Longitude of natural origin"] == meridian
        assert found["False easting"] == 500000 + (zone * 1e6 if prefixed else 0)
        assert crs.geodetic_crs.to_epsg() == geographic.to_epsg()


@pytest.mark.parametrize(("width", "zone"), [(3, 24), (3, 46), (6, 12), (6, 24), (5, 38)])
def test_zone_code__other_zones_are_refused(width, zone):
    with pytest.raises(GridError, match=f"zone {zone} of {width} degrees is not in China"):
        zones.zone_code("CGCS2000", width, zone, prefixed=True)


@pytest.mark.parametrize("text", ["OGC:CRS84", "EPSG:4326", "WGS84"])
def test_epsg_code__longitude_first_is_the_same_system(text):
    assert epsg_code(text) == "EPSG:4326"


def swapped(shape):
    return shapely.transform(shape, lambda points: points[:, ::-1])


@pytest.mark.parametrize("crs", ["EPSG:4547", "EPSG:4526", "EPSG:4490", "EPSG:4326"])
def test_axes__north_in_x_is_refused_and_said(tmp_path, crs):
    shape = gpd.GeoSeries([SQUARE], crs=GRID).to_crs(crs)[0]
    assert len(read(write(tmp_path / "right.gpkg", shape, crs))[0]) == 1
    with pytest.raises(LayerError, match=r"row 1: .*north stands in x and east in y.*颠倒"):
        read(write(tmp_path / "wrong.gpkg", swapped(shape), crs))


@given(lon=st.floats(74, 134), lat=st.floats(18, 53.5), code=st.integers(4491, 4554))
def test_axes__a_point_of_china_is_never_taken_for_swapped_in_its_own_zone(lon, lat, code):
    crs = CRS.from_user_input(code)
    meridian = next(
        p.value for p in crs.coordinate_operation.params if p.name == "Longitude of natural origin"
    )
    if abs(lon - meridian) > 3:
        return
    x, y = Transformer.from_crs(4490, code, always_xy=True).transform(lon, lat)
    check_places(f"EPSG:{code}", (x, y, x, y))


# --- seven parameters


def naive_shift(lon, lat, ellipsoid, seven, sign):
    """Degrees -> earth-centred -> seven parameters by their definition -> degrees, by iteration."""
    a, rf = ellipsoid
    e2 = (2 - 1 / rf) / rf
    b, l = np.radians(lat), np.radians(lon)  # noqa: E741
    n = a / np.sqrt(1 - e2 * np.sin(b) ** 2)
    x = np.array([n * np.cos(b) * np.cos(l), n * np.cos(b) * np.sin(l), n * (1 - e2) * np.sin(b)])
    rx, ry, rz = (
        np.radians(seven[key] / 3600) * sign for key in ("rx_arcsec", "ry_arcsec", "rz_arcsec")
    )
    turn = np.array([[1, -rz, ry], [rz, 1, -rx], [-ry, rx, 1]])
    move = np.array([seven["dx_m"], seven["dy_m"], seven["dz_m"]])
    x = move + (1 + seven["scale_ppm"] * 1e-6) * turn @ x
    a, rf = 6378137.0, 298.257222101
    e2 = (2 - 1 / rf) / rf
    p, b = np.hypot(x[0], x[1]), np.arctan2(x[2], np.hypot(x[0], x[1]))
    for _ in range(20):
        n = a / np.sqrt(1 - e2 * np.sin(b) ** 2)
        b = np.arctan2(x[2] + e2 * n * np.sin(b), p)
    return np.degrees(np.arctan2(x[1], x[0])), np.degrees(b)


KRASSOVSKY, IAG_75 = (6378245.0, 298.3), (6378140.0, 298.257)


@pytest.mark.parametrize(("convention", "sign"), [("position_vector", 1), ("coordinate_frame", -1)])
@pytest.mark.parametrize(("crs", "ellipsoid"), [("EPSG:4214", KRASSOVSKY), ("EPSG:4610", IAG_75)])
@given(lon=st.floats(75, 134), lat=st.floats(18, 53))
def test_shift__is_what_the_definition_says(crs, ellipsoid, convention, sign, lon, lat):
    move = mover(crs, "EPSG:4490", DatumShift(**SEVEN, convention=convention))
    found = move(np.array([[lon, lat]]))[0]
    expected = naive_shift(lon, lat, ellipsoid, SEVEN, sign)
    assert np.abs(found - expected).max() < 1e-10  # 0.01 mm


def test_shift__published_example():
    """IOGP 373-7-2, section 4.3.3: WGS 72 to WGS 84, 55 N 4 E of no height."""
    none = dict.fromkeys(SEVEN, 0.0)
    seven = none | {"dz_m": 4.5, "rz_arcsec": 0.554, "scale_ppm": 0.219}
    move = mover("EPSG:4322", "EPSG:4490", DatumShift(**seven, convention="position_vector"))
    lon, lat = move(np.array([[4.0, 55.0]]))[0]
    assert lon == pytest.approx(4 + 0.554 / 3600, abs=1e-3 / 3600)
    assert lat == pytest.approx(55 + 0.090 / 3600, abs=1e-3 / 3600)


@pytest.mark.parametrize("crs", ["EPSG:2383", "EPSG:2362", "EPSG:2435", "EPSG:4610", "EPSG:4214"])
def test_older_datum__is_refused_unless_seven_parameters_are_given(tmp_path, crs):
    old = CRS.from_user_input(crs)
    degrees = (114.0, 28.0, 114.001, 28.001)
    corner = Transformer.from_crs(old.geodetic_crs, old, always_xy=True)
    shape = shapely.transform(box(*degrees), lambda p: np.column_stack(corner.transform(*p.T)))
    path = write(tmp_path / "old.gpkg", shape, crs)
    with pytest.raises(LayerError, match=r"datums differ .*datum_shift"):
        read(path)
    shift = {**SEVEN, "convention": "position_vector"}
    table, _ = read(path, target="EPSG:4490", datum_shift=shift)
    ellipsoid = KRASSOVSKY if "Beijing" in old.name else IAG_75
    expected = naive_shift(114.0, 28.0, ellipsoid, SEVEN, 1)
    off = np.abs(shapely.get_coordinates(table.geometry[0]) - expected).max(axis=1)
    assert off.min() < 1e-10


def test_shift__where_none_belongs_is_refused(tmp_path):
    shift = {**SEVEN, "convention": "position_vector"}
    with pytest.raises(LayerError, match="is in CGCS2000 or WGS 84 already; remove it"):
        read(write(tmp_path / "new.gpkg", SQUARE, GRID), datum_shift=shift)
    with pytest.raises(ValidationError, match="convention"):
        DatumShift(**SEVEN)


# --- large layers are read around the counties only


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(layer_source, "WHOLE_ROWS", 2)


def many(path, crs=GRID):
    shapes = [box(500000 + 1000 * k, 3100000, 500050 + 1000 * k, 3100050) for k in range(40)]
    frame = gpd.GeoDataFrame(
        {"BSM": [f"{k + 1:03d}" for k in range(40)]}, geometry=shapes, crs=GRID
    )
    frame = frame.to_crs(crs)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        pyogrio.write_dataframe(
            frame, path, driver="OpenFileGDB" if path.suffix == ".gdb" else None
        )
    return path


AROUND = (509900.0, 3099000.0, 512100.0, 3101000.0)


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.gdb", "a.geojson", "a.parquet", "a.fgb"])
def test_large_layer__only_rows_around_the_counties_and_their_true_numbers(tmp_path, name):
    crs = "EPSG:4490" if name.endswith("geojson") else "EPSG:4548"
    path = many(tmp_path / name, crs)
    kind = Kind("CZKFBJ", ZONES)
    table, manifest = read_kind(path, LayerSection(path=name), kind, GRID, within=AROUND)
    assert sorted(table["zone_id"]) == ["011", "012", "013"]
    assert manifest.rows == 40
    assert "共 40 行, 只读入任务范围内的 3 行" in manifest.note
    section = LayerSection(path=name, fields={"zone_id": "BSM", "name": "BSM"})
    whole, _ = read_kind(path, section, kind, GRID)
    assert len(whole) == 40


def test_large_layer__that_does_not_fit_its_system_is_read_whole_and_its_row_named(tmp_path):
    shapes = [shapely.affinity.translate(SQUARE, 38e6 + k * 500) for k in range(5)]
    frame = gpd.GeoDataFrame({"BSM": list("abcde")}, geometry=shapes, crs=GRID)
    path = tmp_path / "a.gpkg"
    pyogrio.write_dataframe(frame, path)
    with pytest.raises(LayerError, match=r"row 1: .*zone prefix 38"):
        read_kind(path, LayerSection(path="a"), Kind("CZKFBJ", ZONES), GRID, within=AROUND)


def test_large_layer__bad_rows_keep_their_numbers(tmp_path):
    path = many(tmp_path / "a.gpkg")
    frame = pyogrio.read_dataframe(path)
    frame.loc[11, "geometry"] = shapely.Point(511010, 3100010)
    pyogrio.write_dataframe(frame, tmp_path / "b.gpkg", geometry_type="Unknown")
    with pytest.raises(LayerError, match="row 12: Point found"):
        read_kind(
            tmp_path / "b.gpkg", LayerSection(path="b"), Kind("CZKFBJ", ZONES), GRID, within=AROUND
        )
