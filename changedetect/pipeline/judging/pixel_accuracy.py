"""``evaluate pixels``: evidence and change mask against labels, block by block."""

from dataclasses import dataclass

import numpy as np

from changedetect.accuracy.pixels import Confusion, LabelledHistogram, count_mask
from changedetect.accuracy.report import (
    AccuracyReport,
    Cell,
    Drawing,
    OperatingMark,
    ReportTable,
)
from changedetect.errors import InputError
from changedetect.io.truth_raster import cells
from changedetect.pipeline.judging.judged import Judged, Stated
from changedetect.pipeline.judging.truths import Truth

DEPENDENT = (
    "pixels of one patch go together: intervals on pixels are too narrow by far, those on patches "
    "and on points drawn at random are the ones to quote"
)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """One way to raise alarms, and what it gives.

    Attributes
    ----------
    stated
        Threshold and rate as stated; None for the change mask.
    """

    name: str
    stated: Stated | None
    confusion: Confusion

    def facts(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        said = self.stated
        return {
            "name": self.name,
            "threshold": said.threshold if said else None,
            "stated_false_alarm_rate": said.false_alarm_rate if said else None,
            **self.confusion.facts(),
        }


def judge_pixels(judged: Judged, truth: Truth) -> AccuracyReport:
    """Judge every pixel of a result.

    Raises
    ------
    InputError
        No pixel is labelled: the truth lies elsewhere, or its values were not named.
    """
    histogram, masked = _counted(judged, truth)
    labelled = int(histogram.changed.sum() + histogram.unchanged.sum()) + sum(
        histogram.apart[name] for name in ("changed_unseen", "unchanged_unseen")
    )
    if not labelled:
        msg = f"{truth.about}: no pixel of {judged.name} is labelled; do they lie on one another?"
        raise InputError(msg)
    points = _points(judged, histogram, masked)
    both = sum(truth.contradictions.values())
    facts = {
        "judged": judged.name,
        "truth": truth.about,
        "operating_points": [point.facts() for point in points],
        "area_under_roc": histogram.area_under_roc,
        "average_precision": histogram.average_precision,
        "changed_px": int(histogram.changed.sum()),
        "unchanged_px": int(histogram.unchanged.sum()),
        "unlabelled_px": histogram.apart["unlabelled"],
        "contradictory_px": both,
        "score_unit": judged.score.unit,
        "score_step": judged.score.step,
    }
    return AccuracyReport(
        title=f"{judged.name}: pixel accuracy 像元精度",
        facts={"pixels": facts},
        tables=(_scores(points), _counts(points, histogram, both), _areas(histogram, judged)),
        notes=(truth.about, DEPENDENT),
        drawing=_drawing(judged, histogram, points),
    )


def _counted(judged: Judged, truth: Truth) -> tuple[LabelledHistogram, np.ndarray | None]:
    histogram = LabelledHistogram()
    masked = None if judged.mask is None else np.zeros(6, np.int64)
    for window in cells(judged.score.grid):
        labels = truth.labels(window)
        histogram.add(judged.score.levels(window), labels)
        if judged.mask is not None and masked is not None:
            masked += count_mask(judged.mask.levels(window), labels)
    return histogram, masked


def _points(
    judged: Judged, histogram: LabelledHistogram, masked: np.ndarray | None
) -> tuple[OperatingPoint, ...]:
    points = [
        OperatingPoint(
            f"evidence >= {said.threshold:g} ({said.name})",
            said,
            histogram.confusion(judged.score.level_of(said.threshold)),
        )
        for said in judged.stated
    ]
    if masked is not None:
        mask = OperatingPoint("change.tif (outlined patches)", None, Confusion(*masked.tolist()))
        points.append(mask)
    return tuple(points)


def _scores(points: tuple[OperatingPoint, ...]) -> ReportTable:
    def row(point: OperatingPoint) -> tuple[Cell, ...]:
        found = point.confusion
        said = point.stated.false_alarm_rate if point.stated else None
        return (
            point.name,
            found.accuracy.value,
            found.kappa,
            found.f1,
            str(found.precision),
            str(found.recall),
            found.false_alarm_rate.value,
            said,
            found.n,
        )

    return ReportTable(
        name="pixel_scores",
        title="Pixel scores on labelled, observed ground 像元精度（已标注且已监测）",
        columns=(
            "alarm 报警", "OA", "kappa", "F1", "precision 精确率 [95%]", "recall 召回率 [95%]",
            "false-alarm rate 虚警率", "stated 声明值", "n",
        ),
        rows=tuple(row(point) for point in points),
        notes=() if points else ("no threshold is known; name one with --threshold",),
    )  # fmt: skip


def _counts(
    points: tuple[OperatingPoint, ...], histogram: LabelledHistogram, both: int
) -> ReportTable:
    def row(point: OperatingPoint) -> tuple[Cell, ...]:
        found = point.confusion
        return (
            point.name,
            found.hits,
            found.misses,
            found.false_alarms,
            found.rejections,
            found.changed_unseen,
            found.unchanged_unseen,
            found.unobserved.value,
            str(found.recall_of_all),
        )

    return ReportTable(
        name="pixel_counts",
        title="Pixels 像元数",
        columns=(
            "alarm 报警", "hits 命中", "misses 漏检", "false alarms 虚警", "rejections 正确否定",
            "changed, not observed 变化未监测", "unchanged, not observed 未变化未监测",
            "share not observed 未监测占比", "recall if those count as missed 未监测计漏检的召回率",
        ),
        rows=tuple(row(point) for point in points),
        notes=(
            f"in no figure: {histogram.apart['unlabelled']} px unlabelled, of which {both} in both truths",
            "not observed is never counted as unchanged",
        ),
    )  # fmt: skip


def _areas(histogram: LabelledHistogram, judged: Judged) -> ReportTable:
    step = f"{judged.score.unit}, in steps of {judged.score.step:.3g}"
    return ReportTable(
        name="pixel_curves",
        title="All thresholds 全部阈值",
        columns=("area under ROC", "average precision 平均精确率", "changed px", "unchanged px"),
        rows=(
            (
                histogram.area_under_roc,
                histogram.average_precision,
                int(histogram.changed.sum()),
                int(histogram.unchanged.sum()),
            ),
        ),
        notes=(f"score: {step}; areas use every level",),
    )


def _drawing(
    judged: Judged, histogram: LabelledHistogram, points: tuple[OperatingPoint, ...]
) -> Drawing | None:
    area, precision = histogram.area_under_roc, histogram.average_precision
    if area is None or precision is None:
        return None
    marks = [
        OperatingMark(
            point.name,
            point.confusion.recall.value,
            point.confusion.precision.value,
            point.confusion.false_alarm_rate.value,
        )
        for point in points
        if point.confusion.recall.value is not None
        and point.confusion.false_alarm_rate.value is not None
    ]
    return Drawing(
        name=judged.name,
        curve=histogram.curve(judged.score.origin, judged.score.step),
        marks=tuple(marks),
        changed=int(histogram.changed.sum()),
        unchanged=int(histogram.unchanged.sum()),
        area_under_roc=area,
        average_precision=precision,
    )
