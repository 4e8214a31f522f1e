"""A theme of "1+N" as a file: zone × before × after × excuse, and what a finding suggests.

A new theme or a changed limit is a new file, never code. Every rule has an id, its text, its
source and the dates between which it is in force; what rests on a rule applies only to patches
whose later date lies between them.
"""

from datetime import date
from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator

from changedetect.codes import APPROVAL_KINDS, FAMILIES, PDJY, LandGroup
from changedetect.config.base import Section
from changedetect.config.watches import Watch

Measure = Literal[
    "area", "basic_farmland", "red_line", "red_line_core", "cropland", "unapproved",
    "unapproved_cropland", "unapproved_basic_farmland",
]  # fmt: skip
"""What a severity rule may look at: parts of the ground that the theme is about."""


class Rule(Section):
    """One rule that a land officer can read."""

    id: str = Field(description="stable id, shown in every reason that rests on it")
    text: str = Field(description="the rule, in Chinese")
    source: str = Field(description="notice, plan or law; or 'our choice'")
    effective_from: date = Field(description="first day in force")
    effective_to: date | None = Field(None, description="last day in force; empty = still")

    def in_force(self, day: date) -> bool:
        """Tell whether the rule is in force on a day."""
        return self.effective_from <= day and (
            self.effective_to is None or day <= self.effective_to
        )


class Minimum(Section):
    """The smallest area that is dispatched; the first entry that fits counts."""

    area_m2: float = Field(gt=0, description="smaller findings are pooled [m²]")
    families: tuple[str, ...] = Field((), description="families meant; empty = all")
    core_reserve: bool = Field(False, description="only in the core of the red line")


class Zone(Section):
    """Where a theme applies: inside or outside of a layer."""

    layer: str = Field(
        pattern=r"^[A-Z]{2,12}$",
        description="short name of a zone layer (STBHHX, CZKFBJ, HHAX …), or a kind of record, whose "
        "ground is then the zone",
    )
    name: str = Field(description="name in reasons, in Chinese")
    side: Literal["inside", "outside"] = Field("inside", description="which side is meant")


class Size(Section):
    """Sizes of change that a theme is about; the outline's uncertainty counts as inside."""

    min_m2: float = Field(0.0, ge=0, description="smallest patch [m²]")
    max_m2: float | None = Field(None, gt=0, description="largest patch; empty = any [m²]")
    rule: str = Field(description="rule id")


class Cluster(Section):
    """Changes that lie together: each within a distance of another one of the theme's families."""

    within_m: float = Field(gt=0, description="from edge to edge [m]")
    least: int = Field(3, ge=2, description="patches that make a cluster")
    or_area_m2: float | None = Field(None, gt=0, description="one this large is one alone [m²]")
    required: bool = Field(
        False, description="a change that is in none is not the theme's business"
    )
    rule: str = Field(description="rule id")


class Imagery(Section):
    """What the images must be good enough for."""

    gsd_m: float = Field(gt=0, description="coarsest pixel that can answer the question [m]")
    cue_gsd_m: float | None = Field(
        None, gt=0, description="coarsest pixel that gives a cue, which finer images confirm [m]"
    )
    minimum_px: float = Field(20.0, ge=0, description="smallest area in pixels: n × GSD² [px]")
    series_for: tuple[str, ...] = Field(
        (), description="families that a season's series must confirm, never one pair"
    )


class RuralRoad(Section):
    """A road narrow enough to be agricultural land."""

    width_min_m: float = Field(gt=0, description="narrower is no road [m]")
    width_max_m: float = Field(gt=0, description="wider needs conversion [m]")
    width_tolerance_px: float = Field(0.5, ge=0, description="position error allowed [px]")
    asks: str = Field(
        "", description="paper without which it is undecided, in Chinese; empty = needs none"
    )
    kinds: tuple[str, ...] = Field((), description="kinds of approval that are this paper")
    suggestion: str = Field("31", description="PDJY")
    rule: str = Field(description="rule id")


class Village(Section):
    """Ground inside a village by its settlement code."""

    settlements: tuple[str, ...] = Field(description="CZCSXM codes left out of the theme")
    suggestion: str = Field("32", description="PDJY")
    rule: str = Field(description="rule id")


class Excuse(Section):
    """A kind of approval and which changes it excuses."""

    kind: str = Field(description="SPLX; a kind outside the list could never be supplied")
    name: str = Field(description="name in reasons")
    families: tuple[str, ...] = Field((), description="changes that it excuses; empty = all")
    needed: bool = Field(True, description="without its layer nothing can be suspected")
    effect: Literal["excuse", "question"] = Field(
        "excuse", description="question: approved, but a further paper decides"
    )
    counts: bool = Field(
        True, description="false: no approval of land, left out of the approved area of a patch"
    )
    question_on_basic_farmland: bool = Field(
        False, description="on permanent basic farmland a further paper decides"
    )
    asks: str = Field("", description="paper still to be shown, in Chinese")
    suggestion: str = Field(description="PDJY when it covers the change")
    rule: str = Field(description="rule id")


class Combination(Section):
    """Kinds that are complete together."""

    kinds: tuple[str, ...] = Field(min_length=2, description="each must cover the change")
    suggestion: str = Field(description="PDJY")
    rule: str = Field(description="rule id")


class Situation(Section):
    """What is suggested when nothing excuses a change; the first entry that fits counts."""

    when: Literal["any", "expired", "later", "beyond", "other_use"] = Field(
        "any", description="what approvals there are"
    )
    kinds: tuple[str, ...] = Field((), description="of one of these kinds; empty = all")
    families: tuple[str, ...] = Field((), description="changes meant; empty = all")
    mostly: LandGroup | None = Field(None, description="group of at least half of the ground")
    mostly_classes: tuple[str, ...] = Field(
        (), description="prefixes of DLBM of at least half of the ground; empty = any"
    )
    area_min_m2: float = Field(0.0, ge=0, description="at least this large [m²]")
    area_max_m2: float | None = Field(None, gt=0, description="at most this large [m²]")
    verdict: Literal["yes", "no", "unknown"] = Field(
        "yes", description="no = not this theme's business; unknown = evidence is asked for first"
    )
    suggestion: str = Field(description="PDJY")
    reason: str = Field(description="in Chinese")
    asks: str = Field("", description="evidence still to be brought, in Chinese")
    rule: str = Field(description="rule id")


class Raise(Section):
    """One step up in severity."""

    to: int = Field(ge=1, le=5, description="severity")
    measure: Measure | None = Field(None, description="what is measured; empty = nothing")
    above_m2: float = Field(0.0, ge=0, description="strictly more than this [m²]")
    at_least_mu: float | None = Field(None, gt=0, description="at least this [mu]")
    families: tuple[str, ...] = Field((), description="changes meant; empty = all")
    in_cluster: bool = Field(False, description="only for a change that lies in a cluster")
    rule: str = Field(description="rule id")


class Severity(Section):
    """How grave a finding is: 1 record … 5 province direct."""

    base: int = Field(ge=1, le=5, description="when met")
    excused: int = Field(1, ge=1, le=5, description="when excused or not met")
    unknown: int = Field(2, ge=1, le=5, description="when evidence is missing")
    raises: tuple[Raise, ...] = Field((), description="steps up when met")


class Theme(Section):
    """One theme of "1+N"."""

    code: str = Field(pattern=r"^\d{2}$", description="two digits")
    name: str = Field(description="in Chinese")
    question: str = Field(description="what YES means, in Chinese")
    rule: str = Field(description="id of the rule behind the question")
    zone: Literal["anywhere"] | Zone = Field("anywhere", description="where it applies")
    before: tuple[LandGroup, ...] = Field((), description="groups before; empty = any")
    before_classes: tuple[str, ...] = Field(
        (), description="prefixes of DLBM before; empty = every class of the groups"
    )
    after: tuple[str, ...] = Field((), description="families after; empty = any")
    minimum: tuple[Minimum, ...] = Field(min_length=1, description="minimum areas")
    imagery: Imagery
    size: Size | None = Field(None, description="sizes of change meant")
    cluster: Cluster | None = Field(None, description="what makes changes a cluster")
    rhythm: Literal["urgent", "month", "quarter", "season", "year"] = Field(description="deadline")
    dispatch: bool = Field(True, description="false: it only records, nobody is asked to act")
    rural_road: RuralRoad | None = Field(None, description="road that needs no conversion")
    village: Village | None = Field(None, description="village ground left out")
    excuses: tuple[Excuse, ...] = Field((), description="what excuses a change")
    combinations: tuple[Combination, ...] = Field((), description="what is complete")
    situations: tuple[Situation, ...] = Field((), description="what is suggested")
    watches: tuple[Watch, ...] = Field((), description="polygons that are watched without a patch")
    severity: Severity
    rules: tuple[Rule, ...] = Field(min_length=1, description="all rules that are named")

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        known = {rule.id for rule in self.rules}
        _refuse("rule", self._rule_ids(), known, self.code)
        _refuse("family", self._families(), set(FAMILIES), self.code)
        _refuse("kind of approval", self._kinds(), set(APPROVAL_KINDS), self.code)
        _refuse("suggestion", self._suggestions(), set(PDJY), self.code)
        if not self.situations and not self.watches:
            msg = f"theme {self.code}: neither situations nor watches; it could never say anything"
            raise ValueError(msg)
        if self.situations and not _fits_all(self.situations[-1]):
            msg = f"theme {self.code}: the last situation must fit everything (when: any)"
            raise ValueError(msg)
        if self.cluster is None and any(step.in_cluster for step in self.severity.raises):
            msg = f"theme {self.code}: in_cluster needs cluster, which says what one is"
            raise ValueError(msg)
        return self

    @property
    def sees_patches(self) -> bool:
        """Whether it asks anything about patches of change."""
        return bool(self.situations)

    def rule_of(self, rule_id: str) -> Rule:
        """Return a rule by its id."""
        return self._rules_by_id[rule_id]

    @cached_property
    def _rules_by_id(self) -> dict[str, Rule]:
        return {rule.id: rule for rule in reversed(self.rules)}

    def applies(self, rule_id: str, families: tuple[str, ...], family: str, day: date) -> bool:
        """Tell whether a part of the theme is in force on a day and meant for a family."""
        return self.rule_of(rule_id).in_force(day) and (not families or family in families)

    def _named(self) -> list[RuralRoad | Village | Excuse | Combination | Situation]:
        single = [part for part in (self.rural_road, self.village) if part is not None]
        return [*single, *self.excuses, *self.combinations, *self.situations]

    def _rule_ids(self) -> set[str]:
        limits = [part.rule for part in (self.size, self.cluster) if part is not None]
        return {
            self.rule,
            *limits,
            *(p.rule for p in self._named()),
            *(r.rule for r in self.severity.raises),
            *(rule for watch in self.watches for rule in watch.rule_ids()),
        }

    def _suggestions(self) -> set[str]:
        watched = {code for watch in self.watches for code in watch.suggestions()}
        return {part.suggestion for part in self._named()} | watched

    def _kinds(self) -> set[str]:
        listed = [
            tuple(excuse.kind for excuse in self.excuses),
            *(combination.kinds for combination in self.combinations),
            *(situation.kinds for situation in self.situations),
            self.rural_road.kinds if self.rural_road else (),
            *(watch.named_kinds() for watch in self.watches),
        ]
        return {kind for kinds in listed for kind in kinds}

    def _families(self) -> set[str]:
        parts: tuple[Minimum | Excuse | Situation | Raise, ...] = (
            *self.minimum,
            *self.excuses,
            *self.situations,
            *self.severity.raises,
        )
        named = {family for part in parts for family in part.families}
        return named | set(self.after) | set(self.imagery.series_for)


def _fits_all(last: Situation) -> bool:
    limits = (last.families, last.mostly, last.mostly_classes, last.area_max_m2, last.area_min_m2)
    return last.when == "any" and not any(limits)


def _refuse(what: str, used: set[str], known: set[str], code: str) -> None:
    unknown = sorted(used - known)
    if unknown:
        msg = f"theme {code}: unknown {what} {unknown}; known are {sorted(known)}"
        raise ValueError(msg)
