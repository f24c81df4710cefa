from vision.models import resnet

MODELS = {"resnet": resnet.ResNet}
