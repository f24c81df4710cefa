"""Image -> findings: every rule, in the order of its code."""

from __future__ import annotations

from imagespec.diagnostic import Code
from imagespec.rules import cost, local, modal, pins, strings
from imagespec.rules.rule import Rule
from imagespec.spec import codes

RULES: tuple[Rule, ...] = (*strings.RULES, *local.RULES, *modal.RULES, *pins.RULES, *cost.RULES)


def every_code() -> list[Code]:
    """Every kind of finding there is, in the order of its code."""
    found = [*codes.SHAPE, *(rule.code for rule in RULES)]
    return sorted(found, key=lambda code: code.id)
