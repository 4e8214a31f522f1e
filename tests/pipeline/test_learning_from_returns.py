"""From returned packages to a new model: six counties call small bright patches pseudo-change."""

import json
from datetime import UTC, datetime

import pytest
import shapely

from changedetect.cli.app import app
from changedetect.config.detection import TrainingSection
from changedetect.config.returns import ReturnsSection
from changedetect.grid import Grid
from changedetect.pipeline.learning import retraining
from changedetect.pipeline.learning.field_labels import labels_of
from changedetect.pipeline.ledger import books
from changedetect.pipeline.ledger.actions import Actor
from changedetect.pipeline.loop import monthloop
from changedetect.pipeline.returns.returning import Rules, Wanted, import_returns
from changedetect.pipeline.runs.job import open_job
from changedetect.stages import classify
from tests.pipeline import tiny_job
from tests.pipeline.tiny_job import CRS, MONTH, Planted

COUNTIES, STRIP_PX, HEIGHT_PX = 6, 120, 150
GRID = Grid(CRS, (2.0, 0.0, 500000.0, 0.0, -2.0, 3100000.0), COUNTIES * STRIP_PX, HEIGHT_PX)
CODES = [f"43100{number}" for number in range(1, COUNTIES + 1)]
APPROVED = {0: "approved", 1: "late"}
LARGE, SMALL = 30, 13


def planted():
    """In each county two large and two small changes; two of the small ones have papers."""
    found = []
    for county in range(COUNTIES):
        left = county * STRIP_PX
        found += [
            Planted(f"large{county}a", 12, left + 12, LARGE, LARGE, "none"),
            Planted(f"large{county}b", 70, left + 14, LARGE, LARGE + 2, "none"),
            Planted(f"small{county}a", 20, left + 80, SMALL, SMALL, "none"),
            Planted(APPROVED.get(county, f"small{county}b"), 80, left + 84, SMALL, SMALL + 1, "none"),
        ]  # fmt: skip
    return tuple(found)


@pytest.fixture
def province(tmp_path, monkeypatch):
    """A job of six counties that was run and dispatched; the model in use believes all that is bright."""
    codes = ", ".join(f'"{code}"' for code in CODES)
    monkeypatch.setattr(tiny_job, "GRID", GRID)
    monkeypatch.setattr(tiny_job, "PLANTED", planted())
    config = tiny_job.CONFIG.replace('"431001", "431002"', codes)
    monkeypatch.setattr(tiny_job, "CONFIG", config)
    monkeypatch.setattr(tiny_job, "CLOUD", (slice(140, 146), slice(100, 106)))
    monkeypatch.setattr(tiny_job.write_image, "__defaults__", (GRID, tiny_job.FORM))
    tiny_job.ground.cache_clear()
    base = tiny_job.pristine.__wrapped__(tmp_path / "base")
    tiny_job.ground.cache_clear()
    tiny_job.use_model(base, monkeypatch)
    monkeypatch.setattr(retraining, "MODELS", base / "models")
    west, south, _, north = GRID.bounds
    tiny_job.write_layer(
        base / "job" / "records" / "XZQ.gpkg",
        [{"XZQDM": code, "XZQMC": f"{code}县"} for code in CODES],
        [
            shapely.box(
                west + 2 * STRIP_PX * k, south, west + 2 * STRIP_PX * (k + 1), north
            )
            for k in range(COUNTIES)
        ],
    )  # fmt: skip
    job = base / "job" / "config.yaml"
    tiny_job.run(job)
    return job, base / "job" / "out", base / "models" / "patch_classes"


def send_back(job, out, folder):
    """Let every county write its verdicts into its case list and take them in."""
    store = books.open_books(open_job(job), out)
    now = datetime(2025, 7, 18, 8, tzinfo=UTC)
    sun = Actor("sun", "province")
    monthloop.dispatch(store, out / MONTH, MONTH, sun, lambda: now, unscreened=True)
    with store.reading() as reader:
        rows = [row for row in reader.all_rows() if row.state == "20"]
    for code in CODES:
        lines = ["案件编号,认定结果,认定二级"]
        for row in rows:
            if row.district == code:
                is_large = row.area_m2 > 2 * (2 * SMALL) ** 2
                lines.append(f"{row.number},{'违法,疑似非农违法' if is_large else '其他,伪变化'}")
        path = folder / f"{code}_台账.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        rules = Rules(ReturnsSection(), CRS)
        zhao = Actor("zhao", "county")
        report = import_returns(
            store, out / "returns", [path], Wanted(MONTH), rules, (zhao, lambda: now)
        )
        assert report.exit_code == 0, report.text


def test_train__from_returned_packages_replaces_the_model_only_when_better(
    province, tmp_path, monkeypatch, capsys
):
    job, out, model = province
    send_back(job, out, tmp_path)
    field = labels_of(open_job(job), out)
    assert sorted(set(field.counties)) == CODES
    assert sorted(set(field.labels)) == ["building", classify.PSEUDO]
    assert field.lost == 0
    small = TrainingSection(
        trees=20, learning_rate=0.3, min_leaf_patches=2, folds=2, min_examples=4
    )
    monkeypatch.setattr(retraining, "TrainingSection", lambda: small)
    before = json.loads((model / "card.json").read_text(encoding="utf-8"))
    command = [
        "train", "--out", str(model), "--from-ledger", str(job), "--runs", str(out), "--seeds", "",
        "--quiet",
    ]  # fmt: skip
    assert not app(command, standalone_mode=False)
    card = json.loads((model / "card.json").read_text(encoding="utf-8"))
    told = card["comparison"]
    assert card["sha256"] != before["sha256"] == told["in_use_sha256"]
    assert told["loss_retrained"] < told["loss_in_use"]
    assert told["counties"] == len(told["by_county"]) == COUNTIES
    assert (told["labels"], told["pseudo"]) == (
        len(field.labels),
        int((field.labels == "pseudo").sum()),
    )
    # the very same verdicts again: what was learnt is not better than itself
    assert app(command, standalone_mode=False) == 3
    assert json.loads((model / "card.json").read_text(encoding="utf-8")) == card
    assert "not replaced" in capsys.readouterr().out
