"""IS6xx: the code of apps against the image that it runs on."""

from __future__ import annotations

from imagespec.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
