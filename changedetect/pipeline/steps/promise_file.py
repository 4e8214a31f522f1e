"""The promise file: what is promised, on what it rests, and what a month makes of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from changedetect.accuracy.promise import Aim, Promise, State
from changedetect.accuracy.shift import Drift, Sample, drifts
from changedetect.accuracy.strata_pool import ANY, Key
from changedetect.config.promise import PromiseSettings
from changedetect.errors import InputError, IntegrityError, ModelError
from changedetect.io.publish import publish_bytes
from changedetect.pipeline.runs.runstore import digest_of

FORM = 1
VALUE = "change_probability"
"""Column of the classified patches that a threshold is held against."""

SHIFT_FEATURES = ("change_probability", "llr_mean", "llr_max", "area_m2", "family_probability")
"""Columns whose distribution is compared between calibration and today."""


def samples_of(table: pd.DataFrame) -> dict[str, Sample]:
    """Keep the distributions of patches by which a shift is seen."""
    return {
        name: Sample.of(table[name].to_numpy(float))
        for name in SHIFT_FEATURES
        if name in table.columns
    }


def season_of(month: str, starts: Sequence[int]) -> str:
    """Name the season of a month by its first and last month.

    Examples
    --------
    >>> (
    ...     season_of("2025-06", (3, 6, 9, 12)),
    ...     season_of("2025-02", (3, 6, 9, 12)),
    ...     season_of("2025-02", (1,)),
    ... )
    ('06-08', '12-02', '*')
    """
    ordered = sorted(starts)
    if len(ordered) == 1:
        return ANY
    number = int(month[5:7])
    places = [k for k, start in enumerate(ordered) if start <= number]
    place = places[-1] if places else len(ordered) - 1
    end = (ordered[(place + 1) % len(ordered)] - 2) % 12 + 1
    return f"{ordered[place]:02d}-{end:02d}"


@dataclass(frozen=True, slots=True)
class Line:
    """One stratum, or pool of strata, with what is promised of it."""

    key: Key
    members: tuple[Key, ...]
    promise: Promise

    @property
    def name(self) -> str:
        """Return it in one word."""
        return " / ".join(self.key)


@dataclass(frozen=True, slots=True)
class PromiseFile:
    """A promise.

    Attributes
    ----------
    aim
        What was asked.
    settings
        How strata are made and matched.
    model, detection
        SHA-256 of the classifier and settings for whose scores it holds.
    lines
        By stratum or pool.
    samples
        Cell (sensor / season) -> feature -> distribution of the calibration patches.
    rests_on
        Files, runs and program.
    digest
        SHA-256 of everything above.
    """

    aim: Aim
    settings: PromiseSettings
    model: str
    detection: str
    lines: tuple[Line, ...]
    samples: Mapping[str, Mapping[str, Sample]]
    rests_on: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 of everything."""
        return digest_of(self._content())

    @property
    def own(self) -> Aim:
        """What each stratum has to hold."""
        return self.aim.shared_by(len(self.lines)) if self.settings.together else self.aim

    def _content(self) -> dict[str, Any]:
        return {
            "form": FORM,
            "aim": asdict(self.aim),
            "settings": self.settings.model_dump(mode="json"),
            "model_sha256": self.model,
            "settings_sha256": self.detection,
            "strata": [
                {
                    "key": list(line.key),
                    "members": [list(one) for one in line.members],
                    **_plain(line.promise),
                }
                for line in self.lines
            ],
            "samples": {
                cell: {name: asdict(sample) for name, sample in features.items()}
                for cell, features in self.samples.items()
            },
            "rests_on": dict(self.rests_on),
        }

    def write(self, path: Path, *, overwrite: bool) -> None:
        """Write it as JSON with its digest."""
        content = {**self._content(), "sha256": self.digest}
        text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
        publish_bytes(path, (text + "\n").encode(), overwrite=overwrite)

    def lines_of(self, sensor: str, month: str) -> tuple[Line, ...]:
        """Return the strata to which changes of a month may belong."""
        known = {"sensor": sensor, "season": season_of(month, self.settings.season_starts)}
        wanted = [known.get(name) for name in self.settings.fields]
        return tuple(
            line
            for line in self.lines
            if any(
                all(want in {None, part} for part, want in zip(one, wanted, strict=True))
                for one in line.members
            )
        )

    def threshold(self, lines: Sequence[Line], standing: float) -> float:
        """Return the threshold of a month: no stratum gets a higher one than was promised for it.

        The class of a change is not known before it is found, and a patch may be called another
        class or have another size than the change under it. So patches of a month share the lowest
        threshold of its strata; where one of them has no promise, it is not above the standing one.
        """
        held = [line.promise.threshold for line in lines if line.promise.threshold is not None]
        return min([*held, *([standing] if len(held) < len(lines) or not held else [])])

    def check_fits(self, model: str, detection: str, where: str) -> None:
        """Refuse scores of another classifier or of other settings.

        Raises
        ------
        ModelError
            The promise was fitted on other scores.
        """
        for name, own, found in (
            ("classifier", self.model, model),
            ("settings of detection and classes", self.detection, detection),
        ):
            if own != found:
                msg = (
                    f"{where}: fitted with {name} {own[:12]}…, this month has {found[:12]}…; scores "
                    "differ, so the promise does not hold: fit it again (changedetect promise fit)"
                )
                raise ModelError(msg)

    def drifts(self, sensor: str, month: str, now: Mapping[str, Sample]) -> tuple[Drift, ...]:
        """Compare a month's patches with those of the calibration, feature by feature."""
        return drifts(self.samples.get(cell_of(sensor, month, self.settings), {}), now)

    def shifted(self, found: Sequence[Drift]) -> tuple[Drift, ...]:
        """Return the features that have shifted."""
        return tuple(
            one
            for one in found
            if one.adjusted is not None
            and one.distance is not None
            and one.adjusted < self.settings.shift_level
            and one.distance > max(self.settings.shift_distance, one.usual)
        )


def cell_of(sensor: str, month: str, settings: PromiseSettings) -> str:
    """Name what is known of a month beforehand."""
    return f"{sensor}/{season_of(month, settings.season_starts)}"


def _plain(promise: Promise) -> dict[str, Any]:
    return {**asdict(promise), "state": promise.state.value}


def read_promise(path: Path) -> PromiseFile:
    """Read a promise file.

    Raises
    ------
    InputError
        Not there, or no promise file.
    IntegrityError
        It was changed since it was written.
    """
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        told = data.pop("sha256")
        found = PromiseFile(
            aim=Aim(**data["aim"]),
            settings=PromiseSettings.model_validate(data["settings"]),
            model=data["model_sha256"],
            detection=data["settings_sha256"],
            lines=tuple(_line(row) for row in data["strata"]),
            samples={
                cell: {
                    name: Sample(one["n"], tuple(one["quantiles"]), one["usual"])
                    for name, one in features.items()
                }
                for cell, features in data["samples"].items()
            },
            rests_on=data["rests_on"],
        )
    except FileNotFoundError as error:
        msg = f"{path}: no such promise file; make it with changedetect promise fit"
        raise InputError(msg) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{path}: a promise file of changedetect promise fit was expected ({error!r})"
        raise InputError(msg) from error
    if digest_of(data) != told or found.digest != told:
        msg = f"{path}: its digest is not that of its content; it was changed: fit it again"
        raise IntegrityError(msg)
    return found


def _line(row: dict[str, Any]) -> Line:
    names = Promise.__dataclass_fields__
    values = {name: row[name] for name in names} | {"state": State(row["state"])}
    return Line(tuple(row["key"]), tuple(tuple(one) for one in row["members"]), Promise(**values))
