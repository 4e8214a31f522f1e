"""How far vegetation cover alone tells land conversion from crop cycles: not far enough.

OPERA reference pixels of 2024 hold vegetation cover and its drop against the same season of earlier
years; no bands. Nothing is fitted: the length of a drop is ranked.
"""

import csv
import sys

import numpy as np
import pytest

CONVERSION = (
    "Built-up growth", "Clear cut", "Mining", "New water", "Plantation clearing", "Crop expansion",
)  # fmt: skip
DROP_PERCENT = 10


@pytest.fixture(scope="module")
def drops(real_data):
    """Kind of each pixel; persistent drop (3 of 4 dates); longest drop without a break. [day]"""
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = real_data / "pixel_series"
    table = parquet.read_table(folder / "opera_dist_2024_series.parquet").to_pydict()
    series = {}
    for pixel, day, cover, drop in zip(
        *(table[name] for name in ("pixel", "date", "veg_ind", "veg_anom")), strict=True
    ):
        if cover is not None and np.isfinite(cover):
            value = 0.0 if drop is None or not np.isfinite(drop) else drop
            series.setdefault(pixel, []).append((day.toordinal(), value))
    with (folder / "opera_dist_2024_labels.csv").open(encoding="utf-8", newline="") as file:
        kinds = {row["pixel"]: kind_of(row) for row in csv.DictReader(file)}
    rows = [(kinds[pixel], *measured(sorted(values))) for pixel, values in series.items()]
    kind, persistent, longest = zip(*rows, strict=True)
    return np.array(kind), np.array(persistent), np.array(longest, float)


def kind_of(row):
    if row["change_type"].startswith(CONVERSION):
        return "conversion"
    if row["change_type"].startswith("Crop cycle"):
        return "crop"
    return "none" if row["label"] == "noChange" else "other"


def measured(values):
    days, drop = np.array([day for day, _ in values]), np.array([value for _, value in values])
    low = (drop >= DROP_PERCENT).astype(int)
    persistent = len(low) >= 4 and np.convolve(low, np.ones(4), "valid").max() >= 3
    smooth = [np.median(drop[max(i - 2, 0) : i + 3]) >= DROP_PERCENT for i in range(len(drop))]
    longest, begun = 0, None
    for day, is_low in zip(days, smooth, strict=True):
        begun = (day if begun is None else begun) if is_low else None
        longest = max(longest, 0 if begun is None else day - begun)
    return persistent, longest


def test_opera__cover_alone_does_not_tell_conversion_from_crop_cycles(drops):
    kind, persistent, longest = drops
    shares = {name: persistent[kind == name].mean() for name in ("conversion", "crop", "none")}
    sys.stdout.write(
        "\nOPERA 2024, drop of 10% on 3 of 4 dates: conversion "
        f"{shares['conversion']:.3f}, crop cycle {shares['crop']:.3f}, no change {shares['none']:.3f}"
    )
    for allowed in (0.2, 0.4, 0.6, 0.8):
        limit = np.quantile(longest[kind == "crop"], 1 - allowed)
        recall = (longest[kind == "conversion"] > limit).mean()
        quiet = (longest[kind == "none"] > limit).mean()
        sys.stdout.write(
            f"\n  longest drop over {limit:.0f} d: crop cycle <= {allowed:.1f}, conversion "
            f"{recall:.3f}, no change {quiet:.3f}"
        )
        if allowed == 0.4:
            assert recall >= 0.70
    assert shares["conversion"] > shares["crop"]
