"""How a classifier does on patches of worlds that it has not seen: the part of its card that counts."""

from typing import Any

import numpy as np
import pandas as pd

from changedetect.codes import FAMILIES
from changedetect.config.detection import ClassifySection
from changedetect.measure import M2_PER_MU
from changedetect.stages import classify

BINS = 10
LEAST_MU = 0.5


def judge(
    estimator: Any,  # noqa: ANN401 - any estimator
    features: pd.DataFrame,
    labels: np.ndarray,
) -> dict[str, Any]:
    """Score a classifier on patches that it has not seen; unlabelled ones are left out.

    Parameters
    ----------
    estimator
        Of `classify.fit`.
    features, labels
        A row a patch; a family, pseudo-change, or empty.

    Returns
    -------
    dict
        JSON values: ``macro_f1`` over families as they are suggested after the rejection (a false
        patch of a family counts against it); ``macro_f1_of_changes``, of true changes alone, not
        rejected or unsure; ``changes_kept``, ``pseudo_rejected``; ``precision_kept`` of patches of
        half a mu and more that are not rejected; ``calibration_error`` and ``reliability`` of the
        probability of change, and ``family_calibration_error`` of the likeliest family of true
        changes. None = nothing to count.
    """
    known = labels != ""
    rows, truth = features[known], labels[known].astype(str)
    predicted = classify.predict(estimator, rows, ClassifySection())
    kept = ~predicted["rejected"].to_numpy(bool)
    family = predicted["family"].to_numpy(str)
    said = np.where(kept, family, classify.PSEUDO)
    changed = truth != classify.PSEUDO
    probability = predicted["change_probability"].to_numpy(float)
    large = kept & (np.exp(rows["f_log_area"].to_numpy(float)) >= LEAST_MU * M2_PER_MU)
    sure = predicted["family_probability"].to_numpy(float)[changed]
    return {
        "n": int(known.sum()),
        "macro_f1": _macro_f1(said, truth),
        "macro_f1_of_changes": _macro_f1(family[changed], truth[changed]),
        "by_class": {name: _of_class(said, truth, name) for name in (*FAMILIES, classify.PSEUDO)},
        "confusion": pd.crosstab(truth, said).to_dict("index"),
        "changes_kept": _share(kept[changed]),
        "pseudo_rejected": _share(~kept[~changed]),
        "precision_kept": _share(changed[large]),
        "calibration_error": _error(probability, changed),
        "family_calibration_error": _error(sure, family[changed] == truth[changed]),
        "reliability": _reliability(probability, changed),
    }


def _share(hits: np.ndarray) -> float | None:
    return float(hits.mean()) if len(hits) else None


def _error(probability: np.ndarray, true: np.ndarray) -> float | None:
    return classify.calibration_error(probability, true.astype(float)) if len(true) else None


def _of_class(said: np.ndarray, truth: np.ndarray, name: str) -> dict[str, Any]:
    hits = (said == name) & (truth == name)
    return {
        "precision": _share(hits[said == name]),
        "recall": _share(hits[truth == name]),
        "n": int((truth == name).sum()),
    }


def _macro_f1(said: np.ndarray, truth: np.ndarray) -> float | None:
    """Return the mean F1 of the families that there are."""
    scores = [
        2 * int(((said == name) & (truth == name)).sum())
        / int((said == name).sum() + (truth == name).sum())
        for name in FAMILIES
        if (truth == name).any()
    ]  # fmt: skip
    return float(np.mean(scores)) if scores else None


def _reliability(probability: np.ndarray, changed: np.ndarray) -> list[dict[str, Any]]:
    """Return, for each tenth of the probability that has patches, their number, what was said, what was so."""
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    return [
        {
            "from": k / BINS,
            "n": int((place == k).sum()),
            "said": float(probability[place == k].mean()),
            "changed": float(changed[place == k].mean()),
        }
        for k in range(BINS)
        if (place == k).any()
    ]
