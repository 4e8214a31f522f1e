"""Areas of a unit in mu, rounded so that the filed form closes, and never 0 for unknown."""

from collections.abc import Sequence

from changedetect.casepackage import CLOSING_MU
from changedetect.codes import LandGroup
from changedetect.errors import LayerError
from changedetect.measure import round_closing, to_mu
from changedetect.records import LandPiece, Unit

GROUPS = (
    LandGroup.CROPLAND,
    LandGroup.OTHER_AGRICULTURAL,
    LandGroup.CONSTRUCTION,
    LandGroup.UNUSED,
    LandGroup.UNKNOWN,
)


def closed_mu(parts_m2: Sequence[float], total_m2: float, where: str) -> tuple[float, ...]:
    """Round parts to 0.0001 mu so that they close on their total.

    Parameters
    ----------
    parts_m2, total_m2
        Parts and what they tile. [m²]
    where
        Named in the error.

    Raises
    ------
    LayerError
        The parts miss the total by more than 0.01 mu: rounding would hide an error.
    """
    gap_mu = to_mu(sum(parts_m2) - total_m2)
    if abs(gap_mu) > CLOSING_MU:
        msg = (
            f"{where}: parts add up to {to_mu(sum(parts_m2)):.4f} mu, the whole is "
            f"{to_mu(total_m2):.4f} mu; they may differ by {CLOSING_MU} mu at most; "
            "check overlaps and gaps of the land parcels (面积不闭合)"
        )
        raise LayerError(msg)
    return round_closing([to_mu(part) for part in parts_m2], to_mu(total_m2))


def group_mu(unit: Unit) -> dict[LandGroup, float]:
    """Return a unit's area by land group, closing on its area. [mu]"""
    areas = unit.areas
    parts = (
        areas.cropland,
        areas.other_agricultural,
        areas.construction,
        areas.unused,
        areas.unknown,
    )
    return dict(
        zip(GROUPS, closed_mu(parts, unit.area_m2, f"unit {unit.unit_id}, land"), strict=True)
    )


def land_columns(unit: Unit) -> dict[str, float | None]:
    """Return the land columns of AJTB.

    Where no parcel covers anything of the unit, every group is unknown (None); where parcels
    cover a part, the groups are what is known and DLBMMJ is the rest. [mu]
    """
    groups = group_mu(unit)
    unknown = groups[LandGroup.UNKNOWN]
    known = sum(groups[group] for group in GROUPS[:-1])
    if known == 0 and unknown > 0:
        names = ("NYDMJ", "GDMJ", "STMJ", "QTNYMJ", "JSYDMJ", "WLYDMJ")
        return {**dict.fromkeys(names), "DLBMMJ": unknown}
    cropland, other = groups[LandGroup.CROPLAND], groups[LandGroup.OTHER_AGRICULTURAL]
    return {
        "NYDMJ": cropland + other,
        "GDMJ": cropland,
        "STMJ": min(to_mu(unit.areas.paddy), cropland),
        "QTNYMJ": other,
        "JSYDMJ": groups[LandGroup.CONSTRUCTION],
        "WLYDMJ": groups[LandGroup.UNUSED],
        "DLBMMJ": unknown,
    }


def piece_mu(unit: Unit) -> list[tuple[LandPiece, float]]:
    """Return a unit's pieces with areas that close on its land groups. [mu]

    Pieces come by group, land class and place, so that the order does not depend on the input's.
    """
    result: list[tuple[LandPiece, float]] = []
    totals = group_mu(unit)
    for group in GROUPS:
        pieces = sorted(
            (piece for piece in unit.pieces if piece.group is group),
            key=lambda piece: (piece.land_class, *piece.geometry.bounds, piece.area_m2),
        )
        if not pieces and totals[group] == 0:
            continue
        parts = [piece.area_m2 for piece in pieces]
        where = f"unit {unit.unit_id}, pieces of {group.value}"
        closed_mu(parts, getattr(unit.areas, group.value), where)
        rounded = round_closing([to_mu(part) for part in parts], totals[group])
        result.extend(zip(pieces, rounded, strict=True))
    return result


def main_class(unit: Unit) -> str | None:
    """Return the DLBM under most of a unit; None where no parcel lies under any of it."""
    sums: dict[str, float] = {}
    for piece in unit.pieces:
        if piece.land_class:
            sums[piece.land_class] = sums.get(piece.land_class, 0.0) + piece.area_m2
    return min(sums, key=lambda code: (-sums[code], code), default=None)
