"""月发现、季小结、年总结: what a month, a quarter or a year adds up to, from the ledger alone.

Every case is counted once, in the month in which it was found (its number says it). What people
found out is read from the states that the case has passed; where it stands, from its state now.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from changedetect.casepackage import NOTICE, NOTICE_SHORT, Column, Sheet, WorkbookContent
from changedetect.casepackage.sheets import Value
from changedetect.codes import STATES
from changedetect.entries import CaseRow
from changedetect.measure import to_mu
from changedetect.stages.deliver.checks import Check
from changedetect.stages.deliver.related import CaseTie, tie_sheets, told

COUNTS = {
    "found": "发现",
    "pooled": "入池",
    "recorded": "留痕",
    "listed": "应处置",
    "dispatched": "已下发",
    "verified": "已认定",
    "legal": "认定合法或其他",
    "illegal": "认定违法",
    "docketed": "已立案",
    "undocketed": "未立案",
    "rectified": "已整改",
    "unrectified": "未整改",
    "cleared": "销号",
    "open": "未清",
    "overdue": "超期",
    "merged": "合并",
    "dropped": "撤销",
}
"""Figure -> its name, in the order in which they are read."""

_AREAS = {"found": "发现面积(亩)", "listed": "应处置面积(亩)", "cleared": "销号面积(亩)"}
_TOP = 20
_MU_DECIMALS = 2


@dataclass(frozen=True, slots=True)
class CaseCourse:
    """A case as it stands, and every state that it has been led to, in order."""

    row: CaseRow
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MonthFacts:
    """What a month's run tells beside its cases.

    Attributes
    ----------
    month
        ``YYYY-MM``.
    unobserved_m2
        Ground that was not observed; None = the month was not run here.
    layers
        Record layer and the date of its data, as used.
    promise
        What recall was promised of the month; empty = none.
    """

    month: str
    unobserved_m2: float | None
    layers: tuple[tuple[str, str], ...] = ()
    promise: str = ""


@dataclass(frozen=True, slots=True)
class Period:
    """A month, a quarter or a year.

    Attributes
    ----------
    name
        ``2025-06``, ``2025Q2`` or ``2025``.
    title
        In Chinese.
    months
        Its months, in order.
    day
        ISO date as of which states and deadlines are read.
    """

    name: str
    title: str
    months: tuple[str, ...]
    day: str


@dataclass(frozen=True, slots=True)
class PeriodInput:
    """What a report is made from: cases of the period, its months, names of counties, accuracy.

    ``accuracy`` holds rows (figure, value, interval, n) of an interpreted sample; empty = none was
    drawn. ``ties`` are those of the cases, by number.
    """

    period: Period
    cases: tuple[CaseCourse, ...]
    months: tuple[MonthFacts, ...]
    districts: Mapping[str, str]
    accuracy: tuple[tuple[str, str, str, int], ...] = ()
    ties: tuple[CaseTie, ...] = ()


def report(given: PeriodInput) -> WorkbookContent:
    """Lay out the report of a period; its first sheet is what one reads, the last one checks it.

    Returns
    -------
    WorkbookContent
        Sheets 说明, 汇总, 分县, 分专题, 逐月, 未清大案, 超期, 关联, 关联案件, 精度, 底数, 校核.
    """
    period = given.period
    year, month = (int(part) for part in period.months[0].split("-"))
    found = checks(given)
    states = {case.row.number: STATES[case.row.state] for case in given.cases}
    sheets = (
        _cover(given, found),
        _figures("汇总", given, lambda _: ("全部",), ("范围",)),
        _figures("分县", given, lambda c: (c.row.district, _name(given, c)), ("区划代码", "县")),
        _figures("分专题", given, lambda c: (c.row.main_theme,), ("主题",)),
        _figures("逐月", given, lambda c: (c.row.month,), ("发现月份",)),
        _list("未清大案", given, _largest_open(given), "未清案件中面积最大的"),
        _list("超期", given, _overdue(given), "县级核查期限已过的案件，最早到期的在前"),
        *tie_sheets(given.ties, period.title, given.districts, states),
        _accuracy(given),
        _base(given),
        _check_sheet(found),
    )
    created = datetime(year, month, 1, tzinfo=UTC)
    name = f"{period.name}_报告.xlsx"
    return WorkbookContent(name, period.title, created, sheets, {}, NOTICE_SHORT)


def figures(cases: Iterable[CaseCourse], day: str) -> Counter[str]:
    """Count cases by what happened to them.

    Parameters
    ----------
    cases
        Any.
    day
        ISO date; a case at the county that was due before it is overdue.
    """
    count: Counter[str] = Counter()
    for case in cases:
        count.update(_marks(case, day))
    return count


def _marks(case: CaseCourse, day: str) -> list[str]:
    row, life = case.row, _this_life(case)
    passed = set(life)
    if row.record_only or row.pooled:
        return ["found", "recorded" if row.record_only else "pooled"]
    ended = {"90": "cleared", "98": "merged", "99": "dropped"}.get(row.state, "open")
    marks = ["found", "listed", ended]
    marks += ["dispatched"] if "20" in passed else []
    judged = [state for state in life if state in {"70", "71"}]
    if judged:
        illegal = judged[-1] == "71"
        marks += ["verified", "illegal" if illegal else "legal"]
        if illegal:
            done = row.state in {"90", "85"}
            marks += ["docketed" if "75" in passed else "undocketed"]
            marks += ["rectified" if done else "unrectified"]
    late = ended == "open" and row.county_due < day and row.state in {"20", "30", "45", "55", "65"}
    return [*marks, "overdue"] if late else marks


def _this_life(case: CaseCourse) -> tuple[str, ...]:
    """Return the states since the case was last found again after it had been closed."""
    starts = [
        i for i, state in enumerate(case.states) if state == "90" and i < len(case.states) - 1
    ]
    return case.states[starts[-1] + 1 :] if starts else case.states


def _areas(cases: Sequence[CaseCourse]) -> tuple[float, float, float]:
    listed = [case for case in cases if not (case.row.pooled or case.row.record_only)]
    cleared = [case for case in listed if case.row.state == "90"]
    return tuple(  # type: ignore[return-value]
        round(to_mu(sum(case.row.area_m2 for case in some)), _MU_DECIMALS)
        for some in (cases, listed, cleared)
    )


def share(count: Mapping[str, int]) -> float | None:
    """Return 月清率: cleared of those that were to be cleared; None = there were none."""
    due = count.get("listed", 0) - count.get("merged", 0) - count.get("dropped", 0)
    return count.get("cleared", 0) / due if due else None


def _name(given: PeriodInput, case: CaseCourse) -> str:
    return given.districts.get(case.row.district, "")


def _figures(
    name: str,
    given: PeriodInput,
    key: Callable[[CaseCourse], tuple[str, ...]],
    heads: Sequence[str],
) -> Sheet:
    groups: dict[tuple[str, ...], list[CaseCourse]] = {}
    for case in given.cases:
        groups.setdefault(key(case), []).append(case)
    rows: list[tuple[Value, ...]] = [
        _row(labels, groups[labels], given) for labels in sorted(groups)
    ]
    tones = [""] * len(rows)
    if name != "汇总" and rows:
        total = ("合计", *[""] * (len(heads) - 1))
        rows.append(_row(total, list(given.cases), given))
        tones.append("total")
    columns = (
        *(Column(head, width=14) for head in heads),
        *(Column(title, "int", 10) for title in COUNTS.values()),
        Column("月清率(%)", "float", 10, 1),
        *(Column(title, "float", 14, _MU_DECIMALS) for title in _AREAS.values()),
    )
    notes = (NOTICE, "一案只计一次，计在首次发现的月份；面积单位：亩；空白为无应清案件。")
    return Sheet(
        name, f"{given.period.title}{name}", notes, columns, tuple(rows), tuple(tones), len(heads)
    )


def _row(
    labels: Sequence[str], cases: Sequence[CaseCourse], given: PeriodInput
) -> tuple[Value, ...]:
    count = figures(cases, given.period.day)
    cleared = share(count)
    percent = None if cleared is None else round(100 * cleared, 1)
    return (*labels, *(count[name] for name in COUNTS), percent, *_areas(cases))


def _largest_open(given: PeriodInput) -> list[CaseCourse]:
    waiting = [case for case in given.cases if "open" in _marks(case, given.period.day)]
    return sorted(waiting, key=lambda case: (-case.row.area_m2, case.row.number))[:_TOP]


def _overdue(given: PeriodInput) -> list[CaseCourse]:
    late = [case for case in given.cases if "overdue" in _marks(case, given.period.day)]
    return sorted(late, key=lambda case: (case.row.county_due, case.row.number))


def _list(name: str, given: PeriodInput, cases: Sequence[CaseCourse], about: str) -> Sheet:
    columns = (
        Column("案件编号", width=21), Column("县", width=12), Column("主题", width=8), Column("状态", width=12),
        Column("等级", "int", 6), Column("面积(亩)", "float", 12, _MU_DECIMALS), Column("首次发现", width=12),
        Column("县级期限", width=12), Column("整改期限", width=12),
    )  # fmt: skip
    rows = tuple(
        (
            case.row.number, _name(given, case), case.row.main_theme, STATES[case.row.state], case.row.severity,
            round(to_mu(case.row.area_m2), _MU_DECIMALS), case.row.first_found, case.row.county_due,
            case.row.clear_due,
        )
        for case in cases
    )  # fmt: skip
    return Sheet(
        name, f"{given.period.title}{name}", (NOTICE, f"{about}，共{len(rows)}件。"), columns, rows
    )


def _accuracy(given: PeriodInput) -> Sheet:
    columns = (
        Column("指标", width=30), Column("估计值", width=14), Column("95%置信区间", width=24), Column("样本数", "int", 10),
    )  # fmt: skip
    told = (
        "由独立判读的分层样本估计（Olofsson 等，2014）。"
        if given.accuracy
        else "本期未做独立抽样判读，精度未知。"
    )
    return Sheet("精度", f"{given.period.title}精度", (NOTICE, told), columns, given.accuracy)


def _base(given: PeriodInput) -> Sheet:
    columns = (
        Column("月份", width=10),
        Column("未监测面积(亩)", "float", 16, _MU_DECIMALS),
        Column("底数图层及数据日期", width=90, wrap=True),
        Column("查全率承诺", width=60, wrap=True),
    )
    rows = tuple(
        (
            month.month,
            None
            if month.unobserved_m2 is None
            else round(to_mu(month.unobserved_m2), _MU_DECIMALS),
            "；".join(f"{name} {day}" for name, day in month.layers) or "本月未在此运行",
            month.promise or "未承诺",
        )
        for month in given.months
    )
    notes = (NOTICE, "未监测不等于无变化；空白为未知。")
    return Sheet("底数", f"{given.period.title}未监测与底数", notes, columns, rows)


def _cover(given: PeriodInput, found: Sequence[Check]) -> Sheet:
    count = figures(given.cases, given.period.day)
    areas = _areas(given.cases)
    cleared = share(count)
    failed = sum(check.count > 0 for check in found)
    unseen = [month.unobserved_m2 for month in given.months if month.unobserved_m2 is not None]
    facts = [
        ("期间", f"{given.period.title}（{given.period.months[0]}至{given.period.months[-1]}，截至{given.period.day}）"),
        ("发现", f"{count['found']}个，{areas[0]:,.2f}亩；其中入池{count['pooled']}、留痕{count['recorded']}"),
        ("处置", f"应处置{count['listed']}件，已下发{count['dispatched']}，已认定{count['verified']}（违法{count['illegal']}，合法或其他{count['legal']}）"),
        ("整改", f"立案{count['docketed']}，已整改{count['rectified']}，未整改{count['unrectified']}"),
        ("清零", f"销号{count['cleared']}，未清{count['open']}，超期{count['overdue']}，月清率{'—' if cleared is None else f'{cleared:.1%}'}"),
        ("关联", told(given.ties)),
        ("未监测", f"{to_mu(sum(unseen)):,.2f}亩（各月合计，{len(unseen)}个月有记录）" if unseen else "未知"),
        ("校核", "全部通过" if failed == 0 else f"{failed}项不通过，见校核表"),
        ("性质", NOTICE),
    ]  # fmt: skip
    columns = (Column("项目", width=12), Column("内容", width=100, wrap=True))
    tones = tuple("red" if name == "校核" and failed else "" for name, _ in facts)
    return Sheet("说明", given.period.title, (), columns, tuple(facts), tones)


def checks(given: PeriodInput) -> tuple[Check, ...]:
    """Check that the figures of every county reconcile, and that counties add up to the whole."""
    groups: dict[str, list[CaseCourse]] = {"合计": list(given.cases)}
    for case in given.cases:
        groups.setdefault(case.row.district, []).append(case)
    counted = {name: figures(cases, given.period.day) for name, cases in groups.items()}
    rules: dict[str, tuple[str, tuple[str, ...]]] = {
        "发现 = 入池 + 留痕 + 应处置": ("found", ("pooled", "recorded", "listed")),
        "应处置 = 销号 + 未清 + 合并 + 撤销": ("listed", ("cleared", "open", "merged", "dropped")),
        "已认定 = 合法或其他 + 违法": ("verified", ("legal", "illegal")),
        "违法 = 已立案 + 未立案": ("illegal", ("docketed", "undocketed")),
        "违法 = 已整改 + 未整改": ("illegal", ("rectified", "unrectified")),
    }
    lines = []
    for rule, (whole, parts) in rules.items():
        bad = [name for name, c in counted.items() if c[whole] != sum(c[part] for part in parts)]
        lines.append(Check(rule, rule, len(bad), "、".join(bad)))
    counties = [count for name, count in counted.items() if name != "合计"]
    apart = [
        title
        for name, title in COUNTS.items()
        if counted["合计"][name] != sum(c[name] for c in counties)
    ]
    twice = len(given.cases) - len({case.row.number for case in given.cases})
    outside = [case.row.number for case in given.cases if case.row.month not in given.period.months]
    return (
        *lines,
        Check("各县之和 = 合计", "每个数目分县相加等于合计", len(apart), "、".join(apart)),
        Check(
            "一案一计",
            "没有案件计两次，没有期外案件",
            twice + len(outside),
            "、".join(outside[:_TOP]),
        ),
    )


def _check_sheet(found: Sequence[Check]) -> Sheet:
    columns = (
        Column("校核项", width=34), Column("规则", width=44, wrap=True), Column("不符个数", "int", 12),
        Column("结果", width=10), Column("不符之处", width=50, wrap=True),
    )  # fmt: skip
    rows = tuple(
        (check.name, check.rule, check.count, "不通过" if check.count else "通过", check.where)
        for check in found
    )
    tones = tuple("red" if check.count else "green" for check in found)
    return Sheet("校核", "校核", (NOTICE,), columns, rows, tones)
