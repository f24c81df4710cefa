"""IS8xx: secrets and what comes from strangers."""

from __future__ import annotations

from imagespec.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
