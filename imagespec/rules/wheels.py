"""IS705, IS706: what the names of wheels and extras say, against the torch, the Python and the machine of the image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from posixpath import basename
from urllib.parse import unquote

from packaging.utils import parse_wheel_filename

from imagespec.image.layers import Image
from imagespec.image.requirements import Line, requirement, requirements_of
from imagespec.lock.pins import applies
from imagespec.rules.releases import release
from imagespec.rules.rule import Finding, Rule, rule
from imagespec.rules.torch_build import Torch, python_series, torch_of


@rule("IS705", "error")
def wheel_for_another(image: Image) -> Iterable[Finding]:
    """A wheel that was built for another torch, Python, CUDA or platform, as its name says.

    `flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp313-cp313-linux_x86_64.whl` is for CUDA 12, torch 2.6 with the
    older C++ ABI, Python 3.13 and Linux. A wheel for another Python or platform is refused by the installer; one for
    another torch is installed, and fails when it is imported.

    Use instead: the file whose name says what the image has.
    """
    torch = torch_of(image)
    for line in _needed(image):
        wrong = list(_wrong(line, python_series(image), torch))
        if wrong:
            its, ours, wanted = ([each[i] for each in wrong] for i in range(3))
            message = f"this wheel is for {', '.join(its)}; the image has {', '.join(ours)}"
            hint = f"take the file whose name says {', '.join(f'`{each}`' for each in wanted)}"
            yield Finding(line.place, message, hint)


def _needed(image: Image) -> Iterator[Line]:
    """The requirements that hold for the image's Python."""
    series = python_series(image)
    for layer in image.layers:
        for line in requirements_of(layer):
            parsed = requirement(line.text)
            marked = ";" in line.text if parsed is None else parsed.marker is not None
            if not marked or (series and applies(line.text, series)):
                yield line


def _wrong(line: Line, series: str, torch: Torch | None) -> Iterator[tuple[str, str, str]]:
    """What a wheel is for, what the image has instead, and what the name of the right wheel would say."""
    parsed = requirement(line.text)
    address = (parsed.url if parsed else line.text) or ""
    try:
        _, version, _, tags = parse_wheel_filename(unquote(basename(re.split(r"[?#]", address)[0])))
    except ValueError:
        return
    local = version.local or ""
    if torch is not None:
        yield from _wrong_torch(local, torch)
    if series and not any(_fits(tag.interpreter, tag.abi, series) for tag in tags):
        mine = series.replace(".", "").rstrip("t")
        named = sorted({re.sub(r"^cp3(?=\d)", "3.", tag.interpreter) for tag in tags})
        yield f"Python {' or '.join(named)}", f"Python {series}", f"cp{mine}"
    if not any(tag.platform == "any" or re.search(r"linux.*_x86_64$", tag.platform) for tag in tags):
        named = sorted({f"`{tag.platform}`" for tag in tags})
        yield " or ".join(named), "Linux on x86-64", "linux_x86_64"


def _wrong_torch(local: str, torch: Torch) -> Iterator[tuple[str, str, str]]:
    series = torches_in(local)
    if series and torch.series not in series:
        mine = f"{torch.series[0]}.{torch.series[1]}"
        yield f"torch {_first(series)}", f"torch {torch.version}", f"torch{mine}"
    cuda = _major_cuda_in(local)
    if cuda and torch.major_cuda and cuda != torch.major_cuda:
        yield f"CUDA {cuda}", f"a torch for CUDA {torch.cuda}", f"cu{torch.major_cuda}"
    abi = re.search(r"cxx11abi(true|false)", local)
    needed = release("torch", torch.version).get("abi") if torch.default else None
    if abi and needed and abi[1].upper() != needed:
        yield f"C++ ABI {abi[1].upper()}", f"a torch with C++ ABI {needed}", f"cxx11abi{needed}"


def _fits(interpreter: str, abi: str, series: str) -> bool:
    found = re.fullmatch(r"(cp|py)(\d)(\d*)", interpreter)
    if found is None:
        return False
    minor = series.partition(".")[2]
    if found[1] == "py" or abi in ("abi3", "none"):
        return found[2] == "3" and int(found[3] or 0) <= int(minor.rstrip("t"))
    return f"{found[2]}.{found[3]}" == series.rstrip("t") and abi.endswith("t") == series.endswith("t")


def torches_in(text: str) -> set[tuple[int, int]]:
    """The series of torch that a name may mean: `torch2.6` is 2.6, `pt25` is 2.5, `torch212` may be 2.1 or 2.12."""
    if found := re.search(r"(?:torch|pt)(\d+)\.(\d+)", text):
        return {(int(found[1]), int(found[2]))}
    found = re.search(r"(?:torch|pt)(\d)(\d{1,3})(?!\d)", text)
    return {(int(found[1]), int(found[2][:length])) for length in (1, 2)} if found else set()


def _first(series: set[tuple[int, int]]) -> str:
    return ".".join(map(str, min(series)))


def _major_cuda_in(text: str) -> str:
    found = re.search(r"(?<![a-z])cu(\d{2})\d?(?!\d)", text)
    return found[1] if found else ""


@rule("IS706", "error")
def extra_for_another(image: Image) -> Iterable[Finding]:
    """An extra that is made for another torch or CUDA, as its name says.

    `unsloth[cu121-torch250]` brings what is built for torch 2.5 and CUDA 12.1. With another torch it has no solution,
    or is installed and fails when it is imported.

    Use instead: the extra that names the torch and the CUDA of the image, or none.
    """
    torch = torch_of(image)
    if torch is None:
        return
    for line in _needed(image):
        parsed = requirement(line.text)
        for extra in sorted(parsed.extras) if parsed is not None else ():
            if wrong := list(_wrong_torch(extra.lower(), torch)):
                its, ours = (", ".join(each[i] for each in wrong) for i in range(2))
                wanted = ", ".join(f"`{each[2].replace('.', '')}…`" for each in wrong)
                message = f"the extra `{extra}` is for {its}; the image has {ours}"
                yield Finding(line.place, message, f"take the extra that says {wanted}, or none")


RULES: tuple[Rule, ...] = (wheel_for_another, extra_for_another)
