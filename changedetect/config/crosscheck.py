"""Section about the cross-check of patches with land records: tolerances and cautious readings."""

from typing import Literal

from pydantic import Field

from changedetect.config.base import Section


class CrosscheckSection(Section):
    """How much of an overlap is registration error, and when an approval is enough.

    The defaults are our choice; a province confirms them.
    """

    sliver_width_px: float = Field(
        1.5, ge=0, description="overlaps thinner than this are registration error [px]"
    )
    sliver_width_m: float = Field(
        2.0, ge=0, description="and thinner than this, whatever the pixel [m]"
    )
    sliver_min_m2: float = Field(
        10.0, ge=0, description="smaller overlaps with a zone count nothing [m²]"
    )
    sliver_max_share: float = Field(
        0.5, gt=0, le=1, description="a larger share of the ground is never a sliver"
    )
    border_sliver_m2: float = Field(
        20.0, ge=0, description="smaller parts across a county border stay with the largest [m²]"
    )
    dust_m2: float = Field(1e-3, gt=0, description="numerical dust of overlays [m²]")
    union_cover_share: float = Field(
        0.95, gt=0, le=1, description="share that valid approvals must cover together"
    )
    remainder_min_m2: float = Field(
        200.0, gt=0, description="a remainder of this size is never excused by the share [m²]"
    )
    meets_share: float = Field(
        0.05, ge=0, le=1, description="smaller overlaps do not connect an approval to a change"
    )
    inside_bracket: Literal["before", "unknown", "later"] = Field(
        "before",
        description="reading of an approval dated inside (before_date, after_date]: before = may "
        "be valid, a question for the day on which work began; unknown; later = not valid",
    )
    stale_after_days: int = Field(
        31,
        ge=0,
        description="an approval layer this much older than QSX is stale: lists come monthly, an "
        "older one lacks approvals from before the change [day]",
    )
    min_family_probability: float = Field(
        0.4, ge=0, le=1, description="below: the kind of change is unsure"
    )
    min_change_probability: float = Field(
        0.5, ge=0, le=1, description="below: whether it changed is unsure"
    )
    pseudo_change_probability: float = Field(
        0.3, ge=0, le=1, description="below: pseudo-change, rejected but kept"
    )
    unseen_pseudo_change_probability: float = Field(
        0.2,
        ge=0,
        le=1,
        description="… where no optical pair saw the patch: a clue that waits for a clear image",
    )
    season_days: int = Field(
        183,
        ge=30,
        description="length of a season of the series, compared with the same months a year before [day]",
    )
    season_min_images: int = Field(
        3, ge=1, description="clear images without which a season is not known"
    )
    season_gap_days: int = Field(
        40, ge=1, description="a gap between clear images in which a field may have been bare [day]"
    )
    season_green_ndvi: float = Field(
        0.45, gt=0, lt=1, description="NDVI from which ground is under plants"
    )
    season_bare_ndvi: float = Field(
        0.35, gt=0, lt=1, description="NDVI below which ground is bare, as a field is between crops"
    )
    recheck_gone_share: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="a structure of which at most this is left is gone: two outlines of 1 mu at 2 m "
        "agree no better",
    )
    recheck_kept_share: float = Field(
        0.8, gt=0, le=1, description="a structure of which at least this is left is not rectified"
    )
    recheck_green_share: float = Field(
        0.7, gt=0, le=1, description="ground of which at least this is green again is restored"
    )
    recheck_rebuilt_share: float = Field(
        0.05, ge=0, lt=1, description="ground of which more is built on again is a recurrence"
    )
    pseudo_families: tuple[str, ...] = Field(
        ("pseudo",), description="names that the classifier gives to a rejected patch"
    )

    def rejects_below(self, promised: float | None, is_unseen: bool) -> float:
        """Return the probability of change below which a patch counts as pseudo-change.

        Parameters
        ----------
        promised
            Limit of a promise of recall, which comes first; None where none was made.
        is_unseen
            No optical pair saw most of the patch.
        """
        if promised is not None:
            return promised
        if is_unseen:
            return self.unseen_pseudo_change_probability
        return self.pseudo_change_probability
