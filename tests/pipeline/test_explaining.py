"""``explain``: what a finished run says of one case, in words and as facts."""

import json

import pytest
from typer.testing import CliRunner

from changedetect.cli.app import app
from changedetect.errors import InputError
from changedetect.io import record_files
from changedetect.pipeline.looks.explaining import Explanation, explain
from changedetect.pipeline.runs.month_files import CASES, UNITS
from changedetect.records import Case, Unit
from tests.pipeline import tiny_job


@pytest.fixture
def run(whole):
    return whole.parent / "out" / tiny_job.MONTH


def first(run, test):
    return next(case for case in record_files.read_records(run / CASES, Case) if test(case))


def test_explain__tells_everything_of_a_case(run):
    case = first(run, lambda case: case.suggestion.startswith("2"))
    text = "\n".join(explain(run, case.number).lines())
    assert case.number in text
    assert all(reason in text for reason in case.reasons)
    assert all(name in text for name in case.missing)
    assert "何以改变：若提供" in text
    assert "未批" in text
    assert "线索，不是证据" in text
    for finding in explain(run, case.number).unit.findings:
        assert all(rule in text for rule in finding.rule_ids)


def test_explain__says_so_where_a_unit_became_no_case(run):
    unit = record_files.read_records(run / UNITS, Unit)[0]
    assert explain(run, unit.unit_id).case is not None
    assert "未立案件" in Explanation(None, unit).lines()[0]


def test_explain__as_json_on_the_command_line(run):
    case = first(run, lambda case: bool(case.number))
    done = CliRunner().invoke(app, ["explain", case.number, "--run", str(run), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["case"] == case.number
    assert {finding["theme"] for finding in told["findings"]} >= set(case.themes)


def test_explain__names_what_it_does_not_know(run):
    with pytest.raises(InputError, match="check letter"):
        explain(run, "43100102250600001X")
    with pytest.raises(InputError, match="no folder of a run"):
        explain(run / "packages", "x")
