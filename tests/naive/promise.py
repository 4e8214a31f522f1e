"""Promises from the definition: every threshold tried, the binomial tail summed term by term."""

from math import comb, inf


def tail(misses, n, rate):
    return sum(comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(misses + 1))


def threshold(scores, alpha, delta):
    """Return the highest threshold of all scores whose tail, and all before it, is small enough."""
    best = None
    for candidate in sorted(set(scores)):
        misses = sum(score < candidate for score in scores)
        if tail(misses, len(scores), alpha) > delta:
            break
        best = candidate
    return None if best in {None, -inf} else best


def smirnov(one, other):
    places = sorted({*one, *other})
    return max(
        abs(sum(v <= x for v in one) / len(one) - sum(v <= x for v in other) / len(other))
        for x in places
    )


def found_at(change, patches, values, limit, rule):
    """Tell whether true patches at or above a limit cover enough of one change."""
    kept = [
        patch
        for patch, value in zip(patches, values, strict=True)
        if value >= limit and patch.intersection(change).area / patch.area >= rule.patch_true_share
    ]
    covered = sum(patch.intersection(change).area for patch in kept)
    return covered / change.area >= rule.truth_found_share
