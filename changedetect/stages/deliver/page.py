"""What the offline page shows, as plain text and numbers; the template only lays it out."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from changedetect.casepackage import CODE_LISTS, FORMS, NOTICE, LayerForm
from changedetect.casepackage.accounts import ACCOUNT_FORMS
from changedetect.measure import to_mu
from changedetect.stages.deliver.cases import missing
from changedetect.stages.deliver.checks import Check, checks
from changedetect.stages.deliver.package import PackageInput
from changedetect.stages.deliver.province import table_of
from changedetect.stages.deliver.sheets import by_urgency, package_title, summary, tone
from changedetect.stages.deliver.sketch import sketch
from changedetect.stages.deliver.tables import rows_of

_UNKNOWN = "未知"

_AREAS = (
    ("GDMJ", "耕地"),
    ("STMJ", "其中水田"),
    ("QTNYMJ", "其他农用地"),
    ("JSYDMJ", "建设用地"),
    ("WLYDMJ", "未利用地"),
    ("DLBMMJ", "地类不明"),
    ("YJNTMJ", "占永久基本农田"),
    ("STHXMJ", "占生态红线"),
    ("KFBWMJ", "城镇开发边界外"),
    ("THZMJ", "有效审批套合"),
    ("WPMJ", "未批面积"),
    ("WPGDMJ", "未批占耕地"),
)

_GROUPS = (
    ("red", "疑似问题"),
    ("amber", "证据不足"),
    ("green", "有审批手续"),
    ("grey", "其他"),
    ("pool", "入池(不下发)"),
    ("record", "留痕(不下发)"),
)


_NOT_SENT = {"1": "pool", "2": "record"}
"""RCBZ of what stays with the province -> tone."""

_LAST = tuple(_NOT_SENT.values())


def page_context(
    package: PackageInput,
    tables: Mapping[str, pd.DataFrame],
    found: tuple[Check, ...] | None = None,
) -> dict[str, Any]:
    """Return everything that the offline page shows.

    Parameters
    ----------
    package
        What the package was made from.
    tables
        Its layers, from `layers`.
    found
        From `checks`; None = they are made here.

    Returns
    -------
    dict
        Text, numbers as text, lists of the same; nothing in it is markup. Unknown reads 未知, never 0.
    """
    found = checks(package, tables) if found is None else found
    rows = by_urgency(tables["AJTB"], package.ranking)
    approvals: dict[str, list[Mapping[str, Any]]] = {}
    for entry in rows_of(tables["SPTH"]):
        approvals.setdefault(entry["AJBH"], []).append(entry)
    words = {case.number: (case.reasons, missing(case, unit)) for case, unit in package.pairs()}
    names = package.meanings("ZTDM")
    cases = [_card(row, approvals.get(row["AJBH"], []), words[row["AJBH"]], names) for row in rows]
    cases.sort(key=lambda card: _LAST.index(card["tone"]) if card["tone"] in _LAST else -1)
    tones = {card["number"]: card["tone"] for card in cases}
    drawing = sketch(package, tones)
    return {
        "title": f"{package_title(package)}土地变化监测",
        "district": package.district_name,
        "month": package.month,
        "notice": NOTICE,
        "summary": summary(package, tables),
        "digest": package.digest,
        "figures": _figures(tables["TJ_XJ"], package),
        "groups": [
            {"tone": key, "label": label, "count": list(tones.values()).count(key)}
            for key, label in _GROUPS
        ],
        "cases": cases,
        "map": drawing,
        "checks": [
            {"name": c.name, "rule": c.rule, "count": c.count, "where": c.where, "fatal": c.fatal}
            for c in found
        ],
        "registers": [
            _register(tables, "TJ_XJ"),
            *(table_of(form, package.accounts[k]) for k, form in _accounts(package)),
            *(_register(tables, name) for name in ("SJQD", "YXQD", "GZQD")),
        ],
    }


def _meaning(row: Mapping[str, Any], column: str, codes: str) -> str:
    code = row[column]
    return _UNKNOWN if code is None else CODE_LISTS[codes].items.get(code, str(code))


def _area(value: object) -> str:
    return f"{value:,.4f}" if isinstance(value, (int, float)) else _UNKNOWN


def _day(text: str) -> str:
    """Write ``YYYYMMDD`` with dashes."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def _card(
    row: Mapping[str, Any],
    approvals: Sequence[Mapping[str, Any]],
    words: tuple[Sequence[str], Sequence[str]],
    themes: Mapping[str, str],
) -> dict[str, Any]:
    return {
        "number": row["AJBH"],
        "tone": _NOT_SENT.get(row["RCBZ"]) or tone(row["PDJY"]),
        "suggestion": f"{row['PDJY']} {_meaning(row, 'PDJY', 'PDJY')}",
        "themes": [themes.get(code, code) for code in row["ZTJH"].split(",")],
        "theme_codes": row["ZTJH"].split(","),
        "severity": f"{row['YZDJ']}级 {_meaning(row, 'YZDJ', 'YZDJ')}",
        "place": " ".join(filter(None, (row["XZQMC"], row["XZMC"], row["CMC"]))),
        "kind": _meaning(row, "TBLX", "TBLX"),
        "land_before": _meaning(row, "BHQDL", "DLBM"),
        "before": _day(row["QSX"]),
        "after": _day(row["HSX"]),
        "area": _area(row["JCMJM"]),
        "area_m2": f"{row['JCMJ']:,.1f}",
        "uncertainty": _area(row["MJWC"]),
        "confidence": _UNKNOWN if row["ZXD"] is None else f"{row['ZXD']:.0%}",
        "approval_time": _meaning(row, "SPSX", "SPSX"),
        "areas": [(label, _area(row[name])) for name, label in _AREAS],
        "approvals": [_approval(entry) for entry in approvals],
        "reasons": list(words[0]),
        "missing": list(words[1]),
        "note": row["BZ"] or "",
        "state": _meaning(row, "AJZT", "AJZT"),
        "county_due": str(row["HCQX"] or "—"),
        "clear_due": str(row["ZGQX"] or "—"),
        "position": f"{row['ZXJD']:.6f}, {row['ZXWD']:.6f}",
        "rules": row["GZBB"] or "",
        "hash": row["XXHX"],
        "pictures": [row["QTP"], row["HTP"], row["TTP"]] if row["QTP"] else [],
    }


def _approval(entry: Mapping[str, Any]) -> dict[str, str]:
    return {
        "kind": _meaning(entry, "SPLX", "SPLX"),
        "document": entry["PZWH"] or "（无文号）",
        "approved": str(entry["PZRQ"] or _UNKNOWN),
        "valid": str(entry["YXQZ"] or "长期"),
        "overlap": _area(entry["THMJ"]),
        "share": f"{entry['THBL']:.1%}",
        "time": _meaning(entry, "SPSX", "SPSX"),
        "reason": entry["YY"] or "",
    }


def _figures(totals: pd.DataFrame, package: PackageInput) -> list[dict[str, str]]:
    county = totals.to_dict("records")[0]
    names = (
        ("FX", "发现"),
        ("XF", "应下发"),
        ("CY", "存疑"),
        ("RC", "入池"),
        ("HF", "合法、排除或留痕"),
    )
    shown = [
        {
            "label": label,
            "value": f"{county[f'{key}GS']}个",
            "unit": f"{county[f'{key}MJ']:,.2f}亩",
        }
        for key, label in names
    ]
    whole = max(package.examined_m2 + package.unobserved_m2, 1.0)
    unseen = f"未监测 {to_mu(package.unobserved_m2):,.0f}亩"
    return [
        *shown,
        {"label": "监测覆盖", "value": f"{package.examined_m2 / whole:.1%}", "unit": unseen},
    ]


def _register(tables: Mapping[str, pd.DataFrame], name: str) -> dict[str, Any]:
    return table_of(FORMS[name], tables[name])


def _accounts(package: PackageInput) -> list[tuple[str, LayerForm]]:
    return [(name, form) for name, form in ACCOUNT_FORMS.items() if name in package.accounts]
