"""Bodies of the benchmarks, once and small, so that they cannot rot; speed is never asserted."""

import json

import numpy as np
import pyogrio
import pytest
import rasterio

from changedetect.bench import compare, generated, jobs, kernels, page, peers, suite
from changedetect.bench.measure import Cost, interleaved, machine, median

SIDE_PX = 640
PLAN = generated.Plan(SIDE_PX, bands=4, codec="deflate", blobs=30, seed=11)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """A generated month, small."""
    config = generated.make_job(tmp_path_factory.mktemp("bench") / "job", PLAN)
    return jobs.Task(config, generated.MONTH, 2)


def test_generated__same_seed_same_pixels_whatever_the_codec(task, tmp_path):
    with rasterio.open(task.config.parent / "scenes" / generated.NAMES[1]) as dataset:
        assert dataset.block_shapes[0] == (512, 512)
        expected = dataset.read()
        assert dataset.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "2"
    paths = generated.make_images(tmp_path, generated.Plan(SIDE_PX, 4, "none", 30, 11))
    with rasterio.open(paths[1]) as dataset:
        np.testing.assert_array_equal(dataset.read(), expected)


def test_evidence__finds_the_planted_blobs(benchmark, task):
    facts = benchmark.pedantic(jobs.evidence, args=(task,), rounds=1)
    assert facts["patches"] >= PLAN.blobs
    assert facts["cost"].wall_s >= facts["tiles"].wall_s > 0


def test_floor__reads_every_pixel_once_and_tiles_read_no_less(benchmark, task):
    facts = benchmark.pedantic(jobs.floor, args=(task,), rounds=1)
    assert facts["pixels"] == SIDE_PX * SIDE_PX
    assert jobs.tile_floor(task)["cost"].cpu_s >= 0


def test_month__every_step_is_measured(benchmark, task):
    facts = benchmark.pedantic(jobs.month, args=(task,), rounds=1)
    assert set(facts) >= {"scenes", "detect", "classify", "check", "cases", "deliver"}
    assert facts["patches"] >= PLAN.blobs
    assert facts["cases"] > 0
    assert facts["cost"].cpu_s >= facts["deliver"].cpu_s > 0


@pytest.mark.parametrize("counties", [1, 2, 5, 8])
def test_counties__tile_the_scene(tmp_path, counties):
    plan = generated.Plan(SIDE_PX, blobs=4, counties=counties)
    generated.make_records(tmp_path, plan)
    table = pyogrio.read_dataframe(tmp_path / "XZQ.gpkg")
    assert table["XZQDM"].is_unique
    assert len(table) == counties
    whole = (SIDE_PX * generated.RESOLUTION_M) ** 2
    assert table.area.sum() == pytest.approx(whole)
    assert table.geometry.union_all().area == pytest.approx(whole)


@pytest.fixture(scope="module")
def mask():
    return compare.mask_of(PLAN)


@pytest.mark.parametrize("name", ["polygons", "shapes_shapely"])
def test_polygons__bodies(benchmark, mask, name):
    benchmark.pedantic(compare.polygons(mask)[name], rounds=1)


def test_polygons__are_those_of_rasterio_and_shapely(mask):
    ragged = (np.random.default_rng(4).random((90, 70)) < 0.55).astype(np.uint8)
    assert compare.polygons_agree(mask).holds
    agreement = compare.polygons_agree(np.pad(ragged, ((0, 0), (0, 20))))
    assert agreement.text.startswith("1") or "identical" in agreement.text
    assert agreement.holds


@pytest.mark.parametrize("name", ["patch_parcel", "geopandas_overlay"])
def test_overlay__bodies(benchmark, mask, name):
    shapes = compare.our_polygons(mask, compare.grid_of(SIDE_PX))
    works = compare.overlay(shapes, generated.parcels(SIDE_PX))
    benchmark.pedantic(works[name], rounds=1)


def test_overlay__areas_are_those_of_geopandas(mask):
    shapes = compare.our_polygons(mask, compare.grid_of(SIDE_PX))
    land = generated.parcels(SIDE_PX)
    assert compare.overlay_agrees(shapes, land).holds
    moved = land.assign(geometry=land.geometry.translate(0.001))
    left, right, area = compare.our_areas(shapes, moved)
    assert not np.array_equal(area, compare.our_areas(shapes, land)[2])
    assert len(left) == len(right)


@pytest.mark.parametrize("name", ["series", "series_by_date", "series_all_bands", "numpy_harmonic"])
def test_series__bodies(benchmark, name):
    benchmark.pedantic(compare.courses(16)[name], rounds=1)


def test_whole_arrays__bodies(benchmark, task):
    paths = tuple(sorted((task.config.parent / "scenes").glob("*.tif")))
    works = compare.whole_arrays(paths, 2, 3)
    assert {"numpy_cva", "numpy_irmad", "dask_cva"} <= set(works)
    benchmark.pedantic(lambda: [work() for work in works.values()], rounds=1)


def test_mad__variates_are_those_of_numpy_on_whole_arrays(task, tmp_path):
    paths = tuple(sorted((task.config.parent / "scenes").glob("*.tif")))
    costs = jobs.mad(task, steps=3, out=tmp_path / "mad.tif")
    assert costs["cost"].cpu_s >= costs["tiles"].cpu_s > 0
    assert compare.mad_agrees(paths, tmp_path / "mad.tif", 3).holds
    assert not compare.mad_agrees(paths[::-1], tmp_path / "mad.tif", 1).holds


def test_irmad__dask_gives_the_correlations_of_numpy(task):
    paths = tuple(sorted((task.config.parent / "scenes").glob("*.tif")))
    images = []
    for path in paths:
        with rasterio.open(path) as dataset:
            images.append(dataset.read())
    _, rho = peers.numpy_irmad(*images, steps=3)
    assert np.allclose(peers.dask_irmad(paths, 2, steps=3), rho, atol=2e-3)


def test_irmad__finds_one_pair_of_variates_that_hold_no_change():
    rng = np.random.default_rng(5)
    before = rng.normal(size=(3, 60, 60))
    after = 2 * before + 1 + rng.normal(0, 0.01, before.shape)
    after[:, :6, :6] = rng.normal(5, 1, (3, 6, 6))
    mad, rho = peers.numpy_irmad(before, after, steps=15)
    assert rho.min() > 0.99
    assert np.abs(mad[:, :6, :6]).mean() > 20 * np.abs(mad[:, 10:, 10:]).mean()


def test_kernels__every_one_is_measured(benchmark):
    costs = benchmark.pedantic(kernels.measure_kernels, args=(64, 4, 1, 10.0), rounds=1)
    assert len({cost.name for cost in costs}) == len(costs) >= 10
    assert all(cost.ns_per_px_band > 0 and cost.copy_share > 0 for cost in costs)


def test_interleaved__takes_turns_and_medians():
    order = []
    costs = iter([Cost(3, 1, 5), Cost(9, 9), Cost(1, 1, 7), Cost(9, 9), Cost(2, 4), Cost(9, 9)])

    def next_cost():
        return next(costs)

    found = interleaved({"a": next_cost, "b": next_cost}, 3, order.append)
    assert order == ["a", "b"] * 3
    assert found == {"a": Cost(2, 1, 7), "b": Cost(9, 9, None)}
    assert median([Cost(1, 1)]) == Cost(1, 1, None)


def test_report__ratios_and_lines(tmp_path):
    costs = {"decode": Cost(2, 4, 100), "evidence": Cost(3, 4, 400), "month": Cost(8, 10, 900)}
    report = suite.Report(suite.Choice(2048), machine(), 10.0, [], costs=costs)
    assert report.ratios["evidence_over_decode"] == {"wall": 1.5, "cpu": 1.0}
    assert report.ratios["month_over_decode"] == {"wall": 4.0, "cpu": 2.5}
    assert set(report.ratios) == {"evidence_over_decode", "month_over_decode"}
    assert set(suite.SMALL_IS_GOOD) <= set(suite.RATIOS)
    report.cases, report.patches = 12, 14
    report.details["month"] = {"deliver": Cost(4, 5, 700)}
    json.dumps(report.facts(), allow_nan=False)
    text = "\n".join(page.lines(report))
    assert "evidence_over_decode" in text
    assert "≤ 2" in text
    assert "14 patches, 12 cases" in text
    assert any(line.split()[-1:] == ["700"] for line in text.splitlines())
    report.area_wall_s |= {1_000_000: 1.0, 4_000_000: 4.1}
    report.workers_wall_s |= {1: 4.1, 2: 2.2}
    page.write_plot(tmp_path / "plot.png", report)
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
