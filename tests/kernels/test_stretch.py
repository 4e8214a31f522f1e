"""Brightness between two limits: the definition, and what is left alone."""

import numpy as np

from changedetect.kernels.stretch import brighten


def test_brighten__by_definition_and_only_what_was_seen():
    rng = np.random.default_rng(8)
    band = rng.uniform(0, 1, (7, 9)).astype(np.float32)
    seen = rng.random((7, 9)) > 0.3
    picture = np.full((7, 9, 3), 160, np.uint8)
    brighten(band, seen, 0.2, 0.7, picture[..., 1])
    share = np.clip((band.astype(np.float64) - 0.2) / (0.7 - 0.2), 0, 1)
    np.testing.assert_array_equal(
        picture[..., 1], np.where(seen, np.rint(share * 255), 160).astype(np.uint8)
    )
    assert (picture[..., [0, 2]] == 160).all()


def test_brighten__one_limit_is_black():
    picture = np.full((1, 2), 9, np.uint8)
    brighten(np.full((1, 2), 0.5, np.float32), np.array([[True, False]]), 0.5, 0.5, picture)
    assert picture.tolist() == [[0, 9]]
