"""Section about patches that no optical pair saw."""

from pydantic import Field

from changedetect.config.base import Section


class UnseenSection(Section):
    """How likely a patch changed that no optical pair saw: log-odds, a sum over its sources.

    Fitted on the 2,493 patches of 17 simulated months whose image after was all cloud.
    """

    seen_share: float = Field(
        0.5, ge=0, le=1, description="a pair that saw less of a patch does not judge it"
    )
    log_odds: float = Field(-3.54, description="of change, at 1 mu and without evidence")
    log_odds_per_ln_mu: float = Field(0.19, description="… and this more for e times the area")
    weight_radar: float = Field(0.48, ge=0, description="what radar's mean evidence is worth")
    weight_series: float = Field(0.99, ge=0, description="… that of the series")
    weight_model: float = Field(
        0.48, ge=0, description="… that of a model of the user's own: not measured, as radar's"
    )

    def weights(self) -> dict[str, float]:
        """Return what a source's evidence is worth, by its name."""
        return {
            "radar": self.weight_radar,
            "series": self.weight_series,
            "model": self.weight_model,
        }
