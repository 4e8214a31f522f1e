"""How hard the simulated county is, beside real images: plain detectors scored on both.

The detectors are written here from their definitions, in plain numpy, and share no code with the
package: they are the yardstick. ``PYTHONPATH=. python tests/validation/difficulty.py FOLDER``, with
the folder of real images, prints the table of ``docs/difficulty.md``.
"""

import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.stats import chi2 as chi2_law
from sklearn.mixture import GaussianMixture

from changedetect.grid import Window
from changedetect.simulate.acquisition import Shot, schedule
from changedetect.simulate.ground import block_mean
from changedetect.simulate.images import Studio
from changedetect.simulate.world import cover_index

sys.path.insert(0, str(Path(__file__).parents[1] / "simulate"))
from toy_world import block_change, toy_world

BINS = 256


@dataclass(frozen=True)
class Pair:
    """Two images ``(band, y, x)`` and labels ``(y, x)``: 0 unchanged, 1 changed, 255 not scored."""

    name: str
    before: np.ndarray
    after: np.ndarray
    labels: np.ndarray


def zscored(image):
    flat = image.reshape(image.shape[0], -1).astype(np.float64)
    return (flat - flat.mean(axis=1, keepdims=True)) / flat.std(axis=1, keepdims=True)


def cva(before, after):
    """Length of the difference of z-scored bands (Malila 1980)."""
    return np.sqrt(((zscored(after) - zscored(before)) ** 2).sum(axis=0))


def irmad(before, after, *, rounds=40, tolerance=1e-3):
    """Square root of the chi-square of MAD variates, reweighted (Nielsen 2007, eq. 5-11)."""
    x = before.reshape(before.shape[0], -1).astype(np.float64)
    y = after.reshape(after.shape[0], -1).astype(np.float64)
    weight, last = np.ones(x.shape[1]), np.zeros(x.shape[0])
    bands = x.shape[0]
    chi2 = np.zeros(x.shape[1])
    for _ in range(rounds):
        both = np.vstack([x, y])
        mean = (both * weight).sum(axis=1, keepdims=True) / weight.sum()
        centred = both - mean
        cov = (centred * weight) @ centred.T / weight.sum()
        xx, yy, xy = cov[:bands, :bands], cov[bands:, bands:], cov[:bands, bands:]
        root = np.linalg.cholesky(np.linalg.inv(xx))
        u, rho, vt = np.linalg.svd(root.T @ xy @ np.linalg.cholesky(np.linalg.inv(yy)))
        left = root @ u
        right = np.linalg.cholesky(np.linalg.inv(yy)) @ vt.T
        mad = left.T @ centred[:bands] - right.T @ centred[bands:]
        chi2 = (mad**2 / np.maximum(2 * (1 - rho), 1e-9)[:, None]).sum(axis=0)
        if np.abs(rho - last).max() < tolerance:
            break
        last, weight = rho, chi2_law.sf(chi2, bands)
    return np.sqrt(chi2)


def kittler_illingworth(score):
    """Threshold of least error for two Gaussians (Kittler and Illingworth 1986, eq. 15)."""
    top = np.quantile(score, 0.9995)
    count, edge = np.histogram(np.minimum(score, top), BINS)
    middle = (edge[1:] + edge[:-1]) / 2
    best, threshold = np.inf, float(edge[-1])
    for cut in range(2, BINS - 2):
        cost = 1.0
        for part in (slice(None, cut), slice(cut, None)):
            share = count[part].sum() / count.sum()
            if share < 1e-6:
                cost = np.inf
                break
            mean = np.average(middle[part], weights=count[part])
            spread = np.average((middle[part] - mean) ** 2, weights=count[part])
            if spread <= 1e-12:
                cost = np.inf
                break
            cost += share * np.log(spread) - 2 * share * np.log(share)
        if cost < best:
            best, threshold = cost, float(edge[cut])
    return threshold


def otsu(score):
    """Threshold of largest variance between two classes (Otsu 1979, eq. 18)."""
    top = np.quantile(score, 0.9995)
    count, edge = np.histogram(np.minimum(score, top), BINS)
    middle = (edge[1:] + edge[:-1]) / 2
    share = np.cumsum(count) / count.sum()
    mean = np.cumsum(count * middle) / count.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (mean[-1] * share - mean) ** 2 / (share * (1 - share))
    return float(edge[1 + np.nanargmax(between[:-1])])


def gmm(score):
    """Threshold where two fitted Gaussians are equally likely."""
    part = score[:: max(1, score.size // 20_000), None]
    model = GaussianMixture(2, random_state=0).fit(part)
    line = np.linspace(score.min(), score.max(), 4000)[:, None]
    high = int(np.argmax(model.means_[:, 0]))
    above = (model.predict(line) == high) & (line[:, 0] > model.means_[:, 0].min())
    return float(line[above, 0].min())


def kappa(labels, found):
    """Cohen's kappa on the labelled pixels."""
    seen = labels != 255
    truth, guess = labels[seen] == 1, found[seen]
    agree = (truth == guess).mean()
    chance = truth.mean() * guess.mean() + (1 - truth.mean()) * (1 - guess.mean())
    return float((agree - chance) / (1 - chance))


def false_alarm_rate(labels, found):
    return float(found[labels == 0].mean())


def score_pair(pair):
    """Kappa of the two baselines as they are, and after one pixel of shift."""
    labels = pair.labels.ravel()
    out = {}
    moved = np.roll(pair.after, 1, axis=2)
    for name, after in (("", pair.after), (", 1 px shift", moved)):
        for method, function in (("z-CVA KI", cva), ("IR-MAD KI", irmad)):
            score = function(pair.before, after)
            out[method + name] = kappa(labels, score > kittler_illingworth(score))
    score = cva(pair.before, pair.after)
    out["z-CVA Otsu"] = kappa(labels, score > otsu(score))
    score = irmad(pair.before, pair.after)
    out["IR-MAD GMM"] = kappa(labels, score > gmm(score))
    return out


def rare_alarm_rates(pair):
    """False-alarm rates of histogram thresholds on unchanged pixels plus 0.1% changed ones."""
    few = np.flatnonzero(pair.labels == 1)
    quiet = np.flatnonzero(pair.labels == 0)
    chosen = np.sort(np.append(quiet, few[:: max(1, few.size * 1000 // quiet.size)]))
    before, after = (
        image.reshape(image.shape[0], 1, -1)[:, :, chosen] for image in (pair.before, pair.after)
    )
    labels = pair.labels.ravel()[chosen]
    score = irmad(before, after)
    rules = (("Otsu", otsu), ("GMM", gmm), ("KI", kittler_illingworth))
    return {name: false_alarm_rate(labels, score > rule(score)) for name, rule in rules}


def persistence_alarms(ndvi, day):
    """Share of series with a drop of at least 10% of the scale in 3 of 4 clear dates.

    ``ndvi`` is ``(time, pixel)`` with NaN where cloudy, ``day`` ``(time,)`` counted in days. A
    drop is measured against the lowest value within 15 days of the same season of earlier years,
    as in OPERA DIST-ALERT; series without such a value count as no drop.
    """
    cover = np.clip((ndvi - 0.1) / 0.75, 0, 1)
    drop = np.full(cover.shape, np.nan)
    for row, now in enumerate(day):
        season = np.abs((now - day + 182) % 365.25 - 182) <= 15
        earlier = season & (now - day > 180)
        if not earlier.any():
            continue
        known = np.isfinite(cover[earlier]).any(axis=0)
        lowest = np.where(known, np.nanmin(np.where(known, cover[earlier], 0.0), axis=0), np.nan)
        drop[row] = lowest - cover[row]
    alarmed = np.zeros(cover.shape[1], bool)
    for pixel in range(cover.shape[1]):
        line = drop[np.isfinite(drop[:, pixel]), pixel] >= 0.10
        if line.size >= 4:
            alarmed[pixel] = (np.convolve(line, np.ones(4), "valid") >= 3).any()
    return alarmed


BECOMES = (
    "earthwork", "roof_blue", "roof_grey", "concrete", "asphalt", "roof_red", "rubble", "pond",
    "yard", "roof_grey", "concrete",
)  # fmt: skip


def busy_world(seed, *, size=1000, share=0.2, day=date(2025, 5, 26)):
    """A toy world in which about this share of the ground changes on one day."""
    generator = np.random.default_rng([seed, 99])
    taken = np.zeros((size, size), bool)
    changes = []
    while taken.mean() < share:
        height, width = (int(side) for side in generator.integers(40, 140, 2))
        row, col = (int(place) for place in generator.integers(0, size - 140, 2))
        window = Window(row, col, height, width)
        cover = BECOMES[len(changes) % len(BECOMES)]
        if taken[window.slices].any():
            continue
        taken[window.slices] = True
        tall = 7.0 if cover.startswith("roof") else 0.0
        changes.append(block_change(f"c{len(changes)}", day, window, cover, height_m=tall))
    return toy_world(seed, size=size, changes=tuple(changes), town=0.5)


def simulated_pair(name, world, sensor, days):
    """Take a clear pair and label pixels by the share of their ground that changed."""
    studio = Studio(world)
    taken = []
    for number, day in enumerate(days):
        time = datetime(day.year, day.month, day.day, 3, 5, tzinfo=UTC)
        taken.append(studio.take(Shot(sensor, time, 0.0, (0.008, 0.016)[number], 5.0)))
    before, after = taken
    changed = world.state_on(days[0])[0] != world.state_on(days[1])[0]
    share = block_mean(changed.astype(float), round(before.grid.resolution))
    labels = np.full(share.shape, 255, np.uint8)
    labels[share == 0] = 0
    labels[share > 0.9] = 1
    return Pair(name, before.values, after.values, labels)


def taizhou(folder):
    """Landsat ETM+ pair of 2000 and 2003 with its labels."""
    before, after = (
        np.fromfile(folder / name, np.uint8).reshape(6, 400, 400) for name in ("2000TM", "2003TM")
    )
    labels = np.full((400, 400), 255, np.uint8)
    for name, value in (("unchanged.bmp", 0), ("change.bmp", 1)):
        with Image.open(folder / name) as drawn:
            labels[np.asarray(drawn.convert("L")) > 128] = value
    return Pair("Taizhou, ETM+ 30 m, Mar 2000 / Feb 2003 (real)", before, after, labels)


PAIRS = (
    ("winter, 10 m, Mar 2024 / Feb 2025", "msi10m", date(2024, 3, 17), date(2025, 2, 6)),
    ("summer, 10 m, Jul 2024 / Jul 2025", "msi10m", date(2024, 7, 2), date(2025, 6, 28)),
    ("winter, 2 m, Mar 2024 / Feb 2025", "pms2m", date(2024, 3, 17), date(2025, 2, 6)),
    ("a month apart, 2 m, May / Jun 2025", "pms2m", date(2025, 5, 20), date(2025, 6, 18)),
)


def simulated_pairs(seed, *, size=1000, wanted=PAIRS):
    """Pairs of one busy world; a fifth of it changes between their dates."""
    for name, sensor, first, last in wanted:
        world = busy_world(seed, size=size, day=last - timedelta(days=10))
        yield simulated_pair(f"{name}, seed {seed} (simulated)", world, sensor, (first, last))


def slovenia_series(folder):
    """NDVI of clear dates over fields and meadows, days, for real unchanged ground."""
    patch = folder / "TestEOPatch"
    ndvi = np.load(patch / "data" / "NDVI.npy")[..., 0].astype(np.float64)
    clear = np.load(patch / "mask" / "IS_VALID.npy")[..., 0].astype(bool)
    fields = np.isin(np.load(patch / "mask_timeless" / "LULC.npy")[..., 0], (1, 3))
    stamps = json.loads((patch / "timestamps.json").read_text())
    day = np.array([datetime.fromisoformat(stamp).toordinal() for stamp in stamps])
    ndvi = np.where(clear, ndvi, np.nan)
    return ndvi[:, fields], day


def simulated_series(seed, *, size=300, first=date(2023, 6, 1)):
    """NDVI of dates that the delivered mask calls clear over unchanged fields, and days."""
    world = toy_world(seed, size=size)
    studio = Studio(world)
    field_covers = [cover_index(name) for name in ("paddy_single", "paddy_double", "dryland")]
    fields = block_mean(np.isin(world.cover, field_covers).astype(float), 10) == 1
    ndvi, day = [], []
    for shot in schedule(seed, first, world.last_day, history_months=24):
        if shot.sensor != "msi10m":
            continue
        image = studio.take(shot)
        red, nir = (image.values[image.roles.index(role)] / 1e4 for role in ("red", "nir"))
        line = np.where(image.cloud == 0, (nir - red) / (nir + red), np.nan)
        ndvi.append(line[fields])
        day.append(image.time.toordinal())
    return np.array(ndvi), np.array(day)


def line_of_table(pair):
    scores, rates = score_pair(pair), rare_alarm_rates(pair)
    order = (
        "z-CVA KI", "IR-MAD KI", "z-CVA KI, 1 px shift", "IR-MAD KI, 1 px shift",
    )  # fmt: skip
    cells = [f"{scores[name]:.3f}" for name in order]
    cells += [f"{rates[name]:.3f}" for name in ("Otsu", "GMM", "KI")]
    share = (pair.labels == 1).sum() / (pair.labels != 255).sum()
    return f"| {pair.name} | {share:.2f} | " + " | ".join(cells) + " |"


HEADER = (
    "| pair | changed share | z-CVA KI | IR-MAD KI | z-CVA, 1 px shift | IR-MAD, 1 px shift "
    "| false alarms at 0.1% change: Otsu | GMM | KI |\n|---|---|---|---|---|---|---|---|---|"
)


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(folder, seeds=(1, 2)):
    """Print the table of docs/difficulty.md."""
    say(HEADER)
    if (folder / "landsat_taizhou").is_dir():
        say(line_of_table(taizhou(folder / "landsat_taizhou")))
    for seed in seeds:
        for pair in simulated_pairs(seed):
            say(line_of_table(pair))
    say("\n| series | pixels | alarmed by persistence |\n|---|---|---|")
    if (folder / "s2_slovenia").is_dir():
        ndvi, day = slovenia_series(folder / "s2_slovenia")
        alarmed = persistence_alarms(ndvi, day).mean()
        say(f"| Slovenia, fields, meadows, 2015-2017 (real) | {ndvi.shape[1]} | {alarmed:.2f} |")
    for seed in seeds:
        ndvi, day = simulated_series(seed)
        alarmed = persistence_alarms(ndvi, day).mean()
        say(f"| paddies and dry land, seed {seed} (simulated) | {ndvi.shape[1]} | {alarmed:.2f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["CHANGEDETECT_REAL_DATA"]))
