"""The offline page: no network, no foreign markup, everything that an officer needs."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError

from changedetect.io.page import render_page, write_page
from changedetect.stages.deliver import RuleRow, layers, page_context
from tests.sample_package import empty_package, make_package

PAYLOADS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", "</style><svg onload=alert(1)>",
    "</script><script>alert(1)</script>", "javascript:alert(1)", "{{ 7*7 }}", "{% raw %}", "&lt;b&gt;", "<!-- x", "]]>",
    "\u202e<b>", "<a href=http://x>", "`${alert(1)}`", "\x00<b>", "﹤script﹥",
)  # fmt: skip


class Shape(HTMLParser):
    """Elements with the names of their attributes, and all text, in order."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.shape, self.values, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.shape.append((tag, tuple(name for name, _ in attrs)))
        self.values.extend((tag, name, value or "") for name, value in attrs)

    def handle_data(self, data):
        self.text.append(data)


def parsed(html):
    shape = Shape()
    shape.feed(html)
    return shape


def hostile(text):
    """The sample with one text in every field that comes from outside."""
    package = make_package()
    units = tuple(
        replace(
            unit,
            town_name=text,
            village_name=text,
            approvals=tuple(
                replace(a, doc_no=text, reason=text, project=text, land_user=text)
                for a in unit.approvals
            ),
        )
        for unit in package.units
    )
    cases = tuple(replace(case, reasons=(text,), missing=(text,)) for case in package.cases)
    return replace(
        package,
        units=units,
        cases=cases,
        district_name=text,
        digest=text,
        scenes=tuple(replace(scene, sensor=text, sha256=text) for scene in package.scenes),
        manifests=tuple(
            replace(m, note=text, version=text, sha256=text) for m in package.manifests
        ),
        rules=(RuleRow(text, text, text, text),) * 3,
    )


def rendered(package):
    return render_page(page_context(package, layers(package)))


@pytest.fixture(scope="module")
def page():
    return rendered(make_package())


@pytest.fixture(scope="module")
def harmless():
    return parsed(rendered(hostile("无害"))).shape


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payload__adds_no_element_and_no_attribute(payload, harmless):
    html = rendered(hostile(payload))
    found = parsed(html)
    assert found.shape == harmless
    assert html.count("<script") == 1
    if "\x00" not in payload:
        assert payload in "".join(found.text)  # shown as it was written, not dropped


def test_page__names_no_address_outside(page):
    assert not re.search(
        r"(?i)(https?:|ftp:|//[a-z])", re.sub(r"(?s)<script>.*</script>", "", page)
    )
    for tag, name, value in parsed(page).values:
        if name in ("src", "href"):
            assert value.startswith(("chips/", "#")), (tag, value)
        assert not name.startswith("on")


def test_policy__allows_only_our_own_script_and_style(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page).group(1)
    policy = policy.replace("&#39;", "'")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        body = re.search(rf"(?s)<{tag}>(.*?)</{tag}>", page).group(1)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_page__says_what_an_officer_must_know(page):
    text = "".join(parsed(page).text)
    package = make_package()
    for case in package.cases:
        assert case.number in text
    for words in (
        "线索不是证据",
        "待补证据",
        "采矿权(CK)",
        "湘自然资发〔2024〕118号",
        "未知",
        "未监测",
        "不下发",
        "校核",
    ):
        assert words in text
    assert page.count('type="range"') == len(package.chips)
    assert '<html lang="zh-CN">' in page
    assert 'name="viewport"' in page


def test_pictures__are_relative_and_only_where_they_exist(page):
    sources = [value for tag, name, value in parsed(page).values if (tag, name) == ("img", "src")]
    assert len(sources) == 3 * len(make_package().chips)
    assert all(re.fullmatch(r"chips/\d{17}[A-Y]_[QHT]\.jpg", source) for source in sources)


def test_map__draws_border_patches_and_what_was_not_seen(page):
    assert page.count('class="county"') == 1
    assert page.count('class="unobserved"') == 2
    assert len(re.findall(r'class="patch (red|amber|green|grey|pool|record)"', page)) == 6


def test_empty_month__says_so():
    page = rendered(empty_package())
    assert "本期无案件" in page
    assert "未监测部分不能认为没有变化" in page
    assert "<article" not in page


def test_missing_context__is_an_error():
    with pytest.raises(UndefinedError):
        render_page({"title": "x"})


def test_file__is_the_same_every_time(tmp_path):
    package = make_package()
    context = page_context(package, layers(package))
    write_page(tmp_path / "a.html", context)
    write_page(tmp_path / "b.html", context)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert b"\r" not in (tmp_path / "a.html").read_bytes()
