"""Cases whose ground is tied to that of others, in the reports of a period: told, never merged by program."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from changedetect.casepackage import NOTICE, Column, Sheet

TIES = ("扩大", "分出", "连片", "相邻")
"""How the ground of a case stands to that of others: more than before, part of another's, over
several, beside one."""

_MOST = 2000
"""So many are listed; counted are all."""


@dataclass(frozen=True, slots=True)
class CaseTie:
    """How a case of the period stands to other ones, as an entry of the ledger tells it.

    Attributes
    ----------
    number, district
        Of the case.
    kind
        In Chinese, one of `TIES`.
    said
        The reason of the entry, which names the others.
    """

    number: str
    district: str
    kind: str
    said: str


def told(ties: Sequence[CaseTie]) -> str:
    """Count cases by kind, in one line."""
    count = {kind: len({tie.number for tie in ties if tie.kind == kind}) for kind in TIES}
    return "，".join(f"{kind}{n}件" for kind, n in count.items() if n) or "无"


def tie_sheets(
    ties: Sequence[CaseTie], title: str, districts: Mapping[str, str], states: Mapping[str, str]
) -> tuple[Sheet, Sheet]:
    """Lay out the sheets 关联 (counts by county and kind) and 关联案件 (the cases).

    Parameters
    ----------
    ties
        By case number.
    title
        Of the period.
    districts
        County code -> name.
    states
        Case number -> name of its state.
    """
    return _counts(ties, title, districts), _list(ties, title, districts, states)


def _counts(ties: Sequence[CaseTie], title: str, districts: Mapping[str, str]) -> Sheet:
    pairs = {(tie.district, tie.kind, tie.number) for tie in ties}
    count = Counter((district, kind) for district, kind, _ in pairs)
    codes = sorted({district for district, _ in count})
    rows: list[tuple[str | int, ...]] = [
        (code, districts.get(code, ""), *(count[code, kind] for kind in TIES)) for code in codes
    ]
    tones = [""] * len(rows)
    if rows:
        rows.append(("合计", "", *(sum(count[code, kind] for code in codes) for kind in TIES)))
        tones.append("total")
    columns = (
        Column("区划代码", width=14), Column("县", width=14), *(Column(f"{kind}(件)", "int", 10) for kind in TIES),
    )  # fmt: skip
    about = (
        "同一地块或相邻地块与其他在办案件的关系，由程序提示，是否并案由人决定；一案可有多种关系。"
    )
    return Sheet("关联", f"{title}关联", (NOTICE, about), columns, tuple(rows), tuple(tones), 2)


def _list(
    ties: Sequence[CaseTie], title: str, districts: Mapping[str, str], states: Mapping[str, str]
) -> Sheet:
    columns = (
        Column("案件编号", width=21), Column("县", width=12), Column("关系", width=8), Column("状态", width=12),
        Column("说明", width=80, wrap=True),
    )  # fmt: skip
    shown = ties[:_MOST]
    rows = tuple(
        (tie.number, districts.get(tie.district, ""), tie.kind, states.get(tie.number, ""), tie.said)
        for tie in shown
    )  # fmt: skip
    cut = f"，列出前{len(shown)}条" if len(shown) < len(ties) else ""
    about = f"扩大、分出、连片、相邻的案件，共{len(ties)}条{cut}。"
    return Sheet("关联案件", f"{title}关联案件", (NOTICE, about), columns, rows)
