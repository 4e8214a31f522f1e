import numpy as np
import pytest

from changedetect.accuracy.paired import sign_flip
from changedetect.stages.classify import PSEUDO, entropy, label_of, mean_log_loss, teach_most


def test_label__what_the_field_says():
    table = [
        ({"HCJG": "2"}, False, "pond"),
        ({"HCJG": "1", "SFBH": "1"}, False, "pond"),
        ({"HCJG": "3", "RDEJ": "34"}, False, PSEUDO),
        ({"HCJG": "3", "SFBH": "0"}, False, PSEUDO),
        ({"HCJG": "3", "RDEJ": "36"}, False, ""),
        ({"HCJG": "0"}, False, ""),
        ({"HCJG": "2", "SFBH": "0"}, False, ""),
        ({}, True, PSEUDO),
        ({"HCJG": "2"}, True, "pond"),
        ({}, False, ""),
    ]
    for claims, rejected, expected in table:
        assert label_of(claims, "pond", rejected=rejected) == expected, claims
    assert label_of({"HCJG": "2"}, "unsure", rejected=False) == ""


def test_entropy__by_hand():
    found = entropy(np.array([1.0, 0.5, 0.0, 2 / 3]), np.array([1.0, 1.0, 1.0, 0.5]))
    assert found == pytest.approx([0, np.log(2), 0, np.log(3)])


def test_teach_most__doubtful_and_unlike_one_another():
    """Two doubtful twins and a less doubtful stranger: the stranger comes before the second twin."""
    doubt = np.array([0.9, 1.0, 0.5, 0.1])
    features = np.array([[0.0, 0], [0.0, 0], [5.0, 5], [0.1, np.nan]])
    assert teach_most(doubt, features, 3).tolist()[:2] == [1, 2]
    assert teach_most(doubt, features, 9).tolist()[0] == 1
    assert len(set(teach_most(doubt, features, 9).tolist())) == 4
    blind = np.column_stack([features, np.full(4, np.nan)])
    assert teach_most(doubt, blind, 4).tolist() == teach_most(doubt, features, 4).tolist()
    assert len(teach_most(np.zeros(0), np.zeros((0, 2)), 3)) == 0


def test_teach_most__one_oddity_is_not_chosen_for_being_odd():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(60, 3))
    features[7] = 1e6
    doubt = rng.random(60)
    doubt[7] = 0.01
    assert 7 not in teach_most(doubt, features, 10)


def test_mean_log_loss__by_hand_and_never_endless():
    found = mean_log_loss(
        np.array([True, False, True]), np.array([0.5, 0.75, 0.0]), ["a", "a", "b"]
    )
    assert found["a"] == pytest.approx((np.log(2) + np.log(4)) / 2)
    assert found["b"] == pytest.approx(-np.log(1e-6))


def test_sign_flip__by_hand_and_level():
    assert sign_flip(np.array([1.0, 1, 1, 1, 1])).p == 1 / 32
    assert sign_flip(np.array([1.0, -1])).p == 0.75
    assert sign_flip(np.zeros(4)).p == 1.0
    assert sign_flip(np.zeros(0)).p == 1.0
    rng = np.random.default_rng(2)
    assert np.mean([sign_flip(rng.normal(size=8)).p < 0.05 for _ in range(400)]) <= 0.08
    assert sign_flip(rng.normal(0.8, 1, 40)).p < 0.05
