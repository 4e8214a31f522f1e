"""What a change model of the user's own says, calibrated into evidence like any other source.

The model gives a logit a pixel; a monotone curve turns it into a log-likelihood ratio: knots of the
configuration, or a straight line that meets 0 at the level which only `null_rate` of the ground
reaches. So a model that is too sure, or sure on another scale, is put right without a label.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from changedetect.config.learned import ModelSection
from changedetect.errors import LayerError
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE

SMALLEST = 1e-6
"""Probabilities are kept so far from 0 and 1."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Knots of the curve from logit to log-likelihood ratio."""

    logit: tuple[float, ...]
    llr: tuple[float, ...]


def model_input(values: np.ndarray, roles: Sequence[str], cfg: ModelSection) -> np.ndarray:
    """Choose and scale the bands of one image; what was not observed is the band's mean.

    Parameters
    ----------
    values
        ``(band, y, x)`` float32; NaN = not observed. [reflectance 0-1]
    roles
        Role of each band.
    cfg
        Section `model`.

    Returns
    -------
    ndarray
        ``(band, y, x)`` float32 in the model's order.

    Raises
    ------
    LayerError
        The image lacks a band.
    """
    absent = [role for role in cfg.bands if role not in roles]
    if absent:
        msg = f"model {cfg.file}: bands {absent} are not in the images ({list(roles)}); correct model.bands"
        raise LayerError(msg)
    chosen = values[[list(roles).index(role) for role in cfg.bands]].astype(np.float64)
    seen = np.isfinite(chosen)
    count = np.maximum(seen.sum(axis=(1, 2)), 1)
    mean = np.where(seen, chosen, 0).sum(axis=(1, 2)) / count
    filled = np.where(seen, chosen, mean[:, None, None])
    return np.asarray(filled * cfg.scale + cfg.offset, np.float32)


def to_logit(output: np.ndarray, cfg: ModelSection) -> np.ndarray:
    """Turn the model's output into logits, float64."""
    values = output.astype(np.float64)
    if cfg.output == "logit":
        return values
    inside = np.clip(values, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def fit_calibration(samples: Sequence[np.ndarray], cfg: ModelSection) -> Calibration:
    """Take the knots of the configuration, or fit the level on logits of sample blocks.

    Parameters
    ----------
    samples
        Logits of any shape, NaN = not observed; mostly unchanged ground.
    cfg
        Section `model`.

    Raises
    ------
    LayerError
        Nothing was observed.
    """
    if cfg.knots_logit:
        return Calibration(cfg.knots_logit, cfg.knots_llr)
    seen = [sample[np.isfinite(sample)] for sample in samples]
    logits = np.concatenate(seen) if seen else np.zeros(0)
    if not logits.size:
        msg = "model: no pixel of the samples was observed on both images; nothing to calibrate on"
        raise LayerError(msg)
    level = float(np.quantile(logits, 1 - cfg.null_rate))
    reach = 100.0
    return Calibration((level - reach, level + reach), (-reach * cfg.gain, reach * cfg.gain))


def evidence(logit: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Turn logits into evidence.

    Parameters
    ----------
    logit
        ``(y, x)``; NaN = not observed.
    calibration
        From `fit_calibration`.

    Returns
    -------
    ndarray
        ``(y, x)`` int16, `schema.EVIDENCE`.

    Examples
    --------
    >>> evidence(np.array([[0.0, 2.0, np.nan]]), Calibration((-1.0, 3.0), (-2.0, 2.0))).tolist()
    [[-100, 100, -32768]]
    """
    seen = np.isfinite(logit)
    llr = np.interp(np.where(seen, logit, 0.0), calibration.logit, calibration.llr)
    bound = -(EVIDENCE_NODATA + 1)
    scaled = np.clip(np.rint(llr * EVIDENCE_SCALE), -bound, bound)
    return np.where(seen, scaled, EVIDENCE_NODATA).astype(np.int16)
