"""The case package as data: its layers, columns, aliases, code lists, and the forms of its sheets.

Column names are upper-case pinyin of at most ten ASCII letters; the alias is what people read.
The stage that fills the package, the writers, and the reader of returned files share this one list.
"""

from changedetect.casepackage.county import COUNTY_FORMS
from changedetect.casepackage.dispatched import CASE_FORM, DISPATCHED_FORMS
from changedetect.casepackage.forms import CLOSING_MU, Field, Kind, LayerForm
from changedetect.casepackage.lists import CODE_LISTS, CodeList
from changedetect.casepackage.registers import REGISTER_FORMS
from changedetect.casepackage.sheets import Column, Sheet, WorkbookContent

NOTICE = "本成果图斑由遥感影像自动发现，是线索，不是证据；判定建议须经实地核查，由人认定，不得单独作为处罚依据。"
"""Stands on everything that is handed out."""

NOTICE_SHORT = "线索，不是证据"
"""The same where there is room for a few words only."""

FORMS: dict[str, LayerForm] = {
    form.name: form
    for form in (
        CASE_FORM,
        *DISPATCHED_FORMS,
        *REGISTER_FORMS[:3],
        *COUNTY_FORMS,
        *REGISTER_FORMS[3:],
    )
}
"""Every layer of a package, in the order of the schema."""

__all__ = [
    "CASE_FORM",
    "CLOSING_MU",
    "CODE_LISTS",
    "FORMS",
    "NOTICE",
    "NOTICE_SHORT",
    "CodeList",
    "Column",
    "Field",
    "Kind",
    "LayerForm",
    "Sheet",
    "WorkbookContent",
]
