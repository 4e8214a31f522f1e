"""Code lists of the package beyond `codes`, gathered under the names that columns refer to."""

from dataclasses import dataclass

from changedetect.codes import (
    APPROVAL_KINDS,
    LAND_CLASSES,
    PDJY,
    PRIORITIES,
    RDJG,
    SPSX,
    STATES,
    TBLX,
)

THEMES: dict[str, str] = {
    "01": "常规监测", "02": "违法用地", "03": "耕地数量", "04": "耕地使用/非粮化", "05": "农民建房",
    "06": "无证采矿", "07": "生态保护红线", "08": "批而未供/闲置", "09": "城镇开发边界", "10": "设施农业",
    "11": "临时用地到期", "12": "补充耕地核验", "13": "整改复核", "14": "全域整治负面清单",
    "15": "生态修复", "16": "重要河湖岸线",
}  # fmt: skip
"""ZTDM: the themes of the province."""

SEVERITY = {"1": "留痕", "2": "县级内业", "3": "县级外业", "4": "市级复核", "5": "省级直办"}
"""YZDJ: who looks at it."""

UNOBSERVED = {
    "cloud": "云遮挡", "shadow": "云影", "no_image": "无影像", "nodata": "影像无数据",
    "error": "影像处理失败", "registration": "配准不合格",
    "unseen": "云、阴影或无影像", "tile": "图块处理失败",
}  # fmt: skip
"""WJCYY: reasons for which ground was not observed; others pass as text."""

RETURN_REASONS = (
    "需补农转用/供地手续", "需补实地照片/内部照片", "需提供套合图", "材料非本图斑", "材料位置/面积/图斑号不符",
    "应判违法", "设施农不得占耕", "临时用地禁止永久建筑", "有弄虚作假嫌疑", "采矿用地", "大面积工程建设",
    "明显已动工非推土",
)  # fmt: skip
"""THYY: why a reviewer sends a filed case back."""

PHOTO_FAULTS = {
    "1": "无坐标", "2": "距图斑超限", "3": "时间早于下发", "4": "无方位角", "5": "重复图像", "6": "翻拍嫌疑",
    "7": "路径悬空", "8": "两站相似",
}  # fmt: skip
"""YCBZ: what is wrong with a photo."""

COVERAGE = {
    "1": "覆盖本县", "2": "未声明覆盖本县", "3": "缺失", "4": "无法读取", "5": "无日期", "6": "无记录",
}  # fmt: skip
"""FGZT: what a reference layer says about this county."""

GROUPS = {"1": "耕地", "2": "其他农用地", "3": "建设用地", "4": "未利用地", "9": "地类不明"}
"""DLFL: the groups that close a filed form."""


@dataclass(frozen=True, slots=True)
class CodeList:
    """A code list: name, Chinese title, code -> meaning in order."""

    name: str
    title: str
    items: dict[str, str]


CODE_LISTS: dict[str, CodeList] = {
    entry.name: entry
    for entry in (
        CodeList("PDJY", "判定建议", PDJY),
        CodeList("RDJG", "认定结果", RDJG),
        CodeList("TBLX", "图斑类型", TBLX),
        CodeList("SPSX", "审批时效", SPSX),
        CodeList("SPLX", "审批类型", APPROVAL_KINDS),
        CodeList("AJZT", "案件状态", STATES),
        CodeList("ZTDM", "监测主题", THEMES),
        CodeList("YZDJ", "严重等级", SEVERITY),
        CodeList("BHCD", "变化程度", {"1": "疑似", "2": "确定"}),
        CodeList("XSBZ", "线索标志", {"0": "否", "1": "是", "2": "在误差范围内"}),
        CodeList("SF", "是否", {"0": "否", "1": "是", "9": "不明"}),
        CodeList("YXJ", "网格优先级", PRIORITIES),
        CodeList("RCBZ", "下发标志", {"0": "下发", "1": "入池", "2": "留痕"}),
        CodeList("DLBM", "地类编码", LAND_CLASSES),
        CodeList("DLFL", "地类分组", GROUPS),
        CodeList("WJCYY", "未监测原因", UNOBSERVED),
        CodeList("FGZT", "底数覆盖状态", COVERAGE),
        CodeList("YCBZ", "照片异常", PHOTO_FAULTS),
        CodeList(
            "ZGFS", "整改方式", {key: key for key in ("拆除", "补办", "复耕", "罚没", "其他")}
        ),
        CodeList("THYY", "退回原因", {key: key for key in RETURN_REASONS}),
    )
}
"""Every code list by name."""
