"""Images and locks -> CycloneDX: what the schema asks for, and what is known of each package."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from cyclonedx.validation.xml import XmlValidator

from imagespec.emit.sbom import emit
from imagespec.lock.lockfile import Package
from tests.emit.handmade import file, lock, target, wheel

SPECS = Path(__file__).parents[2] / "specs"
SHIPPED = sorted(path for path in SPECS.rglob("*.yaml") if path.name[0] != "_" and not path.stem.endswith(".lock"))
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "sha256:" + "5a" * 32


def valid(spec: Path) -> dict[str, Any]:
    """The document of a spec, after both its forms were held against the official schemas."""
    found = target(spec)
    held = found.held.fresh
    for format_, validator in (
        ("json", JsonStrictValidator(SchemaVersion.V1_6)),
        ("xml", XmlValidator(SchemaVersion.V1_6)),
    ):
        text = emit(found.image, held, "xml" if format_ == "xml" else "json")
        assert validator.validate_str(text) is None, format_
        assert text == emit(target(spec).image, held, "xml" if format_ == "xml" else "json")
    document: dict[str, Any] = json.loads(emit(found.image, held))
    return document


def components(document: dict[str, Any]) -> dict[str, Any]:
    by_name = {each["name"]: each for each in document["components"]}
    assert len(by_name) == len(document["components"])
    return by_name


def properties(component: dict[str, Any]) -> dict[str, str]:
    return {each["name"].removeprefix("imagespec:"): each["value"] for each in component.get("properties", ())}


def dependencies(document: dict[str, Any]) -> dict[str, list[str]]:
    return {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}


@pytest.mark.parametrize("spec", SHIPPED, ids=lambda path: path.stem)
def test_shipped(spec: Path) -> None:
    document = valid(spec)
    assert document["metadata"]["component"]["name"] == spec.stem
    assert "timestamp" not in document["metadata"]
    refs = [each["bom-ref"] for each in document["components"]]
    assert len(refs) == len(set(refs))
    known = {*refs, document["metadata"]["component"]["bom-ref"]}
    graph = dependencies(document)
    assert {*graph, *(ref for refs in graph.values() for ref in refs)} <= known
    reached, left = set[str](), [document["metadata"]["component"]["bom-ref"]]
    while left:
        ref = left.pop()
        if ref not in reached:
            reached.add(ref)
            left += graph[ref]
    assert reached == known  # nothing lies there that the image does not need


def test_the_classifier() -> None:
    document = valid(SPECS / "classifier.yaml")
    held = target(SPECS / "classifier.yaml").held.lock
    assert held is not None
    found = components(document)
    assert {package.name for package in held.packages} < found.keys()
    torch = found["torch"]
    version = torch["version"]
    assert torch["purl"] == torch["bom-ref"] == f"pkg:pypi/torch@{version}"
    (hash_,) = torch["hashes"]
    assert hash_["content"] in {each.sha256 for each in (held.package("torch") or Package("", "")).files}
    needed = dependencies(document)["pkg:pypi/torch@" + version]
    assert any(ref.startswith("pkg:pypi/nvidia-cublas-cu12@") for ref in needed)
    assert properties(document["metadata"]["component"]) == {
        "python": "3.12",
        "platform": "x86_64-manylinux_2_36",
        "uv": "0.9.10",
        "lock": held.digest,
    }


def test_every_kind_of_package(tmp_path: Path) -> None:
    spec = tmp_path / "every.yaml"
    spec.write_text(
        f"""
base: {{registry: {{image: "example.com/team/cuda:12.4", add_python: "3.12"}}}}
apt: [git, curl=8.1-2]
python:
  uv: 0.9.10
  packages:
    - plain==1.0
    - "forked @ git+https://example.com/forked.git@{COMMIT}#subdirectory=python"
    - "private @ git+ssh://git@example.com/private.git@{COMMIT}"
    - "direct @ https://example.com/wheels/direct-3.0-py3-none-any.whl"
run: [make everything]
steps:
  - pip_install: [stepped==4.0, loose>=2]
"""
    )
    packages = [
        Package("plain", "1.0", ("on-linux", "sources"), files=(wheel("plain", "1.0"), file("plain-1.0.tar.gz"))),
        Package("sources", "0.5", files=(file("sources-0.5.tar.gz", None),)),
        Package(
            "on-linux",
            "2.0+cu124",
            marker="sys_platform == 'linux'",
            files=(
                wheel("on-linux", "2.0+cu124", "cp312-cp312-manylinux2014_x86_64"),
                wheel("on-linux", "2.0+cu124", "cp312-abi3-manylinux_2_28_x86_64"),
                wheel("on-linux", "2.0+cu124", "cp312-cp312-win_amd64"),
                wheel("on-linux", "2.0+cu124", "cp312-cp312-manylinux2014_aarch64"),
            ),
        ),
        Package("forked", "0", source=f"git+https://user:secret@example.com/forked.git@{COMMIT}#subdirectory=python"),
        Package("private", "1.2", source=f"git+ssh://git@example.com/private.git@{COMMIT}"),
        Package(
            "direct",
            "3.0",
            source="https://token@example.com/wheels/direct-3.0-py3-none-any.whl",
            files=(wheel("direct", "3.0"),),
        ),
    ]
    lock(spec, packages, base=DIGEST, exclude_newer="2026-01-31T00:00:00Z")
    document = valid(spec)
    found = components(document)

    assert found["plain"]["purl"] == "pkg:pypi/plain@1.0"
    assert [each["content"] for each in found["plain"]["hashes"]] == [wheel("plain", "1.0").sha256]
    assert found["sources"]["hashes"][0]["content"] == file("sources-0.5.tar.gz").sha256
    assert properties(found["sources"])["built"] == "from source, while the image is built"
    assert found["on-linux"]["purl"] == "pkg:pypi/on-linux@2.0%2Bcu124"
    assert {each["content"] for each in found["on-linux"]["hashes"]} == {
        each.sha256
        for each in packages[2].files
        if each.name.endswith("manylinux2014_x86_64.whl") or "abi3" in each.name
    }
    assert properties(found["on-linux"])["marker"] == "sys_platform == 'linux'"

    assert "version" not in found["forked"]
    assert (
        found["forked"]["purl"] == f"pkg:pypi/forked?vcs_url=git%2Bhttps://example.com/forked.git%40{COMMIT}%23python"
    )
    assert found["forked"]["externalReferences"] == [
        {"type": "vcs", "url": f"git+https://example.com/forked.git@{COMMIT}#python"}
    ]
    assert "git%40example.com" in found["private"]["purl"]  # a user of SSH is no secret
    assert found["direct"]["purl"] == (
        "pkg:pypi/direct@3.0?download_url=https://example.com/wheels/direct-3.0-py3-none-any.whl"
    )
    assert "secret" not in json.dumps(document)
    assert "token" not in json.dumps(document)

    base = found["example.com/team/cuda"]
    encoded = DIGEST.replace(":", "%3A")
    assert base["purl"].replace("%3A", ":") == (
        f"pkg:oci/cuda@{encoded}?repository_url=example.com/team/cuda&tag=12.4".replace("%3A", ":")
    )
    assert (base["version"], base["hashes"]) == ("12.4", [{"alg": "SHA-256", "content": "5a" * 32}])

    assert "version" not in found["git"]
    assert "purl" not in found["git"]  # which distribution it is of, the base does not tell
    assert properties(found["git"])["version"].startswith("unknown")
    assert found["curl"]["version"] == "8.1-2"
    assert (found["stepped"]["version"], found["stepped"]["purl"]) == ("4.0", "pkg:pypi/stepped@4.0")
    assert properties(found["loose"])["version"] == "unknown: the installer chooses it for `loose>=2`"
    assert properties(document["metadata"]["component"]) | {"lock": ""} == {
        "python": "3.12",
        "platform": "x86_64-manylinux_2_28",
        "uv": "0.9.10",
        "exclude-newer": "2026-01-31T00:00:00Z",
        "lock": "",
        "not-listed": "what run_commands brings",
    }
    graph = dependencies(document)
    assert graph["pkg:pypi/plain@1.0"] == ["pkg:pypi/on-linux@2.0%2Bcu124", "pkg:pypi/sources@0.5"]
    top = graph[document["metadata"]["component"]["bom-ref"]]
    assert "pkg:pypi/plain@1.0" in top
    assert "pkg:pypi/sources@0.5" not in top


def test_addresses_of_indexes_stay_out(tmp_path: Path) -> None:
    spec = tmp_path / "private.yaml"
    spec.write_text(
        'base: {debian_slim: "3.12"}\n'
        "python: {packages: [a==1.0], index_url: https://index.example/simple, find_links: https://more.example/}\n"
    )
    lock(spec, [Package("a", "1.0", files=(wheel("a", "1.0"),))])
    text = json.dumps(valid(spec))
    assert "a-1.0-py3-none-any.whl" in text
    assert not re.search(r"index\.example|more\.example", text)


BASES = {
    "{debian_slim: '3.12'}": ("debian_slim", None, "unknown: Modal builds it"),
    "{micromamba: '3.12'}": ("micromamba", None, "unknown: Modal builds it"),
    "{scratch: true}": ("from_scratch", None, "none: it is empty"),
    "{published: 'team/image:v1'}": ("team/image:v1", None, "unknown: the image is Modal's own"),
    "{id: im-1234}": ("im-1234", None, "unknown: the image is Modal's own"),
    f"{{registry: 'python:3.12-slim@{DIGEST}'}}": ("docker.io/library/python", "3.12-slim", None),
    f"{{registry: 'python@{DIGEST}'}}": ("docker.io/library/python", DIGEST, None),
    "{dockerfile: Dockerfile}": ("Dockerfile", None, "unknown: it is built from a Dockerfile"),
}


@pytest.mark.parametrize("base", BASES)
def test_bases(tmp_path: Path, base: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    spec = tmp_path / "image.yaml"
    spec.write_text(f"base: {base}\n")
    (found,) = components(valid(spec)).values()
    name, version, digest = BASES[base]
    assert (found["name"], found.get("version"), properties(found).get("digest")) == (name, version, digest)
    assert found["type"] == "container"
    assert ("purl" in found) == (DIGEST in base)


def test_conda(tmp_path: Path) -> None:
    spec = tmp_path / "image.yaml"
    spec.write_text("base: {micromamba: '3.12'}\nconda: {packages: [numpy==2.1.3, cudatoolkit=11.8], channels: [c]}\n")
    found = components(valid(spec))
    assert (found["numpy"]["purl"], found["numpy"]["version"]) == ("pkg:conda/numpy", "2.1.3")
    assert "version" not in found["cudatoolkit"]
    assert properties(found["cudatoolkit"])["version"] == "unknown: conda chooses it for `cudatoolkit=11.8`"


def test_the_serial_number_is_of_the_contents(tmp_path: Path) -> None:
    spec = tmp_path / "image.yaml"

    def serial(apt: str, version: str) -> str:
        spec.write_text(f"base: {{debian_slim: '3.12'}}\napt: [{apt}]\npython: [a=={version}]\nenv: {{A: '{apt}'}}\n")
        lock(spec, [Package("a", version, files=(wheel("a", version),))])
        number: str = valid(spec)["serialNumber"]
        assert uuid.UUID(number).version == 5
        return number

    first = serial("git", "1.0")
    assert serial("git", "1.0") == first
    assert len({first, serial("git", "1.1"), serial("curl", "1.0")}) == 3


def test_characters_that_mean_something_in_xml(tmp_path: Path) -> None:
    (tmp_path / "<b>&]]>.txt").write_text("FROM python:3.12\n")
    spec = tmp_path / "image.yaml"
    spec.write_text('base: {dockerfile: "<b>&]]>.txt"}\n')
    assert "<b>&]]>.txt" in components(valid(spec))
