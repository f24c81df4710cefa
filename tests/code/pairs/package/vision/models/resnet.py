import torch.nn as nn
from torch import Tensor

from ..ops import pad
from ..ops.crops import center


class ResNet(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return pad(center(x))
