"""Backbones: torchvision's with a head of our own, and clear words where they cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.training import runs
from training import backbones
from training.config import TrainingError
from training.data import open_pack
from training.tasks import task


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "vit_b_32", "convnext_tiny", "small"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_backbone_names_our_classes(name: str, channels: int) -> None:
    side = 224 if name == "vit_b_32" else 64
    model = backbones.classifier(name, channels, 37, pretrained=False).eval()
    with torch.no_grad():
        assert model(torch.zeros(2, channels, side, side)).shape == (2, 37)


def test_images_are_scaled_as_imagenets_were() -> None:
    seen: list[torch.Tensor] = []
    inner = nn.Identity()
    inner.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    backbones.Normalised(inner)(torch.full((1, 1, 2, 2), 1.0))
    assert torch.allclose(
        seen[0][0, :, 0, 0], torch.tensor([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])
    )


def test_the_small_one_computes_the_same_in_any_batch() -> None:
    model, images = backbones.SmallNet(1, 10), torch.randn(6, 1, 8, 8)
    with torch.no_grad():
        assert torch.allclose(model(images)[:2], model(images[:2]), atol=1e-5)


def test_weights_that_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for variable in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    with pytest.raises(TrainingError) as caught:
        backbones.classifier("resnet18", 3, 37, pretrained=True)
    assert str(caught.value).startswith("the pretrained weights of `resnet18` cannot be fetched (")
    assert "`--no-pretrained` trains without them" in str(caught.value)
    with pytest.raises(TrainingError, match="`--features pixels` measures without them"):
        backbones.extractor("resnet18")


def test_a_backbone_that_does_not_exist() -> None:
    with pytest.raises(TrainingError) as caught:
        backbones.classifier("resnet5O", 3, 37, pretrained=False)
    assert str(caught.value) == "torchvision has no classifier `resnet5O`: did you mean `resnet50`?"


def test_a_backbone_with_two_heads() -> None:
    with pytest.raises(TrainingError, match="`googlenet` does not end in one linear layer"):
        backbones._last_linear("googlenet", nn.Conv2d(1, 1, 1))


def test_torchvision_that_does_not_fit_torch(tmp_path: Path) -> None:
    """Beside a torch of another build, importing torchvision is a RuntimeError."""
    import subprocess
    import sys

    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "training", "train", "classifier", "--data", "digits", "--backbone", "resnet18"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{root}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "error: torchvision cannot be imported beside this torch (operator torchvision::nms does not exist): install a "
        "pair that goes together, or take `--backbone small --no-pretrained`\n"
    )


@pytest.mark.parametrize("name", ["vit_b_32", "alexnet"])
def test_images_that_a_backbone_does_not_take(name: str, tmp_path: Path) -> None:
    own = task(runs.config("classifier", backbone=name, pretrained=False), open_pack(runs.pack(tmp_path / "pack")))
    with pytest.raises(TrainingError) as caught:
        own.model()
    assert str(caught.value).startswith(f"`backbone={name}` does not take images of `image_size=16` (")
    assert str(caught.value).endswith("): take another `--image-size` or `--backbone`")
