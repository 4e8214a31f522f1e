"""Whose a case is, and how closely its ground is watched."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Charge:
    """Cell, field chief and warden of one unit; empty where no layer tells.

    Attributes
    ----------
    unit_id
        The unit.
    cell, priority
        Number of the cell, and codes.PRIORITIES.
    chief, chief_office
        Field chief (田长) of the smallest area on which most of the unit lies.
    warden, warden_office
        Warden (网格员), alike.
    """

    unit_id: str
    cell: str = ""
    priority: str = ""
    chief: str = ""
    chief_office: str = ""
    warden: str = ""
    warden_office: str = ""

    def office(self, *, takes_cropland: bool) -> str:
        """Return who is asked first: the field chief's office for cropland, else the warden's."""
        first, second = self.chief_office, self.warden_office
        return (first or second) if takes_cropland else (second or first)

    @property
    def people(self) -> str:
        """Names with what they are."""
        named = (("田长", self.chief), ("网格员", self.warden))
        return "；".join(f"{what}{name}" for what, name in named if name)
