"""What a layer of the case package is: columns with alias, kind, code list and decimals."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "int", "float", "date"]

CLOSING_MU = 0.01
"""Land groups of a filed form add up to its area within this (national practice). [mu]"""

SPARE = ("BY1", "BY2", "BY3", "BY4", "BY5")
"""Spare text columns that a county may use as it likes."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column: pinyin name, Chinese alias (with its unit), kind, code list, decimals kept."""

    name: str
    alias: str
    kind: Kind = "text"
    codes: str = ""
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class LayerForm:
    """One layer: name, Chinese alias, geometry type (empty = none), columns, what it is for.

    ``style`` names the look of the layer on a map; ``editable`` layers are the county's to fill.
    """

    name: str
    alias: str
    geometry: str
    fields: tuple[Field, ...]
    about: str
    style: str = ""
    editable: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order, without geometry."""
        return tuple(field.name for field in self.fields)


def mu(name: str, alias: str) -> Field:
    """Return a column of an area in mu, four decimals."""
    return Field(name, f"{alias}(亩)", "float", decimals=4)


def spare() -> tuple[Field, ...]:
    """Return the five spare text columns."""
    return tuple(Field(name, f"备用{number}") for number, name in enumerate(SPARE, 1))
