"""What the province's page shows: all counties at a glance, each with the way to its own page."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from changedetect.casepackage import CODE_LISTS, FORMS, NOTICE, LayerForm
from changedetect.casepackage.accounts import ACCOUNT_FORMS
from changedetect.casepackage.forms import Field
from changedetect.stages.deliver.package import PackageInput
from changedetect.stages.deliver.totals import statistics

_UNKNOWN = "未知"

_PARTS = (
    ("XF", "应下发"),
    ("CY", "存疑"),
    ("RC", "入池"),
    ("HF", "合法、排除或留痕"),
)
_GROUND = (("GDMJ", "占耕地"), ("YJNTMJ", "占永农"), ("STHXMJ", "占红线"))
_COUNTY, _THEME = "县合计", "主题合计"


@dataclass(frozen=True, slots=True)
class Delivered:
    """What remains of a package when it has been written: its figures, none of its cases.

    Attributes
    ----------
    district, name, stem
        The county, and how the files of its package begin.
    totals
        Its lines of TJ_XJ (`totals.statistics`).
    cases, pooled
        How many cases went out, and how many wait in the pool.
    unobserved_m2
        Ground that was not observed. [m²]
    themes
        Code -> name, those of the job included.
    """

    district: str
    name: str
    stem: str
    totals: pd.DataFrame
    cases: int
    pooled: int
    unobserved_m2: float
    themes: Mapping[str, str]


def delivered(package: PackageInput, totals: pd.DataFrame) -> Delivered:
    """Keep the figures of a package that was written, and its TJ_XJ."""
    return Delivered(
        district=package.district,
        name=package.district_name,
        stem=package.stem,
        totals=totals,
        cases=sum(not case.pooled for case in package.cases),
        pooled=sum(case.pooled for case in package.cases),
        unobserved_m2=package.unobserved_m2,
        themes=package.meanings("ZTDM"),
    )


def all_totals(done: Sequence[Delivered]) -> pd.DataFrame:
    """Return the totals of all counties (TJ_XJ), county after county by code."""
    tables = [one.totals for one in sorted(done, key=lambda one: one.district)]
    return pd.concat(tables, ignore_index=True) if tables else statistics([])


def summary_context(
    done: Sequence[Delivered],
    undelivered: Sequence[tuple[str, str]],
    accounts: Mapping[str, pd.DataFrame],
    month: str,
) -> dict[str, Any]:
    """Return everything that the province's page shows.

    Parameters
    ----------
    done
        Counties whose package was written.
    undelivered
        Code and name of the others: their figures are unknown, not zero.
    accounts
        From `account_tables`, of all counties.
    month
        ``YYYY-MM``.

    Returns
    -------
    dict
        Text only; nothing in it is markup. A sum is 未知 as soon as one of its parts is.
    """
    totals = all_totals(done)
    counties = totals[totals["JB"] == _COUNTY].to_dict("records")
    stems = {one.district: one.stem for one in done}
    names = {code: name for one in done for code, name in one.themes.items()}
    return {
        "title": f"{month} 土地变化监测统计",
        "notice": NOTICE,
        "figures": _figures(counties, len(undelivered)),
        "heads": [*(f"{label}(亩)" for _, label in _GROUND), "未监测(亩)", "监测覆盖"],
        "parts": ["发现", *(label for _, label in _PARTS)],
        "counties": [
            {**_county(row), "page": f"{stems[row['XZQDM']]}/{stems[row['XZQDM']]}.html"}
            for row in counties
        ],
        "undelivered": [f"{code} {name}" for code, name in undelivered],
        "themes": _themes(totals, names),
        "registers": [table_of(form, accounts[key]) for key, form in ACCOUNT_FORMS.items()],
        "details": table_of(FORMS["TJ_XJ"], totals, {"ZTDM": names}),
    }


def _figures(counties: Sequence[Mapping[str, Any]], absent: int) -> list[dict[str, str]]:
    shown = [
        {
            "label": label,
            "value": f"{sum(row[f'{key}GS'] for row in counties):,}个",
            "unit": f"{math.fsum(row[f'{key}MJ'] for row in counties):,.2f}亩",
        }
        for key, label in (("FX", "发现"), *_PARTS)
    ]
    whole, unseen = (math.fsum(row[key] for row in counties) for key in ("JCFWMJ", "WJCMJ"))
    note = f"；{absent}个县未交付" if absent else ""
    return [
        *shown,
        {
            "label": "监测覆盖",
            "value": _share(whole, unseen),
            "unit": f"未监测 {unseen:,.0f}亩{note}",
        },
    ]


def _share(whole_mu: float, unseen_mu: float) -> str:
    return f"{1 - unseen_mu / whole_mu:.1%}" if whole_mu > 0 else _UNKNOWN


def _county(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "code": row["XZQDM"],
        "name": row["XZQMC"],
        "parts": _parts([row]),
        "ground": [
            *(_sum_mu([row[key]]) for key, _ in _GROUND),
            f"{row['WJCMJ']:,.2f}",
            _share(row["JCFWMJ"], row["WJCMJ"]),
        ],
    }


def _themes(totals: pd.DataFrame, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Add the counties up, theme by theme; a unit may stand under several themes."""
    lines = totals[totals["JB"] == _THEME]
    return [
        {
            "name": f"{code} {names.get(code, '')}".strip(),
            "parts": _parts(rows),
            "ground": [_sum_mu([row[key] for row in rows]) for key, _ in _GROUND],
        }
        for code in sorted(set(lines["ZTDM"]))
        if (rows := lines[lines["ZTDM"] == code].to_dict("records"))
    ]


def _parts(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [
        {
            "count": f"{sum(row[f'{key}GS'] for row in rows):,}",
            "area": f"{math.fsum(row[f'{key}MJ'] for row in rows):,.2f}",
        }
        for key in ("FX", *(key for key, _ in _PARTS))
    ]


def _sum_mu(areas: Sequence[float | None]) -> str:
    """Add areas; unknown as soon as one of them is."""
    known = [area for area in areas if area is not None and not math.isnan(area)]
    return f"{math.fsum(known):,.2f}" if len(known) == len(areas) else _UNKNOWN


def table_of(
    form: LayerForm, table: pd.DataFrame, meanings: Mapping[str, Mapping[str, str]] | None = None
) -> dict[str, Any]:
    """Return a table as text, without the columns that are empty; numbers of a column alike.

    Parameters
    ----------
    form
        Names, aliases and code lists of the columns.
    table
        As `make_table` returns it.
    meanings
        Name of a code list -> code -> meaning, in place of the fixed one.

    Returns
    -------
    dict
        ``title``, ``headers``, ``rows`` of text, and ``numbers``: which columns hold numbers.
    """
    columns = [field for field in form.fields if not table[field.name].isna().all()]
    shown = [
        _column(table[field.name].tolist(), (meanings or {}).get(field.codes) or _meanings(field))
        for field in columns
    ]
    return {
        "title": form.alias,
        "headers": [field.alias for field in columns],
        "numbers": [field.kind in {"int", "float"} for field in columns],
        "rows": [list(row) for row in zip(*shown, strict=True)],
    }


def _meanings(field: Field) -> Mapping[str, str]:
    return CODE_LISTS[field.codes].items if field.codes else {}


def _column(values: Sequence[object], meanings: Mapping[str, str]) -> list[str]:
    """Write the values of a column: areas with as many decimals as the one that needs most."""
    floats = [value for value in values if isinstance(value, float) and not math.isnan(value)]
    tails = [f"{value:.4f}".rstrip("0").partition(".")[2] for value in floats]
    decimals = max(map(len, tails), default=0)
    return [_text(value, meanings, decimals) for value in values]


def _text(value: object, meanings: Mapping[str, str], decimals: int) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if meanings:
        meaning = meanings.get(str(value))
        return f"{value} {meaning}" if meaning else str(value)
    return f"{value:,.{decimals}f}" if isinstance(value, float) else str(value)


__all__ = ["Delivered", "all_totals", "delivered", "summary_context", "table_of"]
