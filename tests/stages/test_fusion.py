"""Fusion: sums by hand, order does not matter, who speaks is kept, unknown stays unknown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from changedetect.config.series import FusionSection
from changedetect.errors import LayerError
from changedetect.schema import EVIDENCE_NODATA
from changedetect.stages.evidence import fusion

CFG = FusionSection()
OPEN = FusionSection(
    beside_series_llr=9, beside_deny_series_llr=9, beside_radar_llr=9, beside_deny_radar_llr=9
)
"""A pair leaves the others their full voice."""
NONE = EVIDENCE_NODATA


def layer(name, llr, before=100, after=200):
    return fusion.EvidenceLayer(
        name, np.array([llr], np.int16), np.asarray(before, np.int32), np.asarray(after, np.int32)
    )


def test_sum__by_hand():
    fused = fusion.fuse(
        [layer("optical", [300, 300, NONE, NONE]), layer("radar", [200, -250, 150, NONE])], OPEN
    )
    assert fused.llr.tolist() == [[500, 50, 150, NONE]]
    assert fused.said[2].tolist() == [[200, -250, 150, NONE]]
    assert fused.supports.tolist() == [[0b101, 0b001, 0b100, 0]]
    assert fused.contradicts.tolist() == [[0, 0b100, 0, 0]]
    assert fused.disputed.tolist() == [[False, True, False, False]]


def test_one_loud_source__does_not_outshout_the_rest():
    fused = fusion.fuse([layer("radar", [3000]), layer("optical", [-600])], OPEN)
    assert fused.llr.tolist() == [[0]]


def test_coarse_source__is_softer_where_a_pair_saw_the_ground():
    cfg = FusionSection(beside_radar_llr=0.5, beside_deny_radar_llr=1)
    optical = layer("optical", [300, 300, NONE])
    fused = fusion.fuse([optical, layer("radar", [500, -250, 500])], cfg)
    assert fused.llr.tolist() == [[350, 200, 500]]
    assert fused.supports.tolist() == [[0b101, 0b001, 0b100]]
    assert fused.disputed.tolist() == [[False, True, False]]


def test_backing__weighs_and_bounds_what_each_coarse_source_says_and_leaves_the_pair_out():
    cfg = FusionSection(
        patch_weight_series=2, patch_weight_radar=0.5, patch_deny_llr=1, patch_clip_llr=4
    )
    said = np.array(
        [[900, 900, 900, 900], [50, -300, NONE, NONE], [600, 100, -80, NONE], [9, 9, 9, 9]],
        np.int16,
    )
    assert fusion.backing(said, cfg).tolist() == [100 + 200, -200 + 50, -40, 0]


def test_break_from_before_the_pair__does_not_speak_for_its_change():
    optical = layer("optical", [300, NONE], 100, 200)
    old = layer("series", [300, 300], 80, 90)
    fused = fusion.fuse([optical, old], OPEN)
    assert fused.llr.tolist() == [[300, 300]]
    assert fused.supports.tolist() == [[0b001, 0b010]]
    assert fused.after_day.tolist() == [[200, 90]]


def test_edges__are_spared_and_thin_alarms_lowered():
    llr = np.full((5, 5), -300, np.int16)
    llr[1:3, 1:3] = 500
    spared = fusion.spare_edges(llr)
    assert (spared[:4, :4][llr[:4, :4] < 0] == 0).all()
    assert (spared[4] == -300).all()
    line = np.zeros((4, 5), np.int16)
    line[1] = 500
    assert fusion.thick(line, 300).max() == 299
    assert (fusion.thick(llr, 300) == llr).all()
    hidden = np.array([[NONE, 200]], np.int16)
    assert (fusion.spare_edges(hidden) == hidden).all()
    assert (fusion.thick(hidden, 300) == hidden).all()


def test_layers_of_one_source__count_once_and_a_half():
    fused = fusion.fuse([layer("optical", [200, 200, -300]), layer("optical", [100, -300, 0])], CFG)
    assert fused.llr.tolist() == [[250, -200, -300]]


def test_weights__are_taken_from_the_configuration():
    cfg = FusionSection(weight_radar=0.5)
    assert fusion.fuse([layer("radar", [200])], cfg).llr.tolist() == [[100]]


def test_bracket__is_the_narrowest_that_those_who_speak_allow():
    fused = fusion.fuse(
        [
            layer("optical", [300, 300, -300, 300], 100, 200),
            layer("series", [300, 300, -300, 300], [[150, 99, 150, 250]], [[160, 105, 160, 260]]),
            layer("radar", [-300, NONE, -300, NONE], 158, 159),
        ],
        CFG,
    )
    assert fused.before_day.tolist() == [[150, 100, 0, 100]]
    assert fused.after_day.tolist() == [[160, 105, 0, 200]]


def test_names__follow_the_bits():
    assert fusion.name_sources(0) == ""
    assert fusion.name_sources(0b1111) == "optical;series;radar;model"


def test_lay__repeats_evidence_and_days():
    coarse = fusion.EvidenceLayer(
        "series", np.array([[1, NONE]], np.int16), np.array([[5, 6]]), np.array(9)
    )
    fine = fusion.lay(coarse, 3, (0, 0), (3, 6))
    assert fine.llr.tolist() == [[1, 1, 1, NONE, NONE, NONE]] * 3
    assert fine.before_day.tolist() == [[5, 5, 5, 6, 6, 6]] * 3
    assert fine.after_day.tolist() == 9
    assert fusion.lay(coarse, 3, (1, 2), (2, 2)).llr.tolist() == [[1, NONE]] * 2
    for factor, offset, shape in ((0, (0, 0), (1, 1)), (3, (0, 1), (3, 6)), (3, (-1, 0), (1, 1))):
        with pytest.raises(LayerError, match="factor"):
            fusion.lay(coarse, factor, offset, shape)


@given(seed=st.integers(0, 10_000))
def test_order_and_tiling__do_not_matter(seed):
    rng = np.random.default_rng(seed)
    layers = []
    for name in rng.choice(fusion.SOURCES, 4):
        llr = rng.integers(-900, 900, (3, 5)).astype(np.int16)
        llr[rng.random((3, 5)) < 0.3] = NONE
        days = rng.integers(0, 50, (2, 3, 5)).astype(np.int32)
        layers.append(fusion.EvidenceLayer(str(name), llr, days[0], days[0] + days[1]))
    whole = fusion.fuse(layers, CFG)
    turned = fusion.fuse(layers[::-1], CFG)
    part = fusion.fuse(
        [
            fusion.EvidenceLayer(a.name, a.llr[1:], a.before_day[1:], a.after_day[1:])
            for a in layers
        ],
        CFG,
    )
    for name in ("llr", "supports", "contradicts", "before_day", "after_day"):
        assert np.array_equal(getattr(whole, name), getattr(turned, name))
        assert np.array_equal(getattr(whole, name)[1:], getattr(part, name))
    unseen = np.all([a.llr == NONE for a in layers], axis=0)
    assert np.array_equal(whole.llr == NONE, unseen)


def test_bad_layers__are_refused():
    with pytest.raises(LayerError, match="no evidence layer"):
        fusion.fuse([], CFG)
    with pytest.raises(LayerError, match="'lidar' is unknown"):
        fusion.fuse([layer("lidar", [1])], CFG)
    with pytest.raises(LayerError, match="one grid"):
        fusion.fuse([layer("radar", [1]), layer("series", [1, 2])], CFG)
    with pytest.raises(LayerError, match="dtype float64"):
        fusion.fuse(
            [fusion.EvidenceLayer("radar", np.zeros((1, 1)), np.array(1), np.array(2))], CFG
        )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"deviation_llr": (0.0, 1.0)}, "deviation_frac has 7 numbers and deviation_llr 2"),
        ({"recent_scales": (1.0, 0.0), "recent_llr": (0.0, 1.0)}, "those of recent_scales rising"),
        ({"recent_scales": (), "recent_llr": ()}, "recent_scales has 0"),
        ({"recent_most_llr": ()}, "need a number at least"),
    ],
)
def test_curves_that_do_not_fit__are_refused_in_words(wrong, told):
    with pytest.raises(ValidationError, match=told):
        FusionSection(**wrong)


@given(
    st.lists(st.integers(-32768, 32767), min_size=1, max_size=9),
    st.sampled_from(fusion.SOURCES),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([0.5, 6.0, 300.0, 400.0]),
)
def test_alone__what_fuse_says_of_one_layer(values, name, weight, clip):
    rules = {f"weight_{name}": weight, f"clip_{name}_llr": clip}
    cfg, one = FusionSection(**rules), layer(name, values)
    told, whole = fusion.alone(one, cfg), fusion.fuse([one], cfg)
    assert (told.llr.dtype, told.said.dtype) == (np.int16, np.int16)
    np.testing.assert_array_equal(told.llr, whole.llr)
    np.testing.assert_array_equal(told.said, whole.said)
