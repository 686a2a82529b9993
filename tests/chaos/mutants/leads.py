"""Faults in how people come in and go out."""

from __future__ import annotations

from tests.chaos.mutants.mutant import Mutant, pytest_of

_IMPORT = "unit/application/test_import_leads.py"

LEADS = (
    Mutant(
        "every-rejection",
        "a receipt keeps all rejected rows",
        "application/import_leads.py",
        "        if len(self.rejections) < REJECTIONS_MAX:\n",
        "        if self.rejected:\n",
        (pytest_of(_IMPORT, "test_rejected_rows_are_capped"),),
    ),
)
