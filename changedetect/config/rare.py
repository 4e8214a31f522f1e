"""Section about what is rare: seldom outcomes of a season, and months in which little changed."""

from pydantic import Field

from changedetect.config.base import Section

DAYS_OF_YEAR = 365.0


class RareSection(Section):
    """Where the season stops and change begins, and what is promised where little changed."""

    outcome_share: float = Field(
        0.03,
        gt=0,
        lt=1,
        description="a widespread outcome is usual if this share of a kind had it, at least: no more "
        "is built in a few weeks",
    )
    outcome_min_places: float = Field(
        12.0,
        ge=1,
        description="an outcome below evidence.min_outcome_share lies in so many cells (effective number)",
    )
    unproven_places: float = Field(
        8.0,
        ge=1,
        description="where little has changed and alarms lie in so few cells (effective number) all of "
        "them count as false; in more cells a share that falls with their number",
    )

    left_out_llr: float = Field(
        5.0,
        description="what is usual is learnt again without ground of this evidence, as the first fit has it",
    )
    left_out_around_px: int = Field(2, ge=0, description="… and without what lies so near [px]")
    explained_rate: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="… but ground stays of which a usual outcome explains all but this share",
    )
    least_left_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="… if so much of the observed ground is left: else nobody knows what is usual",
    )

    second_fit_days: int = Field(
        180,
        ge=0,
        description="… and if the dates are no further apart: in a year much changes for good [day]",
    )

    def usual_share(self, days: float, year_share: float) -> float:
        """Return the least share of a kind that makes an outcome usual.

        Parameters
        ----------
        days
            Between the dates of the pair, positive or not. [day]
        year_share
            What may be built of a kind in a year.

        Returns
        -------
        float
            That share of a year, at least `outcome_share`, at most a year's.

        Examples
        --------
        >>> [round(RareSection().usual_share(days, 0.1), 3) for days in (30, 200, 1000)]
        [0.03, 0.055, 0.1]
        """
        given = min(abs(days) / DAYS_OF_YEAR, 1.0) * year_share
        return max(given, min(self.outcome_share, year_share))
