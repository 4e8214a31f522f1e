"""The classifier of patches: forests whose probabilities are calibrated out of fold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from changedetect.codes import FAMILIES
from changedetect.config.detection import ClassifySection, TrainingSection
from changedetect.errors import ModelError
from changedetect.stages.classify.features import FEATURE_NAMES

PSEUDO = "pseudo"
"""Class of patches that show no change of the land: season, shadow, cloud, shift, noise."""

UNSURE = "unsure"
"""Family of a patch whose likeliest family is not likely enough."""

CLASSES: tuple[str, ...] = (*FAMILIES, PSEUDO)


@dataclass(frozen=True, slots=True)
class FitReport:
    """What a classifier was trained on and how it did on patches that it had not seen.

    All scores are out of fold; the one number of each fold's calibration was fitted on that fold.

    Attributes
    ----------
    feature_names
        In order.
    examples
        Class -> patches; their shares are the priors that the probabilities rest on (no class
        weights are used).
    left_out
        Class -> patches, of classes with too few examples to learn.
    log_loss, raw_log_loss
        After and before calibration.
    brier
        Mean squared error of the probability of change.
    calibration_error
        Expected calibration error of the probability of change, in ten bins.
    inverse_temperatures
        What logits are multiplied by, a fold; 1 = the forest was calibrated already.
    grouped
        Rows of one group were kept in one fold; false where no groups were given or a class would
        have been absent from a forest (its scores then flatter: neighbours were seen).
    confusion
        True class -> suggested class -> patches.
    """

    feature_names: tuple[str, ...]
    examples: dict[str, int]
    left_out: dict[str, int]
    log_loss: float
    raw_log_loss: float
    brier: float
    calibration_error: float
    inverse_temperatures: tuple[float, ...]
    grouped: bool
    confusion: dict[str, dict[str, int]]


def fit(
    features: pd.DataFrame,
    labels: Sequence[str],
    cfg: TrainingSection,
    *,
    seed: int,
    groups: Sequence[int] | None = None,
) -> tuple[CalibratedClassifierCV, FitReport]:
    """Train a classifier; the order of the rows does not matter.

    One random forest (doi:10.1023/A:1010933404324) a fold, which takes missing values as such,
    each with temperature scaling (arXiv:1706.04599, section 4.2) fitted on the patches that it has
    not seen; probabilities are averaged. One thread, so that the same rows and seed give the same
    forests.

    Parameters
    ----------
    features
        `FEATURES`, NaN = missing.
    labels
        One of codes.FAMILIES or `PSEUDO` a row; empty = not labelled, the row is left out.
    cfg
        Size of the forest, folds, least examples of a class.
    seed
        Of the forest and the folds.
    groups
        Number of the world or image a row comes from; rows of one group stay in one fold.

    Returns
    -------
    tuple
        The estimator (sklearn, prediction on one thread), and how it did.

    Raises
    ------
    ModelError
        A label is unknown, or fewer than two classes have enough examples.
    """
    _check_features(list(features.columns), "training table")
    rows, classes, group = _ordered(features, np.asarray(labels, object), groups)
    names, counts = np.unique(classes.astype(str), return_counts=True)
    examples = dict(zip(names.tolist(), counts.tolist(), strict=True))
    _check_labels(examples, cfg)
    left_out = {name: n for name, n in examples.items() if n < cfg.min_examples}
    learnt = ~np.isin(classes, list(left_out))
    rows, classes, group = rows[learnt], classes[learnt].astype(str), group[learnt]
    folds = _folds(classes, group if groups is not None else None, cfg.folds, seed)
    forest = RandomForestClassifier(
        cfg.trees,
        min_samples_leaf=cfg.min_leaf_patches,
        max_features=cfg.tried_share,
        max_leaf_nodes=cfg.max_leaves,
        random_state=seed,
        n_jobs=1,
    )
    estimator = CalibratedClassifierCV(
        forest, method="temperature", cv=folds.splits, ensemble=True, n_jobs=1
    )
    estimator.fit(rows, classes)
    kept = {name: n for name, n in examples.items() if name not in left_out}
    judged = _out_of_fold(estimator, rows, classes, folds.splits)
    return estimator, _report(judged, kept, left_out, grouped=folds.grouped)


def predict(
    estimator: CalibratedClassifierCV, features: pd.DataFrame, cfg: ClassifySection
) -> pd.DataFrame:
    """Suggest the family of each patch; each row rests on itself only.

    Parameters
    ----------
    estimator
        What `fit` returned.
    features
        ``patch_id`` and `FEATURES`.
    cfg
        When a patch is unsure, and when it is rejected.

    Returns
    -------
    DataFrame
        ``patch_id``; ``family`` (codes.FAMILIES or `UNSURE`); ``family_probability``, of the
        likeliest family given that the land changed; ``change_probability``, that it changed;
        ``rejected``, true where pseudo-change is likelier than ``cfg.reject_probability``.

    Raises
    ------
    ModelError
        The estimator was trained on other features or knows other classes.
    """
    _check_features(list(getattr(estimator, "feature_names_in_", ())), "model")
    _check_features(list(features.columns), "patch table")
    classes = [str(name) for name in estimator.classes_]
    unknown = sorted(set(classes) - set(CLASSES))
    if unknown:
        msg = f"model: classes {unknown} are unknown; {list(CLASSES)} were expected; train it again"
        raise ModelError(msg)
    families = np.array([name for name in classes if name != PSEUDO], object)
    if not len(features):
        return _predictions(features, families[:0], np.zeros(0), np.zeros(0), cfg)
    probability = np.asarray(estimator.predict_proba(features[list(FEATURE_NAMES)]), np.float64)
    of_family = probability[:, [name != PSEUDO for name in classes]]
    change = of_family.sum(axis=1)
    given_change = of_family / np.where(change > 0, change, 1)[:, None]
    best = given_change.argmax(axis=1)
    return _predictions(features, families[best], given_change.max(axis=1), change, cfg)


def _predictions(
    features: pd.DataFrame,
    family: np.ndarray,
    family_probability: np.ndarray,
    change: np.ndarray,
    cfg: ClassifySection,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "patch_id": features["patch_id"].to_numpy(),
            "family": np.where(family_probability < cfg.min_probability, UNSURE, family),
            "family_probability": family_probability,
            "change_probability": change,
            "rejected": 1 - change > cfg.reject_probability,
        }
    )


def _check_features(found: list[str], where: str) -> None:
    missing = [name for name in FEATURE_NAMES if name not in found]
    if missing:
        msg = (
            f"{where}: features {missing} are missing; the {len(FEATURE_NAMES)} of this version "
            "were expected; make it again with this version"
        )
        raise ModelError(msg)


def _check_labels(examples: dict[str, int], cfg: TrainingSection) -> None:
    unknown = sorted(set(examples) - set(CLASSES))
    if unknown:
        msg = f"labels {unknown} are unknown; {list(CLASSES)} were expected, or empty"
        raise ModelError(msg)
    if sum(n >= cfg.min_examples for n in examples.values()) < len((PSEUDO, UNSURE)):
        msg = (
            f"examples {examples}: fewer than two classes have {cfg.min_examples} or more; "
            "label more patches, or lower min_examples"
        )
        raise ModelError(msg)


def _ordered(
    features: pd.DataFrame, labels: np.ndarray, groups: Sequence[int] | None
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Bring labelled rows into an order of their own: by group, label and values."""
    group = np.zeros(len(labels), np.int64) if groups is None else np.asarray(groups)
    labelled = labels != ""
    rows = features.loc[labelled, list(FEATURE_NAMES)].reset_index(drop=True)
    labels, group = labels[labelled], group[labelled]
    keys = rows.fillna(-np.inf).to_numpy(np.float64)
    order = np.lexsort((*keys.T, labels.astype(str), group))
    return rows.iloc[order].reset_index(drop=True), labels[order], group[order]


@dataclass(frozen=True, slots=True)
class _Folds:
    splits: list[tuple[np.ndarray, np.ndarray]]
    grouped: bool


def _folds(classes: np.ndarray, groups: np.ndarray | None, folds: int, seed: int) -> _Folds:
    """Cut rows into folds by group, or by row where that would hide a class from a forest."""
    if groups is not None:
        most = min(folds, len(np.unique(groups)))
        if most < len((PSEUDO, UNSURE)):
            msg = "all rows come from one group; two or more were expected; leave groups out"
            raise ModelError(msg)
        by_group = StratifiedGroupKFold(most, shuffle=True, random_state=seed)
        splits = list(by_group.split(classes, classes, groups))
        known = len(np.unique(classes))
        if all(len(np.unique(classes[learn])) == known and len(judge) for learn, judge in splits):
            return _Folds(splits, grouped=True)
    by_row = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return _Folds(list(by_row.split(classes, classes)), grouped=False)


@dataclass(frozen=True, slots=True)
class _Judged:
    """True classes and probabilities, ``(patch, class)``, of patches that a forest had not seen."""

    names: list[str]
    classes: np.ndarray
    raw: np.ndarray
    calibrated: np.ndarray
    inverse_temperatures: tuple[float, ...]


def _out_of_fold(
    estimator: CalibratedClassifierCV,
    rows: pd.DataFrame,
    classes: np.ndarray,
    splits: list[tuple[np.ndarray, np.ndarray]],
) -> _Judged:
    names = [str(name) for name in estimator.classes_]
    raw, calibrated = np.zeros((2, len(classes), len(names)))
    temperatures = []
    for one, (_, unseen) in zip(estimator.calibrated_classifiers_, splits, strict=True):
        raw[unseen] = one.estimator.predict_proba(rows.iloc[unseen])
        calibrated[unseen] = one.predict_proba(rows.iloc[unseen])
        temperatures.append(float(one.calibrators[0].beta_))
    return _Judged(names, classes, raw, calibrated, tuple(temperatures))


def _report(
    judged: _Judged, examples: dict[str, int], left_out: dict[str, int], *, grouped: bool
) -> FitReport:
    names, classes = judged.names, judged.classes
    suggested = np.array(names)[judged.calibrated.argmax(axis=1)]
    changed = (classes != PSEUDO).astype(np.float64)
    pseudo = judged.calibrated[:, [name == PSEUDO for name in names]].sum(axis=1)
    return FitReport(
        feature_names=FEATURE_NAMES,
        examples=examples,
        left_out=left_out,
        log_loss=float(log_loss(classes, judged.calibrated, labels=names)),
        raw_log_loss=float(log_loss(classes, _clipped(judged.raw), labels=names)),
        brier=float(np.mean((1 - pseudo - changed) ** 2)),
        calibration_error=_calibration_error(1 - pseudo, changed),
        inverse_temperatures=judged.inverse_temperatures,
        grouped=grouped,
        confusion={
            name: {other: int(((classes == name) & (suggested == other)).sum()) for other in names}
            for name in names
        },
    )


def _clipped(probability: np.ndarray) -> np.ndarray:
    """Keep probabilities off 0, as the calibration does, so that the two losses compare."""
    kept = np.maximum(probability, np.finfo(np.float32).eps)
    clipped: np.ndarray = kept / kept.sum(axis=1, keepdims=True)
    return clipped


def _calibration_error(probability: np.ndarray, truth: np.ndarray, bins: int = 10) -> float:
    """Return the expected calibration error (arXiv:1706.04599, equation 3)."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    gap = np.bincount(place, probability - truth, bins)
    return float(np.abs(gap).sum() / len(truth))
