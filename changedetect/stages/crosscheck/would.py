"""What would change an answer: the paper, the layer, the image or the measurement that decides."""

from changedetect.codes import PDJY
from changedetect.config.themes import Theme
from changedetect.records import Verdict

from . import explain
from .deciders import IMAGES_POOR, LAYER_ABSENT, UNSURE, Decision
from .excuses import fitting
from .ground import Facts


def would_change(theme: Theme, facts: Facts, decision: Decision) -> tuple[str, ...]:
    """Say what would change a finding.

    Parameters
    ----------
    theme, facts, decision
        What was asked, of what, and how it was answered.

    Returns
    -------
    tuple of str
        In Chinese, one sentence each; empty where nothing is suspected and nothing is missing.
    """
    if decision.verdict is Verdict.YES:
        return _acquit(theme, facts, decision)
    if decision.verdict is Verdict.UNKNOWN:
        return tuple(f"{_verb(decision.suggestion)}{name}后可以判定" for name in decision.missing)
    return _accuse(theme, decision)


def _verb(suggestion: str) -> str:
    words = {LAYER_ABSENT: "补充", IMAGES_POOR: "取得", UNSURE: "完成"}
    return words.get(suggestion, "提供")


def _acquit(theme: Theme, facts: Facts, decision: Decision) -> tuple[str, ...]:
    part, reply = facts.part, decision.reply
    told = []
    plain = [excuse.name for excuse in fitting(theme, facts).values() if excuse.effect == "excuse"]
    if plain and reply is not None:
        told.append(
            f"若提供{part.before_date.isoformat()}及以前批准、{part.after_date.isoformat()}仍有效，且覆盖未批"
            f"{explain.mu(reply.left.area_m2)}的{'、'.join(dict.fromkeys(plain))}之一，则不再列为疑似"
        )
    late = [m for m in facts.meetings if m.undecided]
    if late:
        told.append("若证明动工在批准之后，则按批准范围重新判定")
    told.append("若实地核实未发生该变化，则为伪变化或实地未变化")
    return tuple(told)


def _accuse(theme: Theme, decision: Decision) -> tuple[str, ...]:
    reply = decision.reply
    if reply is None or reply.outcome != "excused":
        return ()
    numbers = sorted({m.record.doc_no or m.record.record_id for m in reply.used})
    last = theme.situations[-1].suggestion
    return (f"若{'、'.join(numbers)}经核实无效、已过期或范围不符，则改判为{last}{PDJY[last]}",)
