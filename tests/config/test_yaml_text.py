"""YAML text to record: what is read as meant, and every refusal with its line."""

import pytest

from changedetect.config.base import Section
from changedetect.config.job import JobConfig
from changedetect.config.yaml_text import digest, parse
from changedetect.errors import ConfigError


class Inner(Section):
    width_px: int = 1
    code: str = "x"


class Outer(Section):
    name: str
    inner: Inner = Inner()
    table: dict[str, Inner] = {}
    many: tuple[Inner, ...] = ()


def test_parse__yaml_12_reads_words_as_written():
    record = parse("name: NO\ninner: {code: '012'}\n", Outer, "a.yaml")
    assert record.name == "NO"
    assert record.inner.code == "012"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "name: a\ninner:\n  widht_px: 3\n",
            "a.yaml:3: inner.widht_px: unknown key; did you mean width_px?",
        ),
        (
            "name: a\ntable:\n  k:\n    cod: y\n",
            "a.yaml:4: table.k.cod: unknown key; did you mean code?",
        ),
        (
            "name: a\nmany:\n- code: y\n- kode: y\n",
            "a.yaml:4: many.1.kode: unknown key; did you mean code?",
        ),
        ("name: a\ninner:\n  width_px: many\n", "a.yaml:3: inner.width_px: "),
        ("inner: {}\n", "a.yaml:1: name: this key is missing"),
        ("name: a\nname: b\n", "a.yaml:2: not valid YAML 1.2: "),
        ("name: &x a\ninner: *x\n", "a.yaml:2: aliases"),
        ("name: !!python/object:os.system a\n", "a.yaml:1: tags"),
        ("- a\n", "a.yaml:1: a mapping"),
        ("name: [\n", "a.yaml:"),
        ("name: a\nx: " + "[" * 100 + "]" * 100, "a.yaml:2: nested deeper"),
        ("name: " + "a" * 300_000, "larger than"),
    ],
)
def test_parse__refuses_with_line(text, expected):
    with pytest.raises(ConfigError) as caught:
        parse(text, Outer, "a.yaml")
    assert expected in str(caught.value)


def test_parse__reports_every_problem_at_once():
    with pytest.raises(ConfigError) as caught:
        parse("nam: a\ninner: {width: 3}\n", Outer, "a.yaml")
    assert len(str(caught.value).splitlines()) == 3


def test_digest__depends_on_values_not_on_order_or_comments():
    first = parse("name: a\ninner: {width_px: 2}\n", Outer, "a")
    second = parse("# note\ninner:\n  width_px: 2\nname: a\n", Outer, "b")
    assert digest(first) == digest(second)
    assert digest(first) != digest(parse("name: b\n", Outer, "c"))


def test_sections__every_field_is_described():
    def walk(model):
        for name, info in model.model_fields.items():
            kind = info.annotation
            if isinstance(kind, type) and issubclass(kind, Section):
                walk(kind)
            else:
                assert info.description, f"{model.__name__}.{name} has no description"

    walk(JobConfig)
