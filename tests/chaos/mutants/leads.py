"""Faults in how people come in and go out."""

from __future__ import annotations

from tests.chaos.mutants.mutant import Mutant, pytest_of

_IMPORT = "unit/application/test_import_leads.py"
_SINGLE = "unit/application/test_single_leads.py"

LEADS = (
    Mutant(
        "every-rejection",
        "a receipt keeps all rejected rows",
        "application/import_leads.py",
        "        if len(self.rejections) < REJECTIONS_MAX:\n",
        "        if self.rejected:\n",
        (pytest_of(_IMPORT, "test_rejected_rows_are_capped"),),
    ),
    Mutant(
        "columns-after-the-lead",
        "a lead is there before its columns are",
        "application/add_lead.py",
        """\
        await keep_columns_of(self._leads, account, row.profile)
        new = Arrival(lead_id or self._ids.new(), row.profile, row.phone)
        created = await self._leads.merge(account, [new])
""",
        """\
        new = Arrival(lead_id or self._ids.new(), row.profile, row.phone)
        created = await self._leads.merge(account, [new])
        await keep_columns_of(self._leads, account, row.profile)
""",
        (pytest_of(_SINGLE, "test_columns_are_there_before_the_lead"),),
    ),
)
