"""``evaluate`` on files: truths of every kind, what is refused, what is left behind."""

import json
from dataclasses import replace
from datetime import date

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from PIL import Image
from rasterio.transform import Affine

from changedetect import schema
from changedetect.config.accuracy import AccuracySection
from changedetect.config.yaml_text import parse
from changedetect.errors import ConfigError, InputError, LayerError, SceneError
from changedetect.grid import Grid, Window
from changedetect.io import raster_writer, vector_writer
from changedetect.io.points import read_rows, strata_path
from changedetect.io.truth_raster import ScoreRaster, TruthRaster
from changedetect.pipeline.judging import accuracy, sampling
from changedetect.pipeline.judging.judged import RATE_TAG, THRESHOLD_TAG, open_judged
from changedetect.pipeline.judging.patch_accuracy import judge_patches
from changedetect.pipeline.judging.truths import TruthOptions, open_truth
from changedetect.pipeline.steps.outlining import write_patches
from changedetect.pipeline.steps.tileset import CHANGE_FORM, EVIDENCE_FORM
from tests.pipeline import tiny_job

CRS = tiny_job.CRS
SIDE = 600  # more than one cell of 512 px
GRID = Grid(
    CRS, (2.0, 0.0, tiny_job.GRID.transform[2], 0.0, -2.0, tiny_job.GRID.transform[5]), SIDE, SIDE
)
TRUE = slice(500, 540), slice(500, 540)
"""A change across the seam of cells; half of its rows alarm, a quarter is not observed."""

SETTINGS = AccuracySection()


def square(rows, cols, grid=GRID):
    a, _, c, _, e, f = grid.transform
    return shapely.box(c + a * cols[0], f + e * rows[1], c + a * cols[1], f + e * rows[0])


@pytest.fixture(scope="module")
def look(tmp_path_factory):
    """Folder like that of a quick look: 20 of 40 true rows alarm, 10 are not observed, one false patch."""
    folder = tmp_path_factory.mktemp("look")
    evidence = np.random.default_rng(1).integers(-600, -100, (SIDE, SIDE)).astype(np.int16)
    evidence[500:520, 500:540] = 700
    evidence[530:540, 500:540] = schema.EVIDENCE_NODATA
    evidence[100:110, 100:110] = 300
    change = (evidence >= 250).astype(np.uint8)
    change[evidence == schema.EVIDENCE_NODATA] = schema.NOT_OBSERVED
    tagged = raster_writer.RasterForm(
        "int16",
        schema.EVIDENCE_NODATA,
        EVIDENCE_FORM.descriptions,
        ((THRESHOLD_TAG, "2.5"), (RATE_TAG, "0.001")),
    )
    raster_writer.write_cog_array(folder / "evidence.tif", GRID, evidence, tagged)
    raster_writer.write_cog_array(folder / "change.tif", GRID, change, CHANGE_FORM)
    shapes = [square((500, 520), (500, 540)), square((100, 110), (100, 110))]
    write_patches(
        folder / "patches.gpkg",
        [gpd.GeoDataFrame({"patch_id": ["A", "B"]}, geometry=shapes, crs=CRS)],
        CRS,
    )
    return folder


def labels():
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[TRUE] = 255
    return mask


def draw(path, values, **options):
    settings = {
        "driver": "GTiff", "count": 1, "height": values.shape[0], "width": values.shape[1], "dtype": values.dtype,
        "crs": CRS, "transform": Affine(*GRID.transform),
    } | options  # fmt: skip
    with rasterio.open(path, "w", **settings) as image:
        image.write(values, 1)
    return path


def point(report, place=0):
    return report.facts["pixels"]["operating_points"][place]


def counts(found):
    names = (
        "hits",
        "misses",
        "false_alarms",
        "rejections",
        "changed_unobserved",
        "unchanged_unobserved",
    )
    return [found[name] for name in names]


WHOLE = [800, 400, 100, SIDE * SIDE - 1600 - 100, 400, 0]


def test_pixels__by_hand_with_what_the_look_states(look, tmp_path):
    truth = draw(tmp_path / "truth.tif", labels())
    report = accuracy.pixels(look, TruthOptions(truth), SETTINGS)
    found = point(report)
    assert counts(found) == WHOLE
    assert (found["threshold"], found["stated_false_alarm_rate"]) == (2.5, 0.001)
    assert found["false_alarm_rate"]["value"] == pytest.approx(100 / (SIDE * SIDE - 1600))
    assert found["unobserved_share"]["hits"] == 400
    assert counts(point(report, 1)) == WHOLE  # the change mask


@pytest.mark.parametrize("kind", ["finer", "moved", "other_system", "bare_bmp", "polygons"])
def test_pixels__the_truth_may_come_in_any_form(look, tmp_path, kind):
    a, _, c, _, e, f = GRID.transform
    if kind == "finer":
        fine = np.kron(labels(), np.ones((2, 2), np.uint8))
        truth = draw(tmp_path / "t.tif", fine, transform=Affine(1, 0, c, 0, -1, f))
    elif kind == "moved":  # larger than the judged raster, from another corner
        padded = np.pad(labels(), 30)
        truth = draw(
            tmp_path / "t.tif", padded, transform=Affine(a, 0, c - 30 * a, 0, e, f - 30 * e)
        )
    elif kind == "other_system":
        west, south, east, north = rasterio.warp.transform_bounds(CRS, "EPSG:4490", *GRID.bounds)
        size = (east - west) / 4000
        fine = np.zeros((int((north - south) / size) + 2, 4002), np.uint8)
        transform = Affine(size, 0, west, 0, -size, north)
        rasterio.warp.reproject(
            labels(), fine, src_transform=Affine(*GRID.transform), src_crs=CRS, dst_transform=transform,
            dst_crs="EPSG:4490",
        )  # fmt: skip
        truth = draw(tmp_path / "t.tif", fine, transform=transform, crs="EPSG:4490")
    elif kind == "bare_bmp":
        truth = tmp_path / "t.bmp"
        Image.fromarray(labels()).save(truth)
    else:
        truth = tmp_path / "t.gpkg"
        table = gpd.GeoDataFrame(
            {"name": ["x"]}, geometry=[square((500, 540), (500, 540))], crs=CRS
        )
        vector_writer.write_geopackage(truth, {"changes": table}, crs=CRS)
    found = counts(point(accuracy.pixels(look, TruthOptions(truth), SETTINGS)))
    slack = 60 if kind == "other_system" else 0
    assert found == pytest.approx(WHOLE, abs=slack)


def test_pixels__partial_labels_leave_the_rest_out(look, tmp_path):
    unchanged = np.zeros((SIDE, SIDE), np.uint8)
    unchanged[:200] = 1
    unchanged[500:501, 500:540] = 1  # contradicts
    first, second = draw(tmp_path / "c.tif", labels()), draw(tmp_path / "u.tif", unchanged)
    report = accuracy.pixels(look, TruthOptions(first, second), SETTINGS)
    assert counts(point(report)) == [760, 400, 100, 200 * SIDE - 100, 400, 0]
    assert report.facts["pixels"]["contradictory_px"] == 40
    assert report.facts["pixels"]["unlabelled_px"] == SIDE * SIDE - 1600 - 200 * SIDE + 40


def test_pixels__values_with_several_meanings_must_be_named(look, tmp_path):
    values = labels()
    values[0, :2] = 90, 130
    truth = draw(tmp_path / "t.tif", values)
    with pytest.raises(InputError, match="--changed 128-255"):
        accuracy.pixels(look, TruthOptions(truth), SETTINGS)
    named = accuracy.settings_of(None, changed="128-255", unchanged="0-99")
    report = accuracy.pixels(look, TruthOptions(truth), named)
    assert point(report)["misses"] == 401


def test_pixels__a_margin_is_left_out_also_across_cells(look, tmp_path):
    truth = draw(tmp_path / "t.tif", labels())
    report = accuracy.pixels(look, TruthOptions(truth), AccuracySection(margin_px=3))
    assert report.facts["pixels"]["unlabelled_px"] == 46 * 46 - 40 * 40


def test_pixels__labels_of_a_column(look, tmp_path):
    shapes = [
        square((500, 540), (500, 540)),
        square((0, 200), (0, SIDE)),
        square((300, 310), (0, 10)),
    ]
    table = gpd.GeoDataFrame({"state": ["new", "same", "?"]}, geometry=shapes, crs=CRS)
    truth = tmp_path / "t.gpkg"
    vector_writer.write_geopackage(truth, {"labels": table}, crs=CRS)
    named = accuracy.settings_of(None, changed="new", unchanged="same")
    report = accuracy.pixels(look, TruthOptions(truth, column="state"), named)
    assert counts(point(report)) == [800, 400, 100, 200 * SIDE - 100, 400, 0]
    with pytest.raises(InputError, match=r"holds \?, new, same"):
        accuracy.pixels(look, TruthOptions(truth, column="state"), SETTINGS)
    with pytest.raises(LayerError, match="no column 'status'"):
        accuracy.pixels(look, TruthOptions(truth, column="status"), named)


def test_pixels__any_score_with_a_threshold(tmp_path):
    scores = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    scores[0, 0] = np.nan
    truth = np.zeros((8, 8), np.uint8)
    truth[4:] = 1
    bare = {"crs": None, "transform": Affine.identity()}
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        path, marks = (
            draw(tmp_path / "s.tif", scores, **bare),
            draw(tmp_path / "t.png", truth, driver="PNG", crs=None),
        )
    report = accuracy.pixels(path, TruthOptions(marks), SETTINGS, threshold=0.75, stated_rate=0.01)
    assert counts(point(report)) == [16, 16, 0, 31, 0, 1]
    assert report.facts["pixels"]["area_under_roc"] == 1.0


def test_score_raster__levels_round_trip(tmp_path):
    scores = np.random.default_rng(1).normal(0, 5, (20, 30))
    raster = ScoreRaster.of(draw(tmp_path / "s.tif", scores))
    back = raster.score_of(raster.levels(raster.grid.window).astype(float))
    assert np.abs(back - scores).max() <= raster.step / 2 * 1.001
    assert raster.level_of(raster.score_of(17)) == 17


def test_truths_that_do_not_fit__are_refused_by_name(look, tmp_path):
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "small.bmp")
    with pytest.raises(SceneError, match="9 x 9 px, the judged raster is 600 x 600"):
        accuracy.pixels(look, TruthOptions(tmp_path / "small.bmp"), SETTINGS)
    far = draw(
        tmp_path / "far.tif",
        labels(),
        transform=Affine(2, 0, GRID.transform[2] + 9000, 0, -2, GRID.transform[5]),
    )
    with pytest.raises(InputError, match="do they lie on one another"):
        accuracy.pixels(look, TruthOptions(far), SETTINGS)
    with pytest.raises(InputError, match=r"no evidence\.tif"):
        accuracy.pixels(tmp_path, TruthOptions(far), SETTINGS)
    (tmp_path / "s.yaml").write_text("patch_true_shar: 0.5\n")
    with pytest.raises(ConfigError, match="did you mean patch_true_share"):
        accuracy.settings_of(tmp_path / "s.yaml")


def test_truth_raster__reads_the_value_under_each_centre(tmp_path):
    values = np.arange(16, dtype=np.uint8).reshape(4, 4)
    path = draw(
        tmp_path / "t.tif",
        values,
        transform=Affine(4, 0, GRID.transform[2], 0, -4, GRID.transform[5]),
    )
    truth = TruthRaster.of(path, GRID)
    read, seen = truth.read(GRID, GRID.sub(GRID.window).window.__class__(2, 2, 8, 4))
    assert read[:6].tolist() == [[5, 5, 6, 6]] * 2 + [[9, 9, 10, 10]] * 2 + [[13, 13, 14, 14]] * 2
    assert seen[:6].all()
    assert not seen[6:].any()


@pytest.mark.parametrize("kind", ["raster", "polygons"])
def test_patches__by_hand(look, tmp_path, kind):
    if kind == "raster":
        truth = draw(tmp_path / "t.tif", labels())
    else:
        truth = tmp_path / "t.gpkg"
        table = gpd.GeoDataFrame(
            {"family": ["pond"]}, geometry=[square((500, 540), (500, 540))], crs=CRS
        )
        vector_writer.write_geopackage(truth, {"changes": table}, crs=CRS)
    found = accuracy.patches(look, TruthOptions(truth), SETTINGS).facts["patches"]["before"]
    rows = {row["class"]: row for row in found["by_size"]}
    assert (rows["5-10 mu"]["recall"]["hits"], rows["5-10 mu"]["recall"]["n"]) == (1, 1)  # 9.6 mu
    assert (rows["all"]["precision"]["hits"], rows["all"]["precision"]["n"]) == (1, 2)
    assert rows["all"]["false_per_true"] == 1.0
    assert [row["class"] for row in found["by_type"]] == (["pond"] if kind == "polygons" else [])


@pytest.mark.parametrize(
    ("day", "timely"),
    [(date(2025, 5, 20), False), (date(2025, 5, 21), True), (date(2025, 6, 20), True), (date(2025, 6, 21), False), (None, True)],
)  # fmt: skip
def test_truth__of_other_days_is_no_change(look, tmp_path, day, timely):
    """After the first day, up to the last; what has no day stays."""
    truth = tmp_path / "t.gpkg"
    table = gpd.GeoDataFrame(
        {"family": ["pond", "road"], "changed_on": [day, date(2025, 6, 1)]},
        geometry=[square((500, 540), (500, 540)), square((10, 12), (10, 90))],
        crs=CRS,
    )
    table["changed_on"] = table["changed_on"].astype(object)
    vector_writer.write_geopackage(truth, {"changes": table}, crs=CRS)
    days = date(2025, 5, 20), date(2025, 6, 20)
    opened = open_truth(TruthOptions(truth), GRID, SETTINGS, days)
    assert opened.labels(Window(505, 505, 1, 1))[0, 0] == (
        schema.CHANGED if timely else schema.UNCHANGED
    )
    assert f"{0 if timely else 1} of 2 polygons" in opened.about
    judged = replace(open_judged(look, None, None), days=days)
    found = judge_patches(judged, opened, SETTINGS).facts["patches"]["before"]["by_size"][-1]
    assert found["recall"]["n"] == (2 if timely else 1)
    assert found["precision"]["hits"] == (1 if timely else 0)


def test_patches__on_unlabelled_ground_are_not_judged(look, tmp_path):
    unchanged = np.zeros((SIDE, SIDE), np.uint8)
    unchanged[300:400] = 1
    options = TruthOptions(draw(tmp_path / "c.tif", labels()), draw(tmp_path / "u.tif", unchanged))
    found = accuracy.patches(look, options, SETTINGS).facts["patches"]["before"]["by_size"][-1]
    assert (found["precision"]["n"], found["not_judged"]) == (1, 1)


def test_patches__on_values_of_no_label_are_not_judged(look, tmp_path):
    values = np.full((SIDE, SIDE), 7, np.uint8)
    values[TRUE] = 2
    values[300:400] = 1
    truth = draw(tmp_path / "t.tif", values)
    named = accuracy.settings_of(None, changed="2", unchanged="1")
    found = accuracy.patches(look, TruthOptions(truth), named).facts["patches"]["before"][
        "by_size"
    ][-1]
    assert (found["precision"]["n"], found["not_judged"]) == (1, 1)


def test_patches__a_change_that_was_not_observed_is_told_apart(look, tmp_path):
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[530:540, 500:540] = 255
    truth = draw(tmp_path / "t.tif", mask)
    found = accuracy.patches(look, TruthOptions(truth), SETTINGS).facts["patches"]["before"][
        "by_size"
    ][-1]
    assert (found["recall"]["n"], found["not_observed"]) == (0, 1)


def test_write__leaves_the_same_bytes_and_replaces_only_when_asked(look, tmp_path):
    report = accuracy.pixels(look, TruthOptions(draw(tmp_path / "t.tif", labels())), SETTINGS)
    for name in ("one", "two"):
        accuracy.write(report, tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert {
        "ROC.png",
        "PR.png",
        "accuracy.html",
        "accuracy.json",
        "curve.csv",
        "pixel_scores.csv",
    } <= set(names)
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), (
            name
        )
    with pytest.raises(InputError, match="add --overwrite"):
        accuracy.write(report, tmp_path / "one")
    accuracy.write(report, tmp_path / "one", overwrite=True)
    stored = json.loads((tmp_path / "one" / "accuracy.json").read_text(encoding="utf-8"))
    assert stored["pixels"]["operating_points"][0]["hits"] == 800
    with Image.open(tmp_path / "one" / "ROC.png") as picture:
        assert picture.size[0] > 600
        assert len(picture.convert("L").getcolors()) > 20  # something is drawn
    page = (tmp_path / "one" / "accuracy.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert "script" not in page


def test_page__escapes_what_comes_from_files(look, tmp_path):
    truth = draw(tmp_path / "<b>x.tif", labels())
    accuracy.write(accuracy.pixels(look, TruthOptions(truth), SETTINGS), tmp_path / "out")
    page = (tmp_path / "out" / "accuracy.html").read_text(encoding="utf-8")
    assert "<b>x" not in page
    assert "&lt;b&gt;x.tif" in page


@pytest.fixture
def drawn(look, tmp_path):
    """Points drawn from the look: file, and a function that interprets them by the truth."""
    path = tmp_path / "points.gpkg"
    sampling.sample(look, path, sampling.SamplePlan(60, 3))

    def interpret(skipped=()):
        mask = labels()
        table = vector_writer.read_geopackage(path, "points").drop(columns="geometry")
        names = [
            "changed" if mask[r, c] else "unchanged"
            for r, c in zip(table["row"], table["col"], strict=True)
        ]
        table["reference_class"] = names
        table.loc[table["stratum"].isin(skipped), "reference_class"] = ""
        done = tmp_path / "done.csv"
        table.to_csv(done, index=False, encoding="utf-8-sig")
        return done

    return path, interpret


def test_sample__draws_from_every_stratum_and_knows_their_areas(look, drawn, tmp_path):
    path, _ = drawn
    strata = {row["stratum"]: row for row in read_rows(strata_path(path))}
    assert {name: int(row["pixels"]) for name, row in strata.items()} == {
        "changed": 900, "not_observed": 400, "just_below": int(strata["just_below"]["pixels"]),
        "unchanged": SIDE * SIDE - 1300 - int(strata["just_below"]["pixels"]),
    }  # fmt: skip
    assert 0.01 <= int(strata["just_below"]["pixels"]) / (SIDE * SIDE - 1300) < 0.013
    table = vector_writer.read_geopackage(path, "points")
    assert table["stratum"].value_counts().to_dict() == dict.fromkeys(strata, 60)
    assert table["stratum"].tolist() != sorted(table["stratum"])  # the order tells nothing
    areas = {row["stratum"]: float(row["area_m2"]) for row in read_rows(strata_path(path))}
    assert sum(areas.values()) == pytest.approx(SIDE * SIDE * 4, rel=2e-3)
    again = tmp_path / "again.gpkg"
    sampling.sample(look, again, sampling.SamplePlan(60, 3))
    assert again.read_bytes() == path.read_bytes()
    with pytest.raises(InputError, match="is there already"):
        sampling.sample(look, path, sampling.SamplePlan(60, 3))


def test_points__omissions_that_no_point_met_are_said_to_be_possible(drawn):
    """400 missed pixels lie among 350,000 quiet ones: 60 points meet none, and the interval is too low."""
    _, interpret = drawn
    report = accuracy.points(interpret(), strata_path(drawn[0]))
    area = report.facts["area_mu"]["changed"]
    true_mu = 1600 * 4 * 3 / 2000
    assert area["interval95"][1] < true_mu
    assert area["interval95"][0] <= true_mu <= area["interval95"][1] + area["unseen_upper95"]
    assert report.facts["users_accuracy"]["changed"]["value"] == pytest.approx(8 / 9, abs=0.1)
    assert report.facts["not_interpreted"] == 0


def test_points__strata_nobody_looked_at_leave_the_whole_open(drawn):
    _, interpret = drawn
    report = accuracy.points(interpret(skipped=("not_observed",)), strata_path(drawn[0]))
    assert report.facts["overall_accuracy"]["value"] is None
    assert "not_observed" in report.facts["overall_accuracy"]["reason"]
    assert report.facts["users_accuracy"]["changed"]["value"] is not None
    assert report.facts["not_interpreted"] == 60


def test_points__of_a_blind_sample_are_opened_by_the_key(look, drawn, tmp_path):
    path, interpret = drawn
    blind = tmp_path / "blind.gpkg"
    sampling.sample(look, blind, sampling.SamplePlan(60, 3, is_blind=True))
    shown = vector_writer.read_geopackage(blind, "points")
    assert not set(sampling.SECRET) & set(shown.columns)
    told = read_rows(interpret())
    names = {row["point_id"]: row["reference_class"] for row in told}
    shown["reference_class"] = [names[point] for point in shown["point_id"]]
    done = tmp_path / "blind.csv"
    shown.drop(columns="geometry").to_csv(done, index=False)
    report = accuracy.points(done, strata_path(blind))  # blind.key.csv lies beside it
    assert report.facts == accuracy.points(interpret(), strata_path(path)).facts
    done.write_text(done.read_text().replace("S00007", "S99999"))
    with pytest.raises(LayerError, match="S99999 is not in"):
        accuracy.points(done, strata_path(blind))


def test_guide__its_settings_file_is_one(repository):
    text = (repository / "docs" / "guide.zh.md").read_text(encoding="utf-8")
    settings = parse(text.split("```yaml")[-1].split("```")[0], AccuracySection, "guide")
    assert settings.changed == ("128-255",)


def test_points__without_columns_or_numbers_are_refused(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("point_id,class\na,b\n")
    with pytest.raises(LayerError, match=r"no key p\.key\.csv"):
        accuracy.points(path, None)
    path.write_text("stratum,class\na,b\n")
    with pytest.raises(LayerError, match="no column 'stratum_area_m2'"):
        accuracy.points(path, None)
    path.write_text("stratum,stratum_area_m2,reference_class\na,many,b\n")
    with pytest.raises(LayerError, match="'many' is no number"):
        accuracy.points(path, None)
    path.write_text("stratum,stratum_area_m2,reference_class\na,1,b\na,2,b\n")
    with pytest.raises(LayerError, match="two areas"):
        accuracy.points(path, None)
