from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from threadpoolctl import threadpool_limits

from changedetect.codes import FAMILIES
from changedetect.config.detection import ClassifySection, TrainingSection
from changedetect.errors import GridError, LayerError, ModelError
from changedetect.kernels.texture import NOT_KNOWN
from changedetect.stages import classify
from changedetect.stages.classify import (
    CHANNELS,
    FEATURE_NAMES,
    FEATURES,
    HALO_PX,
    PSEUDO,
    UNSURE,
    channel_sampler,
    channels,
    features,
    fit,
    label_patches,
    learn,
    predict,
)

SMALL = TrainingSection(trees=20, learning_rate=0.3, folds=3, min_examples=6)
CFG = ClassifySection()


def stack_of(values, roles):
    return xr.DataArray(
        np.asarray(values, np.float32), dims=("time", "band", "y", "x"), coords={"band": roles}
    )


def random_stack(roles, shape=(40, 37), seed=1):
    rng = np.random.default_rng(seed)
    values = rng.random((2, len(roles), *shape)).astype(np.float32)
    values[:, :, rng.random(shape) < 0.1] = np.nan
    return stack_of(values, roles)


def test_channels__by_hand():
    before, after = [[[0.1]], [[0.2]], [[0.3]], [[0.5]]], [[[0.2]], [[0.2]], [[0.2]], [[0.2]]]
    found = dict(
        zip(
            CHANNELS,
            channels(stack_of([before, after], ["blue", "green", "red", "nir"]))[:, 0, 0].tolist(),
            strict=True,
        )
    )
    expected = {
        "blue_before": 1000, "nir_before": 5000, "ndvi_before": 2500, "ndwi_before": -4286,
        "brightness_before": 2000, "texture_before": 0, "edge_before": 0, "ndvi_after": 0,
        "brightness_after": 2000, "around_brightness_before": 2000, "around_ndvi_before": 2500,
        "swir1_before": NOT_KNOWN, "ndbi_after": NOT_KNOWN, "rededge_after": NOT_KNOWN,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_channels__absent_bands_and_unobserved_pixels_are_missing_not_zero():
    stack = random_stack(["red", "green", "blue"])
    found = dict(zip(CHANNELS, channels(stack), strict=True))
    hidden = np.isnan(stack.values[0, 0])
    assert (found["nir_before"] == NOT_KNOWN).all()
    assert (found["ndvi_after"] == NOT_KNOWN).all()
    assert (found["around_ndvi_after"] == NOT_KNOWN).all()
    assert np.array_equal(found["red_before"] == NOT_KNOWN, hidden)
    assert np.array_equal(found["brightness_before"] == NOT_KNOWN, hidden)


def test_channels__dark_ground_has_no_index():
    zero = np.zeros((2, 2, 1, 1))
    found = dict(zip(CHANNELS, channels(stack_of(zero, ["red", "nir"])), strict=True))
    assert found["red_before"] == 0
    assert found["ndvi_before"] == NOT_KNOWN
    negative = stack_of(zero + np.array([-0.01, 0.1])[None, :, None, None], ["red", "nir"])
    assert dict(zip(CHANNELS, channels(negative), strict=True))["ndvi_before"] == 10_000


def test_channel_sampler__is_the_same_for_every_tiling():
    stack = random_stack(["blue", "green", "red", "nir", "swir1"], (70, 60))
    whole = channels(stack)
    rows, cols = np.array([20, 33, 40]), np.array([15, 40, 22])
    top, left = 20 - HALO_PX, 15 - HALO_PX
    part = stack[:, :, top : 41 + HALO_PX, left : 41 + HALO_PX]
    assert np.array_equal(channel_sampler(part)(rows - top, cols - left), whole[:, rows, cols])


def test_channel_sampler__of_no_pixels_has_all_channels():
    nothing = np.zeros(0, np.int64)
    assert channel_sampler(random_stack(["red"]))(nothing, nothing).shape == (len(CHANNELS), 0)


def test_channel_sampler__refuses_a_stack_of_one_date():
    with pytest.raises(LayerError, match="1 dates found"):
        channel_sampler(random_stack(["red"])[:1])


def patches_of(*polygons, **columns):
    count = len(polygons)
    table = {
        "patch_id": [f"P{number:012d}" for number in range(count)],
        "area_m2": shapely.area(polygons),
        "perimeter_m": shapely.length(polygons),
        "llr_mean": [2.0] * count,
        "llr_max": [5.0] * count,
        "before_date": [date(2025, 1, 10)] * count,
        "after_date": [date(2025, 6, 9)] * count,
    }
    return gpd.GeoDataFrame(
        table | columns, geometry=shapely.multipolygons([[p] for p in polygons]), crs="EPSG:4547"
    )


def moments_of(**known):
    """Moments of one patch: channel name = list of pixel values."""
    moments = np.zeros((1, len(CHANNELS), 3), np.int64)
    for name, values in known.items():
        moments[0, CHANNELS.index(name)] = len(values), sum(values), sum(v * v for v in values)
    return moments


SQUARE = shapely.box(0, 0, 10, 10)


def test_features__by_hand():
    moments = moments_of(
        red_before=[1000, 3000], red_after=[5000, 5000], nir_before=[1000, 3000],
        brightness_before=[1000], brightness_after=[4000],
        around_brightness_before=[1000], around_brightness_after=[2000],
    )  # fmt: skip
    found = features(patches_of(SQUARE), moments).iloc[0]
    expected = {
        "f_red_before": 0.2, "f_red_after": 0.5, "f_red_step": 0.3, "f_nir_sd_before": 0.1,
        "f_brightness_beyond": 0.2, "f_log_area": np.log(100), "f_compactness": np.pi / 4,
        "f_elongation": 1.0, "f_rectangularity": 1.0, "f_mean_width_m": 5.0, "f_hole_share": 0.0,
        "f_parts": 1.0, "f_llr_mean": 2.0, "f_gap_days": 150.0, "f_season_gap_days": 150.0,
    }  # fmt: skip
    for name, value in expected.items():
        assert found[name] == pytest.approx(value), name
    missing = ["f_nir_after", "f_nir_step", "f_swir1_before", "f_ndvi_step", "f_nir_sd_after"]
    assert found[missing].isna().all()


def test_features__shapes_tell_a_road_from_a_block_and_a_ring():
    road = shapely.transform(shapely.box(0, 0, 100, 4), lambda xy: xy @ [[0.8, 0.6], [-0.6, 0.8]])
    ring = SQUARE.difference(shapely.box(2, 2, 8, 8))
    table = features(patches_of(road, ring), np.zeros((2, len(CHANNELS), 3), np.int64))
    assert table["f_elongation"].tolist() == pytest.approx([25.0, 1.0])
    assert table["f_hole_share"].tolist() == pytest.approx([0.0, 0.36])
    assert table["f_rectangularity"].tolist() == pytest.approx([1.0, 1.0])
    assert table["f_mean_width_m"].tolist() == pytest.approx([800 / 208, 128 / 64])


def test_features__season_gap_wraps_around_the_year():
    patches = patches_of(SQUARE, before_date=[date(2024, 12, 20)], after_date=[date(2026, 1, 4)])
    found = features(patches, moments_of()).iloc[0]
    assert found["f_gap_days"] == 380
    assert found["f_season_gap_days"] == pytest.approx(14.75)
    undated = patches.drop(columns=["before_date", "after_date"])
    assert np.isnan(features(undated, moments_of()).iloc[0]["f_gap_days"])


def test_features__names_are_those_documented_and_rows_are_independent():
    assert len(set(FEATURE_NAMES)) == len(FEATURES)
    assert all(unit and meaning for _, unit, meaning in FEATURES)
    patches = patches_of(SQUARE, shapely.box(0, 0, 3, 8), shapely.box(1, 1, 2, 9))
    rng = np.random.default_rng(2)
    moments = rng.integers(1, 9999, (3, len(CHANNELS), 3))
    table = features(patches, moments)
    assert list(table.columns) == ["patch_id", *FEATURE_NAMES]
    order = [2, 0, 1]
    shuffled = features(patches.iloc[order].reset_index(drop=True), moments[order])
    pd.testing.assert_frame_equal(shuffled, table.iloc[order].reset_index(drop=True))
    assert len(features(patches.iloc[:0], moments[:0])) == 0


def test_features__refuses_moments_of_other_channels():
    with pytest.raises(LayerError, match="channels"):
        features(patches_of(SQUARE), np.zeros((1, 3, 3), np.int64))


def lesson(count=160, seed=3):
    """Features in which three classes differ, with gaps, and their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(["building", "pond", PSEUDO], count, p=[0.3, 0.2, 0.5]).astype(object)
    values = rng.normal(size=(count, len(FEATURE_NAMES)))
    table = pd.DataFrame(values, columns=list(FEATURE_NAMES))
    for name, column in (("building", "f_brightness_step"), ("pond", "f_ndwi_step")):
        table[column] += np.where(labels == name, 4.0, 0.0)
    table["f_swir1_step"] = np.nan
    table["f_nir_step"] = table["f_nir_step"].where(rng.random(count) > 0.2)
    table.insert(0, "patch_id", [f"P{number:012d}" for number in range(count)])
    return table, labels


@pytest.fixture(scope="module")
def learnt():
    table, labels = lesson()
    return fit(table, labels, SMALL, seed=5)


def test_fit__learns_what_can_be_learnt(learnt):
    estimator, report = learnt
    table, labels = lesson(seed=4)
    found = predict(estimator, table, CFG)
    changed = labels != PSEUDO
    assert np.mean((found["change_probability"] > 0.5) == changed) > 0.85
    assert (found["family"][changed] == labels[changed]).mean() > 0.8
    assert report.examples == {name: int((lesson()[1] == name).sum()) for name in set(lesson()[1])}
    assert report.log_loss <= report.raw_log_loss
    assert sum(sum(row.values()) for row in report.confusion.values()) == len(labels)
    assert 0 < report.brier < 0.2
    assert 0 < report.calibration_error < 0.2
    assert report.inverse_temperature > 0
    assert report.unused == ("f_swir1_step",)
    assert not report.grouped


def test_fit__does_not_depend_on_the_order_of_rows(learnt):
    table, labels = lesson()
    order = np.random.default_rng(0).permutation(len(labels))
    again, report = fit(table.iloc[order], labels[order], SMALL, seed=5)
    assert report == learnt[1]
    pd.testing.assert_frame_equal(predict(again, table, CFG), predict(learnt[0], table, CFG))


def test_fit__leaves_rare_classes_and_unlabelled_rows_out_and_says_so():
    table, labels = lesson()
    labels[:3] = "mining"
    labels[3:20] = ""
    estimator, report = fit(table, labels, SMALL, seed=1)
    assert report.left_out == {"mining": 3}
    assert set(estimator.classes_) == {"building", "pond", PSEUDO}
    assert sum(report.examples.values()) == len(labels) - 20


def test_fit__keeps_worlds_together():
    table, labels = lesson()
    worlds = np.arange(len(labels)) % 3
    _, report = fit(table, labels, SMALL, seed=1, groups=worlds)
    assert report.log_loss < 1
    assert report.grouped
    alone = np.where(labels == "pond", 0, 1 + worlds)
    assert not fit(table, labels, SMALL, seed=1, groups=alone)[1].grouped
    with pytest.raises(ModelError, match="one group"):
        fit(table, labels, SMALL, seed=1, groups=worlds * 0)


def test_fit__refuses_unknown_labels_and_too_few_examples():
    table, labels = lesson()
    with pytest.raises(ModelError, match="houses"):
        fit(table, ["houses", *labels[1:]], SMALL, seed=1)
    with pytest.raises(ModelError, match="fewer than two classes"):
        fit(table, [PSEUDO] * len(labels), SMALL, seed=1)
    with pytest.raises(ModelError, match="f_red_step"):
        fit(table.drop(columns="f_red_step"), labels, SMALL, seed=1)


def test_predict__is_the_same_in_any_order_and_company(learnt):
    table, _ = lesson(seed=9)
    whole = predict(learnt[0], table, CFG)
    alone = pd.concat([predict(learnt[0], table.iloc[k : k + 7], CFG) for k in range(0, 160, 7)])
    pd.testing.assert_frame_equal(whole, alone.reset_index(drop=True))
    backwards = predict(learnt[0], table[::-1], CFG)[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(whole, backwards)


def test_predict__is_unsure_rather_than_wrong(learnt):
    table, _ = lesson(seed=9)
    strict = predict(learnt[0], table, ClassifySection(min_probability=0.99))
    unsure = strict["family_probability"] < 0.99
    assert (strict["family"] == UNSURE).equals(unsure)
    assert unsure.any()
    assert set(strict["family"]) <= {*FAMILIES, UNSURE}
    assert strict["family_probability"].between(0, 1).all()


def test_predict__rejects_only_clear_pseudo_change(learnt):
    table, _ = lesson(seed=9)
    found = predict(learnt[0], table, ClassifySection(reject_probability=0.8))
    assert found["rejected"].equals(1 - found["change_probability"] > 0.8)
    assert found["rejected"].any()
    assert not found["rejected"].all()


def test_predict__of_no_patches_is_empty(learnt):
    table, _ = lesson()
    found = predict(learnt[0], table.iloc[:0], CFG)
    assert list(found.columns) == [
        "patch_id", "family", "family_probability", "change_probability", "rejected",
    ]  # fmt: skip
    assert len(found) == 0


def test_predict__refuses_a_model_of_other_features_or_classes(learnt, monkeypatch):
    table, _ = lesson()
    with pytest.raises(ModelError, match="f_red_step"):
        predict(learnt[0], table.drop(columns="f_red_step"), CFG)
    monkeypatch.setattr(classify.model, "CLASSES", ("building", PSEUDO))
    with pytest.raises(ModelError, match="pond"):
        predict(learnt[0], table, CFG)


def truth_of(*rows):
    return gpd.GeoDataFrame(
        {
            "family": [family for family, _, _ in rows],
            "changed_on": [day for _, day, _ in rows],
        },
        geometry=[polygon for _, _, polygon in rows],
        crs="EPSG:4547",
    )


DURING, BEFORE = date(2025, 3, 1), date(2025, 1, 10)


def test_label_patches__names_what_covers_most():
    patches = patches_of(SQUARE, shapely.box(20, 0, 30, 10), shapely.box(40, 0, 50, 10))
    truth = truth_of(
        ("pond", DURING, shapely.box(0, 0, 4, 10)),
        ("building", DURING, shapely.box(4, 0, 10, 10)),
        ("road", DURING, shapely.box(29, 0, 35, 10)),
        ("mining", DURING, shapely.box(41, 0, 41.01, 10)),
    )
    cfg = TrainingSection()
    assert label_patches(patches, truth, cfg).tolist() == ["building", "", PSEUDO]
    order = [2, 0, 3, 1]
    again = label_patches(patches.iloc[::-1].reset_index(drop=True), truth.iloc[order], cfg)
    assert again.tolist() == [PSEUDO, "", "building"]


def test_label_patches__adds_pieces_of_one_family():
    truth = truth_of(
        ("pond", DURING, shapely.box(0, 0, 2, 10)), ("pond", DURING, shapely.box(4, 0, 6, 10))
    )
    assert label_patches(patches_of(SQUARE), truth, TrainingSection()).tolist() == ["pond"]


def test_label_patches__ground_that_changed_on_other_days_is_nobodys():
    for day in (BEFORE, date(2025, 6, 10)):
        truth = truth_of(("building", day, SQUARE))
        assert label_patches(patches_of(SQUARE), truth, TrainingSection()).tolist() == [""]
    undated = patches_of(SQUARE).drop(columns=["before_date", "after_date"])
    assert label_patches(undated, truth, TrainingSection()).tolist() == ["building"]


def test_label_patches__without_truth_all_is_pseudo_change():
    truth = truth_of(("pond", DURING, SQUARE))
    assert label_patches(patches_of(SQUARE), truth.iloc[:0], TrainingSection()).tolist() == [PSEUDO]
    with pytest.raises(GridError, match="EPSG:4548"):
        label_patches(patches_of(SQUARE), truth.to_crs("EPSG:4548"), TrainingSection())


def test_fit__a_feature_that_was_never_there_is_not_looked_at(learnt):
    """Later sensors may have the band; what it says was not learnt."""
    table, _ = lesson()
    with_band = table.assign(f_swir1_step=np.linspace(-1, 1, len(table)))
    pd.testing.assert_frame_equal(
        predict(learnt[0], table, CFG), predict(learnt[0], with_band, CFG)
    )


def test_fit__the_number_of_threads_changes_no_byte(learnt):
    table, labels = lesson()
    with threadpool_limits(limits=2):
        again, report = fit(table, labels, SMALL, seed=5)
    assert report == learnt[1]
    features = list(FEATURE_NAMES)
    one, other = (model.predict_proba(table[features]) for model in (learnt[0], again))
    assert np.array_equal(one, other)


def test_learn__is_fit_without_its_report(learnt):
    table, labels = lesson()
    same = learn(table, labels, SMALL, seed=5)
    pd.testing.assert_frame_equal(predict(same, table, CFG), predict(learnt[0], table, CFG))
