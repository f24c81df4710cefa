"""Image -> findings: every rule, in the order of its code."""

from __future__ import annotations

from imagespec.rules import arguments, cost, local, modal, pins, projects, strings
from imagespec.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *strings.RULES,
    *local.RULES,
    *projects.RULES,
    *modal.RULES,
    *arguments.RULES,
    *pins.RULES,
    *cost.RULES,
)
