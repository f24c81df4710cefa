"""Every builder method, every section and every shipped spec, each with the chain that someone would write by hand."""

from tests.conformance.bases import BASES
from tests.conformance.case import Case
from tests.conformance.sections import SECTIONS
from tests.conformance.seed import SEED
from tests.conformance.steps import STEPS

TABLES = {"base": BASES, "step": STEPS, "section": SECTIONS, "seed": SEED}
CASES: dict[str, Case] = {f"{kind}: {name}": case for kind, table in TABLES.items() for name, case in table.items()}

__all__ = ["BASES", "CASES", "SECTIONS", "SEED", "STEPS"]
