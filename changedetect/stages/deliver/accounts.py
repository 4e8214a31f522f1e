"""A year's accounts of a county: cropland in and out, the fifteen per cent, quota tied to violations.

Sums are made month by month from that month's units, each piece of ground in the month in which it
was first found, so that a case confirmed later counts once. All areas rest on images: suspected is
not established, and what is pending stands beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from operator import add, attrgetter

import pandas as pd

from changedetect.casepackage.accounts import ACCOUNT_FORMS
from changedetect.codes import CONSTRUCTION_FAMILIES
from changedetect.config.deliver import DeliverSection
from changedetect.measure import to_mu
from changedetect.records import Case, Finding, Unit, Verdict
from changedetect.stages.deliver.tables import Row, make_table

OTHER = frozenset({"34", "38"})
"""PDJY of a finding that says: not this theme's business, or no change."""

PROVINCE = "合计"


@dataclass(frozen=True, slots=True)
class Sums:
    """What one county took and made in one month. [m²]"""

    outflow_excused: float = 0.0
    outflow_suspected: float = 0.0
    outflow_pending: float = 0.0
    to_construction: float = 0.0
    to_planting: float = 0.0
    to_pond: float = 0.0
    to_facility: float = 0.0
    inflow_verified: float = 0.0
    inflow_pending: float = 0.0
    inflow_doubted: float = 0.0
    taken_cropland: float = 0.0
    suspected_cropland: float = 0.0
    pending_cropland: float = 0.0
    suspected: float = 0.0
    suspected_farmland: float = 0.0
    suspected_count: float = 0.0

    def plus(self, other: "Sums") -> "Sums":
        """Add two months, or two counties."""
        return Sums(*map(add, _VALUES(self), _VALUES(other)))


_VALUES = attrgetter(*(field.name for field in fields(Sums)))


@dataclass(frozen=True, slots=True)
class CountyAccount:
    """The accounts of one county.

    Attributes
    ----------
    district, name, month
        County and month.
    months
        Months of the year that are in the sum, this one included.
    this_month, year
        Sums.
    stock_m2, target_m2
        Cropland by the survey, and to be kept; None = not known.
    cleared_m2
        Unapproved ground of the year's cases that are closed.
    """

    district: str
    name: str
    month: str
    months: tuple[str, ...]
    this_month: Sums
    year: Sums
    stock_m2: float | None = None
    target_m2: float | None = None
    cleared_m2: float = 0.0


@dataclass(frozen=True, slots=True)
class YearSoFar:
    """What is known of a county's account before the units of its month are summed.

    Attributes
    ----------
    account
        With empty sums.
    earlier
        Sums of the year's months before, in order.
    """

    account: CountyAccount
    earlier: tuple[Sums, ...] = ()

    def with_month(self, sums: Sums) -> CountyAccount:
        """Return the account with the sums of its month."""
        year = sums
        for one in self.earlier:
            year = year.plus(one)
        return replace(self.account, this_month=sums, year=year)


def sums_of(
    units: Iterable[Unit], cases: Mapping[str, Case], month: str, section: DeliverSection
) -> dict[str, Sums]:
    """Sum a month by county.

    Parameters
    ----------
    units
        Of the month; remainders of other units are not counted again.
    cases
        Unit id -> case; ground of a case that an earlier month found was counted there.
    month
        ``YYYY-MM``.
    section
        Which themes speak of taking, outflow and inflow.
    """
    found: dict[str, Sums] = {}
    for unit in units:
        case = cases.get(unit.unit_id)
        if unit.parent or (case is not None and case.month < month):
            continue
        own = _watched(unit, section) if unit.watch else _changed(unit, section)
        found[unit.district] = found.get(unit.district, Sums()).plus(own)
    return found


def _finding(unit: Unit, codes: Sequence[str]) -> Finding | None:
    told = [f for f in unit.findings if f.theme in codes and f.suggestion not in OTHER]
    order = (Verdict.YES, Verdict.UNKNOWN, Verdict.NO)
    return min(told, key=lambda finding: order.index(finding.verdict), default=None)


def _watched(unit: Unit, section: DeliverSection) -> Sums:
    finding = _finding(unit, section.inflow_themes)
    if finding is None:
        return Sums()
    match finding.verdict:
        case Verdict.NO:
            return Sums(inflow_verified=unit.area_m2)
        case Verdict.YES:
            return Sums(inflow_doubted=unit.area_m2)
        case Verdict.UNKNOWN:
            return Sums(inflow_pending=unit.area_m2)


def _changed(unit: Unit, section: DeliverSection) -> Sums:
    return _outflow(unit, section).plus(_taking(unit, section))


_CLASSES = {"planting": "to_planting", "pond": "to_pond", "greenhouse": "to_facility"}
_OUTFLOW = {
    Verdict.NO: "outflow_excused",
    Verdict.YES: "outflow_suspected",
    Verdict.UNKNOWN: "outflow_pending",
}


def _outflow(unit: Unit, section: DeliverSection) -> Sums:
    finding, cropland = _finding(unit, section.outflow_themes), unit.areas.cropland
    known = unit.family in CONSTRUCTION_FAMILIES or unit.family in _CLASSES
    if finding is None or not known or cropland <= 0:
        return Sums()
    after = _CLASSES.get(unit.family, "to_construction")
    return Sums(**{_OUTFLOW[finding.verdict]: cropland, after: cropland})


def _taking(unit: Unit, section: DeliverSection) -> Sums:
    if unit.family not in CONSTRUCTION_FAMILIES:
        return Sums()
    finding, areas = _finding(unit, section.taking_themes), unit.areas
    if finding is None:
        return Sums()
    taken = Sums(taken_cropland=areas.cropland)
    if finding.verdict is Verdict.YES:
        return taken.plus(
            Sums(
                suspected_cropland=areas.unapproved_cropland,
                suspected=areas.unapproved,
                suspected_farmland=areas.unapproved_basic_farmland or 0.0,
                suspected_count=1.0,
            )
        )
    pending = areas.unapproved_cropland if finding.verdict is Verdict.UNKNOWN else 0.0
    return taken.plus(Sums(pending_cropland=pending))


def account_tables(
    accounts: Sequence[CountyAccount], section: DeliverSection
) -> dict[str, pd.DataFrame]:
    """Lay the accounts out, by county; several counties get a line of their sum.

    Returns
    -------
    dict
        TJ_GD, TJ_15, TJ_ZW -> DataFrame in the columns of `casepackage.accounts`; areas in mu.
    """
    ordered = sorted(accounts, key=lambda account: account.district)
    if len(ordered) > 1:
        ordered.append(_together(ordered))
    rows: dict[str, list[Row]] = {name: [] for name in ACCOUNT_FORMS}
    for account in ordered:
        for span, sums in (("本月", account.this_month), ("本年累计", account.year)):
            where = _where(account, span)
            rows["TJ_GD"].append({**where, **_cropland(account, sums)})
            rows["TJ_15"].append({**where, **_ratio(sums, section)})
            rows["TJ_ZW"].append({**where, **_quota(account, sums, span)})
    return {name: make_table(form, rows[name]) for name, form in ACCOUNT_FORMS.items()}


def _together(accounts: Sequence[CountyAccount]) -> CountyAccount:
    month, year = Sums(), Sums()
    for account in accounts:
        month, year = month.plus(account.this_month), year.plus(account.year)
    stocks = [account.stock_m2 for account in accounts if account.stock_m2 is not None]
    targets = [account.target_m2 for account in accounts if account.target_m2 is not None]
    every = len(accounts)
    return CountyAccount(
        district="",
        name=PROVINCE,
        month=accounts[0].month,
        months=tuple(sorted({name for account in accounts for name in account.months})),
        this_month=month,
        year=year,
        stock_m2=sum(stocks) if len(stocks) == every else None,
        target_m2=sum(targets) if len(targets) == every else None,
        cleared_m2=sum(account.cleared_m2 for account in accounts),
    )


def _where(account: CountyAccount, span: str) -> Row:
    months = account.months if span == "本年累计" else (account.month,)
    return {
        "XZQDM": account.district,
        "XZQMC": account.name,
        "JCZQ": account.month.replace("-", ""),
        "QJ": span,
        "YFS": ",".join(months),
    }


def _cropland(account: CountyAccount, sums: Sums) -> Row:
    out = sums.outflow_excused + sums.outflow_suspected
    net = sums.inflow_verified - out
    gap = None
    if account.stock_m2 is not None and account.target_m2 is not None:
        gap = to_mu(account.stock_m2 + net - account.target_m2)
    return {
        "GDCL": None if account.stock_m2 is None else to_mu(account.stock_m2),
        "GDMB": None if account.target_m2 is None else to_mu(account.target_m2),
        "LCHJ": to_mu(out + sums.outflow_pending),
        "LCYJ": to_mu(sums.outflow_excused),
        "LCYS": to_mu(sums.outflow_suspected),
        "LCCY": to_mu(sums.outflow_pending),
        "LCJS": to_mu(sums.to_construction),
        "LCYL": to_mu(sums.to_planting),
        "LCKT": to_mu(sums.to_pond),
        "LCSS": to_mu(sums.to_facility),
        "LRHS": to_mu(sums.inflow_verified),
        "LRDH": to_mu(sums.inflow_pending),
        "LRBS": to_mu(sums.inflow_doubted),
        "JBH": to_mu(net),
        "MBC": gap,
    }


def _ratio(sums: Sums, section: DeliverSection) -> Row:
    whole = sums.taken_cropland
    row: Row = {
        "FZ": to_mu(sums.suspected_cropland),
        "FM": to_mu(whole),
        "DCMJ": to_mu(sums.pending_cropland),
    }
    if whole <= 0:
        return row
    low = sums.suspected_cropland / whole
    high = min((sums.suspected_cropland + sums.pending_cropland) / whole, 1.0)
    limit = section.ratio_limit
    flag = "1" if low >= limit else "0" if high < limit else "2"
    return {**row, "BL": low, "BLXX": low, "BLSX": high, "DX": flag}


def _quota(account: CountyAccount, sums: Sums, span: str) -> Row:
    cleared = min(account.cleared_m2, sums.suspected) if span == "本年累计" else 0.0
    left = sums.suspected - cleared
    return {
        "XZGS": round(sums.suspected_count),
        "XZMJ": to_mu(sums.suspected),
        "XZGD": to_mu(sums.suspected_cropland),
        "XZYN": to_mu(sums.suspected_farmland),
        "XHMJ": to_mu(cleared),
        "WXHMJ": to_mu(left),
        "GGZB": to_mu(left),
    }


def open_accounts(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Name the lines of the accounts that do not close to 0.001 mu."""
    outflow = (
        f"耕地流出{row['XZQMC']}{row['QJ']}"
        for row in tables["TJ_GD"].to_dict("records")
        if _gap(row, "LCHJ", ("LCYJ", "LCYS", "LCCY")) or _gap(row, "LCHJ", _AFTER)
    )
    ratio = (
        f"比例{row['XZQMC']}{row['QJ']}"
        for row in tables["TJ_15"].to_dict("records")
        if row["FZ"] + row["DCMJ"] > row["FM"] + _DUST_MU
    )
    quota = (
        f"挂钩{row['XZQMC']}{row['QJ']}"
        for row in tables["TJ_ZW"].to_dict("records")
        if _gap(row, "XZMJ", ("XHMJ", "WXHMJ"))
    )
    return [*outflow, *ratio, *quota, *_unsummed(tables)]


_AFTER = ("LCJS", "LCYL", "LCKT", "LCSS")
_DUST_MU = 1e-3
"""Sums of numbers of four decimals. [mu]"""


def _gap(row: Mapping[str, float], whole: str, parts: Sequence[str]) -> bool:
    return abs(sum(row[name] for name in parts) - row[whole]) > _DUST_MU


def _unsummed(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Name the sums over counties that are not their sum."""
    bad = []
    for name, column in (("TJ_GD", "LCHJ"), ("TJ_15", "FM"), ("TJ_ZW", "XZMJ")):
        table = tables[name]
        whole = table[table["XZQMC"] == PROVINCE]
        for span, value in zip(whole["QJ"], whole[column], strict=True):
            parts = table[(table["XZQMC"] != PROVINCE) & (table["QJ"] == span)][column].sum()
            if abs(parts - value) > _DUST_MU * max(len(table), 1):
                bad.append(f"{ACCOUNT_FORMS[name].alias}{span}合计")
    return bad
