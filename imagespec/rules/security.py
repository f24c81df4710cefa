"""IS8xx: secrets, and what comes from strangers."""

from __future__ import annotations

from imagespec.rules import downloads, indexes, secrets, tls
from imagespec.rules.rule import Rule

RULES: tuple[Rule, ...] = tuple(
    sorted((*secrets.RULES, *downloads.RULES, *indexes.RULES, *tls.RULES), key=lambda rule: rule.code.id)
)
