"""Reasons in Chinese: what was compared with what, with dates, areas in mu and document numbers.

A reason never says 违法 of a piece of ground, only 疑似; it names what is missing.
"""

from datetime import date

from changedetect.measure import to_mu
from changedetect.records import LayerManifest, TimeCode

from .approvals import START_DATE, Meeting
from .references import kind_name

TIME_WORDS: dict[TimeCode, str] = {
    TimeCode.NONE: "无批准",
    TimeCode.BEFORE: "变化前有效",
    TimeCode.LATER: "批准晚于变化（后补）",
    TimeCode.EXPIRED: "变化前已过期",
    TimeCode.BEYOND: "变化超出批准范围",
    TimeCode.LAYER_MISSING: "缺批准日期，时效不能判定",
}
"""SPSX in words."""


def mu(area_m2: float | None) -> str:
    """Write an area in mu; unknown stays unknown.

    Examples
    --------
    >>> mu(2000.0), mu(None)
    ('3.00亩', '未知')
    """
    return "未知" if area_m2 is None else f"{to_mu(area_m2):.2f}亩"


def bracket(before: date, after: date) -> str:
    """Write the bracket of a change."""
    return f"变化发生在{before.isoformat()}之后、{after.isoformat()}及以前"


def meeting_reason(meeting: Meeting, *, used: bool, is_beyond: bool) -> str:
    """Say of one approval whether it counts, and why."""
    record = meeting.record
    number = record.doc_no or f"记录{record.record_id}（无文号）"
    words = _time_words(meeting, is_beyond=is_beyond and used)
    starts = "" if record.begins == record.approved_on else f"，{_day(record.begins)}起有效"
    dates = f"批准日{_day(record.approved_on)}{starts}，有效期至{_day(record.valid_to, '长期')}"
    usable = "" if used or not meeting.is_valid else "；该类批准不适用于此变化"
    return (
        f"{kind_name(record.kind)} {number}：{dates}，重叠{mu(meeting.overlap_m2)}"
        f"（占{meeting.share:.1%}），{words}{usable}"
    )


def _time_words(meeting: Meeting, *, is_beyond: bool) -> str:
    if meeting.undecided:
        return f"日期在前后时相之间，先后不能判定，须核{START_DATE}"
    return TIME_WORDS[TimeCode.BEYOND if is_beyond else meeting.time_code]


def _day(value: date | None, empty: str = "不详") -> str:
    return value.isoformat() if value is not None else empty


def missing_layer(name: str, label: str, found: LayerManifest | None, district: str) -> str:
    """Name a layer that can not be used for a county, its code first, and why."""
    if found is None or found.state == "missing":
        why = "未提供"
    elif found.state == "unreadable":
        why = "不能读取"
    elif found.state == "undated":
        why = "无批准日期"
    elif found.state == "empty":
        why = "本地无任何记录，疑为缺报"
    elif not found.covers_district(district):
        why = f"未声明覆盖{district or '县界以外'}"
    elif found.as_of is None:
        why = "未注明数据截止日期"
    else:
        why = f"截至{_day(found.as_of)}，已过时"
    return f"{name} {label}图层（{why}）"


def ruled(rule_id: str, text: str) -> str:
    """Put the id of the rule before a reason."""
    return f"【{rule_id}】{text}"
