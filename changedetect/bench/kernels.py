"""Kernels one by one: nanoseconds per pixel and band, and bytes moved beside a memory copy."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np

from changedetect.bench.generated import ROLES, Plan, Texture
from changedetect.bench.measure import timed
from changedetect.config.series import SeriesSection
from changedetect.kernels import (
    distance,
    fast_guided,
    guided,
    regrid,
    resample,
    rings,
    runs,
    texture,
)
from changedetect.stages.evidence import series

SCALE = 10_000.0
VISIBLE = 3
CLASSES, OUTCOMES = 16, 2
SCORE_CAP = 10_000


@dataclass(frozen=True, slots=True)
class KernelCost:
    """What one kernel takes on one core.

    Attributes
    ----------
    ns_per_px_band
        Processor time over pixels × bands. [ns]
    gb_per_s
        Bytes of the arrays that go in and come out, over time. [GB/s]
    copy_share
        The same over what a memory copy moves. [0-1]
    """

    name: str
    ns_per_px_band: float
    gb_per_s: float
    copy_share: float


def measure_kernels(
    side_px: int, bands: int, repeat: int, copy_gb_per_s: float
) -> list[KernelCost]:
    """Measure every kernel of the pair and the series on a square of texture."""
    costs = []
    for name, (work, size, moved) in _works(side_px, bands).items():
        work()  # compiles
        best = min(max(timed(work).cpu_s, 1e-6) for _ in range(repeat))
        rate = moved / best / 1e9
        costs.append(KernelCost(name, best / size * 1e9, rate, rate / copy_gb_per_s))
    return costs


_Work = tuple[Callable[[], object], int, int]
"""What to call, pixels × bands, bytes in and out."""


def _works(side: int, bands: int) -> dict[str, _Work]:
    ground = Texture.of(Plan(side, bands))
    rows = np.arange(side, dtype=np.float64)
    images = [ground.strip(number, rows, rows) / np.float32(SCALE) for number in (0, 1)]
    px = side * side
    raw = bands * px * 4
    return {
        "resample.shifted": (
            partial(resample.shifted, images[0], 0.4, 0.3), bands * px, 2 * raw,
        ),
        "regrid.cubic": (
            partial(regrid.cubic, images[0], 0, 0, *_places(side)),
            bands * px, 2 * raw + 16 * px,
        ),
        **_evidence_works(images, side, bands),
        **_patch_works(images[0], side),
        "series.update": (
            _series_work(images[0], bands), bands * px, raw,
        ),
    }  # fmt: skip


def _places(side: int) -> tuple[np.ndarray, np.ndarray]:
    rows, cols = np.mgrid[:side, :side].astype(np.float64)
    return rows * 0.97 + 0.4, cols * 0.97 + 0.3


def _evidence_works(images: list[np.ndarray], side: int, bands: int) -> dict[str, _Work]:
    px, classes, guides = side * side, CLASSES, min(6, 2 * bands)
    rng = np.random.default_rng(1)
    stack = np.concatenate(images)
    chooser = rng.normal(size=(classes, bands)), rng.normal(size=classes)
    variates = (
        rng.normal(size=(classes, OUTCOMES, bands, 2 * bands)),
        rng.normal(size=(classes, OUTCOMES, bands)),
        np.zeros((classes, OUTCOMES)),
    )
    axes = rng.normal(size=(guides, 2 * bands)), rng.normal(size=guides)
    score = np.empty((side, side), np.int16)
    guide = np.empty((guides, side, side), np.int16)
    smooth = np.empty((side, side), np.float32)
    measure = partial(
        distance.distance_rows,
        stack,
        (_wide(chooser[0]), _single(chooser[1])),
        (_wide(variates[0]), _single(variates[1]), _single(variates[2])),
        (_wide(axes[0]), _single(axes[1])),
        SCORE_CAP,
        score,
        guide,
    )
    measure()
    filtered = partial(fast_guided.fast_guided_mean, score, guide, (0, 0), 3, 65536.0, smooth)
    own = partial(guided.guided_mean, score.astype(np.int32), _pixels_last(guide), 4, 65536.0)
    laid = np.empty((2, bands, side, side), np.float32)
    gain, offset = np.full(bands, 1.1), np.zeros(bands)
    lay = partial(resample.laid_over, images[0], images[1], (0.4, 0.3), gain, offset, laid)
    return {
        "resample.laid_over": (lay, 2 * bands * px, stack.nbytes + laid.nbytes),
        "distance.distance_rows": (
            measure, 2 * bands * px, stack.nbytes + score.nbytes + guide.nbytes,
        ),
        "fast_guided.fast_guided_mean": (
            filtered, guides * px, score.nbytes + guide.nbytes + smooth.nbytes,
        ),
        "guided.guided_mean": (own, guides * px, 3 * score.nbytes + guide.nbytes),
    }  # fmt: skip


def _pixels_last(guide: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(guide, 0, -1))


def _wide(weights: np.ndarray) -> np.ndarray:
    flat = distance.padded(weights.reshape(-1, weights.shape[-1]))
    return flat.reshape(*weights.shape[:-1], -1)


def _single(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)


def _patch_works(image: np.ndarray, side: int) -> dict[str, _Work]:
    px = side * side
    mask = (image[0] > np.quantile(image[0], 0.9)).astype(np.uint8)
    found = runs.find_runs(mask, 0, 0)
    rows, cols = (place.astype(np.int64) for place in np.nonzero(mask))
    bands = len(image)
    roles = np.arange(bands)
    chosen = roles, roles[:2][None], roles[: min(bands, VISIBLE)]
    width = bands + 1 + texture.DERIVED
    out = np.empty((width, len(rows)), np.int32)

    def describe() -> None:
        ring = texture.new_ring(side)
        texture.describe_pixels(image, chosen, rows, cols, SCALE, ring, out)

    describe()
    return {
        "runs.close_gaps": (partial(runs.close_gaps, mask, 1), px, 2 * px),
        "runs.find_runs": (partial(runs.find_runs, mask, 0, 0), px, px + found.nbytes),
        "runs.label_runs": (partial(runs.label_runs, found, 1), px, found.nbytes),
        "rings.trace": (partial(_trace, found), px, found.nbytes),
        "texture.describe_pixels": (describe, len(rows), image.nbytes + out.nbytes),
    }  # fmt: skip


def _trace(found: np.ndarray) -> object:
    part = runs.label_runs(found, 0)
    return rings.trace_rings(found, part, rings.link_edges(found, part))


def _series_work(image: np.ndarray, bands: int) -> Callable[[], object]:
    cfg = SeriesSection()
    roles = ROLES[:bands]
    if "nir" not in roles:
        roles, image = ("red", "nir"), image[:2]
    state = series.start(image.shape[1:], roles, cfg)
    for number in range(3):
        state = series.update(state, date(2024, 1, 5 + 9 * number), image, cfg)
    return lambda: series.update(state, date(2024, 3, 1), image, cfg)
