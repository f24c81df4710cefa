"""The package index that uv is set up with -> `imagespec/rules/tables/needs.json`: what well-known packages bring.

`python -m docs.refresh_needs` locks each package of `NAMES` by itself, in its newest version and in that of `EARLIER`;
`NAME…` only those. What is found is added to the table: a package brings and needs what it ever did.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from imagespec.image.layers import Installed
from imagespec.lock.lockfile import Lock, Package, load
from imagespec.lock.modules import INSTEAD_OF, MODULES, modules_of

TABLE = Path(__file__).parent.parent / "imagespec" / "rules" / "tables" / "needs.json"
NAMES = """
    accelerate aiofiles anthropic av bitsandbytes boto3 catboost celery chex chromadb dask datasets decord deepspeed
    diffusers duckdb einops evaluate fastapi faster-whisper feedparser ffmpeg-python flask flax gensim geopandas
    gradio h5py hf-transfer httpx huggingface-hub imageio instructor jax jinja2 jiwer joblib kornia langchain
    librosa lightgbm lightning lightning-fabric litellm loguru lpips matplotlib mlflow moviepy networkx nltk numba
    numpy omegaconf onnx onnxruntime openai optax optimum optuna orjson pandas pdf2image peft pillow pinecone
    playwright plotly polars praw prefect psutil pyarrow pydantic pydub pypdf pypdf2 pyproj pytest pytest-asyncio
    python-pptx python-telegram-bot pytorch-lightning qdrant-client rasterio ray redis requests resampy resend rich
    rouge-score sacrebleu safetensors scipy seaborn selenium sentence-transformers sentencepiece sentry-sdk sglang
    shapely slack-sdk soundfile soxr spacy sqlalchemy sse-starlette starlette statsmodels streamlit stripe supabase
    sympy tenacity tensorboard tensorflow thinc tiktoken timm tokenizers torch torchao torchaudio torchcodec
    torchmetrics torchvision tqdm transformers trimesh triton trl tweepy twilio typer ultralytics unsloth uvicorn
    vllm wandb webdataset websockets xarray xformers xgboost yt-dlp zarr zstandard
"""
"""Packages that machine learning projects name, besides those whose modules are called otherwise."""

EARLIER = "2025-01-01"
"""Specs pin older versions, which need other packages than the newest."""

Row = Mapping[str, str]
"""`brings`: modules, the first part of their names, `?` where its wheel does not tell; `needs`: names of packages."""


def rows(name: str, folder: Path, date: str = "") -> dict[str, Row]:
    """What a package, and all that it needs, brings and needs in turn; nothing where it cannot be locked."""
    spec = folder / f"{name}{date}.yaml"
    spec.write_text(f'base: {{debian_slim: "3.12"}}\npython: ["{name}"]\n', "utf-8")
    command = [sys.executable, "-m", "imagespec", "lock", str(spec), *(["--exclude-newer", date] if date else [])]
    said = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    lock = load(spec.with_suffix(".lock.yaml"))
    if not isinstance(lock, Lock):
        print(f"{name}: {said.stderr.strip()}", file=sys.stderr)
        return {}
    return {each.name: {"brings": _brings(each), "needs": " ".join(each.requires)} for each in lock.packages}


def _brings(package: Package) -> str:
    """What its wheel tells; where that tells nothing, what is well known."""
    imports = package.imports
    if not imports and package.name.startswith(("nvidia-", "cuda-")):  # libraries alone
        return "nvidia"
    if not imports and package.name in {*NAMES.split(), *MODULES, *INSTEAD_OF}:
        imports = modules_of(Installed(name=package.name, version=package.version))
    return " ".join(sorted({module.partition(".")[0] for module in imports})) or "?"


def text(table: Mapping[str, Row]) -> str:
    """JSON with a line for each package."""
    lines = [f"    {json.dumps(name)}: {json.dumps(table[name])}" for name in sorted(table)]
    about = "Made by `python -m docs.refresh_needs` from locks for Linux, x86-64 and Python 3.12."
    return f'{{\n  "about": {json.dumps(about)},\n  "packages": {{\n' + ",\n".join(lines) + "\n  }\n}\n"


def merged(one: Row, other: Row) -> Row:
    """What two versions of a package bring and need together."""
    return {key: " ".join(sorted({*one[key].split(), *other[key].split()})) for key in one}


def _known(path: Path) -> dict[str, Row]:
    return dict(json.loads(path.read_text("utf-8"))["packages"]) if path.exists() else {}


def _found(names: Sequence[str]) -> Iterator[dict[str, Row]]:
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            for date in ("", EARLIER):
                found = rows(name, Path(folder), date)
                print(name, date, len(found), file=sys.stderr)
                yield found


def main(arguments: Sequence[str], path: Path = TABLE) -> None:
    table = _known(path)
    for found in _found(arguments or sorted({*NAMES.split(), *MODULES, *INSTEAD_OF})):
        table |= {name: merged(row, table.get(name, row)) for name, row in found.items()}
        path.write_text(text(table), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
