"""Section about a change model of the user's own."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from changedetect.config.base import Section
from changedetect.config.sensors import Role


class ModelSection(Section):
    """An ONNX model that sees both images of a pair; what it says is calibrated like any source."""

    file: str = Field(description="ONNX file, relative to the job file")
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="digest of the file; another file is refused"
    )
    bands: tuple[Role, ...] = Field(
        min_length=1, description="bands of each image in the model's order"
    )
    scale: float = Field(1.0, gt=0, description="input = reflectance x scale + offset")
    offset: float = Field(0.0, description="see scale")
    output: Literal["logit", "probability"] = Field(
        "probability", description="what a number of the output means"
    )
    channel: int = Field(0, ge=0, description="channel of the output that means change")
    overlap_px: int = Field(
        32, ge=0, description="what a block of the model sees beyond its own pixels [px]"
    )
    knots_logit: tuple[float, ...] = Field(
        (), description="calibration: logits, rising; empty = fitted on the pair itself"
    )
    knots_llr: tuple[float, ...] = Field(
        (), description="… and the log-likelihood ratio that each means, not falling"
    )
    null_rate: float = Field(
        0.02, gt=0, lt=0.5, description="fitted: share of the ground that is taken to say change"
    )
    gain: float = Field(
        1.0, gt=0, description="fitted: log-likelihood ratio of one logit above that level"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        rising = all(a < b for a, b in zip(self.knots_logit, self.knots_logit[1:], strict=False))
        level = all(a <= b for a, b in zip(self.knots_llr, self.knots_llr[1:], strict=False))
        if len(self.knots_logit) != len(self.knots_llr) or not (rising and level):
            msg = (
                f"knots_logit {self.knots_logit} and knots_llr {self.knots_llr}: equally many numbers "
                "were expected, the first rising, the second not falling"
            )
            raise ValueError(msg)
        return self
