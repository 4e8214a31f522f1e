"""Closed by the next image: three months of a small world, in which people and images take turns.

June builds halls. July takes one away, leaves one, and hides one under a cloud. August builds the
first again and takes the second away. Everything goes through the real commands.
"""

import json
import shutil
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from changedetect.cli import case as cli_case
from changedetect.cli import loop as cli_loop
from changedetect.cli import month as cli_month
from changedetect.cli.app import app
from changedetect.config.detection import TrainingSection
from changedetect.errors import IntegrityError
from changedetect.io import model_store, record_files
from changedetect.io.digest import sha256_file
from changedetect.pipeline.ledger import actions, books
from changedetect.pipeline.ledger.ledgerwork import enter, open_ledger
from changedetect.pipeline.loop import rechecking
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.month_files import CASES, RECHECKS
from changedetect.records import Case
from changedetect.stages import classify
from tests import postgres
from tests.pipeline import tiny_job

HALLS = {one.name: one for one in tiny_job.PLANTED}
GONE, STAYS, HIDDEN = "open", "late", "hidden"


class Clock(datetime):
    """The clock of every command, set by the test."""

    day = (2025, 7, 1)

    @classmethod
    def now(cls, tz=None):
        return datetime(*cls.day, 8, tzinfo=tz)


def build_model(folder):
    """Brighter ground is a building, darker ground a demolition."""
    rng = np.random.default_rng(6)
    names = list(classify.FEATURE_NAMES)
    table = pd.DataFrame(rng.normal(0, 0.01, (120, len(names))), columns=names)
    kind = np.arange(120) % 3
    told = ["f_brightness_step", "f_brightness_beyond"]
    table.loc[kind == 0, told] += 0.1
    table.loc[kind == 1, told] -= 0.1
    table["f_llr_mean"] = np.where(kind < 2, 6.0, 0.5)
    labels = [("building", "demolition", classify.PSEUDO)[one] for one in kind]
    cfg = TrainingSection(
        trees=12, learning_rate=0.4, min_leaf_patches=4, tried_share=1.0, folds=2, min_examples=6
    )
    estimator, _ = classify.fit(table, labels, cfg, seed=1)
    model_store.save(folder, "patch_classes", estimator, {"features": names})


def picture(before, after, standing, seed):
    """Fields on which some halls stand, with noise of its own."""
    rng = np.random.default_rng(seed)
    land = before.astype(float)
    for name in standing:
        part = (slice(None), *HALLS[name].slices)
        land[part] = after[part]
    return np.clip(land + rng.normal(0, 25, land.shape), 1, 10000).astype(np.uint16)


def paint(folder):
    before, after = tiny_job.ground()
    rest = {"border", "approved", "small"}
    tiny_job.write_image(folder / "PMS2M_20250512.tif", before)
    months = {
        "20250618": {*rest, GONE, STAYS, HIDDEN}, "20250716": {*rest, STAYS, HIDDEN},
        "20250817": {*rest, GONE, HIDDEN},
    }  # fmt: skip
    for seed, (day, standing) in enumerate(months.items()):
        tiny_job.write_image(folder / f"PMS2M_{day}.tif", picture(before, after, standing, seed))
    mask = np.zeros((tiny_job.GRID.height, tiny_job.GRID.width), np.uint8)
    mask[tiny_job.CLOUD] = 1
    tiny_job.write_image(folder / "PMS2M_20250716_cloud.tif", mask, form=tiny_job.CLOUD_FORM)


class World:
    """The job, and the commands that people give."""

    def __init__(self, config):
        self.config = config
        self.out = config.parent / "out"

    def say(self, *words, code=(0,)):
        command = [*words[:2], str(self.config), *words[2:], "--out", str(self.out)]
        if words[0] == "run":
            command = ["run", str(self.config), *words[1:], "--out", str(self.out), "--quiet"]
        done = CliRunner().invoke(app, command, catch_exceptions=False)
        assert done.exit_code in code, done.output
        return done.stdout

    def month(self, name, *day):
        Clock.day = day
        self.say("run", "--month", name, "--workers", "1", code=(0, 3))
        return self.out / name

    def act(self, actor, role, event, *numbers, **more):
        options = [part for key, value in more.items() for part in (f"--{key}", str(value))]
        self.say(
            "case", "enter", event, *numbers, "--reason", "理由", "--role", role, "--actor", actor,
            *options,
        )  # fmt: skip

    def store(self):
        return open_ledger(self.out / "ledger.sqlite")

    def state(self, number):
        with self.store().reading() as reader:
            return reader.row(number).state

    def events(self, number):
        return [item.entry.event for item in self.store().entries() if item.entry.case == number]


def case_on(folder, hall):
    (found,) = [
        case for case in record_files.read_records(folder / CASES, Case)
        if case.geometry.intersection(HALLS[hall].polygon).area > 0.5 * HALLS[hall].polygon.area
    ]  # fmt: skip
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Every command was given once; tests look at what came of it."""
    root = tmp_path_factory.mktemp("rechecked")
    (root / "job" / "scenes").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        for module in (cli_case, cli_loop, cli_month):
            patch.setattr(module, "datetime", Clock)
        build_model(root / "models")
        tiny_job.use_model(root, patch)
        tiny_job.build(root / "tiny")
        shutil.copytree(root / "tiny" / "records", root / "job" / "records")
        paint(root / "job" / "scenes")
        config = root / "job" / "config.yaml"
        text = tiny_job.CONFIG.replace('"03", "07"]', '"03", "07", "13"]')
        config.write_text(text, encoding="utf-8")
        yield play(World(config))


def play(world):
    """Give the commands of three months; remember what stood when."""
    june = world.month("2025-06", 2025, 7, 1)
    numbers = {name: case_on(june, name).number for name in (GONE, STAYS, HIDDEN)}
    every = tuple(numbers.values())
    world.numbers, world.seen = numbers, {}
    Clock.day = (2025, 7, 5)
    world.act("wang", "interpreter", "accepted", *every)
    world.say("month", "dispatch", "--month", "2025-06", "--all", "--actor", "sun", code=(0, 3))
    for actor, role, event in [
        ("zhao", "county", "filed"), ("qian", "city", "submitted"), ("qian", "city", "passed"),
        ("sun", "province", "judged_illegal"), ("sun", "province", "docketed"),
        ("zhao", "county", "rectifying"), ("zhao", "county", "rectified"),
    ]:  # fmt: skip
        world.act(actor, role, event, *every)
    july = world.month("2025-07", 2025, 8, 1)
    world.before_july = len(world.store().entries())
    world.seen["july"] = world.say("month", "recheck", "--month", "2025-07")
    world.after_july = len(world.store().entries())
    world.say("month", "recheck", "--month", "2025-07")
    world.twice_july = len(world.store().entries())
    world.seen["july states"] = {name: world.state(number) for name, number in numbers.items()}
    world.seen["status"] = world.say("month", "status", "--month", "2025-07")
    Clock.day = (2025, 8, 2)
    proof = july / "rechecks" / f"{numbers[GONE]}_H.jpg"
    world.act("zhao", "county", "close_proposed", numbers[GONE])
    world.act("zhou", "province", "closed", numbers[GONE], source=proof)
    world.month("2025-08", 2025, 9, 1)
    world.seen["august"] = world.say("month", "recheck", "--month", "2025-08")
    world.seen["august states"] = {name: world.state(number) for name, number in numbers.items()}
    return world


def claims_of(world, hall, month):
    number = world.numbers[hall]
    return next(
        json.loads(item.entry.payload)["claims"]
        for item in world.store().entries()
        if item.entry.case == number
        and item.entry.event == "image_checked"
        and json.loads(item.entry.payload)["claims"]["YXFHH"].startswith(month)
    )


def test_recheck__says_gone_still_there_and_not_observed(base):
    said = {hall: claims_of(base, hall, "202507")["YXFH"] for hall in (GONE, STAYS, HIDDEN)}
    assert said == {GONE: "拆除", STAYS: "未改", HIDDEN: "未观测"}
    assert "退回整改" in base.seen["july"]


def test_recheck__moves_only_what_is_not_rectified_and_closes_nothing(base):
    assert base.seen["july states"] == {GONE: "85", STAYS: "80", HIDDEN: "85"}
    assert "待影像复核案件的最近一次影像：拆除 1，未观测 1" in base.seen["status"]


def test_recheck__a_second_time_adds_nothing(base):
    assert base.after_july == base.before_july + 4
    assert base.twice_july == base.after_july


def test_recheck__an_event_carries_dates_shares_and_pictures(base):
    claims = claims_of(base, GONE, "202507")
    assert (claims["YXFHQ"], claims["YXFHH"]) == ("20250618", "20250716")
    low, high = map(float, claims["YXFHWC"].split("-"))
    assert 0 <= low <= high <= 0.2
    shown = dict(pair.split("=") for pair in claims["YXFHTP"].split(";"))
    assert [name[-5] for name in shown] == ["Q", "H", "T"]
    for name, digest in shown.items():
        assert sha256_file(base.out / "2025-07" / name) == digest


def test_recheck__what_is_built_again_is_the_same_case_opened_again(base):
    number = base.numbers[GONE]
    assert base.seen["august states"] == {GONE: "10", STAYS: "80", HIDDEN: "85"}
    events = base.events(number)
    assert events[-2:] == ["recurred", "image_checked"]
    assert events.index("closed") < events.index("recurred")
    assert claims_of(base, GONE, "202508")["YXFH"] == "重建"
    assert claims_of(base, STAYS, "202508")["YXFH"] == "拆除"
    # A building that stood under a cloud in between may be another one: that is not told.
    assert claims_of(base, HIDDEN, "202508")["YXFH"] == "不能判定"
    again = case_on(base.out / "2025-08", GONE)
    assert (again.number, again.severity) == (number, 5)
    assert {"02", "13"} <= set(again.themes)
    assert any("再次出现建设" in reason for reason in again.reasons)
    page = next(base.out.glob(f"2025-08/packages/{number[:6]}_*/*.html"))
    assert f"chips/{number}_T.jpg" in page.read_text(encoding="utf-8")


def test_recheck__taking_a_building_away_opens_no_case_again(base):
    """The demolition is on record as a change of its own; the case that it clears is not renewed."""
    assert "recurred" not in base.events(base.numbers[STAYS])
    assert base.events(base.numbers[GONE]).count("recurred") == 1


def test_recheck__the_ledger_fits_and_a_month_done_again_says_the_same(base):
    books.check(base.store())
    july = base.out / "2025-07"
    before = sha256_file(july / RECHECKS)
    base.month("2025-07", 2025, 9, 2)
    assert sha256_file(july / RECHECKS) == before
    count = len(base.store().entries())
    base.say("month", "recheck", "--month", "2025-07")
    assert len(base.store().entries()) == count


@pytest.fixture(scope="module")
def databases():
    with postgres.server() as database:
        yield database


@pytest.mark.parametrize("kind", ["file", "server"])
def test_recheck__enters_the_same_wherever_the_ledger_lies(base, kind, tmp_path, request):
    place = tmp_path / "l.sqlite" if kind == "file" else request.getfixturevalue("databases")()
    items = base.store().entries()
    store = open_ledger(place)
    enter(store, lambda _: [item.entry for item in items[: base.before_july]])
    job, run = open_job(base.config), base.out / "2025-07"
    report = rechecking.recheck(store, job, run, lambda: datetime(2025, 8, 1, 8, tzinfo=UTC))
    assert report.facts()["results"] == {"拆除": 1, "未改": 1, "未观测": 1}
    assert store.entries()[base.before_july :] == items[base.before_july : base.after_july]
    assert "影像复核" in "\n".join(actions.history(store, base.numbers[GONE]).lines())


def test_recheck__refuses_a_list_that_the_run_did_not_write(base, tmp_path):
    run = tmp_path / "2025-07"
    shutil.copytree(base.out / "2025-07", run)
    text = (run / RECHECKS).read_text(encoding="utf-8")
    (run / RECHECKS).write_text(text.replace("未改", "拆除"), encoding="utf-8")
    with pytest.raises(IntegrityError, match="not what the run wrote"):
        rechecking.recheck(base.store(), open_job(base.config), run, Clock.now)
