"""The pairs of a month, fitted; and all that its tiles need."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from changedetect import schema
from changedetect.errors import InputError
from changedetect.grid import Grid
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.sources.fittedpair import FittedPair, fit
from changedetect.pipeline.sources.fusedwork import FusedWork
from changedetect.pipeline.sources.pairwork import fresh_reader
from changedetect.pipeline.sources.scenes import is_due
from changedetect.pipeline.sources.seasonwork import LastYear
from changedetect.pipeline.sources.serieswork import SourceResult
from changedetect.pipeline.sources.warming import compile_apart
from changedetect.records import ScenePair


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that the tiles of a month need.

    Attributes
    ----------
    fitted, refused
        Pairs with their models, and a line for each that can not be used.
    others
        What coarser sources gave.
    work
        What is done to a tile.
    """

    fitted: tuple[FittedPair, ...]
    refused: tuple[str, ...]
    others: tuple[SourceResult, ...]
    work: FusedWork


def fit_all(
    context: MonthContext, pairs: Sequence[ScenePair], grid: Grid
) -> tuple[tuple[FittedPair, ...], tuple[str, ...]]:
    """Fit pairs in their order until each image after has as many as are wanted.

    A pair that can not be used is named and left out, and the next in order takes its place.
    """
    if pairs:
        compile_apart(context.job.scenes_folder, pairs[0], grid, context.settings)
    reader = fresh_reader(context.job.scenes_folder, spare=context.folder)
    workers = context.options.worker_count
    last_year = LastYear(pairs, reader, grid, context.settings, workers)
    most = context.job.config.scenes.pairs_per_month
    fitted: list[FittedPair] = []
    refused: list[str] = []
    context.progress.begin("fit", len(pairs))
    for pair in pairs:
        if is_due(pair, [one.pair for one in fitted], pairs, most):
            try:
                alone = fit(reader, pair, grid, context.settings, workers)
            except InputError as error:
                refused.append(f"pair {pair.name} left out: {error}")
            else:
                fitted.append(last_year.hold(alone))
                for note in fitted[-1].pixels.notes[len(alone.pixels.notes) :]:
                    context.progress.warn(note)
        context.progress.advance("fit", pair.name)
    context.progress.end("fit", f"{len(fitted)} of {len(pairs)} pairs can be used")
    return tuple(fitted), tuple(refused)


def model_facts(fitted: FittedPair) -> dict[str, object]:
    """Return what a manifest says of a fitted pair."""
    alignment = fitted.pixels.alignment
    return {
        "pair": fitted.pair.name,
        "shift_px": [round(alignment.dy, 3), round(alignment.dx, 3)],
        "residual_px": _finite(alignment.residual_px),
        "threshold_llr": fitted.evidence.threshold / schema.EVIDENCE_SCALE,
        "false_alarm_rate": fitted.evidence.false_alarm_rate,
        "sample_pixels": fitted.evidence.sample_pixels,
        "season": _season_facts(fitted),
        "notes": [*fitted.pixels.notes, *fitted.evidence.notes],
    }


def _season_facts(fitted: FittedPair) -> dict[str, object] | None:
    """Return what a manifest says of the image of last year; None where none was used."""
    if fitted.season is None:
        return None
    model = fitted.season.model
    return {
        "image": fitted.season.fitted.pair.before.scene_id,
        "threshold_llr": model.threshold / schema.EVIDENCE_SCALE,
        "false_alarm_rate": model.false_alarm_rate,
        "denied_share": round(model.denied_share, 4),
    }


def _finite(value: float) -> float | None:
    """Round for the manifest; what is not known is None there."""
    return round(value, 3) if math.isfinite(value) else None
