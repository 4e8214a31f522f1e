"""The survey's table of land classes: whole, named, and grouped as the filed form groups it."""

import pytest

from changedetect.codes import LAND_CLASSES, LandGroup, land_class_name, land_group

SECOND_LEVEL = {
    "01": 3, "02": 4, "03": 7, "04": 4, "05": 2, "06": 3, "07": 2, "08": 4, "10": 9, "11": 10, "12": 7,
}  # fmt: skip
"""Number of four-digit classes of each first-level class, counted in the survey's own table."""


def test_land_classes__as_many_as_the_survey_has():
    counted = {
        first: sum(code.startswith(first) and len(code) == 4 for code in LAND_CLASSES)
        for first in SECOND_LEVEL
    }
    assert counted == SECOND_LEVEL
    assert {code for code in LAND_CLASSES if len(code) == 2} == {*SECOND_LEVEL, "09"}


def test_land_classes__every_name_once_and_every_class_in_a_group():
    names = list(LAND_CLASSES.values())
    assert len(set(names)) == len(names)
    for code in LAND_CLASSES:
        if len(code) > 2:
            assert land_group(code) is not LandGroup.UNKNOWN, code


@pytest.mark.parametrize(
    ("code", "name"),
    [("05H1", "商业服务业设施用地"), ("08H2", "科教文卫用地"), ("0301K", "可调整乔木林地"),
     ("1104K", "可调整坑塘水面"), (" 1009", "管道运输用地"), ("09", "特殊用地"), ("0199", None), ("", None)],
)  # fmt: skip
def test_land_class_name(code, name):
    assert land_class_name(code) == name
