"""What a step depends on is in its key: the job file, the program's files, the libraries."""

import importlib.metadata
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

import changedetect
from changedetect.pipeline.runs import runstore
from changedetect.pipeline.runs.context import MonthContext, RunOptions
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.progress import Silent
from changedetect.pipeline.runs.runstore import StepRecord
from changedetect.pipeline.steps import checking, classification, detection
from tests.pipeline import tiny_job

STEPS = {"detect": detection.do, "classify": classification.do, "check": checking.do}


class Keys:
    """A run folder in which every step before is done; it notes what a step would depend on."""

    def __init__(self, folder):
        self.folder = folder

    def record(self, name):
        return StepRecord(name, "k", "done", {}, {"compared": []}, ())

    def step(self, name, inputs, _work):
        self.inputs = runstore.digest_of(name, inputs)
        facts = dict.fromkeys(("patches", "units"), 0)
        return StepRecord(name, "k", "done", {}, facts, ()), True


def key_of(config, name):
    store = Keys(config.parent / "out" / tiny_job.MONTH)
    if not (store.folder / "scenes.json").exists():
        tiny_job.run(config, only="scenes")
    context = MonthContext(
        open_job(config), tiny_job.MONTH, store, RunOptions(), Silent(), lambda: tiny_job.NOW
    )
    STEPS[name](context)
    return store.inputs


CHANGES = {
    "districts": ('XZQ.gpkg, version: v1, as_of: "2025-01-01", covers: ["431001", "431002"]',
                  'XZQ.gpkg, version: v1, as_of: "2025-01-01", covers: ["431001"]'),
    "approvals": ('SP_GY.gpkg, version: v1', 'SP_GY.gpkg, fields: {PZWH: PZRQ}, version: v1'),
}  # fmt: skip
RESTS_ON = {"districts": {"detect", "check"}, "approvals": {"check"}}


@pytest.mark.parametrize("what", CHANGES)
def test_step_keys__what_the_job_file_says_of_a_layer_redoes_what_rests_on_it(tiny, what):
    before = {name: key_of(tiny, name) for name in STEPS}
    text = tiny.read_text(encoding="utf-8")
    assert CHANGES[what][0] in text
    tiny.write_text(text.replace(*CHANGES[what]), encoding="utf-8")
    after = {name: key_of(tiny, name) for name in STEPS}
    assert {name for name in STEPS if before[name] != after[name]} == RESTS_ON[what]


def test_step_keys__the_pixel_size_of_the_sensor_redoes_classify(tiny):
    before = key_of(tiny, "classify")
    own = tiny.parent / "sensors" / "pms2m.yaml"
    own.parent.mkdir()
    shared = Path(changedetect.__file__).parents[1] / "configs" / "sensors" / "pms2m.yaml"
    text = shared.read_text(encoding="utf-8")
    assert "gsd_m: 2.0" in text
    own.write_text(text.replace("gsd_m: 2.0", "gsd_m: 2.5"), encoding="utf-8")
    assert key_of(tiny, "classify") != before


@contextmanager
def fresh():
    runstore.code_digest.cache_clear()
    yield
    runstore.code_digest.cache_clear()


@pytest.mark.parametrize("name", ["page.css", "sub/page.js", "page.html", "table.sql", "rule.yaml"])
def test_step_keys__every_file_of_the_program_counts(tmp_path, monkeypatch, name):
    package = tmp_path / "changedetect"
    file = package / name
    file.parent.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    file.write_text("a")
    monkeypatch.setattr(changedetect, "__file__", str(package / "__init__.py"))
    with fresh():
        before = runstore.code_digest()
    file.write_text("b")
    with fresh():
        assert runstore.code_digest() != before
    file.write_text("a")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "x.pyc").write_text("compiled")
    with fresh():
        assert runstore.code_digest() == before
    shutil.rmtree(package)


@pytest.mark.parametrize("library", ["numpy", "numba", "rasterio", "pyproj", "shapely", "pyogrio"])
def test_step_keys__another_version_of_a_library_counts(monkeypatch, library):
    with fresh():
        before = runstore.code_digest()
    real = importlib.metadata.version
    monkeypatch.setattr(
        runstore, "version", lambda name: "0.0.1" if name == library else real(name)
    )
    with fresh():
        assert runstore.code_digest() != before
