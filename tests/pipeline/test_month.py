"""A whole month: what comes out, again, interrupted, stage by stage, and with other inputs."""

import json
import os
import shutil
import signal
import sqlite3
from datetime import timedelta

import numpy as np
import pytest

from changedetect.errors import InputError, IntegrityError, LedgerError, LockedError
from changedetect.io import record_files
from changedetect.io.ledger import LedgerStore
from changedetect.io.publish import RunLock
from changedetect.pipeline.judging.evaluation import evaluate
from changedetect.pipeline.ledger.ledgerwork import enter
from changedetect.pipeline.month import STEPS
from changedetect.pipeline.steps import detection
from changedetect.records import Case, Unit, UnobservedArea, Verdict
from tests.pipeline import tiny_job
from tests.pipeline.killed import month_killed_at, signal_that_ended


def out_of(config):
    return config.parent / "out" / tiny_job.MONTH


def entries_of(config):
    return LedgerStore(config.parent / "out" / "ledger.sqlite").entries()


@pytest.fixture
def done(whole, tiny_base, tmp_path, monkeypatch):
    """Config file of a copy of the job with its finished run."""
    tiny_job.use_model(tiny_base, monkeypatch)
    shutil.copytree(whole.parent, tmp_path / "job")
    return tmp_path / "job" / "config.yaml"


def test_month__every_planted_change_is_accounted_for(whole):
    folder = out_of(whole)
    units = record_files.read_records(folder / "units.json", Unit)
    by_place = {
        one.name: [u for u in units if u.geometry.intersects(one.polygon.buffer(-4))]
        for one in tiny_job.PLANTED
    }
    found = {
        name: [(u.district, f.verdict) for u in some for f in u.findings if f.theme == "02"]
        for name, some in by_place.items()
    }
    yes, no = Verdict.YES, Verdict.NO
    assert found == {
        "open": [(tiny_job.WEST, yes)],
        "border": [(tiny_job.WEST, yes), (tiny_job.EAST, yes)],
        "hidden": [],
        "approved": [(tiny_job.EAST, no)],
        "late": [(tiny_job.EAST, yes)],
        "small": [(tiny_job.EAST, yes)],
    }
    for one in tiny_job.PLANTED:
        if one.name != "hidden":
            area = sum(u.area_m2 for u in by_place[one.name])
            assert area == pytest.approx(one.polygon.area, rel=0.2)
    cases = {case.unit_id: case for case in record_files.read_records(folder / "cases.json", Case)}
    assert [cases[u.unit_id].pooled for u in by_place["small"]] == [True]
    assert [cases[u.unit_id].record_only for u in by_place["approved"]] == [True]
    assert not any(cases[u.unit_id].record_only for u in by_place["open"] + by_place["late"])
    assert len(cases) == len(units) == 6


def test_month__what_clouds_hide_is_not_observed_and_never_unchanged(whole):
    hidden = next(one for one in tiny_job.PLANTED if one.name == "hidden")
    areas = record_files.read_records(out_of(whole) / "unobserved.json", UnobservedArea)
    assert any(area.geometry.covers(hidden.polygon) for area in areas)
    report = evaluate(out_of(whole), whole.parent / "truth.gpkg")
    fates = {fate.truth_id: fate.fate for fate in report.fates}
    assert fates == {
        "open": "case", "border": "case", "hidden": "not_observed",
        "approved": "recorded", "late": "case", "small": "pooled",
    }  # fmt: skip
    assert report.area_gap_mu < 0.01


def test_month__a_repeated_run_does_nothing_and_says_so(done):
    stamps, digests = tiny_job.stamps(done.parent), tiny_job.digests(done.parent)
    report = tiny_job.run(done, clock=lambda: tiny_job.NOW + timedelta(days=1), tile_px=100)
    assert report.repeated
    assert report.exit_code == 0
    assert "nothing to do" in report.lines()[0]
    assert tiny_job.stamps(done.parent) == stamps
    assert tiny_job.digests(done.parent) == digests


def test_month__the_same_records_elsewhere_under_another_name_give_the_same_bytes(done, whole):
    shutil.rmtree(done.parent / "out")
    for name in list(STEPS):
        tiny_job.run(done, only=name)
    assert tiny_job.digests(out_of(done)) == tiny_job.digests(out_of(whole))
    assert entries_of(done) == entries_of(whole)


@pytest.mark.parametrize("name", [name for name in STEPS if name != "scenes"])
def test_month__a_stage_without_its_predecessor_is_refused_with_advice(tiny, name):
    names = list(STEPS)
    before = names[names.index(name) - 1]
    if name == "deliver":
        before = "scenes"
    with pytest.raises(InputError, match=f"step '{before}' has not been run yet; run it first"):
        tiny_job.run(tiny, only=name)


KILLS = (12, 26, 9, 45)
"""Files that each run in turn may begin to name before it dies (two syncs a file)."""


def test_month__killed_again_and_again_it_goes_on_to_the_same_bytes(tiny, tiny_base, whole):
    reached = []
    for number in KILLS:
        ended_by = signal_that_ended(month_killed_at, tiny, tiny_base / "models", number)
        assert ended_by == signal.SIGKILL
        manifest = out_of(tiny) / "run.json"
        steps = json.loads(manifest.read_text())["steps"] if manifest.is_file() else []
        reached.append(len(steps))
    assert reached == sorted(reached)
    assert len(set(reached)) >= 3, f"kills fell into few steps only: {reached}"
    report = tiny_job.run(tiny, tile_px=100)
    assert not report.repeated
    assert tiny_job.digests(out_of(tiny)) == tiny_job.digests(out_of(whole))
    assert entries_of(tiny) == entries_of(whole)


def test_month__killed_between_ledger_and_manifest_nothing_is_entered_twice(done, whole):
    """The ledger is written, the step is not yet recorded: the worst moment."""
    manifest = out_of(done) / "run.json"
    data = json.loads(manifest.read_text())
    data["steps"] = [step for step in data["steps"] if step["name"] not in {"cases", "deliver"}]
    manifest.write_text(json.dumps(data))
    (out_of(done) / "cases.json").unlink()
    tiny_job.run(done, clock=lambda: tiny_job.NOW + timedelta(hours=5))
    assert entries_of(done) == entries_of(whole)
    assert tiny_job.digests(out_of(done)) == tiny_job.digests(out_of(whole))


@pytest.mark.parametrize("restored", [False, True])
def test_month__a_ledger_that_lost_cases_hears_of_them_again(done, whole, restored):
    path = done.parent / "out" / "ledger.sqlite"
    path.unlink()
    if restored:
        enter(LedgerStore(path), lambda _: [item.entry for item in entries_of(whole)[:2]])
    report = tiny_job.run(done)
    assert "cases" in [record.name for record, reused in report.steps if not reused]
    assert len(entries_of(done)) == len(entries_of(whole))
    assert (
        tiny_job.digests(out_of(done))["cases.json"]
        == (tiny_job.digests(out_of(whole))["cases.json"])
    )


def test_month__done_is_not_told_by_files_being_there(tiny, whole):
    """Negative control: wrong bytes under a right name must not survive."""
    shutil.copytree(out_of(whole), out_of(tiny))
    (out_of(tiny) / "evidence.tif").write_bytes(b"II*\0 half a file")
    (out_of(tiny) / "run.json").unlink()
    tiny_job.run(tiny, only="scenes")
    with pytest.raises(InputError, match="step 'detect' has not been run yet"):
        tiny_job.run(tiny, only="classify")
    tiny_job.run(tiny, only="detect")
    assert (
        tiny_job.digests(out_of(tiny))["evidence.tif"]
        == (tiny_job.digests(out_of(whole))["evidence.tif"])
    )


def test_month__a_result_that_somebody_changed_is_named_and_made_again(done, whole):
    path = out_of(done) / "evidence.tif"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(IntegrityError, match=r"evidence\.tif: gone or changed"):
        tiny_job.run(done, only="classify")
    with pytest.raises(IntegrityError, match=r"evidence\.tif.*--overwrite"):
        tiny_job.run(done)
    report = tiny_job.run(done, overwrite=True)
    assert [r.name for r, reused in report.steps if not reused] == ["detect"]
    assert tiny_job.digests(out_of(done)) == tiny_job.digests(out_of(whole))


def test_month__a_changed_image_is_refused_until_overwriting_is_allowed(done):
    before = tiny_job.digests(out_of(done))
    image = np.roll(tiny_job.ground()[1], 3, axis=0)
    tiny_job.write_image(done.parent / "scenes" / tiny_job.AFTER, image)
    with pytest.raises(InputError, match=r"done from other inputs.*--overwrite"):
        tiny_job.run(done)
    assert tiny_job.digests(out_of(done)) == before
    report = tiny_job.run(done, overwrite=True, only="scenes")
    assert not report.repeated
    assert tiny_job.digests(out_of(done))["scenes.json"] != before["scenes.json"]


def test_month__a_changed_record_redoes_only_what_rests_on_it(done):
    path = done.parent / "records" / "SP_NZY.gpkg"
    shutil.copy(done.parent / "records" / "SP_ZJG.gpkg", path)
    tiny_job.write_layer(
        path,
        [tiny_job.approval(tiny_job.PLANTED[0], tiny_job.date(2025, 3, 3), 1)],
        [tiny_job.PLANTED[0].polygon.buffer(6)],
    )
    with pytest.raises(InputError, match="step 'check' was done from other inputs"):
        tiny_job.run(done)
    report = tiny_job.run(done, overwrite=True)
    again = [record.name for record, reused in report.steps if not reused]
    assert again == ["check", "cases", "deliver"]


def test_month__a_changed_look_redoes_the_packages_only(done):
    text = done.read_text(encoding="utf-8")
    done.write_text(text.replace("thumbnail_px: 16", "thumbnail_px: 24"), encoding="utf-8")
    with pytest.raises(InputError, match="step 'deliver' was done from other inputs"):
        tiny_job.run(done)
    report = tiny_job.run(done, overwrite=True)
    assert [record.name for record, reused in report.steps if not reused] == ["deliver"]


def test_month__a_second_run_at_once_is_told_who_holds_the_folder(tiny):
    out_of(tiny).mkdir(parents=True)
    with RunLock(out_of(tiny) / ".lock"), pytest.raises(LockedError) as caught:
        tiny_job.run(tiny)
    assert caught.value.exit_code == 6
    assert f"pid {os.getpid()} on" in str(caught.value)
    assert "wait" in str(caught.value)


@pytest.mark.parametrize("damage", ["{", "[]", '{"format": 1, "steps": [{"name": "x"}]}', "null"])
def test_month__a_damaged_manifest_is_refused(done, damage):
    (out_of(done) / "run.json").write_text(damage)
    with pytest.raises(IntegrityError, match=r"run\.json: not a run manifest .*run again"):
        tiny_job.run(done)


def test_month__a_tampered_ledger_is_refused_and_named(done):
    path = done.parent / "out" / "ledger.sqlite"
    with sqlite3.connect(path) as ledger:
        ledger.execute("DROP TRIGGER no_update")
        ledger.execute("UPDATE entries SET actor = 'nobody' WHERE sequence = 3")
    ledger.close()
    text = done.read_text(encoding="utf-8") + "deadlines: {county_day: 21}\n"
    done.write_text(text, encoding="utf-8")
    with pytest.raises(LedgerError, match="3") as caught:
        tiny_job.run(done, overwrite=True)
    assert caught.value.exit_code == 5


def test_month__a_tile_that_can_not_be_done_is_named_and_not_observed(tiny, whole, monkeypatch):
    work = detection.FusedWork.__call__

    def failing(self, tile):
        if tile.name == "r000000c000000":
            msg = "PMS2M_20250618.tif: rows 0 to 100 can not be read"
            raise InputError(msg)
        return work(self, tile)

    monkeypatch.setattr(detection.FusedWork, "__call__", failing)
    report = tiny_job.run(tiny, tile_px=100)
    assert report.exit_code == 3
    assert report.problems == (
        "tile r000000c000000 not observed: PMS2M_20250618.tif: rows 0 to 100 can not be read",
    )
    areas = record_files.read_records(out_of(tiny) / "unobserved.json", UnobservedArea)
    lost = [area for area in areas if area.reason == detection.FAILED]
    assert sum(area.area_m2 for area in lost) == pytest.approx(100 * 100 * 4, rel=0.01)
    units = record_files.read_records(out_of(tiny) / "units.json", Unit)
    every = record_files.read_records(out_of(whole) / "units.json", Unit)
    far = {u.patch_id for u in every if u.geometry.distance(lost[0].geometry) > 20}
    assert len(far) > 1
    assert {unit.patch_id for unit in units} >= far
    assert not any(unit.geometry.intersects(lost[0].geometry.buffer(-8)) for unit in units)
    assert len([f for f in report.facts()["packages"] if f.endswith("_AJ.gpkg")]) == 2
    monkeypatch.setattr(detection.FusedWork, "__call__", work)
    healed = tiny_job.run(tiny, tile_px=100, overwrite=True)
    assert healed.exit_code == 0
