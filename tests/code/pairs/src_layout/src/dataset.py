import torch.utils.data


class Pets(torch.utils.data.Dataset): ...
