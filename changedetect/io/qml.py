"""The look of each layer in QGIS: colours, labels, aliases, code lists, as a QML text.

Values go in through an XML writer, so nothing in a code list can break out of its attribute.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from changedetect.casepackage import CODE_LISTS, Field, LayerForm
from changedetect.codes import PDJY, SUSPECTED_PDJY


@dataclass(frozen=True, slots=True)
class _Look:
    """One rule of a layer: legend label, filter, fill and line ``r,g,b,a``, line width, pattern."""

    label: str
    filter: str
    fill: str
    line: str
    width_mm: str = "0.5"
    pattern: str = "solid"


_RED, _AMBER, _GREEN, _GREY = "214,40,40", "240,160,20", "42,140,74", "120,124,130"

_ELSE = "ELSE"
"""Filter of what no other rule draws: nothing of a layer may stay out of sight."""


def _with_code(codes: Iterable[str]) -> str:
    listed = ", ".join(f"'{code}'" for code in sorted(codes))
    return f'"RCBZ" = \'0\' AND "PDJY" IN ({listed})'


_DRAWN: tuple[tuple[str, str, str, str], ...] = (
    ("入池(不下发)", "\"RCBZ\" = '1'", _GREY, "0.3"),
    ("留痕(不下发)", "\"RCBZ\" = '2'", _GREY, "0.3"),
    ("疑似问题", _with_code(SUSPECTED_PDJY), _RED, "0.8"),
    ("证据不足", _with_code(code for code in PDJY if code.startswith("0")), _AMBER, "0.8"),
    ("有审批手续", _with_code(code for code in PDJY if code.startswith("1")), _GREEN, "0.6"),
    ("其他", _ELSE, _GREY, "0.6"),
)
"""Groups of cases: name, filter, colour, and how wide the line of a surface is."""


def _surface_look(label: str, rule: str, colour: str, width_mm: str) -> _Look:
    fill = f"{colour},40" if "不下发" in label else f"{colour},70"
    return _Look(label, rule, fill, f"{colour},255", width_mm)


def _point_look(label: str, rule: str, colour: str) -> _Look:
    fill = f"{colour},140" if "不下发" in label else f"{colour},255"
    return _Look(label, rule, fill, "255,255,255,255", "0.3")


_LOOKS: dict[str, tuple[_Look, ...]] = {
    "case": tuple(_surface_look(*one) for one in _DRAWN),
    "point": tuple(_point_look(*one[:3]) for one in _DRAWN),
    "land": (
        _Look("占永久基本农田", "\"SFYN\" = '1'", "232,178,40,150", "160,110,10,255", "0.2"),
        _Look(
            "耕地", "\"SFYN\" <> '1' AND \"DLFL\" = '1'", "252,232,150,150", "170,150,60,255", "0.2"
        ),
        _Look(
            "其他农用地",
            "\"SFYN\" <> '1' AND \"DLFL\" = '2'",
            "170,214,150,150",
            "90,140,70,255",
            "0.2",
        ),
        _Look(
            "建设用地",
            "\"SFYN\" <> '1' AND \"DLFL\" = '3'",
            "232,160,160,150",
            "150,80,80,255",
            "0.2",
        ),
        _Look(
            "未利用地",
            "\"SFYN\" <> '1' AND \"DLFL\" = '4'",
            "206,206,196,150",
            "120,120,110,255",
            "0.2",
        ),
        _Look(
            "地类不明",
            _ELSE,
            "255,255,255,150",
            "120,120,120,255",
            "0.2",
        ),
    ),
    "remainder": (_Look("未批范围", "", "190,20,120,255", "190,20,120,255", "0.5", "f_diagonal"),),
    "unobserved": (_Look("未监测", "", "110,120,140,200", "110,120,140,255", "0.3", "b_diagonal"),),
    "footprint": (_Look("影像范围", "", "0,0,0,0", "40,90,170,255", "0.4", "no"),),
    "field": (_Look("核查点", "", "20,110,200,255", "255,255,255,255", "0.3"),),
    "fieldarea": (_Look("核查范围", "", "20,110,200,50", "20,110,200,255", "0.6"),),
}

_MARKER_MM = "2.8"


def layer_qml(form: LayerForm, lists: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Return the QML of one layer.

    Parameters
    ----------
    form
        The layer; ``style`` picks its colours (PDJY and severity for cases).
    lists
        Code lists by name, each code -> meaning; None = the standing ones.

    Returns
    -------
    str
        Renderer, labels, an alias for every column, a value map for every coded column.
    """
    root = ET.Element("qgis", version="3.22.0", styleCategories="AllStyleCategories")
    root.set("readOnly", "0" if form.editable else "1")
    if form.geometry:
        root.append(_renderer(form))
        if form.style == "point":
            root.append(_labels("BQ"))
            root.set("labelsEnabled", "1")
    standing = {name: codes.items for name, codes in CODE_LISTS.items()}
    root.append(_widgets(form.fields, standing if lists is None else lists))
    aliases = ET.SubElement(root, "aliases")
    for index, field in enumerate(form.fields, 1):
        ET.SubElement(aliases, "alias", field=field.name, index=str(index), name=field.alias)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ET.tostring(
        root, encoding="unicode"
    )


def _renderer(form: LayerForm) -> ET.Element:
    renderer = ET.Element("renderer-v2", type="RuleRenderer", forceraster="0", symbollevels="0")
    rules = ET.SubElement(renderer, "rules", key=f"{{{form.name}}}")
    symbols = ET.SubElement(renderer, "symbols")
    for number, look in enumerate(_LOOKS[form.style]):
        rule = ET.SubElement(rules, "rule", symbol=str(number), label=look.label)
        rule.set("key", f"{{{form.name}-{number}}}")
        if look.filter:
            rule.set("filter", look.filter)
        symbols.append(_symbol(form, number, look))
    return renderer


def _symbol(form: LayerForm, number: int, look: _Look) -> ET.Element:
    point = form.geometry == "Point"
    symbol = ET.Element("symbol", name=str(number), alpha="1", clip_to_extent="1")
    symbol.set("type", "marker" if point else "fill")
    layer = ET.SubElement(symbol, "layer", enabled="1", locked="0")
    layer.set("pass", "0")
    layer.set("class", "SimpleMarker" if point else "SimpleFill")
    properties = {
        "color": look.fill,
        "outline_color": look.line,
        "outline_style": "solid",
        "outline_width": look.width_mm,
        "outline_width_unit": "MM",
    }
    if point:
        properties |= {"name": "circle", "size": _MARKER_MM, "size_unit": "MM"}
    else:
        properties |= {"style": look.pattern, "joinstyle": "miter"}
    layer.append(_options(properties))
    for name, value in properties.items():
        ET.SubElement(layer, "prop", k=name, v=value)
    return symbol


def _options(values: dict[str, str]) -> ET.Element:
    options = ET.Element("Option", type="Map")
    for name, value in values.items():
        ET.SubElement(options, "Option", type="QString", name=name, value=value)
    return options


def _labels(field: str) -> ET.Element:
    labeling = ET.Element("labeling", type="simple")
    settings = ET.SubElement(labeling, "settings", calloutType="simple")
    style = ET.SubElement(
        settings,
        "text-style",
        fieldName=field,
        fontSize="9",
        fontSizeUnit="Point",
        fontFamily="Noto Sans CJK SC",
        textColor="30,30,30,255",
        isExpression="0",
    )
    ET.SubElement(
        style,
        "text-buffer",
        bufferDraw="1",
        bufferSize="0.8",
        bufferSizeUnits="MM",
        bufferColor="255,255,255,230",
    )
    # beside the symbol, in this order of places, so that the label's halo does not hide it
    ET.SubElement(
        settings,
        "placement",
        placement="6",
        predefinedPositionOrder="TR,BR,TL,BL,R,L",
        offsetType="1",
        dist="1",
        priority="5",
    )
    return labeling


def _widgets(fields: tuple[Field, ...], lists: Mapping[str, Mapping[str, str]]) -> ET.Element:
    configuration = ET.Element("fieldConfiguration")
    for field in fields:
        entry = ET.SubElement(configuration, "field", name=field.name, configurationFlags="None")
        if field.codes:
            widget = ET.SubElement(entry, "editWidget", type="ValueMap")
            config = ET.SubElement(widget, "config")
            outer = ET.SubElement(config, "Option", type="Map")
            entries = ET.SubElement(outer, "Option", type="List", name="map")
            for code, meaning in lists[field.codes].items():
                label = meaning if code == meaning else f"{code} {meaning}"
                entries.append(_options({label: code}))
        else:
            widget = ET.SubElement(entry, "editWidget", type="TextEdit")
            ET.SubElement(widget, "config")
    return configuration
