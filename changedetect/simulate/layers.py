"""Layers of a simulated county's records: the identifier and description for their GeoPackage."""

APPROVAL_LAYERS: tuple[str, ...] = (
    "SP_NZY", "SP_GY", "SP_LS", "SP_SS", "SP_ZJD", "SP_CK", "SP_ZJG", "SP_DJ",
    "SP_JC", "SP_ZW", "SP_ZB", "SP_ZZ", "SP_XF", "SP_HD", "SP_CS", "SP_ZR", "SP_XA", "SP_GH",
)  # fmt: skip
"""Approval layers; the part after ``SP_`` is the SPLX code."""

LAYERS: dict[str, tuple[str, str]] = {
    "DLTB": ("地类图斑", "年度国土变更调查地类图斑; parcels of the yearly survey; tile the area"),
    "YJJBNTBHTB": ("永久基本农田保护图斑", "permanent basic farmland"),
    "STBHHX": ("生态保护红线", "ecological red line; names with 核心 are core reserves"),
    "CZKFBJ": ("城镇开发边界", "urban development boundary"),
    "XZQ": ("行政区", "counties; XZQDM has 6 digits"),
    "XZ": ("乡镇", "towns; XZDM has 9 digits"),
    "C": ("村", "villages; CDM has 12 digits"),
    "YXWG": ("监测网格", "cells of the territory; YXJ 重点 or 一般"),
    "TZ": ("田长责任区", "areas of field chiefs, of towns and villages"),
    "WGY": ("网格员责任区", "areas of wardens"),
    "SP_NZY": ("农用地转用审批", "conversion of farmland"),
    "SP_GY": ("土地供应", "land supply"),
    "SP_LS": ("临时用地审批", "temporary land; YXQZ is the last day"),
    "SP_SS": ("设施农业用地备案", "facility farm land on file"),
    "SP_ZJD": ("农村宅基地审批", "homestead approvals"),
    "SP_CK": ("采矿权", "mining rights; YXQZ is the last day"),
    "SP_ZJG": ("增减挂钩项目区", "linked increase and decrease projects"),
    "SP_DJ": ("不动产登记宗地", "registered parcels"),
    "SP_JC": ("耕地进出平衡年度方案", "yearly plan of cropland moved out and in"),
    "SP_ZW": ("种植备案和休耕", "plantings on file, fallow"),
    "SP_ZB": ("补充耕地项目", "projects that make new cropland"),
    "SP_ZZ": ("土地整治项目区", "land improvement projects"),
    "SP_XF": ("生态修复项目", "restoration projects"),
    "SP_HD": ("涉河建设许可", "water permits"),
    "SP_CS": ("采砂许可", "sand permits"),
    "SP_ZR": ("开发边界外准入", "entry list outside the town boundary"),
    "SP_XA": ("红线有限人为活动认定", "limited activity in the red line"),
    "SP_GH": ("规划许可", "planning permits"),
    "SP_ZG": ("整改销号案件", "cases that others list as rectified or closed; XHRQ is the day"),
    "HHAX": ("河湖岸线", "shores of rivers and lakes"),
    "ZRBHD": ("自然保护地", "nature reserves"),
    "GHFW": ("规划允许建设范围", "ground planned for building"),
}
"""Layer name -> (identifier, description)."""
