"""The promise from end to end on a job small enough for every test."""

import json
from dataclasses import replace
from datetime import date

import geopandas as gpd
import numpy as np
import pytest
import shapely
from typer.testing import CliRunner

from changedetect.accuracy.promise import MISSED, Aim, State
from changedetect.cli.app import app
from changedetect.config.promise import PromiseSettings
from changedetect.errors import InputError, IntegrityError, LayerError, ModelError
from changedetect.io import record_files
from changedetect.pipeline.judging import evaluation
from changedetect.pipeline.promise import promising, two_lists
from changedetect.pipeline.promise.promise_scores import ChangeList, read_changes, read_run, score
from changedetect.pipeline.steps.promise_file import read_promise, season_of
from changedetect.records import Unit
from tests.pipeline import tiny_job

LOOSE = Aim(0.5, 0.4)
"""What so few changes can prove."""

SENSOR_ONLY = PromiseSettings(fields=("sensor", "season"))


@pytest.fixture(scope="module")
def run(whole):
    return whole.parent / "out" / tiny_job.MONTH


def changes_at(path, *names, **columns):
    chosen = [one for one in tiny_job.PLANTED if one.name in names]
    rows = [
        {"编号": one.name, "变化类型": "building", "发现日期": date(2025, 6, 1)} | columns
        for one in chosen
    ]
    tiny_job.write_layer(path, rows, [one.polygon for one in chosen])
    return path


@pytest.fixture(scope="module")
def found(run, tmp_path_factory):
    path = changes_at(
        tmp_path_factory.mktemp("list") / "patrol.gpkg",
        "open",
        "border",
        "approved",
        "late",
        来源="巡查",
    )
    return promising.fit(ChangeList(path), [run], LOOSE, SENSOR_ONLY, 0.1), path


def test_fit__promises_says_what_it_costs_and_comes_back(found, tmp_path):
    (promise, judged), _ = found
    (line,) = promise.lines
    assert line.promise.state is State.HELD
    assert line.promise.n == 4
    assert judged.exit_code == 0
    assert judged.report.facts["cost"][0]["patches kept 保留"] >= 4
    promise.write(tmp_path / "p.json", overwrite=False)
    again = read_promise(tmp_path / "p.json")
    assert again == promise
    assert again.digest == promise.digest


def test_fit__too_few_changes_give_no_promise_and_exit_code_3(run, found):
    _, path = found
    promise, judged = promising.fit(ChangeList(path), [run], Aim(0.05, 0.1), PromiseSettings(), 0.1)
    assert judged.exit_code == 3
    assert {line.promise.state for line in promise.lines} == {State.TOO_FEW}
    text = "\n".join(judged.report.lines())
    assert "NO PROMISE" in text
    assert "86 more changes are needed" in text  # of 90: two that are alike are worth one
    assert promise.threshold(promise.lines, 0.1) == 0.1


def test_fit__a_change_under_cloud_counts_as_missed_or_is_left_out_where_asked(run, tmp_path):
    path = changes_at(tmp_path / "list.gpkg", "open", "hidden", 来源="举报")
    month = read_run(run)
    for settings, expected in (
        (SENSOR_ONLY, 2),
        (SENSOR_ONLY.model_copy(update={"observed_only": True}), 1),
    ):
        table = read_changes(ChangeList(path), tiny_job.CRS, settings)
        scored, _ = score(month, table, settings)
        assert len(scored.scores) == expected
        assert scored.unseen.sum() == expected - 1
        assert (scored.scores == MISSED).sum() == expected - 1


def test_changes__only_those_the_month_could_see(run, tmp_path):
    month = read_run(run)
    for day, expected in (
        (date(2025, 5, 12), 0),
        (date(2025, 5, 13), 1),
        (date(2025, 6, 18), 1),
        (date(2025, 6, 19), 0),
    ):
        path = changes_at(tmp_path / f"{day}.gpkg", "open", 来源="巡查", 发现日期=day)
        table = read_changes(ChangeList(path), tiny_job.CRS, SENSOR_ONLY)
        assert len(score(month, table, SENSOR_ONLY)[0].scores) == expected


def test_changes__of_nobody_or_our_own_alarms_are_refused(run, tmp_path):
    unnamed = changes_at(tmp_path / "a.gpkg", "open")
    with pytest.raises(LayerError, match="do not say who found them"):
        promising.fit(ChangeList(unnamed), [run], LOOSE, SENSOR_ONLY, 0.1)
    promising.fit(ChangeList(unnamed, source="patrol"), [run], LOOSE, SENSOR_ONLY, 0.1)
    own = changes_at(tmp_path / "b.gpkg", "open", 来源="下发图斑")
    with pytest.raises(LayerError, match="own alarms"):
        promising.fit(ChangeList(own), [run], LOOSE, SENSOR_ONLY, 0.1)


def test_changes__as_a_csv_of_corners(run, tmp_path):
    one = tiny_job.PLANTED[0].polygon
    lines = ["编号,点号,X,Y"]
    lines += [f"open,J{k},{y},{x}" for k, (x, y) in enumerate(one.exterior.coords[:-1], 1)]
    path = tmp_path / "patrol.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = read_changes(
        ChangeList(path, source="巡查", crs=tiny_job.CRS), tiny_job.CRS, SENSOR_ONLY
    )
    assert shapely.equals(table.geometry.iloc[0].normalize(), one.normalize())
    assert score(read_run(run), table, SENSOR_ONLY)[0].scores[0] > MISSED


def test_read_promise__changed_or_absent(found, tmp_path):
    (promise, _), _ = found
    path = tmp_path / "p.json"
    with pytest.raises(InputError, match="no such promise file"):
        read_promise(path)
    promise.write(path, overwrite=False)
    data = json.loads(path.read_text(encoding="utf-8"))
    data["strata"][0]["threshold"] = 0.99
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(IntegrityError, match="was changed"):
        read_promise(path)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="was expected"):
        read_promise(path)


def with_promise(config, promise):
    promise.write(config.parent / "p.json", overwrite=True)
    text = tiny_job.CONFIG + "promise: p.json\n"
    config.write_text(text, encoding="utf-8")
    return config


def test_month__its_threshold_rejects_and_the_report_names_it(found, tiny):
    (promise, _), _ = found
    line = promise.lines[0]
    strict = replace(promise, lines=(replace(line, promise=replace(line.promise, threshold=1.5)),))
    report = tiny_job.run(with_promise(tiny, strict))
    facts = report.facts()["steps"]["classify"]
    assert "confidence" in facts["promise"]
    assert facts["promise_detail"]["threshold"] == 1.5
    assert any("recall >= 0.5" in line for line in report.lines())
    units = record_files.read_records(report.folder / "units.json", Unit)
    patches = [unit for unit in units if not unit.watch]
    assert patches
    assert all(f.suggestion == "34" for unit in patches for f in unit.findings)
    assert report.exit_code == 0


def test_month__a_promise_of_another_classifier_is_refused(found, tiny):
    (promise, _), _ = found
    for other, name in (
        (replace(promise, model="0" * 64), "classifier"),
        (replace(promise, detection="0" * 64), "settings"),
    ):
        with pytest.raises(ModelError, match=f"fitted with {name}"):
            tiny_job.run(with_promise(tiny, other))


def shifted(promise):
    samples = {
        cell: {
            name: replace(sample, quantiles=tuple(v + 1000 for v in sample.quantiles), n=500)
            for name, sample in features.items()
        }
        for cell, features in promise.samples.items()
    }
    return replace(promise, samples=samples)


def test_shift__marks_the_promise_not_valid(found, run, monkeypatch, tmp_path):
    (promise, _), _ = found
    month = read_run(run)
    many = gpd.GeoDataFrame(
        np.repeat(month.table.to_numpy(), 10, axis=0),
        columns=month.table.columns,
        crs=month.table.crs,
    ).set_geometry("geometry")
    drifts = shifted(promise).drifts(month.sensor, month.month, replace(month, table=many).samples)
    assert {one.feature for one in shifted(promise).shifted(drifts)} >= {"llr_mean", "area_m2"}
    same = promise.drifts(month.sensor, month.month, month.samples)
    assert not promise.shifted(same)
    shifted(promise).write(tmp_path / "p.json", overwrite=False)
    monkeypatch.setattr(promising, "read_run", lambda folder: replace(read_run(folder), table=many))
    judged = promising.check(tmp_path / "p.json", [run], None, 0.1)
    assert judged.exit_code == 3
    assert "NOT VALID UNDER SHIFT" in "\n".join(judged.report.lines())


def test_check__kept_and_broken(found, run, tmp_path):
    (promise, _), path = found
    promise.write(tmp_path / "p.json", overwrite=False)
    judged = promising.check(tmp_path / "p.json", [run], ChangeList(path), 0.1)
    assert judged.exit_code == 0
    assert "kept 兑现" in "\n".join(judged.report.lines())
    far = tmp_path / "far.gpkg"
    box = shapely.box(500300, 2999700 + 100000, 500310, 2999710 + 100000)
    tiny_job.write_layer(
        far,
        [{"编号": str(k), "来源": "巡查"} for k in range(8)],
        [shapely.transform(box, lambda xy, k=k: xy + k) for k in range(8)],
    )
    judged = promising.check(tmp_path / "p.json", [run], ChangeList(far), 0.1)
    assert judged.exit_code == 3
    assert "BROKEN" in "\n".join(judged.report.lines())


def test_threshold__is_the_lowest_of_the_months_strata(found):
    (promise, _), _ = found
    line = promise.lines[0]
    sensor, season = line.key
    low = replace(line, promise=replace(line.promise, threshold=0.05))
    other = replace(
        line, members=((sensor, "09-11"),), promise=replace(line.promise, threshold=0.01)
    )
    bare = replace(line, promise=replace(line.promise, threshold=None, state=State.TOO_FEW))
    many = replace(promise, lines=(line, low, other))
    lines = many.lines_of(sensor, "2025-06")
    assert len(lines) == 2
    assert many.threshold(lines, 0.1) == 0.05
    assert many.threshold((bare,), 0.1) == 0.1
    assert many.threshold((bare, low), 0.1) == 0.05
    high = replace(line, promise=replace(line.promise, threshold=0.7))
    assert many.threshold((high,), 0.1) == 0.7
    assert many.threshold((high, bare), 0.1) == 0.1
    assert season_of(f"2025-{season[:2]}", PromiseSettings().season_starts) == season


def test_recapture__a_second_list_against_the_month(run, tmp_path):
    path = changes_at(tmp_path / "list.gpkg", "open", "border", "hidden", 来源="部下发")
    report = two_lists.compare(run, ChangeList(path), PromiseSettings(), 0.1, None)
    facts = report.facts
    assert (facts["all"]["theirs"], facts["all"]["both"]) == (3, 2)
    assert facts["all"]["recall"]["value"] == pytest.approx(2 / 3)
    assert sum(one["theirs"] for one in facts["by_stratum"].values()) == 3
    told = two_lists.compare(run, ChangeList(path), PromiseSettings(), 0.1, 5).facts
    assert told["all"]["ours"] == 5
    assert "independent" in "\n".join(report.lines())


def test_evaluate__says_how_much_is_seen_in_the_first_tenth(whole, run):
    report = evaluation.evaluate(run, whole.parent / "truth.gpkg")
    order = report.facts()["reading_order"]
    assert set(order) == {"worth", "probability", "area", "best"}
    assert 0 < order["worth"][0] <= order["best"][0] <= 1
    assert order["worth"] == sorted(order["worth"])


def test_command__fits_checks_and_exits_with_three_where_nothing_is_promised(run, found, tmp_path):
    _, path = found
    setup = tmp_path / "setup.yaml"
    setup.write_text("fields: [sensor, season]\n", encoding="utf-8")
    asked = ["promise", "fit", "--changes", str(path), "--run", str(run), "--setup", str(setup)]
    out = str(tmp_path / "p.json")
    done = CliRunner().invoke(app, [*asked, "--out", out, "--alpha", "0.5", "--delta", "0.4"])
    assert done.exit_code == 0, done.output
    assert "recall >= 0.5" in done.output
    done = CliRunner().invoke(app, ["promise", "check", out, "--run", str(run), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["holds"] is True
    done = CliRunner().invoke(app, [*asked, "--out", str(tmp_path / "q.json")])
    assert done.exit_code == 3
    assert "NO PROMISE" in done.output
