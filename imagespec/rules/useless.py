"""IS507, IS508: lines that do nothing, or not what they seem to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from imagespec.diagnostic import Edit, Remove, Rename
from imagespec.image.commands import instructions_of
from imagespec.image.layers import Image, Place
from imagespec.image.requirements import name_of, requirements_of
from imagespec.rules.rule import Finding, Rule, rule
from imagespec.spec import operations as ops

_HUB = re.compile(r"HF_(?:XET|HUB|HOME|ENDPOINT|DATASETS)\w*|HUGGINGFACE_HUB_\w+|HUGGINGFACE_CO_\w+|TRANSFORMERS_CACHE")
_CLIENTS = frozenset({"huggingface-hub", "transformers", "diffusers", "datasets", "accelerate", "tokenizers", "timm"})
_CLIENTS |= {
    "sentence-transformers",
    "vllm",
    "peft",
    "trl",
    "evaluate",
    "gradio",
    "open-clip-torch",
    "sglang",
    "hf-xet",
}
_CLIENTS |= {"faster-whisper", "lerobot", "outlines", "fastembed", "llama-cpp-python", "candle", "hf-transfer"}


@rule("IS507", "note", fixable=True)
def variable_for_nobody(image: Image) -> Iterable[Finding]:
    """A variable of the Hugging Face Hub that nothing in the image reads.

    `HF_…`, `HUGGINGFACE_HUB_…` and `TRANSFORMERS_CACHE` are read by `huggingface-hub`, which comes with transformers,
    diffusers, datasets and others. Without it they do nothing. `HF_HUB_ENABLE_HF_TRANSFER` does nothing from
    huggingface-hub 1.0 on: Xet took the place of `hf_transfer`.

    Use instead: remove it; for `HF_HUB_ENABLE_HF_TRANSFER`, `HF_XET_HIGH_PERFORMANCE`.
    """
    variables = dict(_variables(image))
    hub = image.installed.get("huggingface-hub")
    if hub is not None and re.match(r"[1-9]", hub.version) and "HF_HUB_ENABLE_HF_TRANSFER" in variables:
        place = variables["HF_HUB_ENABLE_HF_TRANSFER"]
        new = "HF_XET_HIGH_PERFORMANCE"
        fix: tuple[Edit, ...] = (Remove(place),) if new in variables else (Rename(place, new),)
        message = f"huggingface-hub {hub.version} does not read `HF_HUB_ENABLE_HF_TRANSFER` any more"
        yield Finding(place, message, f"`{new}` took its place", on_key=True, fix=fix)
    if not image.complete or _CLIENTS & image.installed.keys() or _mentioned(image):
        return
    for name, place in variables.items():
        if _HUB.fullmatch(name):
            message = f"nothing in the image reads `{name}`: no client of the Hub is installed"
            yield Finding(place, message, "remove it", on_key=True, fix=(Remove(place),))


def _variables(image: Image) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    for layer in image.layers:
        if isinstance(layer.operation, ops.Env):
            for name in layer.operation.vars:
                place = layer.place("vars", name)
                if isinstance(place, tuple):
                    yield name, place


def _mentioned(image: Image) -> bool:
    """Whether commands name the Hub, or one of its variables."""
    texts = [instruction.text for layer in image.layers for instruction in instructions_of(layer)]
    return any(re.search(r"(?i)\bhf\b|hf_|hugging", text) for text in (*texts, *image.checks.commands))


@rule("IS508", "note", fixable=True)
def modal_in_image(image: Image) -> Iterable[Finding]:
    """`modal` among the packages of an image.

    Modal mounts its client into every container, in the version of the machine that starts the app: a version here does
    not choose it, and can bring other versions of what the client needs.

    Use instead: leave it out; the version that runs is that of your own machine.
    """
    for layer in image.layers:
        for line in requirements_of(layer):
            if name_of(line.text) == "modal":
                yield _client(line.place)


def _client(place: Place) -> Finding:
    fix = (Remove(place),) if isinstance(place, tuple) and isinstance(place[-1], int) else ()
    message = "Modal brings its own client into the container: this one is not chosen, and may shadow what it needs"
    return Finding(place, message, "remove it", fix=fix)


RULES: tuple[Rule, ...] = (variable_for_nobody, modal_in_image)
