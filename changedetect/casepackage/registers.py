"""Layers that say what a package rests on: images, reference layers, rules, log, totals, codes."""

from changedetect.casepackage.forms import Field, LayerForm, mu

TOTALS = (
    Field("XZQDM", "行政区代码"),
    Field("XZQMC", "行政区名称"),
    Field("JCZQ", "监测期"),
    Field("JB", "统计层级"),
    Field("ZTDM", "主题代码", codes="ZTDM"),
    Field("TBLX", "图斑类型", codes="TBLX"),
    Field("MJFJ", "面积分级(亩)"),
    Field("FXGS", "发现个数", "int"),
    Field("HFGS", "合法、排除或留痕个数", "int"),
    Field("RCGS", "入池个数", "int"),
    Field("XFGS", "应下发个数", "int"),
    Field("CYGS", "存疑个数(证据不足)", "int"),
    mu("FXMJ", "发现面积"),
    mu("HFMJ", "合法、排除或留痕面积"),
    mu("RCMJ", "入池面积"),
    mu("XFMJ", "应下发面积"),
    mu("CYMJ", "存疑面积"),
    mu("GDMJ", "应下发和存疑占耕地"),
    mu("YJNTMJ", "应下发和存疑占永农"),
    mu("STHXMJ", "应下发和存疑占红线"),
    mu("JCFWMJ", "监测范围面积"),
    mu("WJCMJ", "未监测面积"),
)
"""Columns of the county totals."""

REGISTER_FORMS = (
    LayerForm(
        "YXQD",
        "影像清单",
        "MultiPolygon",
        (
            Field("YXBH", "影像编号"),
            Field("CGQ", "传感器"),
            Field("LX", "影像类型"),
            Field("FBL", "分辨率(m)", "float", decimals=2),
            Field("PSSJ", "拍摄时间(UTC)"),
            Field("PSRQ", "拍摄日期", "date"),
            Field("CSJ", "侧视角(°)", "float", decimals=2),
            Field("TYGDJ", "太阳高度角(°)", "float", decimals=2),
            Field("PZZWC", "配准中误差(像素)", "float", decimals=3),
            Field("YL", "云量(%)", "float", decimals=1),
            Field("SHA256", "影像SHA-256"),
        ),
        "本期所用影像的范围、时间和哈希",
        style="footprint",
    ),
    LayerForm(
        "SJQD",
        "底数清单",
        "",
        (
            Field("TCMC", "图层名"),
            Field("TCSM", "图层说明"),
            Field("XZQDM", "行政区代码"),
            Field("BB", "版本"),
            Field("SJRQ", "数据日期", "date"),
            Field("LY", "来源"),
            Field("HS", "行数", "int"),
            Field("BXHS", "本县行数", "int"),
            Field("ZZRQ", "最早批准日期", "date"),
            Field("ZWRQ", "最晚批准日期", "date"),
            Field("FGZT", "覆盖状态", codes="FGZT"),
            Field("SHA256", "文件SHA-256"),
            Field("BZ", "备注"),
        ),
        "参考底数的版本、日期、行数和对本县的覆盖状态",
    ),
    LayerForm(
        "GZQD",
        "规则清单",
        "",
        (
            Field("GZBH", "规则编号"),
            Field("BB", "版本"),
            Field("GZNR", "规则内容"),
            Field("LY", "来源"),
        ),
        "本期所用规则",
    ),
    LayerForm(
        "LZRZ",
        "流转日志",
        "",
        (
            Field("AJBH", "案件编号"),
            Field("SJ", "时间(UTC)"),
            Field("CZR", "操作人"),
            Field("SJLX", "事件"),
            Field("YZT", "原状态", codes="AJZT"),
            Field("XZT", "现状态", codes="AJZT"),
            Field("YY", "原因"),
            Field("LYHX", "来源SHA-256"),
        ),
        "只增不改：谁、何时、从何状态到何状态、为何",
    ),
    LayerForm(
        "TJ_XJ", "县级统计", "", TOTALS, "可对账的合计：发现=合法、排除或留痕+入池+应下发+存疑"
    ),
    LayerForm(
        "DMB",
        "代码表",
        "",
        (
            Field("DMLX", "代码类"),
            Field("LXMC", "代码类名称"),
            Field("XH", "序号", "int"),
            Field("DM", "代码"),
            Field("HY", "含义"),
        ),
        "全部代码",
    ),
)
"""YXQD, SJQD, GZQD; then LZRZ, TJ_XJ, DMB (county layers stand between them in a package)."""
