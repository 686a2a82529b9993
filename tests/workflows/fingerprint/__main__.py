"""Renews the fingerprints: ``python -m tests.workflows.fingerprint``."""

import sys

from leadgen.workflows.registry import WORKFLOWS
from tests.workflows.fingerprint import FINGERPRINTS, fingerprints, rendered
from tests.workflows.fingerprint.sources import Sources


def main() -> None:
    """Writes the fingerprints of today's workflows."""
    FINGERPRINTS.write_text(rendered(fingerprints(WORKFLOWS, Sources())), encoding="utf-8")
    sys.stdout.write(f"{FINGERPRINTS.name}: {len(WORKFLOWS)} workflows\n")


if __name__ == "__main__":
    main()
