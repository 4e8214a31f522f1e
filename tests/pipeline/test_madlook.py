"""``detect mad`` from files to files."""

import hashlib

import numpy as np
import pytest
import rasterio

from changedetect.errors import InputError, SceneError
from changedetect.pipeline.looks import madlook
from changedetect.pipeline.looks.look import LookOptions
from changedetect.pipeline.looks.madlook import look_at_mad
from changedetect.pipeline.runs.progress import Silent
from tests.pipeline.test_quicklook import CHANGED, draw, ground, pictures

__all__ = ["pictures"]


def look(folder, after="PMS2M_20250602.tif", *, out="out", variates=False, align=True, **chosen):
    options = LookOptions(folder / out, **({"workers": 1} | chosen))
    before = folder / "PMS2M_20250501.tif"
    return look_at_mad(
        before, folder / after, options, progress=Silent(), variates=variates, align=align
    )


def read(folder, out="out"):
    with rasterio.open(folder / out / "mad.tif") as dataset:
        return dataset.read(), dataset.descriptions, dataset.nodata


def test_look__shows_what_changed_and_says_how_it_was_fitted(pictures):
    report = look(pictures, variates=True)
    assert report.exit_code == 0
    assert sorted(p.name for p in (pictures / "out").iterdir()) == [
        ".lock",
        "mad.tif",
        "preview.png",
    ]
    values, names, nodata = read(pictures)
    assert len(names) == 5
    assert nodata == -32768
    root = values[0] / 100
    inside = np.zeros(root.shape, bool)
    inside[CHANGED] = True
    assert np.median(root[inside]) > 5 * np.median(root[~inside])
    # The root is that of the sum of the squared variates, up to rounding and clipping.
    again = np.sqrt((values[1:].astype(float) ** 2).sum(axis=0)) / 100
    assert np.allclose(again[~inside], root[~inside], atol=0.02)
    facts = report.facts()
    assert facts["files"] == ["mad.tif", "preview.png"]
    assert facts["observed_px"] == root.size
    assert len(facts["canonical_correlations"]) == 4
    assert min(facts["canonical_correlations"]) > 0.9


@pytest.mark.parametrize("align", [True, False])
def test_look__same_bytes_for_any_tiles_and_threads(pictures, align):
    digests = set()
    for place, chosen in enumerate(({}, {"tile_px": 64, "workers": 3}, {"tile_px": 96})):
        look(pictures, out=f"out{place}", variates=True, align=align, **chosen)
        data = (pictures / f"out{place}" / "mad.tif").read_bytes()
        picture = (pictures / f"out{place}" / "preview.png").read_bytes()
        digests.add((hashlib.sha256(data).digest(), hashlib.sha256(picture).digest()))
    assert len(digests) == 1


def test_look__shift_is_taken_out_and_told(pictures):
    moved = np.roll(ground(3), 1, axis=2)
    draw(pictures / "PMS2M_20250603.tif", moved, nodata=0)
    assert look(pictures, "PMS2M_20250603.tif").figures["shift_px"] == pytest.approx(
        [0, 1], abs=0.2
    )
    plain = look(pictures, "PMS2M_20250603.tif", out="plain", align=False)
    assert "shift_px" not in plain.figures
    inner = (slice(10, -10), slice(10, -10))
    laid, lying = (read(pictures, out)[0][0][inner] for out in ("out", "plain"))
    assert np.percentile(laid, 95) < np.percentile(lying, 95) / 3


def test_look__not_observed_is_not_unchanged(pictures):
    image = ground(3)
    image[:, 20:40, 30:50] = 0
    draw(pictures / "PMS2M_20250604.tif", image, nodata=0)
    report = look(pictures, "PMS2M_20250604.tif", align=False)
    values, _, nodata = read(pictures)
    assert (values[0, 20:40, 30:50] == nodata).all()
    assert report.figures["unobserved_px"] == 400
    assert np.count_nonzero(values[0] == nodata) == 400


def test_look__a_tile_that_can_not_be_read_is_named_and_not_observed(pictures, monkeypatch):
    whole = madlook.MadWork.__call__

    def broken(self, tile):
        if (tile.core.row, tile.core.col) == (64, 0):
            raise SceneError("block 3 is damaged")
        return whole(self, tile)

    monkeypatch.setattr(madlook.MadWork, "__call__", broken)
    report = look(pictures, tile_px=64, variates=True)
    assert report.exit_code == 3
    assert "block 3 is damaged" in report.problems[0]
    values, _, nodata = read(pictures)
    assert (values[:, 64:128, :64] == nodata).all()
    assert np.count_nonzero(values[0] == nodata) == 64 * 64


def test_look__earlier_results_are_kept(pictures):
    look(pictures)
    with pytest.raises(InputError, match="holds mad"):
        look(pictures)
    look(pictures, overwrite=True)


@pytest.mark.parametrize("align", [True, False])
def test_look__images_of_other_bands_are_refused(pictures, align):
    draw(pictures / "R_20250606.tif", ground(3)[:1])
    with pytest.raises(SceneError, match="the same bands"):
        look(pictures, "R_20250606.tif", align=align)


def test_look__what_is_known_of_the_samples_is_told_unaligned_too(pictures, monkeypatch):
    read_samples = madlook.read_samples
    monkeypatch.setattr(
        madlook, "read_samples", lambda *given: (read_samples(*given)[0], ("1 of 4 blocks",))
    )
    for align in (True, False):
        assert "1 of 4 blocks" in look(pictures, out=f"out{align}", align=align).notices
