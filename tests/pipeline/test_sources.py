"""A month of all sources: same bytes, clouds, a state that goes on, and what is missing."""

import shutil

import numpy as np
import pytest

from changedetect.io import record_files, vector_writer
from changedetect.pipeline.sources import serieswork, sourcework
from changedetect.pipeline.steps import detection
from changedetect.records import UnobservedArea
from tests.pipeline import sources_job, tiny_job

FILES = ("evidence.tif", "change.tif", "patches.gpkg", "patches.npz", "unobserved.json")


def detect(config, month=tiny_job.MONTH, **chosen):
    for name in ("scenes", "detect"):
        report = tiny_job.run(config, month=month, only=name, **chosen)
    return report.steps[-1][0]


def folder_of(config, month=tiny_job.MONTH):
    return config.parent / "out" / month


def results(config):
    found = tiny_job.digests(folder_of(config))
    return {name: found[name] for name in FILES}


def patches_of(config):
    return vector_writer.read_geopackage(folder_of(config) / "patches.gpkg", "patches")


def at(table, name):
    one = next(one for one in tiny_job.PLANTED if one.name == name)
    return table[table.intersects(one.polygon.buffer(-6))]


@pytest.fixture(scope="module")
def fused(tiny_base, tmp_path_factory):
    """Config file of a job with all sources and its detected month."""
    config = tiny_job.copy_job(tiny_base, tmp_path_factory.mktemp("fused") / "job")
    facts = detect(sources_job.add_sources(config)).facts
    alarms = {one["source"]: one for one in facts["alarms_without_pair"]}
    assert alarms.keys() == {"series", "radar"}
    assert alarms["series"]["false_alarm_rate"] == 0.015  # fusion.recent_alarm_rate
    assert 0 < alarms["radar"]["false_alarm_rate"] < 0.1
    assert all(one["threshold_llr"] >= one["together_threshold_llr"] for one in alarms.values())
    return config


@pytest.fixture
def copied(fused, tmp_path):
    """Config file of a copy of it."""
    shutil.copytree(fused.parent, tmp_path / "job")
    return tmp_path / "job" / "config.yaml"


def test_sources__are_named_on_each_patch(fused):
    table = patches_of(fused)
    open_ground = at(table, "open").iloc[0]
    assert {"optical", "radar"} <= set(open_ground["sources"].split(";"))
    assert open_ground["radar_llr"] > 0
    assert open_ground["before_scene"] == "PMS2M_20250512"
    hidden = at(table, "hidden").iloc[0]
    assert "optical" not in hidden["sources"]
    assert np.isnan(hidden["optical_llr"])
    assert hidden["before_scene"].startswith(("SAR10M", "MSI10M"))


def test_bracket__narrows_to_what_the_sources_saw(fused):
    for name in ("open", "approved"):
        row = at(patches_of(fused), name).iloc[0]
        before, after = (row[key] for key in ("before_date", "after_date"))
        assert tiny_job.BEFORE_DAY <= before < sources_job.CHANGED <= after <= tiny_job.AFTER_DAY


def test_outlines__stay_fine_where_the_pair_saw_the_ground(fused):
    table = patches_of(fused)
    planted = next(one for one in tiny_job.PLANTED if one.name == "open").polygon
    seen = at(table, "open").iloc[0]
    apart = seen.geometry.symmetric_difference(planted).area
    assert apart < 1.25 * planted.length * 2.0, (
        "the outline is off by more than about a pixel of 2 m"
    )
    hidden = at(table, "hidden").iloc[0]
    fine, coarse = (row["area_sd_m2"] / row["perimeter_m"] for row in (seen, hidden))
    assert coarse == pytest.approx(5 * fine, rel=0.7)
    assert coarse > 2 * fine


def test_unobserved__ground_that_only_coarse_sources_saw_is_listed_apart(fused):
    areas = record_files.read_records(folder_of(fused) / "unobserved.json", UnobservedArea)
    by_reason = {one.reason: one.area_m2 for one in areas if one.area_m2 > 100}
    assert set(by_reason) == {detection.PARTLY_SEEN}


def test_bytes__do_not_depend_on_tiles_workers_or_blocks(fused, copied, monkeypatch):
    expected = results(fused)
    shutil.rmtree(copied.parent / "out")
    monkeypatch.setattr(sourcework, "BLOCK_PX", 16)
    detect(copied, tile_px=64, workers=3)
    assert results(copied) == expected


def test_series__goes_on_from_the_state_and_reads_no_history_again(fused, copied, monkeypatch):
    expected = results(fused)
    shutil.rmtree(copied.parent / "out")
    detect(copied, "2025-05")
    asked = []
    read = serieswork.SeriesWork._read
    monkeypatch.setattr(
        serieswork.SeriesWork, "_read", lambda s, *a: asked.extend(a[1]) or read(s, *a)
    )
    detect(copied)
    assert {f"{key.day:%Y-%m}" for key in asked} == {"2025-06"}
    assert results(copied) == expected
    assert len(list((copied.parent / "out" / "series").rglob("*.state"))) == 3


def test_series__a_lost_state_is_built_again(fused, copied):
    shutil.rmtree(copied.parent / "out" / "series")
    shutil.rmtree(folder_of(copied))
    detect(copied)
    assert results(copied) == results(fused)


def test_series__a_repeated_month_does_nothing(copied):
    before = tiny_job.stamps(copied.parent / "out")
    detect(copied)
    assert tiny_job.stamps(copied.parent / "out") == before


def test_series__too_short_is_said_once_and_is_not_observed(tiny):
    sources_job.add_sources(tiny, radar=False, since=sources_job.MSI_DAYS[20])
    facts = detect(tiny).facts
    assert len(facts["notes"]) == 1
    assert "时序不足一年" in facts["notes"][0]
    assert set(patches_of(tiny)["sources"]) == {"optical"}
    assert np.isnan(patches_of(tiny)["series_llr"]).all()


def test_no_other_source__is_as_before(tiny, whole):
    facts = detect(tiny).facts
    assert (facts["sources"], facts["notes"], facts["disputed"]) == ({}, [], 0)
    assert results(tiny) == {name: tiny_job.digests(folder_of(whole))[name] for name in FILES}


def test_unreadable_images__are_named_and_the_rest_counts(tiny):
    sources_job.add_sources(tiny)
    for name in ("SAR10M_20250601.tif", "MSI10M_20250605.tif"):
        path = tiny.parent / "scenes" / name
        data = bytearray(path.read_bytes())
        data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
        path.write_bytes(data)
    record = detect(tiny)
    text = "\n".join(record.problems)
    if "SAR10M_20250601" not in text:  # the damage is in the catalogue's problems
        text = "\n".join(tiny_job.run(tiny, only="detect").problems)
    assert "SAR10M_20250601" in text
    assert "MSI10M_20250605" in text
    assert set(record.facts["sources"]) == {"series", "radar"}


def test_all_cloud__radar_and_series_still_give_cases(tiny):
    cover_all = sources_job.add_sources(tiny)
    sources_job.cover_with_cloud(cover_all)
    report = tiny_job.run(tiny)
    table = patches_of(tiny)
    assert all(len(at(table, name)) for name in sources_job.RADAR_SEES)
    assert not table["sources"].str.contains("optical").any()
    deliver = next(record for record, _ in report.steps if record.name == "deliver")
    assert deliver.facts["cases"] + deliver.facts["pooled"] > 0
    units = (folder_of(tiny) / "units.json").read_text(encoding="utf-8")
    assert '"before_gsd_m":10.0' in units.replace(" ", "")
