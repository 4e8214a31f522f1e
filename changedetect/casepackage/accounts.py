"""Tables of a year's accounts: cropland in and out, the fifteen per cent, quota tied to violations."""

from changedetect.casepackage.forms import Field, LayerForm, mu

_WHERE = (
    Field("XZQDM", "行政区代码"),
    Field("XZQMC", "行政区名称"),
    Field("JCZQ", "监测期"),
    Field("QJ", "期间"),
    Field("YFS", "计入月份"),
)

ACCOUNT_FORMS: dict[str, LayerForm] = {
    form.name: form
    for form in (
        LayerForm(
            "TJ_GD",
            "耕地流入流出",
            "",
            (
                *_WHERE,
                mu("GDCL", "耕地存量(调查)"),
                mu("GDMB", "耕地保护目标"),
                mu("LCHJ", "流出合计"),
                mu("LCYJ", "流出：有依据"),
                mu("LCYS", "流出：疑似"),
                mu("LCCY", "流出：存疑"),
                mu("LCJS", "其中转建设"),
                mu("LCYL", "其中转园林"),
                mu("LCKT", "其中转坑塘"),
                mu("LCSS", "其中转设施"),
                mu("LRHS", "流入：已核实"),
                mu("LRDH", "流入：待核实"),
                mu("LRBS", "流入：疑似不实"),
                mu("JBH", "净变化(已核实流入-有依据和疑似流出)"),
                mu("MBC", "存量加净变化与目标之差"),
            ),
            "流出=有依据+疑似+存疑=转建设+转园林+转坑塘+转设施；流入只计季节影像核实过的补充耕地",
        ),
        LayerForm(
            "TJ_15",
            "百分之十五比例",
            "",
            (
                *_WHERE,
                mu("FZ", "分子：疑似未批占耕地"),
                mu("FM", "分母：全部新增建设占耕地"),
                mu("DCMJ", "待查占耕地"),
                Field("BL", "比例(0-1)", "float", decimals=4),
                Field("BLXX", "假设下限：待查均合法", "float", decimals=4),
                Field("BLSX", "假设上限：待查均违规", "float", decimals=4),
                Field("DX", "达到限值", codes="XSBZ"),
            ),
            "影像线索测算，不是认定；分母含待查；上下限为待查图斑全部合法或全部违规的假设",
        ),
        LayerForm(
            "TJ_ZW",
            "增违挂钩",
            "",
            (
                *_WHERE,
                Field("XZGS", "新增疑似个数", "int"),
                mu("XZMJ", "新增疑似未批面积"),
                mu("XZGD", "其中耕地"),
                mu("XZYN", "其中永久基本农田"),
                mu("XHMJ", "已销号面积"),
                mu("WXHMJ", "未销号面积"),
                mu("GGZB", "建议挂钩指标"),
            ),
            "未销号=新增疑似-已销号；建议挂钩指标等于未销号面积，以省级认定为准",
        ),
    )
}
"""Tables beside the totals; in the workbook, as CSV, and on the province's page."""
