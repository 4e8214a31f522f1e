"""Classifiers on disk: exact, byte-identical, and refused when anything does not fit."""

import json

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from changedetect.errors import ModelError
from changedetect.io.model_store import load, save

FEATURES = ["f_area", "f_ndvi", "f_height"]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
Y = np.array(["building", "pond", "road"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)]

ESTIMATORS = {
    "forest": RandomForestClassifier(5, random_state=0),
    "boosted": HistGradientBoostingClassifier(max_iter=4, random_state=0),
    "isotonic": CalibratedClassifierCV(
        RandomForestClassifier(5, random_state=0), method="isotonic", cv=2
    ),
    "sigmoid": CalibratedClassifierCV(
        HistGradientBoostingClassifier(max_iter=3, random_state=0), method="sigmoid", cv=2
    ),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_save__comes_back_exactly_and_with_the_same_bytes(tmp_path, name):
    estimator = ESTIMATORS[name].fit(X, Y)
    save(tmp_path, name, estimator, {"features": FEATURES, "data": "仿真县"})
    first = (tmp_path / name / "model.skops").read_bytes()
    found, card = load(tmp_path, name, FEATURES)
    np.testing.assert_array_equal(found.predict_proba(X), estimator.predict_proba(X))
    assert found.classes_.tolist() == ["building", "pond", "road"]
    assert card["data"] == "仿真县"
    save(tmp_path, name, ESTIMATORS[name].fit(X, Y), {"features": FEATURES, "data": "仿真县"})
    assert (tmp_path / name / "model.skops").read_bytes() == first


@pytest.fixture
def saved(tmp_path):
    save(tmp_path, "m", ESTIMATORS["pipeline"].fit(X, Y), {"features": FEATURES})
    return tmp_path


def test_load__features_that_do_not_fit(saved):
    with pytest.raises(
        ModelError, match=r"not in the model: \['f_new'\]; only in the model: \['f_height'\]"
    ):
        load(saved, "m", ["f_area", "f_ndvi", "f_new"])
    with pytest.raises(ModelError, match="the same names in another order"):
        load(saved, "m", FEATURES[::-1])


def test_load__a_changed_file(saved):
    path = saved / "m" / "model.skops"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ModelError, match="on its card; the file was changed"):
        load(saved, "m", FEATURES)


def test_load__another_scikit_learn(saved):
    path = saved / "m" / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "scikit_learn": "0.24"}))
    with pytest.raises(ModelError, match=r"saved with scikit-learn 0\.24"):
        load(saved, "m", FEATURES)


@pytest.mark.parametrize(("text", "message"), [("{", "is no JSON"), ("{}", "lacks one of")])
def test_load__a_damaged_card(saved, text, message):
    (saved / "m" / "card.json").write_text(text)
    with pytest.raises(ModelError, match=message):
        load(saved, "m", FEATURES)


def test_load__missing(tmp_path, saved):
    with pytest.raises(ModelError, match="is missing"):
        load(tmp_path, "other", FEATURES)
    (saved / "m" / "model.skops").unlink()
    with pytest.raises(ModelError, match=r"model\.skops is missing"):
        load(saved, "m", FEATURES)


def test_save__refuses_what_is_not_on_the_list(tmp_path):
    with pytest.raises(ModelError, match="SVC is not on the list"):
        save(tmp_path, "m", SVC().fit(X, Y), {"features": FEATURES})
    with pytest.raises(ModelError, match="must hold features"):
        save(tmp_path, "m", ESTIMATORS["pipeline"].fit(X, Y), {})
    hidden = make_pipeline(FunctionTransformer(_shout), LogisticRegression()).fit(X, Y)
    with pytest.raises(ModelError, match="types that are not trusted"):
        save(tmp_path, "m", hidden, {"features": FEATURES})
    assert list(tmp_path.rglob("*.skops")) == []


def _shout(values):
    return values * 2
