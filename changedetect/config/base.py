"""The base of every configuration record."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen part of a configuration; unknown keys are errors; keys end in their unit."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
