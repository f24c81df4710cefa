import modal

import config
import imagespec

app = modal.App("config")
image = imagespec.load("spec.yaml")


@app.function(image=image, volumes={"/data": modal.Volume.from_name("data")})
def train(settings: config.Config):
    from omegaconf import OmegaConf

    from model import Net

    net = Net(config.Config(**OmegaConf.load("configs/small.yaml")))
    net.save("/data/net.safetensors")


@app.local_entrypoint()
def main():
    import rich.pretty
    import yaml

    settings = yaml.safe_load(config.local())
    with open("configs/local.yaml") as file:
        rich.pretty.pprint(file.read())
    train.remote(config.Config(**settings))
