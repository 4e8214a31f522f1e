"""Theme files: complete, refused when wrong, and a new theme needs no code."""

from datetime import date

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from changedetect.config.themes import Theme
from changedetect.records import Verdict
from changedetect.stages.crosscheck import check
from tests.stages import crosscheck_land as land

CODES = land.CODES


def text(repository, code):
    return (repository / "configs" / "themes" / f"{code}.yaml").read_text(encoding="utf-8")


def parsed(source):
    return Theme.model_validate(YAML(typ="safe").load(source))


@pytest.mark.parametrize("code", CODES)
def test_theme__code_is_the_file_name_and_every_rule_is_used(repository, code):
    theme = land.theme(repository, code)
    assert theme.code == code
    named = text(repository, code)
    for rule in theme.rules:
        assert rule.id.startswith(code)
        assert named.count(f'"{rule.id}"') >= 2, f"{rule.id} is defined but never used"


@pytest.mark.parametrize(
    ("found", "instead", "message"),
    [
        ('suggestion: "31"', 'suggestion: "77"', "unknown suggestion"),
        ("families: [earthwork]", "families: [earthwerk]", "unknown family"),
        ("{kind: GY, name: 供地,", "{kind: SX, name: 供地,", "unknown kind of approval"),
        ("kinds: [NZY, GY]", "kinds: [NZY, GX]", "unknown kind of approval"),
        ('rule: "02-12"', 'rule: "02-99"', "unknown rule"),
        ("rhythm: month", "rhythm: fortnight", "rhythm"),
        ("  base: 3", "  base: 7", "base"),
        ("zone: anywhere", "zone: anywhere\nextra: 1", "extra"),
    ],
)
def test_theme__refused_with_its_reason(repository, found, instead, message):
    source = text(repository, "02")
    assert found in source
    with pytest.raises(ValidationError, match=message):
        parsed(source.replace(found, instead))


def test_theme__last_situation_must_fit_everything(repository):
    source = text(repository, "01").replace(
        '  - suggestion: "38"', '  - families: [building]\n    suggestion: "38"'
    )
    with pytest.raises(ValidationError, match="last situation"):
        parsed(source)


NEW = """
code: "16"
name: 重要河湖岸线
question: 草地上出现建设
rule: "16-01"
before: [unused]
after: [building]
minimum: [{area_m2: 200}]
imagery: {gsd_m: 2.0}
rhythm: quarter
excuses:
  - {kind: TG, name: 退耕批准, suggestion: "14", rule: "16-01"}
situations: [{suggestion: "21", reason: 未见退耕批准, rule: "16-01"}]
severity: {base: 4}
rules:
  - {id: "16-01", text: 岸线内建设须有许可, source: our choice, effective_from: 2020-01-01}
"""


def test_a_new_theme_is_a_new_file():
    """It rests on a kind of record: missing at first, then given."""
    patches = land.patches(("P1", land.at(800, 500, 40, 40), "building"))
    refs = land.references([("TG", land.at(790, 490, 60, 60), date(2025, 1, 1), None)])
    (bare,) = check(patches, land.references(without=("TG",)), [parsed(NEW)], land.CRS, land.CFG)
    (given,) = check(patches, refs, [parsed(NEW)], land.CRS, land.CFG)
    assert bare.findings[0].verdict is Verdict.UNKNOWN
    assert "TG 退耕批准图层" in bare.findings[0].missing[0]
    assert (given.findings[0].verdict, given.findings[0].suggestion) == (Verdict.NO, "14")


def test_rules__only_those_in_force_on_the_date_of_the_patch_apply(repository):
    """The rule on rural roads ends before the change: the lane is judged like any road."""
    source = text(repository, "02").replace(
        "effective_from: 2019-01-01", "effective_from: 2019-01-01\n    effective_to: 2025-05-31"
    )
    patches = land.patches(("P1", land.at(220, 200, 150, 6), "road"))
    for day, suggestion in ((date(2025, 5, 31), "31"), (date(2025, 6, 1), "21")):
        patches["after_date"] = day
        (unit,) = check(patches, land.references(), [parsed(source)], land.CRS, land.CFG)
        assert unit.findings[0].suggestion == suggestion
