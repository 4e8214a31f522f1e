"""Change that the same season of an earlier year does not show: season is no change.

A field that was flooded since the image before looks changed; against an image of the same season a
year ago it does not. Both comparisons have a null of their own; a pixel counts as unusual as the
comparison in which it is less so (the larger of two p-values: Wilkinson 1951,
doi:10.1037/h0059111, for r = n = 2). Since both share the image after they are not independent, so
the null of the lesser one is fitted again on the sample blocks, and states its own rate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from changedetect.config.detection import EvidenceSection
from changedetect.kernels.least import least_of
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE
from changedetect.stages.evidence.calibration import TOP, NullModel, fit_null
from changedetect.stages.evidence.cells import cells_of
from changedetect.stages.evidence.optical import PairModel

YEAR_DAYS = 365.25


def season_gap_days(age_days: float) -> float:
    """How far an image is from the same season of some earlier year. [day]

    Parameters
    ----------
    age_days
        Days between the two images.

    Returns
    -------
    float
        inf where they are less than half a year apart: that is no other year.

    Examples
    --------
    >>> season_gap_days(372), season_gap_days(31)
    (6.75, inf)
    """
    years = round(age_days / YEAR_DAYS)
    return abs(age_days - years * YEAR_DAYS) if years >= 1 else math.inf


@dataclass(frozen=True, slots=True)
class SeasonModel:
    """How the lesser of two evidences becomes evidence of its own.

    Attributes
    ----------
    shift
        Added to the evidence against last year, so that equal numbers are equally unusual.
    slope, level
        From the lesser one to evidence: a straight line. [1, log-likelihood ratio × 100]
    null
        Of the lesser one.
    denied_share
        Share of the sample pixels alarmed by the pair that the lesser one does not alarm; 0 where the
        pair alarms none.
    """

    shift: float
    slope: float
    level: float
    null: NullModel
    denied_share: float = 0.0

    @property
    def threshold(self) -> int:
        """Alarm at or above this evidence (log-likelihood ratio × 100)."""
        return self.null.threshold

    @property
    def false_alarm_rate(self) -> float:
        """Share of unchanged pixels that the threshold is expected to alarm."""
        return self.null.false_alarm_rate


def fit_season(
    blocks: Sequence[tuple[np.ndarray, np.ndarray]],
    recent: PairModel,
    last_year: PairModel,
    cfg: EvidenceSection,
) -> SeasonModel | None:
    """Fit what the lesser of two evidences says.

    Parameters
    ----------
    blocks
        For each sample block the evidence of the pair and that against last year's image, ``(y, x)``
        int16 each (schema.EVIDENCE).
    recent, last_year
        The models that measured them.
    cfg
        Form of the null, false-alarm rate, fewest pixels.

    Returns
    -------
    SeasonModel or None
        None where both observed fewer than ``min_sample_pixels`` pixels.
    """
    own, other = recent.null, last_year.null
    shift = EVIDENCE_SCALE * (other.null_height - own.null_height)
    both = [_seen_by_both(first, second) for first, second in blocks]
    *ours, seen = zip(*both, strict=True)
    first, second = (np.concatenate(parts).astype(np.float64) for parts in ours)
    cells = cells_of(seen, [one.shape for one, _ in blocks], cfg.outcome_cell_px)
    lesser = np.minimum(first, second + shift)
    if len(lesser) < cfg.min_sample_pixels:
        return None
    # Back to a distance of the pair's own: the line of `NullModel.llr`, the other way round.
    bend = own.scale / EVIDENCE_SCALE
    start = own.log_median + own.scale * own.null_height
    distance = np.exp(bend * lesser + start).astype(np.float32)
    null = fit_null(distance, len(recent.kept), cfg, cells)
    slope = own.scale / null.scale
    level = EVIDENCE_SCALE * ((start - null.log_median) / null.scale - null.null_height)
    left = (slope * lesser + level)[first >= recent.threshold] >= null.threshold
    denied = float(1.0 - left.mean()) if len(left) else 0.0
    return SeasonModel(shift, slope, level, null, denied)


def _seen_by_both(
    first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values of pixels that both saw, and where they lie."""
    seen = np.flatnonzero((first != EVIDENCE_NODATA) & (second != EVIDENCE_NODATA))
    return first.reshape(-1)[seen], second.reshape(-1)[seen], seen


def measure_season(recent: np.ndarray, last_year: np.ndarray, model: SeasonModel) -> np.ndarray:
    """Return evidence of change that is new against both images.

    Parameters
    ----------
    recent, last_year
        ``(y, x)`` int16, evidence of the pair, and against the image of last year.
    model
        From `fit_season`.

    Returns
    -------
    ndarray
        schema.EVIDENCE ``(y, x)`` int16; not observed where either was not.
    """
    out = np.empty(recent.shape, np.int16)
    line = model.slope, model.level
    least_of(recent, last_year, model.shift, line, (TOP, EVIDENCE_NODATA), out)
    return out
