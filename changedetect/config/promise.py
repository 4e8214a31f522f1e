"""How a promise about recall is fitted, and when it no longer holds."""

from typing import Annotated, Literal

from pydantic import Field

from changedetect.config.base import Section

Month = Annotated[int, Field(ge=1, le=12)]


class PromiseSettings(Section):
    """Settings of ``changedetect promise fit``; they are kept in the promise file."""

    fields: tuple[Literal["sensor", "season", "class", "size"], ...] = Field(
        ("sensor", "season", "class", "size"),
        min_length=1,
        description="what makes a stratum; small strata are pooled over the last of them first",
    )
    size_edges_mu: tuple[float, ...] = Field((0.5, 2.0), description="edges of size classes [mu]")
    season_starts: tuple[Month, ...] = Field(
        (3, 6, 9, 12), min_length=1, description="months in which a season begins"
    )
    together: bool = Field(
        True,
        description="the promises of all strata hold together with the stated confidence (each at "
        "delta / number of strata); false = each for itself",
    )
    changes_alike: float = Field(
        2.0,
        ge=1,
        description="how many changes are worth one drawn by itself: changes of one county are alike "
        "(docs/accuracy.md: with 1 a promise is broken in 13 to 17 of 100 cases, with 2 in 3)",
    )
    observed_only: bool = Field(
        False,
        description="changes that were not observed are left out, and the promise speaks of "
        "observed ground only; false = they count as missed",
    )
    patch_true_share: float = Field(
        0.3, gt=0, le=1, description="a patch is true when verified change covers this share of it"
    )
    truth_found_share: float = Field(
        0.3, gt=0, le=1, description="a change is found when true patches cover this share of it"
    )
    own_sources: tuple[str, ...] = Field(
        ("changedetect", "本系统", "监测图斑", "下发图斑"),
        description="sources that are our own alarms: changes known from them prove no recall",
    )
    shift_level: float = Field(
        0.01, gt=0, lt=1, description="a feature has shifted below this p-value (after Holm)"
    )
    shift_distance: float = Field(
        0.15,
        ge=0,
        lt=1,
        description="and only if the two distributions are this far apart (Kolmogorov-Smirnov); "
        "with thousands of patches the test alone calls every difference a shift; where months of "
        "the calibration differ more among themselves, their distance counts",
    )
