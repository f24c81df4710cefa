"""The data path beside torchvision's, our DiT beside a plain transformer, on a GPU both trainers beside plain loops.

    python -m benchmarks.training [RUNS]

Each figure stands beside its baseline's of the same turn. Without a GPU, the last part says so.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.measure import machine, side_by_side, table
from training import loop, sources, speed
from training.augment import varied
from training.config import CONFIGS, Config
from training.data import Pack, batches, open_pack, write_pack
from training.dit import DiT
from training.optimizer import Average, adamw, decay
from training.parallel import Chance, World
from training.tasks import Task, task

IMAGES, SIDE, BATCH = 256, 256, 64


class Reference(nn.Module):
    """torch's own encoder of the same width, depth and heads, over the same patches: no times, classes, gates."""

    def __init__(self, channels: int, patch: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.patch = patch
        self.embed = nn.Conv2d(channels, width, patch, patch)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, channels * patch**2)

    def forward(self, z: Tensor) -> Tensor:
        tokens = self.embed(z).flatten(2).transpose(1, 2)
        predicted: Tensor = self.head(self.blocks(tokens))
        return predicted


def data_path(folder: Path, runs: int) -> str:
    """One epoch of crops of 224 pixels, in -1..1, from the same images: seconds an epoch."""
    from torchvision import datasets, transforms

    source = sources.synthetic(SIDE, IMAGES, 8)
    for index, (split, image, label) in enumerate(source.examples):
        if split == "train":
            place = folder / "jpegs" / str(label) / f"{index}.jpg"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place, quality=90)
    write_pack(sources.synthetic(SIDE, IMAGES, 8), folder / "pack")
    pack = open_pack(folder / "pack")
    config = CONFIGS["classifier"].make({"batch": BATCH})
    cpu = torch.device("cpu")
    chance = Chance(0, World(cpu))
    augment = transforms.Compose(
        [
            transforms.RandomResizedCrop(224, (0.36, 1.0)),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.5] * 3),
        ]
    )
    folders = datasets.ImageFolder(str(folder / "jpegs"), augment)

    def loader(workers: int) -> Callable[[], object]:
        made = torch.utils.data.DataLoader(
            folders, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0
        )
        return lambda: [images.sum() for images, _ in made]

    def packed() -> object:
        epoch = batches(pack.train, BATCH, 0, range(IMAGES // BATCH), slice(0, BATCH), cpu)
        return [varied(images, config, chance).sum() for images, _ in epoch]

    def gathered() -> object:
        """What is left to the CPU where a GPU augments."""
        epoch = batches(pack.train, BATCH, 0, range(IMAGES // BATCH), slice(0, BATCH), cpu)
        return [images.view(-1)[0] for images, _ in ((i.permute(0, 2, 3, 1), _) for i, _ in epoch)]

    times = side_by_side(
        {
            "ImageFolder, DataLoader with 2 workers": loader(2),
            "ImageFolder, DataLoader in the process": loader(0),
            "pack, augmented on the CPU": packed,
            "pack, gathered alone": gathered,
        },
        runs,
    )
    rate = {name: IMAGES / sorted(seconds)[len(seconds) // 2] for name, seconds in times.items()}
    lines = [f"  {name}: {images:,.0f} images a second" for name, images in rate.items()]
    return "\n".join([table(times, "ImageFolder, DataLoader with 2 workers"), *lines])


def steps(runs: int) -> str:
    """A training step of both models, eager, on the CPU: 64 tokens, width 192, depth 6."""
    torch.manual_seed(0)
    ours = DiT(image_size=32, channels=3, classes=10, patch=4, width=192, depth=6, heads=6)
    plain = Reference(3, 4, 192, 6, 6)
    z, t, labels = torch.randn(32, 3, 32, 32), torch.rand(32), torch.randint(0, 10, (32,))

    def step(model: nn.Module, *inputs: Tensor) -> Callable[[], object]:
        optimizer = torch.optim.AdamW(model.parameters())

        def run() -> None:
            model(*inputs).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()

        return run

    counts = [sum(p.numel() for p in model.parameters()) / 1e6 for model in (plain, ours)]
    names = [f"{name}, {count:.2f} million parameters" for name, count in zip(("plain", "DiT"), counts, strict=True)]
    return table(
        side_by_side(dict(zip(names, (step(plain, z), step(ours, z, t, labels)), strict=True)), runs), names[0]
    )


def on_gpu(runs: int) -> str:
    """Both trainers with bf16 and compile, beside eager fp32 of the same model, same batch."""
    if not torch.cuda.is_available():
        return "no GPU here: images a second, MFU and memory with bf16 and compile were not measured"
    device = torch.device("cuda")
    peak = speed.peak(device)
    lines = [torch.cuda.get_device_name(device)]
    with tempfile.TemporaryDirectory() as folder:
        write_pack(sources.synthetic(256, 1024, 8), Path(folder, "pack"))
        pack = open_pack(Path(folder, "pack"))
        for name, given in (("classifier", {"pretrained": False}), ("dit", {})):
            config = CONFIGS[name].make(given)
            for label, precision, compiled in (("eager fp32", "fp32", False), ("bf16, compile", "auto", True)):
                lines.append(f"{name}, {label}: {_measured(config, pack, device, precision, compiled, peak, runs)}")
    return "\n".join(lines)


def _measured(
    config: Config, pack: Pack, device: torch.device, precision: str, compiled: bool, peak: float | None, runs: int
) -> str:
    import dataclasses
    import time

    own: Task = task(dataclasses.replace(config, precision=precision), pack)
    model = own.model().to(device)
    learner: Any = torch.compile(model) if compiled else model
    optimizer, average, chance = adamw(model, config, device), Average(model), Chance(0, World(device))
    dtype = loop.precision(own.config, device)
    torch.cuda.reset_peak_memory_stats()
    count = 10 + 10 * runs
    begun = 0.0
    reader = batches(pack.train, config.batch, 0, range(count), slice(0, config.batch), device)
    for step, (images, labels) in enumerate(reader):
        if step == 10:
            torch.cuda.synchronize()
            begun = time.perf_counter()
        with torch.autocast("cuda", dtype, enabled=dtype is not torch.float32):
            loss = own.loss(learner, images, labels, chance)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        average.follow(model, decay(step, config.ema))
    torch.cuda.synchronize()
    seconds = (time.perf_counter() - begun) / (count - 10)
    mfu = f"{speed.flops(model, own.example()) / seconds / peak:.1%}" if peak else "unknown"
    memory = torch.cuda.max_memory_allocated() / 2**30
    return f"{config.batch / seconds:,.0f} images a second, MFU {mfu}, {memory:.1f} GiB"


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(f"{machine()}; torch {torch.__version__}; {runs} runs of each, in turn; median (middle half)\n")
    with tempfile.TemporaryDirectory() as folder:
        print(f"data: an epoch of {IMAGES} images of {SIDE} pixels\n{data_path(Path(folder), runs)}\n")
    print(f"a training step of 32 images\n{steps(runs)}\n")
    print(on_gpu(runs))


if __name__ == "__main__":
    main()
