from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import modal

import imagespec

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

app = modal.App("ui", image=imagespec.load("spec.yaml"))
CACHE = "/cache"
PROMPTS = Path("/data") / "prompts.json"


def load() -> DiffusionPipeline:
    import torch
    from diffusers import DiffusionPipeline

    return DiffusionPipeline.from_pretrained("x/y", cache_dir=CACHE, torch_dtype=torch.float16)


@app.function(gpu="L4", volumes={CACHE: modal.Volume.from_name("weights")}, max_containers=1)
@modal.concurrent(max_inputs=10)
@modal.asgi_app()
def ui():
    import gradio as gr
    from fastapi import FastAPI
    from gradio.routes import mount_gradio_app

    pipeline = load()
    with PROMPTS.open() as file:
        prompts = json.load(file)
    with open(f"{CACHE}/log.txt", "a") as log:
        log.write("start")
    demo = gr.Interface(lambda text: pipeline(text).images[0], inputs="text", outputs="image", examples=prompts)
    return mount_gradio_app(app=FastAPI(), blocks=demo, path="/")
