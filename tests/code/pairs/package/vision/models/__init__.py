from .resnet import ResNet


def build(name):
    from . import registry

    return registry.MODELS.get(name, ResNet)()
