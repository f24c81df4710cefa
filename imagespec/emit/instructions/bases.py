"""A base -> the instructions that Modal's image builder begins with."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from imagespec.diagnostic import Diagnostic
from imagespec.emit.instructions.files import from_context
from imagespec.emit.instructions.writer import BUILDERS, NOT_IN_DOCKERFILE, Writer
from imagespec.image.copies import escape_of
from imagespec.image.files import left_out
from imagespec.image.layers import Layer
from imagespec.spec import operations as ops
from imagespec.spec.source import read

_DIRECTIVE = re.compile(r"\s*#\s*escape\s*=", re.IGNORECASE)


@cache
def _base_images() -> dict[str, Any]:
    """Which bases each of Modal's builders uses: data of the installed client, read without importing it."""
    spec = find_spec("modal")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    data: dict[str, Any] = json.loads(Path(folders[0], "builder", "base-images.json").read_text("utf-8"))
    return data


def _sleep() -> str:
    return f'CMD ["sleep", "{48 * 3600}"]'


def debian_slim(operation: ops.DebianSlim, builder: str) -> list[str]:
    images, version = _base_images(), operation.python_version
    fixed = {v.rpartition(".")[0]: v for v in images["python"].get(builder, ())}
    return [
        f"FROM python:{fixed.get(version, version)}-slim-{images['debian'][builder]}",
        "RUN apt-get update",
        "RUN apt-get install -y gcc gfortran build-essential",
        f"RUN pip install --upgrade {images['package_tools'][builder]}",
        "RUN echo 'debconf debconf/frontend select Noninteractive' | debconf-set-selections",
        _sleep(),
    ]


def micromamba(operation: ops.Micromamba, builder: str) -> list[str]:
    return [
        f"FROM mambaorg/micromamba:{_base_images()['micromamba'][builder]}",
        'SHELL ["/usr/local/bin/_dockerfile_shell.sh"]',
        "ENV MAMBA_DOCKERFILE_ACTIVATE=1",
        f"RUN micromamba install -n base -y python={operation.python_version} pip -c conda-forge",
        _sleep(),
    ]


def _add_python(layer: Layer, series: str | None, writer: Writer) -> list[str]:
    """Modal mounts a build of the python-build-standalone project; uv brings the same builds."""
    if series is None:
        return []
    from modal.mount import PYTHON_STANDALONE_VERSIONS

    if series not in PYTHON_STANDALONE_VERSIONS[writer.builder]:
        others = [each for each in BUILDERS if series in PYTHON_STANDALONE_VERSIONS[each]]
        hint = f"compile it with `--builder {others[-1]}`" if others else "no builder has it: choose another series"
        message = f"Modal's image builder {writer.builder} has no Python {series} to add"
        writer.refused.append(NOT_IN_DOCKERFILE.at(writer.span(layer.place("add_python")), message, hint))
        return []
    _, full = PYTHON_STANDALONE_VERSIONS[writer.builder][series]
    wanted = full[:-1] + "+freethreaded" if full.endswith("t") else full
    return [
        "COPY --from=ghcr.io/astral-sh/uv:latest /uv /.uv/uv",
        f"RUN /.uv/uv python install --no-bin --install-dir /.python {wanted}"
        " && cp -a /.python/cpython-*/. /usr/local && rm -r /.python && ln -sf python3 /usr/local/bin/python",
        "ENV TERMINFO_DIRS=/etc/terminfo:/lib/terminfo:/usr/share/terminfo:/usr/lib/terminfo",
    ]


def _continued_by_backslash(lines: list[str]) -> list[str] | None:
    """Lines that no `# escape=` has to stand above, as here they are not the first; `None` where that is not clear."""
    escape = escape_of(lines)
    if escape == "\\":
        return lines
    text = "\n".join(lines)
    if "\\" in text or re.search(rf"{re.escape(escape)}(?=[^\n]*\S)", text.partition("\n")[2]):
        return None
    return [re.sub(rf"{re.escape(escape)}\s*$", r"\\", line) for line in lines if not _DIRECTIVE.match(line)]


def dockerfile(layer: Layer, operation: ops.FromDockerfile, writer: Writer) -> list[str]:
    source = read(operation.path)
    if isinstance(source, Diagnostic):
        writer.refused.append(source)
        return []
    writer.build_args |= operation.build_args or {}
    context = operation.context_dir or writer.image.root
    ignore = left_out(context, operation.path, operation.ignore)
    written = _continued_by_backslash(source.text.rstrip("\n").split("\n"))
    if written is None:
        return writer.refuse(layer, "`# escape`, whose file has backslashes too,")
    lines = from_context(layer, written, context, ignore, {}, writer)
    return [*lines, *_add_python(layer, operation.add_python, writer)]


def registry(
    layer: Layer, operation: ops.FromRegistry | ops.FromGcpArtifactRegistry | ops.FromAwsEcr, writer: Writer
) -> list[str]:
    python = _add_python(layer, operation.add_python, writer)
    return [f"FROM {operation.tag}", *python, *operation.setup_dockerfile_commands]
