"""One pixel of the recursive harmonic model, written from the definition with matrices."""

from types import SimpleNamespace

import numpy as np


def blank(n_index, terms=5):
    return SimpleNamespace(
        beta=np.zeros((n_index, terms)), p=np.zeros((terms, terms)), r=np.zeros((n_index, n_index)),
        s=np.zeros(n_index), score=0.0, first=0, last=0, before=0, start=0, broke_before=0,
        broke_after=0, n=0, run=0, season=np.ones(4),
    )  # fmt: skip


def begin(pixel, day, y, prior, floor):
    pixel.first = pixel.last = day
    pixel.p, pixel.r = np.diag(prior), np.diag(floor)
    pixel.beta[:] = 0
    pixel.beta[:, 0] = y
    pixel.s[:] = 0
    pixel.season[:] = 1


def accumulate(pixel, z, rules):
    if z @ pixel.s < rules.contradiction * np.linalg.norm(pixel.s):
        pixel.s = pixel.s * rules.kept
    total = pixel.s + z * min(1.0, rules.clip / np.linalg.norm(z))
    if rules.one_sided < 0:
        total[0] = min(total[0], 0.0)
    norm = np.linalg.norm(total)
    after = min(max(norm - rules.allowance, 0.0), rules.cap)
    pixel.s = total * after / norm if norm > 0 else total
    return after


def watch(pixel, day, z, rules):
    """Return the length of the sum and whether a break is confirmed."""
    years = (day - pixel.first) / 365.2425
    few = pixel.n < rules.history_observations or pixel.n / max(years, 1e-9) < rules.dates_per_year
    if day - pixel.first < rules.history_days or few:
        pixel.before, pixel.start, pixel.run = day, 0, 0
        return 0.0, False
    was = np.linalg.norm(pixel.s)
    after = accumulate(pixel, z, rules)
    if after == 0 or (after < was and after < rules.freeze):
        pixel.before, pixel.start, pixel.run = day, 0, 0
    elif pixel.start or after > rules.allowance:
        pixel.start = pixel.start or day
        pixel.run += 1
    lasted = pixel.start and day - pixel.start >= rules.confirm_days
    return after, (after > rules.threshold and lasted and pixel.run >= rules.confirm_observations)


def absorb(pixel, day, y, setup):
    prior, floor, rules = setup
    if not np.isfinite(y).all():
        return
    if pixel.n == 0:
        begin(pixel, day, y, prior, floor)
    w = 2 * np.pi * day / 365.2425
    x = np.array([1, np.cos(w), np.sin(w), np.cos(2 * w), np.sin(2 * w)])
    p = pixel.p + rules.process_per_day * min(day - pixel.last, rules.gap_days) * np.eye(5)
    spread = 1 + x @ p @ x
    e = y - pixel.beta @ x
    slope = np.array([0, -np.sin(w), np.cos(w), -2 * np.sin(2 * w), 2 * np.cos(2 * w)])
    moved = pixel.beta @ slope * 2 * np.pi / 365.2425 * rules.shift_days
    wide = pixel.r + np.outer(moved, moved) + np.diag(floor)
    z = np.linalg.solve(np.linalg.cholesky(wide), e / np.sqrt(spread))
    square, quarter = z @ z, int((day + 30) % 365.2425 // (365.2425 / 4))
    z = z / np.sqrt(max(1.0, pixel.season[quarter]))
    after, broken = watch(pixel, day, z, rules)
    pixel.last = day
    pixel.n += 1
    if broken:
        pixel.broke_before, pixel.broke_after, pixel.score = pixel.before, pixel.start, after
        pixel.before, pixel.start, pixel.run, pixel.n = day, 0, 0, 0
        pixel.s[:] = 0
    elif after <= rules.freeze:
        weight = min(1.0, rules.huber / max(np.linalg.norm(z), 1e-300))
        pixel.beta = pixel.beta + weight * np.outer(e, p @ x) / spread
        pixel.p = p - np.outer(p @ x, p @ x) / spread
        bounded = min(square / len(z), rules.clip**2)
        pixel.season[quarter] += rules.season_rate * (bounded - pixel.season[quarter])
        rate = max(rules.forgetting, 1 / (pixel.n + rules.noise_weight))
        pixel.r = pixel.r + rate * (weight**2 * np.outer(e, e) / spread - pixel.r)
