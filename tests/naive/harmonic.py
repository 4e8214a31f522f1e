"""One pixel of the recursive harmonic model and its charts, written from the definitions."""

from types import SimpleNamespace

import numpy as np
from scipy import stats

YEAR = 365.2425
WINDOW = 24


def blank(n_index, terms=5):
    return SimpleNamespace(
        beta=np.zeros((n_index, terms)), p=np.zeros((terms, terms)), r=np.zeros((n_index, n_index)),
        mean=np.zeros(n_index), usual=np.zeros(n_index), energy=0.0, loss=0.0, strength=0.0, score=0.0, first=0, last=0,
        before=0, start=0, broke_before=0, broke_after=0, n=0, run=0, season=np.ones(4),
        bare=np.zeros(4), window=[],
    )  # fmt: skip


def begin(pixel, day, y, prior, floor, chart):
    pixel.first = pixel.last = day
    pixel.p, pixel.r = np.diag(prior), np.diag(floor)
    pixel.beta[:] = 0
    pixel.beta[:, 0] = y
    pixel.season[:], pixel.bare[:] = 1, chart.bare_prior


def rest(pixel, day):
    pixel.mean, pixel.usual = np.zeros_like(pixel.mean), np.zeros_like(pixel.mean)
    pixel.energy, pixel.loss, pixel.strength = 0.0, 0.0, 0.0
    pixel.before, pixel.start, pixel.run = day, 0, 0
    pixel.window = []


def change_dates(window, tolerance):
    """Bracket from (day, cut innovation) pairs: every split of the window is tried."""
    fits = {}
    for k in range(1, len(window)):
        after = np.stack([z for _, z in window[k:]])
        mean = after.mean(axis=0)
        fits[k] = len(after) * (mean @ mean) / 2
    near = [k for k, fit in fits.items() if fit >= max(fits.values()) - tolerance]
    return window[min(near) - 1][0], window[max(near)][0]


def quarters(day):
    """The two quarters whose middles a day lies between, and their weights."""
    place = (day + 30) % YEAR / YEAR * 4 - 0.5
    low = int(np.floor(place))
    return (low % 4, low + 1 - place), ((low + 1) % 4, place - low)


def loss_step(pixel, day, y, forecast, sd, chart):
    often = sum(pixel.bare[quarter] * weight for quarter, weight in quarters(day))
    bare = stats.norm.pdf(max(y, chart.bare_level), chart.bare_level, chart.bare_sd)
    usual = stats.norm.pdf(y, forecast, sd)
    expected = (1 - chart.outlier_share - often) * usual + chart.outlier_share + often * bare
    return max(np.log(max(bare, 1e-12) / expected), -3.0)


def shift_length(pixel, chart):
    mean = pixel.mean.copy()
    if chart.loss_only:
        mean[0] = min(mean[0], 0)
    return mean @ mean - pixel.energy


def watch(pixel, day, z, step, chart):
    """Return whether a break is confirmed."""
    z = z - pixel.usual
    size = np.linalg.norm(pixel.mean)
    towards = z @ pixel.mean / size if size > 0 else 0.0
    deviates = step > chart.deviating_llr or towards > chart.shift_agree
    fits = step < 0 and towards < 0 and np.linalg.norm(z) < chart.shift_fits
    z = z * min(1.0, chart.shift_clip / np.linalg.norm(z))
    rate = chart.shift_rate
    pixel.mean = (1 - rate) * pixel.mean + rate * z
    pixel.energy = (1 - rate) ** 2 * pixel.energy + rate**2 * z @ z
    pixel.loss = min(max(pixel.loss + step, 0), 2 * chart.loss_threshold)
    dates = pixel.n / ((day - pixel.first + 1) / YEAR) / chart.dates_per_year
    alarm = chart.shift_threshold * (
        1 - chart.dates_share * min(max(1 - dates, 0), chart.dates_range)
    )
    pixel.strength = max(pixel.loss / chart.loss_threshold, shift_length(pixel, chart) / alarm)
    quiet = pixel.loss / chart.loss_threshold < chart.loss_run
    if quiet and pixel.strength < chart.shift_run:
        pixel.before = day if fits and not deviates else pixel.before
        pixel.start, pixel.run = 0, 0
        return False
    pixel.start = pixel.start or day
    pixel.run += deviates
    age = day - pixel.start
    lasted = age >= chart.confirm_days and pixel.run >= chart.confirm_observations
    confirmed = pixel.strength > 1 and lasted
    if age > chart.give_up_days and not confirmed:
        rest(pixel, day)
    return confirmed


def remember(pixel, day, z, chart):
    clip = chart.date_clip
    if len(pixel.window) == WINDOW:
        left = pixel.window[0][1]
        left = left * min(1.0, chart.shift_clip / max(np.linalg.norm(left), 1e-300))
        pixel.usual = pixel.usual + chart.usual_rate * (left - pixel.usual)
    cut = z * min(1.0, clip / max(np.linalg.norm(z), 1e-300))
    pixel.window = [*pixel.window, (day, np.rint(cut / clip * 127) / 127 * clip)][-WINDOW:]


def large_shift(window, usual, large):
    """How far what the last dates of a window share goes beyond its alarm; all pairs are taken."""
    best = 0.0
    for dates in range(large.least, min(len(window) - 1, large.most) + 1):
        last = window[-dates:]
        odd = np.stack([z - usual for _, z in last])
        odd *= np.minimum(1.0, large.clip / np.maximum(np.linalg.norm(odd, axis=1), 1e-6))[:, None]
        total = odd.sum(axis=0)
        products = sum(a @ b for i, a in enumerate(odd) for j, b in enumerate(odd) if i != j)
        if large.loss_only and total[0] > 0:
            products -= total[0] ** 2
        if last[-1][0] - last[0][0] >= large.days:
            alarm = large.alarm * np.sqrt(large.least / dates)
            best = max(best, products / (dates * (dates - 1)) / alarm)
    return best


def look_back(pixel, chart):
    """Return whether a large shift confirms a break."""
    if chart.large.least == 0 or pixel.strength < chart.large.near:
        return False
    strength = large_shift(pixel.window, pixel.usual, chart.large)
    pixel.strength = strength if strength > 1 else pixel.strength
    return strength > 1


def conclude(pixel, day, chart):
    pixel.broke_before, pixel.broke_after = pixel.before, pixel.start
    if len(pixel.window) > 1:
        pixel.broke_before, pixel.broke_after = change_dates(pixel.window, chart.date_tolerance)
    pixel.score, pixel.n = pixel.strength, 0
    rest(pixel, day)


def absorb(pixel, day, y, setup):
    prior, floor, rules, chart = setup
    if not np.isfinite(y).all():
        return
    if pixel.n == 0:
        begin(pixel, day, y, prior, floor, chart)
    w, terms = 2 * np.pi * day / YEAR, len(prior)
    x = np.array([1, np.cos(w), np.sin(w), np.cos(2 * w), np.sin(2 * w)])[:terms]
    slope = np.array([0, -np.sin(w), np.cos(w), -2 * np.sin(2 * w), 2 * np.cos(2 * w)])[:terms]
    gap = min(day - pixel.last, rules.gap_days)
    p = pixel.p + rules.process_per_day * gap * np.eye(terms)
    spread = 1 + x @ p @ x
    e = y - pixel.beta @ x
    moved = pixel.beta @ slope * 2 * np.pi / YEAR * rules.shift_days
    wide = pixel.r + np.outer(moved, moved) + np.diag(floor)
    quarter = int((day + 30) % YEAR // (YEAR / 4))
    wider = max(1.0, pixel.season[quarter])
    sd = np.sqrt(wide[0, 0] * spread * wider)
    swing = pixel.beta[:, 1:] @ x[1:] * rules.amplitude
    seasons = pixel.beta[:, 1:] @ pixel.beta[:, 1:].T * rules.other**2 / 2
    wide = wide + np.outer(swing, swing) + seasons
    z = np.linalg.solve(np.linalg.cholesky(wide), e / np.sqrt(spread))
    square, z = z @ z, z / np.sqrt(wider)
    years = (day - pixel.first) / YEAR
    few = pixel.n < max(rules.history_observations, rules.dates_per_year * years)
    young = day - pixel.first < rules.history_days or few
    confirmed = False
    if young:
        rest(pixel, day)
    else:
        step = loss_step(pixel, day, y[0], y[0] - e[0], sd, chart)
        confirmed = watch(pixel, day, z, step, chart)
    remember(pixel, day, z, chart)
    confirmed = confirmed or (not young and look_back(pixel, chart))
    pixel.last = day
    pixel.n += 1
    if confirmed:
        conclude(pixel, day, chart)
    elif (
        pixel.loss <= chart.loss_freeze * chart.loss_threshold
        and shift_length(pixel, chart) <= chart.shift_freeze * chart.shift_threshold
    ):
        learn(pixel, day, y[0], e, (z, square, p @ x, p, spread), (rules, chart))


def learn(pixel, day, greenness, e, filtered, setup):
    z, square, gain, p, spread = filtered
    rules, chart = setup
    weight = min(1.0, rules.huber / max(np.linalg.norm(z), 1e-300))
    free = min(1.0, 1 - shift_length(pixel, chart) / (chart.shift_freeze * chart.shift_threshold))
    pixel.beta = pixel.beta + free * weight * np.outer(e, gain) / spread
    pixel.p = p - np.outer(gain, gain) / spread
    quarter = int((day + 30) % YEAR // (YEAR / 4))
    bounded = min(square / len(z), rules.season_cap)
    pixel.season[quarter] += rules.season_rate * (bounded - pixel.season[quarter])
    rate = max(rules.forgetting, 1 / (pixel.n + rules.noise_weight))
    pixel.r = pixel.r + rate * (weight**2 * np.outer(e, e) / spread - pixel.r)
    for part, share in quarters(day):
        seen = greenness < chart.bare_level + chart.bare_sd
        pixel.bare[part] += chart.bare_rate * share * (seen - pixel.bare[part])
