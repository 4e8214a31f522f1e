"""The classifier of patches: boosted trees whose probabilities are calibrated out of fold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
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

    All scores are out of fold; the one number of the calibration was fitted on all folds together.

    Attributes
    ----------
    feature_names
        In order.
    examples
        Class -> patches; their shares are the priors that the probabilities rest on (no class
        weights are used).
    left_out
        Class -> patches, of classes with too few examples to learn.
    unused
        Features that have no value in a fold that was learnt from: no tree looks at them.
    log_loss, raw_log_loss
        After and before calibration.
    brier
        Mean squared error of the probability of change.
    calibration_error
        Expected calibration error of the probability of change, in ten bins.
    inverse_temperature
        What logits are multiplied by; 1 = the trees were calibrated already.
    grouped
        Rows of one group were kept in one fold; false where no groups were given or a class would
        have been absent from a fold's trees (its scores then flatter: neighbours were seen).
    confusion
        True class -> suggested class -> patches.
    """

    feature_names: tuple[str, ...]
    examples: dict[str, int]
    left_out: dict[str, int]
    unused: tuple[str, ...]
    log_loss: float
    raw_log_loss: float
    brier: float
    calibration_error: float
    inverse_temperature: float
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

    Gradient boosted trees on binned values (doi:10.1214/aos/1013203451; arXiv:2106.03253 on why
    trees), which take missing values as such, with temperature scaling (arXiv:1706.04599, section
    4.2) fitted on what the trees of each fold say of the patches that they have not seen. The same
    rows and seed give the same trees, in any order and with any number of threads.

    Parameters
    ----------
    features
        `FEATURES`, NaN = missing.
    labels
        One of codes.FAMILIES or `PSEUDO` a row; empty = not labelled, the row is left out.
    cfg
        Size of the trees, folds, least examples of a class.
    seed
        Of the trees and the folds.
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
    lesson = _lesson(features, labels, cfg, groups, seed)
    estimator = _learnt(lesson, cfg, seed)
    return estimator, _report(_out_of_fold(estimator, lesson), lesson)


def learn(
    features: pd.DataFrame,
    labels: Sequence[str],
    cfg: TrainingSection,
    *,
    seed: int,
    groups: Sequence[int] | None = None,
) -> CalibratedClassifierCV:
    """Train the classifier of `fit` without judging it, in half of the time."""
    return _learnt(_lesson(features, labels, cfg, groups, seed), cfg, seed)


@dataclass(frozen=True, slots=True)
class _Folds:
    splits: list[tuple[np.ndarray, np.ndarray]]
    grouped: bool


@dataclass(frozen=True, slots=True)
class _Lesson:
    """What is learnt from: rows in an order of their own, their classes, how they are folded."""

    rows: pd.DataFrame
    classes: np.ndarray
    folds: _Folds
    examples: dict[str, int]
    left_out: dict[str, int]
    unused: tuple[str, ...]


def _lesson(
    features: pd.DataFrame,
    labels: Sequence[str],
    cfg: TrainingSection,
    groups: Sequence[int] | None,
    seed: int,
) -> _Lesson:
    _check_features(list(features.columns), "training table")
    rows, classes, group = _ordered(features, np.asarray(labels, object), groups)
    names, counts = np.unique(classes.astype(str), return_counts=True)
    examples = dict(zip(names.tolist(), counts.tolist(), strict=True))
    _check_labels(examples, cfg)
    left_out = {name: n for name, n in examples.items() if n < cfg.min_examples}
    learnt = ~np.isin(classes, list(left_out))
    rows, classes, group = rows[learnt], classes[learnt].astype(str), group[learnt]
    folds = _folds(classes, group if groups is not None else None, cfg.folds, seed)
    known = rows.notna().to_numpy()
    present = np.logical_and.reduce([known[part].any(axis=0) for part, _ in folds.splits])
    unused = tuple(
        name for name, is_there in zip(FEATURE_NAMES, present, strict=True) if not is_there
    )
    return _Lesson(
        rows.assign(
            **dict.fromkeys(unused, 0.0)
        ),  # a constant: nothing to cut, whatever comes later
        classes,
        folds,
        {name: n for name, n in examples.items() if name not in left_out},
        left_out,
        unused,
    )


def _learnt(lesson: _Lesson, cfg: TrainingSection, seed: int) -> CalibratedClassifierCV:
    trees = HistGradientBoostingClassifier(
        max_iter=cfg.trees,
        learning_rate=cfg.learning_rate,
        max_leaf_nodes=cfg.max_leaves,
        min_samples_leaf=cfg.min_leaf_patches,
        l2_regularization=cfg.leaf_pull,
        max_features=cfg.tried_share,
        early_stopping=False,
        random_state=seed,
    )
    estimator = CalibratedClassifierCV(
        trees, method="temperature", cv=lesson.folds.splits, ensemble=False, n_jobs=1
    )
    estimator.fit(lesson.rows, lesson.classes)
    estimator.set_params(cv=len(lesson.folds.splits))  # row numbers are no part of the model
    return estimator


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


def _folds(classes: np.ndarray, groups: np.ndarray | None, folds: int, seed: int) -> _Folds:
    """Cut rows into folds by group, or by row where that would hide a class from its trees."""
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
    """Probabilities, ``(patch, class)``, of patches that the trees had not seen."""

    names: list[str]
    raw: np.ndarray
    calibrated: np.ndarray
    inverse_temperature: float


def _out_of_fold(estimator: CalibratedClassifierCV, lesson: _Lesson) -> _Judged:
    names = [str(name) for name in estimator.classes_]
    raw = np.zeros((len(lesson.classes), len(names)))
    for seen, unseen in lesson.folds.splits:
        trees = clone(estimator.estimator).fit(lesson.rows.iloc[seen], lesson.classes[seen])
        raw[unseen] = trees.predict_proba(lesson.rows.iloc[unseen])
    beta = float(estimator.calibrated_classifiers_[0].calibrators[0].beta_)
    tempered = _clipped(raw) ** beta
    return _Judged(names, raw, tempered / tempered.sum(axis=1, keepdims=True), beta)


def _report(judged: _Judged, lesson: _Lesson) -> FitReport:
    names, classes = judged.names, lesson.classes
    suggested = np.array(names)[judged.calibrated.argmax(axis=1)]
    changed = (classes != PSEUDO).astype(np.float64)
    pseudo = judged.calibrated[:, [name == PSEUDO for name in names]].sum(axis=1)
    return FitReport(
        feature_names=FEATURE_NAMES,
        examples=lesson.examples,
        left_out=lesson.left_out,
        unused=lesson.unused,
        log_loss=float(log_loss(classes, judged.calibrated, labels=names)),
        raw_log_loss=float(log_loss(classes, _clipped(judged.raw), labels=names)),
        brier=float(np.mean((1 - pseudo - changed) ** 2)),
        calibration_error=calibration_error(1 - pseudo, changed),
        inverse_temperature=judged.inverse_temperature,
        grouped=lesson.folds.grouped,
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


def calibration_error(probability: np.ndarray, truth: np.ndarray, bins: int = 10) -> float:
    """Return the expected calibration error (arXiv:1706.04599, equation 3).

    Parameters
    ----------
    probability, truth
        ``(n,)`` of a thing, and 1 where it is so, 0 where not; at least one.
    bins
        Equal parts of 0-1.
    """
    place = np.minimum((probability * bins).astype(int), bins - 1)
    gap = np.bincount(place, probability - truth, bins)
    return float(np.abs(gap).sum() / len(truth))
