"""The cross-check by county is measured once, small, with its twin that holds everything."""

import json

import pytest

from changedetect.bench import land
from changedetect.cli import bench
from changedetect.errors import ConfigError


def test_land__both_ways_give_the_same_bytes(benchmark, tmp_path):
    plan = land.LandPlan(2, 300)
    config = land.make_land(tmp_path, plan)
    found = benchmark.pedantic(land.by_county, args=(config,), rounds=1)
    whole = land.at_once(config)
    assert found["sha256"] == whole["sha256"]
    assert found["units"] == whole["units"] >= 2 * (300 // land.PER_PATCH)


def test_land__report():
    cost = land.Cost(2.0, 1.0, 500.0)
    one = land.LandCost(4, 400, 24, 64, 30, cost, {"check": cost}, cost, same_bytes=False)
    text = "\n".join(land.lines([one]))
    assert "500, NO" in text
    json.dumps(land.facts([one]), allow_nan=False)


def test_counties__are_numbers():
    assert bench._numbers("1, 4,8") == [1, 4, 8]
    for wrong in ("", "0", "a", "1,,2", "-1"):
        with pytest.raises(ConfigError, match="such as 1,4,8"):
            bench._numbers(wrong)
