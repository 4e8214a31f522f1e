"""Classifiers on disk: skops with a fixed list of trusted types, digest and versions checked first.

A model is a folder ``{name}/`` with ``model.skops`` and ``card.json``. Nothing is unpickled: only the
types on `TRUSTED` are built, and only after the file's SHA-256 is the one on its card.
"""

import io
import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sklearn
import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from changedetect.errors import ModelError
from changedetect.io.digest import sha256_file
from changedetect.io.publish import publish, publish_bytes

TRUSTED: tuple[str, ...] = (
    "sklearn._loss.link.HalfLogitLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss._loss.CyHalfMultinomialLoss",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
"""Types that skops does not trust by itself and that our classifiers are made of."""

_ALLOWED = frozenset(
    {
        "RandomForestClassifier", "HistGradientBoostingClassifier", "CalibratedClassifierCV",
        "LogisticRegression", "IsotonicRegression", "Pipeline",
    }
)  # fmt: skip
"""Classes of estimator that may be saved and loaded."""

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_FILE, _CARD = "model.skops", "card.json"


def save(folder: Path, name: str, estimator: Any, card: dict[str, Any]) -> None:  # noqa: ANN401
    """Save a fitted classifier with its card; an older model of that name is replaced.

    Parameters
    ----------
    folder
        Folder of all models.
    name
        Name of the model's own folder.
    estimator
        Fitted; one of the allowed classes.
    card
        JSON values; must hold ``features``, the names of its inputs in order. The digest, the
        class and the version of scikit-learn are added.

    Raises
    ------
    ModelError
        A class or a part of it that is not on the list, or a card without features.
    """
    features = card.get("features")
    if not isinstance(features, list | tuple) or not all(isinstance(f, str) for f in features):
        msg = f"model {name}: its card must hold features, a list of names; {features!r} found"
        raise ModelError(msg)
    _check_class(estimator, name)
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)

    def write(temp: Path) -> None:
        temp.write_bytes(_canonical(skops.io.dumps(estimator)))

    def verify(temp: Path) -> None:
        _load(temp, name)

    publish(place / _FILE, write, verify, overwrite=True)
    full = {
        **card,
        "features": list(features),
        "estimator": type(estimator).__name__,
        "scikit_learn": sklearn.__version__,
        "sha256": sha256_file(place / _FILE),
    }
    text = json.dumps(full, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    publish_bytes(place / _CARD, text.encode(), overwrite=True)


def load(folder: Path, name: str, expected_features: Sequence[str]) -> tuple[Any, dict[str, Any]]:
    """Load a classifier whose digest, versions and features fit.

    Parameters
    ----------
    folder, name
        As for `save`.
    expected_features
        What we would give it, in order.

    Returns
    -------
    tuple
        The estimator and its card.

    Raises
    ------
    ModelError
        Missing, changed since it was saved, of another scikit-learn, with other features, or with
        types that are not trusted.
    """
    place = folder / name
    card = _card(place / _CARD, name)
    if not (place / _FILE).is_file():
        msg = f"model {name}: {place / _FILE} is missing; train it again, or copy the whole folder"
        raise ModelError(msg)
    found = sha256_file(place / _FILE)
    if found != card["sha256"]:
        msg = (
            f"model {name}: sha256 {found} found, {card['sha256']} on its card; the file was changed "
            "or damaged: restore the folder, or train it again"
        )
        raise ModelError(msg)
    if card["scikit_learn"] != sklearn.__version__:
        msg = (
            f"model {name}: saved with scikit-learn {card['scikit_learn']}, {sklearn.__version__} is "
            "installed; results could differ: train it again, or install that version"
        )
        raise ModelError(msg)
    _check_features(card["features"], list(expected_features), name)
    estimator = _load(place / _FILE, name)
    _check_class(estimator, name)
    return estimator, card


def _canonical(archive: bytes) -> bytes:
    """Give a skops archive fixed times, and places in memory as counted numbers: same model, same bytes."""
    numbers: dict[str, str] = {}

    def renamed(match: re.Match[str]) -> str:
        return f"{match[1]}{numbers.setdefault(match[2], str(len(numbers) + 1))}"

    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        members = {name: source.read(name) for name in source.namelist()}
    schema = re.sub(r'("(?:__id__|file)": "?)(\d+)', renamed, members.pop("schema.json").decode())
    files = {
        re.sub(r"^(\d+)", lambda match: numbers[match[1]], name): data
        for name, data in members.items()
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in sorted({**files, "schema.json": schema.encode()}.items()):
            target.writestr(zipfile.ZipInfo(name, _ZIP_TIME), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _card(path: Path, name: str) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        msg = f"model {name}: {path} is missing; train it, or copy the whole folder of the model"
        raise ModelError(msg) from error
    except ValueError as error:
        msg = f"model {name}: {path} is no JSON ({error}); restore the folder"
        raise ModelError(msg) from error
    needed = {"sha256", "scikit_learn", "features"}
    if not isinstance(card, dict) or not needed <= set(card):
        msg = f"model {name}: {path} lacks one of {', '.join(sorted(needed))}; restore the folder"
        raise ModelError(msg)
    return card


def _check_features(found: list[str], expected: list[str], name: str) -> None:
    if found == expected:
        return
    lacking = [feature for feature in expected if feature not in found]
    surplus = [feature for feature in found if feature not in expected]
    detail = (
        f"not in the model: {lacking}; only in the model: {surplus}"
        if lacking or surplus
        else "the same names in another order"
    )
    msg = f"model {name}: its features are not those of this version ({detail}); train it again"
    raise ModelError(msg)


def _load(path: Path, name: str) -> Any:  # noqa: ANN401 - any estimator
    try:
        return skops.io.load(path, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        msg = f"model {name}: it holds types that are not trusted ({error}); it is not loaded"
        raise ModelError(msg) from error
    except (ValueError, TypeError, KeyError, OSError, AttributeError) as error:
        msg = f"model {name}: {path} can not be read ({error}); restore the folder"
        raise ModelError(msg) from error


def _check_class(estimator: Any, name: str) -> None:  # noqa: ANN401 - any estimator
    if type(estimator).__name__ not in _ALLOWED:
        msg = (
            f"model {name}: {type(estimator).__name__} is not on the list of classifiers "
            f"({', '.join(sorted(_ALLOWED))})"
        )
        raise ModelError(msg)
