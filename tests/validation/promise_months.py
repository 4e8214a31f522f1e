"""Months of small counties through the whole pipeline, and how often a promise of recall is broken.

``python -m tests.validation.promise_months FOLDER --seeds 3001-3060`` simulates, runs and scores what
FOLDER does not hold yet (a JSON file a county, so it can be stopped and taken up again), then
reckons; ``--seeds ''`` reckons only.
"""

import argparse
import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from changedetect import measure
from changedetect.accuracy.promise import MISSED, Aim, State, plug_in, promise, tail
from changedetect.config.promise import PromiseSettings
from changedetect.io import vector_writer
from changedetect.pipeline.learning.training import STARTS, seed_list
from changedetect.pipeline.promise.promise_scores import read_run, score
from changedetect.pipeline.runs.context import MonthContext, RunOptions
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.progress import Silent
from changedetect.pipeline.runs.runstore import RunStore
from changedetect.pipeline.simulation import WorldOptions, simulate
from changedetect.pipeline.sources import scenes
from changedetect.pipeline.steps import classification, detection

ALPHAS = (0.05, 0.1, 0.2, 0.25, 0.3, 0.4)
DELTA = 0.1
LEAST_MU = 0.5
DRAWS = 200
CALIBRATION = (4, 8)
"""Counties of a calibration."""


def main() -> int:
    """Make what is missing, and reckon."""
    asked = argparse.ArgumentParser(prog="python -m tests.validation.promise_months")
    asked.add_argument("folder", type=Path)
    asked.add_argument("--seeds", default="3001-3060")
    asked.add_argument("--size-km", type=float, default=1.0)
    asked.add_argument("--months", type=int, default=2)
    asked.add_argument("--alike", type=float, default=PromiseSettings().changes_alike)
    given = asked.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for seed in seed_list(given.seeds) if given.seeds else ():
        path = given.folder / f"{seed}.json"
        if not path.is_file():
            found = months_of(given.folder / f".{seed}", seed, given.size_km, given.months)
            path.write_text(json.dumps(found), encoding="utf-8")
            print(f"{seed}: {[len(month['scores']) for month in found]} changes", file=sys.stderr)
    counties = [json.loads(path.read_text()) for path in sorted(given.folder.glob("*.json"))]
    for line in reckoned(counties, given.alike):
        print(line)
    return 0


def months_of(folder: Path, seed: int, size_km: float, months: int) -> list[dict]:
    """Simulate a county and score the changes of its months; a score of None is found at no threshold."""
    options = WorldOptions(seed, months, STARTS[seed % len(STARTS)], size_km, sensors=("pms2m",))
    world = simulate(folder, options, overwrite=True, progress=Silent())
    job = open_job(folder / "config.yaml")
    truth = vector_writer.read_geopackage(folder / "truth.gpkg", "changes")
    crs = truth.crs.to_string()
    sizes = np.array([measure.to_mu(measure.area_m2(shape, crs)) for shape in truth.geometry])
    truth = truth[sizes >= LEAST_MU].reset_index(drop=True)
    found = []
    for month in world.months:
        with RunStore(folder / "runs" / month) as store:
            context = MonthContext(
                job, month, store, RunOptions(), Silent(), lambda: datetime(2000, 1, 1, tzinfo=UTC)
            )
            for step in (scenes, detection, classification):
                step.do(context)
        found.append(row_of(*score(read_run(folder / "runs" / month), truth, PromiseSettings())))
    shutil.rmtree(folder)
    return found


def row_of(scored, shares: np.ndarray) -> dict:
    """Put down what a month gave."""
    return {
        "scores": [None if one == MISSED else float(one) for one in scored.scores],
        "unseen": [bool(one) for one in scored.unseen],
        "patches": len(shares),
    }


def reckoned(counties: list[list[dict]], alike: float, seed: int = 1) -> list[str]:
    """Calibrate on some counties, hold the promise against all others: many draws."""
    months = [_scores(month) for county in counties for month in county]
    never = sum(int((one == MISSED).sum()) for one in months)
    total = sum(map(len, months))
    unseen = sum(sum(month["unseen"]) for county in counties for month in county)
    lines = [
        (
            f"{len(counties)} counties, {len(months)} months, {total} changes of {LEAST_MU} mu and more; {never} "
            f"found at no threshold ({unseen} not observed): at most {1 - never / total:.3f} can be found"
        ),
        "alpha  calibrated on  n (median)  no promise  made  broken  threshold  months below / broken  plug-in broken",
    ]
    lines += [
        _line(counties, Aim(alpha, DELTA, alike), count, np.random.default_rng(seed))
        for alpha in ALPHAS
        for count in CALIBRATION
        if 2 * count <= len(counties)
    ]
    return lines


def _line(counties: list[list[dict]], aim: Aim, count: int, rng: np.random.Generator) -> str:
    """Draw calibrations; broken = recall of all the other counties together is below 1 - alpha."""
    made, broken, plugged, thresholds, sizes = 0, 0, 0, [], []
    judged, low, doubtful = 0, 0, 0
    for _ in range(DRAWS):
        order = rng.permutation(len(counties))
        own = np.concatenate([_scores(month) for k in order[:count] for month in counties[k]])
        others = [_scores(month) for k in order[count:] for month in counties[k]]
        rest = np.concatenate(others)
        sizes.append(len(own))
        plain = plug_in(own, aim.alpha)
        plugged += plain is None or float(np.mean(rest >= plain)) < 1 - aim.alpha
        found = promise(own, aim)
        if found.state is not State.HELD:
            continue
        made += 1
        thresholds.append(found.threshold)
        broken += float(np.mean(rest >= found.threshold)) < 1 - aim.alpha
        for one in others:
            misses = int((one < found.threshold).sum())
            judged += 1
            low += misses > aim.alpha * len(one)
            doubtful += 1 - tail(misses - 1, len(one), aim.alpha) < aim.delta
    middle = f"{np.median(thresholds):.2f}" if made else "-"
    share = f"{low / judged:.3f} / {doubtful / judged:.3f}" if judged else "-"
    return (
        f"{aim.alpha:<6} {count:<14} {np.median(sizes):<11.0f} {DRAWS - made:<11} {made:<5} {broken:<7} {middle:<10} "
        f"{share:<22} {plugged}"
    )


def _scores(month: dict) -> np.ndarray:
    return np.array([MISSED if one is None else one for one in month["scores"]], float)


if __name__ == "__main__":
    raise SystemExit(main())
