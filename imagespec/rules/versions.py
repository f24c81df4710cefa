"""IS7xx: versions that do not go together."""

from __future__ import annotations

from imagespec.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
