"""Patch accuracy: which true changes are found, which patches are true, by size and by type.

A patch is *true* when true change covers a share of it; a true change is *found* when true patches
together cover a share of it. Many patches may find one change, and one patch many changes; both are
counted. A blob that happens to hold a change is not true, and finds nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely

from changedetect.accuracy.report import Cell, ReportTable
from changedetect.accuracy.shares import Share


@dataclass(frozen=True, slots=True)
class Pieces:
    """True changes, or patches.

    Attributes
    ----------
    geometry
        ``(n,)`` polygons in one plane system.
    size
        ``(n,)`` float64, area in the unit of the size classes. [mu, or pixels]
    kind
        Type of each; empty = not told.
    counted
        ``(n,)`` bool: False for true changes that were not observed and patches on ground that is
        not labelled: they are told apart, neither found nor missed.
    """

    geometry: np.ndarray
    size: np.ndarray
    kind: tuple[str, ...]
    counted: np.ndarray

    @classmethod
    def of(
        cls, geometry: Iterable[shapely.Geometry], size: Sequence[float], kind: Sequence[str] = ()
    ) -> "Pieces":
        """Make pieces, all of them counted."""
        shapes = np.array(list(geometry), dtype=object)
        kinds = tuple(kind) if len(kind) else ("",) * len(shapes)
        return cls(shapes, np.asarray(size, np.float64), kinds, np.ones(len(shapes), bool))

    def without(self, uncounted: np.ndarray) -> "Pieces":
        """Return the same pieces, some of them told apart."""
        return replace(self, counted=self.counted & ~uncounted)


@dataclass(frozen=True, slots=True)
class MatchRule:
    """What a match is.

    Attributes
    ----------
    patch_true_share
        A patch is true when true change covers this share of it.
    truth_found_share
        A change is found when true patches cover this share of it.
    """

    patch_true_share: float
    truth_found_share: float

    def __str__(self) -> str:
        return (
            f"a patch is true when true change covers {self.patch_true_share:.0%} of it; a change is "
            f"found when true patches cover {self.truth_found_share:.0%} of it"
        )


@dataclass(frozen=True, slots=True)
class Matches:
    """What met what.

    Attributes
    ----------
    found, is_true
        ``(truths,)`` and ``(patches,)`` bool.
    covered, true_share
        The shares behind them.
    patches_of, truths_of
        ``(truths,)`` true patches on each change; ``(patches,)`` changes under each patch.
    best
        ``(truths,)`` the true patch with the largest part of a change; -1 = none.
    """

    found: np.ndarray
    is_true: np.ndarray
    covered: np.ndarray
    true_share: np.ndarray
    patches_of: np.ndarray
    truths_of: np.ndarray
    best: np.ndarray


def match(truths: Pieces, patches: Pieces, rule: MatchRule) -> Matches:
    """Match true changes and patches by the area that they share."""
    pairs, shared = _overlaps(truths.geometry, patches.geometry)
    true_share = _covered(patches.geometry, pairs[1], pairs[0], truths.geometry, shared)
    is_true = true_share >= rule.patch_true_share
    use = is_true[pairs[1]]
    kept, part = pairs[:, use], shared[use]
    covered = _covered(truths.geometry, kept[0], kept[1], patches.geometry, part)
    best = np.full(len(truths.geometry), -1, np.int64)
    order = np.lexsort((-kept[1], part))
    best[kept[0][order]] = kept[1][order]
    return Matches(
        found=covered >= rule.truth_found_share,
        is_true=is_true,
        covered=covered,
        true_share=true_share,
        patches_of=np.bincount(kept[0], minlength=len(truths.geometry)),
        truths_of=np.bincount(pairs[1], minlength=len(patches.geometry)),
        best=best,
    )


def _overlaps(truths: np.ndarray, patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs ``(2, n)`` (truth, patch) that share area, and the area."""
    if not len(truths) or not len(patches):
        return np.zeros((2, 0), np.int64), np.zeros(0)
    pairs = shapely.STRtree(patches).query(truths, predicate="intersects")
    shared = shapely.area(shapely.intersection(truths[pairs[0]], patches[pairs[1]]))
    kept = shared > 0
    pairs, shared = pairs[:, kept], shared[kept]
    order = np.lexsort((pairs[1], pairs[0]))
    return pairs[:, order], shared[order]


def _covered(
    wholes: np.ndarray, own: np.ndarray, other: np.ndarray, parts: np.ndarray, shared: np.ndarray
) -> np.ndarray:
    """Return the share of each whole under its parts; what parts share counts once."""
    area = np.bincount(own, weights=shared, minlength=len(wholes))
    for place in np.flatnonzero(np.bincount(own, minlength=len(wholes)) > 1):
        together = shapely.union_all(parts[other[own == place]])
        area[place] = shapely.area(shapely.intersection(wholes[place], together))
    return np.asarray(area / np.maximum(shapely.area(wholes), np.finfo(float).tiny))


@dataclass(frozen=True, slots=True)
class PatchScores:
    """Scores of one set of patches within one class of size or type.

    Attributes
    ----------
    recall, precision
        Of observed changes, and of patches on labelled ground.
    unobserved, unjudged
        Changes that were not observed, patches on unlabelled ground.
    false_patches
        Number; per true patch in `false_per_true`.
    """

    label: str
    recall: Share
    unobserved: int
    precision: Share
    unjudged: int

    @property
    def false_patches(self) -> int:
        """Patches that are not true."""
        return self.precision.n - self.precision.hits

    @property
    def false_per_true(self) -> float | None:
        """False patches for each true one; None where none is true."""
        return self.false_patches / self.precision.hits if self.precision.hits else None

    def facts(self) -> dict[str, object]:
        """Return them as JSON-able values."""
        return {
            "class": self.label,
            "recall": self.recall.facts(),
            "not_observed": self.unobserved,
            "precision": self.precision.facts(),
            "not_judged": self.unjudged,
            "false_patches": self.false_patches,
            "false_per_true": self.false_per_true,
        }

    def cells(self) -> tuple[Cell, ...]:
        """Return them as a row."""
        return (
            self.label,
            str(self.recall),
            self.unobserved,
            str(self.precision),
            self.unjudged,
            self.false_patches,
            self.false_per_true,
        )


COLUMNS = (
    "class 级别", "recall 召回率 [95%]", "not observed 未监测", "precision 精确率 [95%]",
    "not judged 未标注", "false patches 误报", "false per true 每真一误",
)  # fmt: skip


def by_size(
    truths: Pieces, patches: Pieces, matches: Matches, edges: Sequence[float], unit: str
) -> tuple[PatchScores, ...]:
    """Score each size class, then everything from each edge up, then all.

    A change belongs to the class of its own size, a patch to that of its own.
    """
    bounds = [(0.0, edges[0]), *zip(edges, [*edges[1:], np.inf], strict=True)]
    rows = [(_range_name(low, high, unit), low, high) for low, high in bounds]
    rows += [(f"all >= {edge:g} {unit}", edge, np.inf) for edge in edges[:-1]]
    rows.append(("all", 0.0, np.inf))
    return tuple(
        _scores(
            label,
            (truths.size >= low) & (truths.size < high),
            (patches.size >= low) & (patches.size < high),
            (truths, patches, matches),
        )
        for label, low, high in rows
    )


def by_type(
    truths: Pieces, patches: Pieces, matches: Matches
) -> tuple[tuple[PatchScores, Share], ...]:
    """Score each type: changes of it, patches that are called so, and how often found ones are."""
    rows = []
    for kind in sorted({*truths.kind, *patches.kind} - {""}):
        own = np.array([one == kind for one in truths.kind], bool)
        called = np.array([one == kind for one in patches.kind], bool)
        score = _scores(kind, own, called, (truths, patches, matches))
        seen = np.flatnonzero(own & matches.found & truths.counted)
        called_so = [patches.kind[matches.best[place]] for place in seen]
        told = [name for name in called_so if name]
        rows.append((score, Share(sum(name == kind for name in told), len(told))))
    return tuple(rows)


def _scores(
    label: str, own: np.ndarray, called: np.ndarray, what: tuple[Pieces, Pieces, Matches]
) -> PatchScores:
    truths, patches, matches = what
    seen, judged = own & truths.counted, called & patches.counted
    return PatchScores(
        label=label,
        recall=Share(int((seen & matches.found).sum()), int(seen.sum())),
        unobserved=int((own & ~truths.counted).sum()),
        precision=Share(int((judged & matches.is_true).sum()), int(judged.sum())),
        unjudged=int((called & ~patches.counted).sum()),
    )


def _range_name(low: float, high: float, unit: str) -> str:
    if low == 0:
        return f"< {high:g} {unit}"
    return f">= {low:g} {unit}" if high == np.inf else f"{low:g}-{high:g} {unit}"


def meetings(name: str, matches: Matches) -> ReportTable:
    """Tell how many changes and patches meet one, several or none of the others."""
    rows: tuple[tuple[Cell, ...], ...] = (
        ("true patches on a change 一处变化上的图斑", *_spread(matches.patches_of)),
        ("changes under a patch 一个图斑下的变化", *_spread(matches.truths_of)),
    )
    columns = ("meetings 对应关系", "none 无", "one 一", "two and more 多", "most 最多")
    return ReportTable(f"{name}_meetings", "One to many, many to one 一对多与多对一", columns, rows)


def _spread(numbers: np.ndarray) -> tuple[int, int, int, int]:
    return (
        int((numbers == 0).sum()),
        int((numbers == 1).sum()),
        int((numbers > 1).sum()),
        int(numbers.max(initial=0)),
    )
