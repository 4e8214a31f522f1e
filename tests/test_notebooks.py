"""Every notebook runs from top to bottom; the sample's month shows all sixteen themes with pictures."""

import json
import re
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from changedetect.casepackage import CODE_LISTS
from changedetect.io import record_files
from changedetect.records import Unit

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
ARTICLE = re.compile(r"<article class.*?</article>", re.DOTALL)
THEMES = [f"{number:02d}" for number in range(1, 17)]


@pytest.fixture(scope="module")
def executed(repository, tmp_path_factory):
    """A function: runs a notebook once and returns the folder of its results."""

    make = tempfile.mkdtemp

    @cache
    def run(path):
        folder = tmp_path_factory.mktemp(path.stem)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(repository)
            patch.setattr("tempfile.mkdtemp", lambda *how: make(*how) if how else str(folder))
            scope: dict[str, object] = {}
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                if cell["cell_type"] == "code":
                    assert cell["outputs"] == []
                    exec(compile(cell["source"], str(path), "exec"), scope)  # noqa: S102 - our own file
        return folder

    return run


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook__runs(path, executed):
    executed(path)


def test_notebook__there_is_one():
    assert NOTEBOOKS


def test_sample__every_theme_has_a_finding_with_pictures_on_a_page(executed):
    (month,) = executed(next(p for p in NOTEBOOKS if p.stem == "one_month")).glob("????-??")
    found = Counter(
        finding.theme
        for unit in record_files.read_records(month / "units.json", Unit)
        for finding in unit.findings
        if finding.verdict.value != "no"
    )
    names = CODE_LISTS["ZTDM"].items
    shown: Counter[str] = Counter()
    for page in sorted(month.glob("packages/*/*.html")):
        for article in ARTICLE.findall(page.read_text(encoding="utf-8")):
            pictures = re.findall(r'<img[^>]* src="([^"]+)"', article)
            for picture in pictures:
                with Image.open(page.parent / picture) as image:
                    assert len(image.convert("L").getcolors(1 << 24)) > 10, picture
            tags = re.findall(r'<span class="tag">([^<]+)</span>', article)
            shown.update(code for code in THEMES if len(pictures) == 3 and names[code] in tags)
    print(*(f"{code} {names[code]}: {found[code]} findings, {shown[code]} on pages" for code in THEMES), sep="\n")  # fmt: skip
    assert [code for code in THEMES if not found[code]] == []
    assert [code for code in THEMES if not shown[code]] == []
