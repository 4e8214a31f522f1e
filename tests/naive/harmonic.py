"""One pixel of the recursive harmonic model, written from the definition with matrices."""

from types import SimpleNamespace

import numpy as np


def blank(n_index, terms=5):
    return SimpleNamespace(
        beta=np.zeros((n_index, terms)), p=np.zeros((terms, terms)), r=np.zeros((n_index, n_index)),
        s=np.zeros(n_index), score=0.0, first=0, last=0, before=0, start=0, broke_before=0,
        broke_after=0, n=0, run=0,
    )  # fmt: skip


def absorb(pixel, day, x, y, prior, floor, rules):
    if not np.isfinite(y).all():
        return
    if pixel.n == 0:
        pixel.first = pixel.last = day
        pixel.p, pixel.r = np.diag(prior), np.diag(floor)
        pixel.beta[:] = 0
        pixel.beta[:, 0] = y
        pixel.s[:] = 0
    p = pixel.p + rules.process_per_day * min(day - pixel.last, rules.gap_days) * np.eye(len(x))
    spread = 1 + x @ p @ x
    e = y - pixel.beta @ x
    z = np.linalg.solve(np.linalg.cholesky(pixel.r + np.diag(floor)), e / np.sqrt(spread))
    length = np.linalg.norm(z)
    after, mature = (
        0.0,
        (day - pixel.first >= rules.history_days and pixel.n >= rules.history_observations),
    )
    pixel.last = day
    pixel.n += 1
    if not mature:
        pixel.before = day
    else:
        was = np.linalg.norm(pixel.s)
        total = pixel.s + z * min(1.0, rules.clip / length)
        if rules.one_sided < 0:
            total[0] = min(total[0], 0.0)
        norm = np.linalg.norm(total)
        after = min(max(norm - rules.allowance, 0.0), rules.cap)
        pixel.s = total * after / norm if norm > 0 else total
        if after == 0 or (after < was and after < rules.freeze):
            pixel.before, pixel.start, pixel.run = day, 0, 0
        elif pixel.start or after > rules.allowance:
            pixel.start = pixel.start or day
            pixel.run += 1
            long_enough = day - pixel.start >= rules.confirm_days
            if after > rules.threshold and pixel.run >= rules.confirm_observations and long_enough:
                pixel.broke_before, pixel.broke_after = pixel.before, pixel.start
                pixel.score = after
                pixel.before, pixel.start, pixel.run, pixel.n = day, 0, 0, 0
                pixel.s[:] = 0
                return
    if after > rules.freeze:
        return
    weight = min(1.0, rules.huber / length) if length > 0 else 1.0
    pixel.beta = pixel.beta + weight * np.outer(e, p @ x) / spread
    pixel.p = p - np.outer(p @ x, p @ x) / spread
    rate = max(rules.forgetting, 1 / (pixel.n + rules.noise_weight))
    pixel.r = pixel.r + rate * (weight**2 * np.outer(e, e) / spread - pixel.r)
