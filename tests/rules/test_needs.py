"""What is said, without a lock, of an import that no package is known to bring."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docs.refresh_needs import NAMES, text
from imagespec.rules import needs

from .conftest import Checked
from .test_code import APP

SAID = {
    "[six==1.17.0]": "IS603",
    "[requests==2.32.3, pillow==11.0.0]": "IS603",
    "[pyyaml==6.0.2]": "",
    "[transformers==4.46.3]": "",
    "[clip-anytorch==2.6.0]": "IS603",
    "[somebodys-own==1.0]": "",
    "['six[extra]==1.17.0']": "",
    "[six==1.17.0, somebodys-own==1.0]": "",
}


@pytest.mark.parametrize(("packages", "code"), SAID.items(), ids=SAID)
def test_only_where_all_packages_are_well_known(checked: Checked, packages: str, code: str) -> None:
    found = checked({"app.py": APP + "    import yaml\n"}, f"apps: [app.py]\npython: {packages}\n")
    assert [d.code for d in found] == ([code] if code else [])


def test_an_unfinished_spec_may_lack_a_step(checked: Checked) -> None:
    spec = "apps: [app.py]\n%spython: [six==1.17.0]\n"
    files = {"app.py": APP + "    import yaml\n"}
    assert [d.code for d in checked(files, spec % "")] == ["IS603"]
    assert checked(files, spec % "# TODO app.py:3: `packages` of `pip_install` is left out\n") == []


BROUGHT = [
    ("fastapi", "starlette pydantic"),
    ("torch", "sympy jinja2"),
    ("torchvision", "numpy PIL torch"),
    ("boto3", "botocore"),
    ("openai", "httpx pydantic"),
    ("ultralytics", "PIL cv2 numpy"),
    ("datasets", "huggingface_hub pyarrow pandas"),
    ("opencv-python-headless", "cv2 numpy"),
]


@pytest.mark.parametrize(("package", "modules"), BROUGHT)
def test_what_comes_with_others(checked: Checked, package: str, modules: str) -> None:
    imports = modules.replace(" ", ", ")
    found = checked({"app.py": APP + f"    import {imports}, bs4\n"}, f"apps: [app.py]\npython: [{package}==1.0]\n")
    assert [d.message for d in found] == ["no package named here is known to bring `bs4`"]


def test_the_table_is_as_it_was_written() -> None:
    path = Path(needs.__file__).with_name("tables") / "needs.json"
    table = json.loads(path.read_text("utf-8"))["packages"]
    assert path.read_text("utf-8") == text(table)
    assert {name for row in table.values() for name in row["needs"].split()} <= table.keys()
    assert set(NAMES.split()) <= table.keys()
