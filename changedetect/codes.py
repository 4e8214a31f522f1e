"""Code lists of the case package, families of change, and case numbers. A code is text.

Lists follow the case-package schema (2026 table). Families are ours: the after-states that an
image can tell apart.
"""

import re
import unicodedata
from enum import Enum

FAMILIES: dict[str, str] = {
    "building": "20",
    "hard_surface": "YH",
    "earthwork": "TD",
    "road": "DL1",
    "photovoltaic": "GF",
    "mining": "CK",
    "planting": "02",
    "pond": "KT",
    "greenhouse": "01",
    "demolition": "WL",
}
"""Family of change -> TBLX code that it suggests."""

CONSTRUCTION_FAMILIES = frozenset(
    {"building", "hard_surface", "earthwork", "road", "photovoltaic", "mining"}
)
"""Families whose after-state is construction land or its first stage."""

TBLX: dict[str, str] = {
    "20": "建构筑物", "YH": "硬化", "DT": "动土", "TD": "推堆土", "DL1": "建成道路", "DL2": "在建道路",
    "DL3": "路网", "TL": "铁路", "ND": "农村道路", "SJ": "水工建筑", "CK": "采矿", "YT": "盐田",
    "LD": "公园绿地", "GF": "光伏", "01": "耕地", "02": "园地", "03": "林地", "04": "草地",
    "SM": "水面", "KT": "坑塘", "SK": "水库", "HL": "河流", "GQ": "沟渠", "WL": "瓦砾", "TP": "推平",
    "QT": "其他", "GEF": "高尔夫", "ZQC": "足球场", "JC": "机场", "LT": "裸土地", "LY": "裸岩",
    "WH": "围海", "TH": "填海",
}  # fmt: skip
"""After-state of a patch."""

RDJG: dict[str, str] = {"0": "待定(证据不足)", "1": "合法", "2": "违法", "3": "其他"}
"""Verdict; a human's word only."""

PDJY: dict[str, str] = {
    "11": "批供齐全", "12": "仅农转用", "13": "仅供地", "14": "登记或其他权证", "15": "临时用地",
    "16": "设施农业用地", "17": "宅基地审批", "18": "采矿权内", "19": "增减挂钩或整治项目",
    "21": "疑似非农违法", "22": "疑似非粮", "23": "疑似超批准范围", "24": "临时用地超期",
    "25": "设施改变用途", "26": "疑似无证采矿", "27": "疑似越界采矿", "28": "疑似红线内违规",
    "29": "疑似乱占耕地建房", "31": "农村道路", "32": "村庄范围内(203)", "33": "推填土未建设",
    "34": "伪变化", "35": "实地未变化", "36": "农业内部调整", "37": "灾毁或自然", "38": "非本主题",
    "40": "监管地块符合要求", "41": "疑似批而未供", "42": "疑似闲置土地", "43": "疑似补充耕地不实",
    "44": "疑似整改未到位", "45": "疑似整治项目违规", "46": "疑似修复未到位", "47": "疑似侵占河湖岸线",
    "01": "审批图层缺", "02": "影像不足", "03": "低置信",
}  # fmt: skip
"""Suggested handling; 0x = evidence is missing; 4x = watched ground, projects and shores (ours, beyond the
schema: docs/decisions/0010)."""

SUSPECTED_PDJY = frozenset(
    code for code, name in PDJY.items() if name.startswith("疑似") or code in {"24", "25"}
)
"""Suggestions that suspect something; a person decides."""

SPSX: dict[str, str] = {
    "0": "无", "1": "先批后建", "2": "后补", "3": "已过期", "4": "超范围", "9": "图层缺",
}  # fmt: skip
"""Time code of approvals against the bracket of the change."""

APPROVAL_KINDS: dict[str, str] = {
    "NZY": "农转用", "ZS": "征收", "GY": "供地", "LS": "临时用地", "SS": "设施农业用地备案",
    "ZJD": "宅基地", "CK": "采矿权", "ZJG": "增减挂钩", "ZZ": "土地整治", "DJ": "不动产登记",
    "GH": "规划许可", "JC": "耕地进出平衡", "ZB": "占补平衡", "TG": "退耕",
    "XF": "生态修复", "HD": "涉河许可", "CS": "采砂许可", "ZR": "开发边界外准入", "ZW": "种植备案或休耕",
    "XA": "红线有限人为活动认定", "ZG": "整改销号案件",
}  # fmt: skip
"""SPLX: kinds of approval record; ZZ is land improvement, that of whole townships (全域整治) too; JC is
the yearly plan of cropland moved out and in, ZB the projects that make new cropland, as polygons;
ZG is no approval but a list of cases (see `CASE_LISTS`)."""

CASE_LISTS = frozenset({"ZG"})
"""Kinds that approve nothing: cases that a ministry, a city or another system lists as rectified or
closed. Their ground is watched (theme 13); no change of ground is excused by them."""

PRIORITIES: dict[str, str] = {"1": "重点", "2": "一般"}
"""YXJ: how closely a cell of the territory is watched."""

STATES: dict[str, str] = {
    "10": "待下发", "20": "已下发", "30": "核查中", "40": "县已填报", "45": "县级退回", "50": "市审",
    "55": "市级退回", "60": "省审", "65": "省级退回", "70": "认定合法或其他", "71": "认定违法",
    "75": "立案", "80": "整改中", "85": "待影像复核", "90": "销号", "93": "异议", "95": "移交",
    "98": "合并", "99": "撤销",
}  # fmt: skip
"""AJZT: states of a case."""

LAND_CLASSES: dict[str, str] = {
    "01": "耕地", "0101": "水田", "0102": "水浇地", "0103": "旱地",
    "02": "种植园用地", "0201": "果园", "0202": "茶园", "0203": "橡胶园", "0204": "其他园地",
    "03": "林地", "0301": "乔木林地", "0302": "竹林地", "0303": "红树林地", "0304": "森林沼泽",
    "0305": "灌木林地", "0306": "灌丛沼泽", "0307": "其他林地",
    "04": "草地", "0401": "天然牧草地", "0402": "沼泽草地", "0403": "人工牧草地", "0404": "其他草地",
    "05": "商业服务业用地", "05H1": "商业服务业设施用地", "0508": "物流仓储用地",
    "06": "工矿用地", "0601": "工业用地", "0602": "采矿用地", "0603": "盐田",
    "07": "住宅用地", "0701": "城镇住宅用地", "0702": "农村宅基地",
    "08": "公共管理与公共服务用地", "08H1": "机关团体新闻出版用地", "08H2": "科教文卫用地",
    "08H2A": "高教用地", "0809": "公用设施用地", "0810": "公园与绿地", "0810A": "广场用地",
    "09": "特殊用地",
    "10": "交通运输用地", "1001": "铁路用地", "1002": "轨道交通用地", "1003": "公路用地",
    "1004": "城镇村道路用地", "1005": "交通服务场站用地", "1006": "农村道路", "1007": "机场用地",
    "1008": "港口码头用地", "1009": "管道运输用地",
    "11": "水域及水利设施用地", "1101": "河流水面", "1102": "湖泊水面", "1103": "水库水面",
    "1104": "坑塘水面", "1104A": "养殖坑塘", "1105": "沿海滩涂", "1106": "内陆滩涂", "1107": "沟渠",
    "1107A": "干渠", "1108": "沼泽地", "1109": "水工建筑用地", "1110": "冰川及永久积雪",
    "12": "其他土地", "1201": "空闲地", "1202": "设施农用地", "1203": "田坎", "1204": "盐碱地",
    "1205": "沙地", "1206": "裸土地", "1207": "裸岩石砾地",
}  # fmt: skip
"""DLBM: classes of the third national land survey (working classification of 2019)."""

_ADJUSTABLE = "K"
"""Suffix of orchards, woods and ponds that can be turned back into cropland (可调整)."""


def land_class_name(land_class: str) -> str | None:
    """Return the name of a DLBM code; None for a code outside the survey's table.

    Examples
    --------
    >>> land_class_name("0201K"), land_class_name("1104A"), land_class_name("9999")
    ('可调整果园', '养殖坑塘', None)
    """
    code = land_class.strip().upper()
    plain = code.removesuffix(_ADJUSTABLE)
    name = LAND_CLASSES.get(plain)
    return name if name is None or plain == code else f"可调整{name}"


class LandGroup(Enum):
    """The four groups that close a filed form, and what no parcel covers."""

    CROPLAND = "cropland"
    OTHER_AGRICULTURAL = "other_agricultural"
    CONSTRUCTION = "construction"
    UNUSED = "unused"
    UNKNOWN = "unknown"


_OTHER_AGRICULTURAL = (
    "02",
    "03",
    "0401",
    "0402",
    "0403",
    "1006",
    "1103",
    "1104",
    "1107",
    "1202",
    "1203",
)
_UNUSED = ("0404", "1101", "1102", "1105", "1106", "1108", "1110", "1204", "1205", "1206", "1207")
_CONSTRUCTION = ("05", "06", "07", "08", "09", "10", "1109", "1201")


def land_group(land_class: str) -> LandGroup:
    """Return the group of a DLBM code; the suffix K (可调整) and longer codes are understood.

    Parameters
    ----------
    land_class
        DLBM, text.

    Returns
    -------
    LandGroup
        `LandGroup.UNKNOWN` for a code outside the survey's table.

    Examples
    --------
    >>> land_group("0101").value, land_group("0201K").value, land_group("1006").value
    ('cropland', 'other_agricultural', 'other_agricultural')
    """
    code = land_class.strip().upper()
    if code.startswith("01"):
        return LandGroup.CROPLAND
    if code.startswith(_OTHER_AGRICULTURAL):
        return LandGroup.OTHER_AGRICULTURAL
    if code.startswith(_UNUSED):
        return LandGroup.UNUSED
    if code.startswith(_CONSTRUCTION):
        return LandGroup.CONSTRUCTION
    return LandGroup.UNKNOWN


_CHECK_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXY"
"""23 letters without I, O, Z: a prime modulus catches every single-digit slip and transposition."""


def check_letter(digits: str) -> str:
    """Return the check letter of a string of digits (weighted sum modulo 23, our choice).

    Examples
    --------
    >>> check_letter("43099102250600001")
    'C'
    """
    total = sum(int(digit) * pow(2, place, 23) for place, digit in enumerate(reversed(digits), 1))
    return _CHECK_LETTERS[total % 23]


def case_number(district: str, theme: str, month: str, sequence: int) -> str:
    """Build a case number (AJBH): county 6 + theme 2 + YYMM + sequence 5 + check letter.

    The letter keeps spreadsheets from turning the number into a float and proves what was typed.

    Parameters
    ----------
    district
        Six-digit county code.
    theme
        Two-digit theme code.
    month
        ``YYYY-MM``.
    sequence
        1 to 99999, unique in county, theme and month.

    Raises
    ------
    ValueError
        A part does not have its form.

    Examples
    --------
    >>> case_number("430991", "02", "2025-06", 1)
    '43099102250600001C'
    """
    digits = f"{district}{theme}{month[2:4]}{month[5:7]}{sequence:05d}"
    if not re.fullmatch(r"\d{17}", digits):
        msg = f"case number {digits!r} is not 17 digits (county 6, theme 2, YYMM 4, sequence 5)"
        raise ValueError(msg)
    return digits + check_letter(digits)


def is_case_number(text: str) -> bool:
    """Tell whether a text is a case number with the right check letter."""
    return bool(re.fullmatch(r"\d{17}[A-Y]", text)) and check_letter(text[:17]) == text[17]


_YEAR_BRACKETS = re.compile(r"[\[(〔【﹝](\d{4})年?[\])〕】﹞]")


def normalise_document(number: str) -> str:
    """Bring a document number to one form: half-width, ``〔year〕`` brackets, no blanks, ends in 号.

    Examples
    --------
    >>> normalise_document("湘自然资发（２０２３）258 号"), normalise_document("湘政地[2023]第258")
    ('湘自然资发〔2023〕258号', '湘政地〔2023〕258号')
    """
    narrow = re.sub(r"\s+", "", unicodedata.normalize("NFKC", number))
    one = re.sub(r"(〔\d{4}〕)第", r"\1", _YEAR_BRACKETS.sub(r"〔\1〕", narrow))
    return f"{one}号" if re.search(r"〔\d{4}〕\d+$", one) else one


SOURCE_NAMES: dict[str, str] = {
    "optical": "光学影像对",
    "series": "时间序列",
    "radar": "雷达",
    "model": "自备模型",
}
"""Source of evidence -> Chinese name."""
