"""Image -> findings: every rule, in the order of its code."""

from __future__ import annotations

from imagespec.rules import (
    arguments,
    code,
    cost,
    cuda,
    local,
    modal,
    pins,
    projects,
    security,
    strings,
    versions,
    wheels,
)
from imagespec.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *strings.RULES,
    *local.RULES,
    *projects.RULES,
    *modal.RULES,
    *arguments.RULES,
    *pins.RULES,
    *cost.RULES,
    *code.RULES,
    *versions.RULES,
    *cuda.RULES,
    *wheels.RULES,
    *security.RULES,
)
