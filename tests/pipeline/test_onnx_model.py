"""A tiny ONNX model, made here, is a source like any other; its digest is checked first."""

import importlib
import shutil

import numpy as np
import pytest

from changedetect.config.learned import ModelSection
from changedetect.errors import ConfigError, IntegrityError, LayerError, ModelError, ResourceError
from changedetect.io import onnx_model
from changedetect.io.digest import sha256_file
from changedetect.pipeline.runs.job import open_job
from changedetect.stages.evidence import learned
from tests.pipeline.test_sources import detect, patches_of, results

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def make_model(path, *, inputs=2, channels=1):
    """Write a model: 20 times the mean brightness after minus before, minus 2, as a logit."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    shape = [1, 3 * 2 // inputs, "y", "x"]
    names = ["before", "after"][:inputs]
    weight = np.full((channels, 6, 1, 1), 20 / 3, np.float32)
    weight[:, :3] *= -1
    nodes = [helper.make_node("Conv", ["both", "weight", "bias"], ["change"])]
    if inputs == 2:
        nodes.insert(0, helper.make_node("Concat", names, ["both"], axis=1))
    else:
        names = ["both"]
    graph = helper.make_graph(
        nodes,
        "change",
        [helper.make_tensor_value_info(name, kind, shape) for name in names],
        [helper.make_tensor_value_info("change", kind, [1, channels, "y", "x"])],
        [
            helper.make_tensor("weight", kind, weight.shape, weight.ravel()),
            helper.make_tensor("bias", kind, [channels], np.full(channels, -2, np.float32)),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def use(config, path):
    shutil.copy(path, config.parent / "change.onnx")
    text = (
        f"model: {{file: change.onnx, sha256: {sha256_file(path)}, bands: [red, green, blue], "
        "output: logit, overlap_px: 8, knots_logit: [-10, 10], knots_llr: [-10, 10]}\n"
    )
    config.write_text(config.read_text(encoding="utf-8") + text, encoding="utf-8")
    return config


def test_model__is_a_source_of_the_month_the_same_for_all_tilings(tiny, tmp_path):
    use(tiny, make_model(tmp_path / "m.onnx"))
    facts = detect(tiny).facts
    assert set(facts["sources"]) == {"model"}
    table = patches_of(tiny)
    large = table[table["pixels"] > 300]
    assert large["sources"].str.contains("model").all()
    assert (large["model_llr"] > 1).all()
    whole = results(tiny)
    shutil.rmtree(tiny.parent / "out")
    detect(tiny, tile_px=64, workers=3)
    assert results(tiny) == whole


@pytest.mark.parametrize("inputs", [1, 2])
def test_run__gives_what_the_graph_says(tmp_path, inputs):
    path = make_model(tmp_path / "m.onnx", inputs=inputs, channels=2)
    model = onnx_model.open_model(path, sha256_file(path))
    before, after = np.zeros((3, 4, 5), np.float32), np.ones((3, 4, 5), np.float32)
    assert model.run(before, after, 1) == pytest.approx(np.full((4, 5), 18.0), abs=1e-4)
    with pytest.raises(ModelError, match="at least 3"):
        model.run(before, after, 2)
    with pytest.raises(ModelError, match="can not be run"):
        model.run(before[:2], after[:2], 0)


def test_open__refuses_another_file_before_reading_it(tmp_path, monkeypatch):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"not a model")
    monkeypatch.setattr(onnx_model, "_runtime", lambda: pytest.fail("opened before the digest"))
    with pytest.raises(IntegrityError, match="sha256"):
        onnx_model.open_model(path, "0" * 64)
    with pytest.raises(ModelError, match="no such model"):
        onnx_model.open_model(tmp_path / "none.onnx", "0" * 64)


def test_open__names_what_is_wrong(tmp_path, monkeypatch):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelError, match="can not read it"):
        onnx_model.open_model(path, sha256_file(path))
    monkeypatch.setattr(
        importlib, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name))
    )
    with pytest.raises(ResourceError, match=r"changedetect\[onnx\]"):
        onnx_model.open_model(path, sha256_file(path))


CFG = ModelSection(file="m.onnx", sha256="0" * 64, bands=("nir", "red"), output="logit")


def test_input__chooses_scales_and_fills():
    values = np.array([[[0.1, np.nan]], [[0.2, 0.4]], [[0.3, 0.5]]], np.float32)
    cfg = CFG.model_copy(update={"scale": 10.0, "offset": 1.0})
    found = learned.model_input(values, ("red", "green", "nir"), cfg)
    assert found == pytest.approx(np.array([[[4.0, 6.0]], [[2.0, 2.0]]]))
    with pytest.raises(LayerError, match="nir"):
        learned.model_input(values[:2], ("red", "green"), cfg)


def test_calibration__is_monotone_and_does_not_mind_the_scale_of_confidence():
    rng = np.random.default_rng(3)
    null = rng.normal(-4, 1, 20_000)
    shifted = learned.fit_calibration([null + 7], CFG)
    plain = learned.fit_calibration([null, np.full(5, np.nan)], CFG)
    scores = np.linspace(-9, 9, 50)[None]
    said = learned.evidence(scores, plain)
    assert (np.diff(said) >= 0).all()
    assert np.abs(learned.evidence(scores + 7, shifted).astype(int) - said).max() <= 1
    assert (learned.evidence(null[None], plain) > 0).mean() == pytest.approx(
        CFG.null_rate, abs=1e-3
    )
    with pytest.raises(LayerError, match="nothing to calibrate"):
        learned.fit_calibration([np.full(3, np.nan)], CFG)


def test_probabilities__become_logits():
    cfg = CFG.model_copy(update={"output": "probability"})
    assert learned.to_logit(np.array([0.5, 1.0, 0.0]), cfg) == pytest.approx(
        [0.0, 13.8155, -13.8155], abs=1e-3
    )


def test_knots__must_rise(tiny):
    text = (
        f"model: {{file: m.onnx, sha256: '{'0' * 64}', bands: [red], knots_logit: [0, 1], "
        "knots_llr: [1, 0]}\n"
    )
    tiny.write_text(tiny.read_text(encoding="utf-8") + text, encoding="utf-8")
    with pytest.raises(ConfigError, match="rising"):
        open_job(tiny)
