"""Turn a county's units, cases and scenes into what is handed out: layers, sheets, page, totals.

Pure values: no file is opened here. Writers stand in `changedetect.io`.
"""

import pandas as pd

from changedetect.casepackage import FORMS
from changedetect.stages.deliver.accounts import (
    CountyAccount,
    Sums,
    YearSoFar,
    account_tables,
    open_accounts,
    sums_of,
)
from changedetect.stages.deliver.cases import case_hash, case_tables
from changedetect.stages.deliver.checks import checks
from changedetect.stages.deliver.overlays import overlay_tables
from changedetect.stages.deliver.package import PackageInput, RuleRow, chip_paths
from changedetect.stages.deliver.page import page_context
from changedetect.stages.deliver.period import (
    CaseCourse,
    MonthFacts,
    Period,
    PeriodInput,
    figures,
    report,
    share,
)
from changedetect.stages.deliver.period import checks as period_checks
from changedetect.stages.deliver.pictures import (
    OverlaySurface,
    chip_window,
    outline_px,
    overlay_surfaces,
    picture_side_px,
    stretch_pair,
)
from changedetect.stages.deliver.province import (
    Delivered,
    all_totals,
    delivered,
    summary_context,
)
from changedetect.stages.deliver.registers import register_tables
from changedetect.stages.deliver.related import TIES, CaseTie
from changedetect.stages.deliver.sheets import summary_workbook, workbook
from changedetect.stages.deliver.tables import make_table
from changedetect.stages.deliver.totals import statistics

__all__ = [
    "TIES",
    "CaseCourse",
    "CaseTie",
    "CountyAccount",
    "Delivered",
    "MonthFacts",
    "OverlaySurface",
    "PackageInput",
    "Period",
    "PeriodInput",
    "RuleRow",
    "Sums",
    "YearSoFar",
    "account_tables",
    "all_totals",
    "case_hash",
    "checks",
    "chip_paths",
    "chip_window",
    "delivered",
    "figures",
    "layers",
    "open_accounts",
    "outline_px",
    "overlay_surfaces",
    "page_context",
    "period_checks",
    "picture_side_px",
    "report",
    "share",
    "statistics",
    "stretch_pair",
    "summary_context",
    "summary_workbook",
    "sums_of",
    "workbook",
]


def layers(package: PackageInput) -> dict[str, pd.DataFrame]:
    """Return every layer of a case package, in the order of the schema.

    Parameters
    ----------
    package
        One county, one month.

    Returns
    -------
    dict
        Layer name -> GeoDataFrame in EPSG:4490, or DataFrame where the layer has no geometry. Every
        column of `casepackage.FORMS` in its order; codes are text, areas in mu to 4 decimals, None
        where something is unknown (never 0). The county's own layers are there and empty.

    Raises
    ------
    LayerError
        A case without its unit, or areas that do not close.
    """
    filled = {
        **case_tables(package),
        **overlay_tables(package),
        **register_tables(package),
        "TJ_XJ": statistics([package]),
    }
    return {
        name: filled[name] if name in filled else make_table(form, [])
        for name, form in FORMS.items()
    }
