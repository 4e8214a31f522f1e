"""Learning from verdicts: patches drawn as features, and a ledger of the small job."""

import json

import numpy as np
import pandas as pd
import pytest

from changedetect.config.detection import TrainingSection
from changedetect.errors import InputError
from changedetect.io import model_store, record_files
from changedetect.pipeline.learning import retraining
from changedetect.pipeline.learning.field_labels import FieldLabels, labels_of
from changedetect.pipeline.learning.reviewing import next_for_review
from changedetect.pipeline.ledger import books
from changedetect.pipeline.ledger.actions import Actor, Deed, act
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.progress import Silent
from changedetect.records import Case
from changedetect.stages import classify
from tests.pipeline import tiny_job


@pytest.fixture
def ran(tiny):
    tiny_job.run(tiny)
    return tiny, tiny.parent / "out"


def cases_of(out):
    return record_files.read_records(out / tiny_job.MONTH / "cases.json", Case)


def reject(job, out, number):
    store = books.open_books(job, out)
    deed = Deed("rejected", "阴影", None, None, None)
    act(store, [number], deed, Actor("甲", "interpreter"), lambda: tiny_job.NOW)


def test_labels__of_a_rejected_case_with_its_patchs_features(ran):
    config, out = ran
    job = open_job(config)
    with pytest.raises(InputError, match="holds 0 verdicts"):
        labels_of(job, out)
    case = cases_of(out)[0]
    reject(job, out, case.number)
    found = labels_of(job, out)
    assert found.labels.tolist() == [classify.PSEUDO]
    assert found.counties.tolist() == [case.district]
    patch = case.unit_id.partition("-")[0]
    assert found.features["patch_id"].tolist() == [patch]
    assert set(classify.FEATURE_NAMES) <= set(found.features.columns)


def test_next__lists_waiting_cases_and_drops_those_decided(ran):
    config, out = ran
    job = open_job(config)
    before = next_for_review(job, out, tiny_job.MONTH, 2).facts()
    assert len(before["cases"]) == 2
    waiting = [
        one["case"] for one in next_for_review(job, out, tiny_job.MONTH, 99).facts()["cases"]
    ]
    assert before["cases"][0]["case"] == waiting[0]
    reject(job, out, waiting[0])
    after = next_for_review(job, out, tiny_job.MONTH, 99).facts()
    assert waiting[0] not in [one["case"] for one in after["cases"]]
    assert after["waiting"] == before["waiting"] - 1
    with pytest.raises(InputError, match="was not run here"):
        next_for_review(job, out, "2025-07", 2)


def drawn(counties, rng, count=24):
    """Patches whose brightness tells the truth, by counties."""
    names = list(classify.FEATURE_NAMES)
    total = count * counties
    changed = rng.random(total) < 0.5
    table = pd.DataFrame(rng.normal(0, 0.3, (total, len(names))), columns=names)
    table.loc[changed, "f_brightness_step"] += 2.0
    table.insert(0, "patch_id", [f"P{k}" for k in range(total)])
    labels = np.where(changed, "building", classify.PSEUDO).astype(object)
    county = np.repeat([f"4310{k:02d}" for k in range(counties)], count).astype(object)
    return FieldLabels(table, labels, county, 0)


def use(tmp_path, monkeypatch, field, *, flipped):
    """Put a model in use: one that learnt the truth, or the opposite of it."""
    labels = field.labels
    if flipped:
        labels = np.where(labels == classify.PSEUDO, "building", classify.PSEUDO)
    cfg = TrainingSection(trees=12, learning_rate=0.4, min_leaf_patches=4, folds=2, min_examples=6)
    estimator, _ = classify.fit(field.features, list(labels), cfg, seed=1)
    folder = tmp_path / "models"
    model_store.save(folder, "patch_classes", estimator, {"features": list(classify.FEATURE_NAMES)})
    monkeypatch.setattr(retraining, "MODELS", folder)
    monkeypatch.setattr(retraining, "TrainingSection", lambda: cfg)
    return folder


def retrain(tiny, folder, monkeypatch, field):
    monkeypatch.setattr(retraining, "labels_of", lambda *_: field)
    return retraining.retrain(
        open_job(tiny), None, folder / "patch_classes", seeds="", size_km=1.6, progress=Silent()
    )


def test_retrain__replaces_a_worse_model_and_the_card_says_why(tiny, tmp_path, monkeypatch):
    rng = np.random.default_rng(8)
    folder = use(tmp_path, monkeypatch, drawn(2, rng), flipped=True)
    before = json.loads((folder / "patch_classes" / "card.json").read_text(encoding="utf-8"))
    report = retrain(tiny, folder, monkeypatch, drawn(6, rng))
    assert report.exit_code == 0, report.lines()
    card = json.loads((folder / "patch_classes" / "card.json").read_text(encoding="utf-8"))
    assert card["sha256"] != before["sha256"]
    assert card["comparison"]["in_use_sha256"] == before["sha256"]
    assert card["comparison"]["p"] < 0.05
    assert len(card["comparison"]["by_county"]) == 6


def test_retrain__keeps_a_model_that_is_as_good(tiny, tmp_path, monkeypatch):
    """Control: the model in use saw these very counties, so no retrained one beats it on them."""
    field = drawn(6, np.random.default_rng(9))
    folder = use(tmp_path, monkeypatch, field, flipped=False)
    before = (folder / "patch_classes" / "card.json").read_bytes()
    report = retrain(tiny, folder, monkeypatch, field)
    assert report.exit_code == 3
    assert "not better beyond chance" in report.lines()[-1]
    assert (folder / "patch_classes" / "card.json").read_bytes() == before


def test_retrain__too_few_counties_or_one_kind_of_verdict(tiny, tmp_path, monkeypatch):
    rng = np.random.default_rng(10)
    folder = use(tmp_path, monkeypatch, drawn(2, rng), flipped=True)
    report = retrain(tiny, folder, monkeypatch, drawn(4, rng))
    assert report.exit_code == 3
    assert "5 are needed" in report.lines()[-1]
    field = drawn(5, rng)
    field.labels[:] = classify.PSEUDO
    with pytest.raises(InputError, match="one kind alone"):
        retrain(tiny, folder, monkeypatch, field)
