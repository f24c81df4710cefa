"""`imagespec schema`: the JSON Schema, as it is."""

from __future__ import annotations

import json

from imagespec.spec.schema import json_schema

from .conftest import Run


def test_schema(run: Run) -> None:
    code, out, err = run("schema")
    assert (code, err) == (0, "")
    assert json.loads(out) == json_schema()
