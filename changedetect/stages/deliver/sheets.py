"""The workbook (台账): what stands on which sheet."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from changedetect.casepackage import (
    CODE_LISTS,
    FORMS,
    NOTICE,
    NOTICE_SHORT,
    Column,
    Field,
    LayerForm,
    Sheet,
    WorkbookContent,
)
from changedetect.casepackage.accounts import ACCOUNT_FORMS
from changedetect.casepackage.sheets import Value
from changedetect.codes import SUSPECTED_PDJY
from changedetect.config.deliver import RankingSection
from changedetect.measure import to_mu
from changedetect.stages.deliver.checks import Check, checks
from changedetect.stages.deliver.package import PackageInput
from changedetect.stages.deliver.tables import rows_of

_LIST = (
    "AJBH", "TTP", "XZMC", "CMC", "ZTDM", "PDJY", "YZDJ", "TBLX", "QSX", "HSX", "JCMJM", "MJWC", "GDMJ",
    "STMJ", "YJNTMJ", "QTNYMJ", "JSYDMJ", "WLYDMJ", "DLBMMJ", "STHXMJ", "KFBWMJ", "THZMJ", "WPMJ",
    "WPGDMJ", "WPYNMJ", "SPSX", "PDYJ", "QZJ", "ZRDW", "ZRR", "YXJ", "AJZT", "HCQX", "ZGQX", "RDJG", "RDEJ", "RDYJ", "ZXJD",
    "ZXWD", "QTP", "HTP", "GZBB", "BZ", "XXHX",
)  # fmt: skip
"""Columns of the list, in the order in which they are read."""

_WIDTHS = {
    "AJBH": 21, "TTP": 11, "PDYJ": 46, "QZJ": 30, "BZ": 30, "RDYJ": 30, "GZBB": 24, "XXHX": 68, "QTP": 33,
    "HTP": 33, "PDJY": 10, "JCMJM": 11, "HCQX": 12, "ZGQX": 12, "ZXJD": 13, "ZXWD": 13, "XZMC": 11,
}  # fmt: skip
_MEANINGS = ("ZTDM", "PDJY", "TBLX", "SPSX", "AJZT")
"""Codes that have their meaning beside them."""

_WRAPPED = ("PDYJ", "QZJ", "BZ", "RDYJ", "GZBB")
_DEFAULT_WIDTH, _MEANING_WIDTH, _NOTE_WIDTH, _PICTURE_PX = 10, 15, 60, 72


def workbook(
    package: PackageInput,
    tables: Mapping[str, pd.DataFrame],
    found: tuple[Check, ...] | None = None,
) -> WorkbookContent:
    """Lay out the workbook of a package.

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
    WorkbookContent
        Sheets 说明, 台账, 入池, 留痕, 统计, the accounts of the year, 审批套合, 底数清单, 影像清单, 规则清单, 校核, 代码表. Everything is a value; there is
        no formula and no link. Pictures are relative paths of the overlay chips.
    """
    found = checks(package, tables) if found is None else found
    cases = by_urgency(tables["AJTB"], package.ranking)
    dispatched, pooled, recorded = (
        [row for row in cases if row["RCBZ"] == listed] for listed in ("0", "1", "2")
    )
    names = package.meanings("ZTDM")
    sheets = (
        _cover(package, tables, found),
        _case_sheet("台账", f"{package_title(package)}案件台账", dispatched, names),
        _case_sheet(
            "入池", f"{package_title(package)}入池图斑(小于最小面积，不下发，累计)", pooled, names
        ),
        _case_sheet("留痕", f"{package_title(package)}留痕图斑(仅记录，不下发)", recorded, names),
        _register("统计", tables["TJ_XJ"], "TJ_XJ"),
        *account_sheets(package.accounts),
        _register("审批套合", tables["SPTH"], "SPTH"),
        _register("底数清单", tables["SJQD"], "SJQD"),
        _register("影像清单", tables["YXQD"].drop(columns="geometry"), "YXQD"),
        _register("规则清单", tables["GZQD"], "GZQD"),
        _check_sheet(found),
        _register("代码表", tables["DMB"], "DMB"),
    )
    year, month = (int(part) for part in package.month.split("-"))
    return WorkbookContent(
        f"{package.stem}_台账.xlsx",
        f"{package_title(package)}案件台账",
        datetime(year, month, 1, tzinfo=UTC),
        sheets,
        {name: package.meanings(name) for name in CODE_LISTS},
        NOTICE_SHORT,
    )


def package_title(package: PackageInput) -> str:
    """Name county and month, e.g. ``云溪县(430991)2025年6月``."""
    year, month = package.month.split("-")
    return f"{package.district_name}({package.district}){year}年{int(month)}月"


def by_urgency(cases: pd.DataFrame, ranking: RankingSection) -> list[dict[str, Any]]:
    """Most severe first, then cells of higher priority, then the most worth, then by number.

    Worth is probability of change x area x weight of its zones; what is watched without a patch is
    taken for certain.
    """
    rows = rows_of(cases.drop(columns="geometry"))
    return sorted(
        rows,
        key=lambda row: (-int(row["YZDJ"]), row["YXJ"] or "9", -_worth(row, ranking), row["AJBH"]),
    )


def _worth(row: dict[str, Any], ranking: RankingSection) -> float:
    """Return probability x area x zone of a row. [mu]"""

    def known(name: str, missing: float) -> float:
        return missing if pd.isna(row[name]) else float(row[name])

    weighed = (
        float(row["JCMJM"])
        + (ranking.basic_farmland_weight - 1) * known("YJNTMJ", 0.0)
        + (ranking.red_line_weight - 1) * known("STHXMJ", 0.0)
    )
    return known("ZXD", 1.0) * weighed


def tone(suggestion: str | None) -> str:
    """Return the tone of a suggestion: red suspected, amber in doubt, green excused, grey other."""
    if suggestion in SUSPECTED_PDJY:
        return "red"
    return {"0": "amber", "1": "green"}.get((suggestion or "")[:1], "grey")


def _case_sheet(
    name: str, title: str, rows: list[dict[str, Any]], themes: Mapping[str, str]
) -> Sheet:
    fields = {field.name: field for field in FORMS["AJTB"].fields}
    columns: list[Column] = []
    for column in _LIST:
        columns.append(_column(fields[column]))
        if column in _MEANINGS:
            columns.append(Column(f"{fields[column].alias}含义", width=_MEANING_WIDTH))
    notes = (NOTICE, f"共{len(rows)}件。面积单位：亩（另有注明的除外）；空白为未知，不是零。")
    return Sheet(
        name,
        title,
        notes,
        tuple(columns),
        tuple(tuple(_cells(row, fields, themes)) for row in rows),
        tuple("grey" if row["RCBZ"] != "0" else tone(row["PDJY"]) for row in rows),
        frozen_columns=1,
        picture_height_px=_PICTURE_PX,
    )


def _column(field: Field) -> Column:
    kind = "picture" if field.name == "TTP" else field.kind
    width = _WIDTHS.get(field.name, _DEFAULT_WIDTH)
    wrap = field.name in _WRAPPED
    return Column(field.alias, kind, width, field.decimals or 0, field.codes, wrap)


def _cells(
    row: Mapping[str, Any], fields: Mapping[str, Field], themes: Mapping[str, str]
) -> Iterable[Value]:
    for column in _LIST:
        yield row[column]
        if column in _MEANINGS:
            codes = fields[column].codes
            items = themes if codes == "ZTDM" else CODE_LISTS[codes].items
            yield items.get(row[column] or "", row[column])


def account_sheets(accounts: Mapping[str, pd.DataFrame]) -> tuple[Sheet, ...]:
    """Lay out the accounts of a year, one sheet each."""
    return tuple(
        _of_form(form.alias, accounts[name], form)
        for name, form in ACCOUNT_FORMS.items()
        if name in accounts
    )


def summary_workbook(
    totals: pd.DataFrame, accounts: Mapping[str, pd.DataFrame], month: str
) -> WorkbookContent:
    """Lay out the province's workbook: totals of all counties and their accounts."""
    year, number = (int(part) for part in month.split("-"))
    title = f"{year}年{number}月土地变化监测统计"
    sheets = (_register("统计", totals, "TJ_XJ"), *account_sheets(accounts))
    lists = {name: codes.items for name, codes in CODE_LISTS.items()}
    created = datetime(year, number, 1, tzinfo=UTC)
    return WorkbookContent("summary.xlsx", title, created, sheets, lists, NOTICE_SHORT)


def _register(name: str, table: pd.DataFrame, layer: str) -> Sheet:
    return _of_form(name, table, FORMS[layer])


def _of_form(name: str, table: pd.DataFrame, form: LayerForm) -> Sheet:
    columns = tuple(
        Column(
            field.alias,
            field.kind,
            _NOTE_WIDTH
            if field.name in ("GZNR", "YY", "BZ")
            else max(_DEFAULT_WIDTH, 2 * len(field.alias) + 2),
            field.decimals or 0,
            field.codes,
            field.name in ("GZNR", "YY", "BZ", "LY"),
        )
        for field in form.fields
    )
    rows = tuple(tuple(row) for row in table.itertuples(index=False, name=None))
    levels = table["JB"] if "JB" in table.columns else []
    tones = tuple("total" if level != "明细" else "" for level in levels)
    return Sheet(name, form.alias, (NOTICE, form.about), columns, rows, tones)


def _check_sheet(found: tuple[Check, ...]) -> Sheet:
    columns = (
        Column("校核项", width=24),
        Column("规则", width=_NOTE_WIDTH, wrap=True),
        Column("不符个数", "int", 12),
        Column("结果", width=12),
        Column("不符之处", width=_NOTE_WIDTH, wrap=True),
    )
    rows, tones = [], []
    for check in found:
        bad = check.count > 0
        word = ("不通过" if bad else "通过") if check.fatal else ("提示" if bad else "无")
        rows.append((check.name, check.rule, check.count, word, check.where))
        tones.append(("red" if check.fatal else "amber") if bad else "green")
    notes = (
        NOTICE,
        "上部各项必须为零，不为零时标红；“提示”各项说明缺什么证据，不是差错。本表为数值，不含公式。",
    )
    return Sheet("校核", "校核", notes, columns, tuple(rows), tuple(tones))


def _cover(
    package: PackageInput, tables: Mapping[str, pd.DataFrame], found: tuple[Check, ...]
) -> Sheet:
    total = tables["TJ_XJ"].to_dict("records")[0]
    failed = sum(check.count > 0 for check in found if check.fatal)
    facts = [
        ("行政区", f"{package.district_name} {package.district}"),
        ("监测期", package.month),
        ("监测范围", f"{total['JCFWMJ']:,.2f}亩"),
        ("已监测", f"{to_mu(package.examined_m2):,.2f}亩"),
        ("未监测", f"{total['WJCMJ']:,.2f}亩（见未监测区图层；未监测不等于无变化）"),
        ("发现图斑", f"{total['FXGS']}个 {total['FXMJ']:,.4f}亩"),
        ("　合法、排除或留痕", f"{total['HFGS']}个 {total['HFMJ']:,.4f}亩"),
        ("　入池(不下发)", f"{total['RCGS']}个 {total['RCMJ']:,.4f}亩"),
        ("　应下发", f"{total['XFGS']}个 {total['XFMJ']:,.4f}亩"),
        ("　存疑(证据不足)", f"{total['CYGS']}个 {total['CYMJ']:,.4f}亩"),
        ("本期案件", summary(package, tables)),
        ("校核", "全部通过" if failed == 0 else f"{failed}项不通过，见校核表"),
        ("性质", NOTICE),
        ("输入摘要", package.digest),
    ]
    columns = (Column("项目", width=20), Column("内容", width=90, wrap=True))
    tones = tuple("red" if name == "校核" and failed else "" for name, _ in facts)
    return Sheet(
        "说明", f"{package_title(package)}土地变化监测成果", (), columns, tuple(facts), tones
    )


def summary(package: PackageInput, tables: Mapping[str, pd.DataFrame]) -> str:
    """Say in one sentence how many cases the package holds, and what was not observed."""
    flags = list(tables["AJTB"]["RCBZ"])
    share = package.unobserved_m2 / max(package.examined_m2 + package.unobserved_m2, 1.0)
    unseen = f"未监测{to_mu(package.unobserved_m2):,.2f}亩，占{share:.1%}"
    if not flags:
        return f"本期无案件；{unseen}。"
    sent, pooled, recorded = (flags.count(listed) for listed in ("0", "1", "2"))
    return f"案件{sent}件，另有入池{pooled}件、留痕{recorded}件；{unseen}。"
