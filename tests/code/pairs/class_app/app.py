"""A captioning service: the model is loaded once a container."""

import modal

import imagespec

app = modal.App("captions")
image = imagespec.load("spec.yaml")
weights = modal.Volume.from_name("caption-weights", create_if_missing=True)

with image.imports():
    import torch
    from PIL import Image
    from transformers import AutoModelForVision2Seq, AutoProcessor


@app.cls(image=image, gpu="A10G", volumes={"/weights": weights}, scaledown_window=300)
class Captions:
    name: str = modal.parameter(default="Salesforce/blip-image-captioning-base")

    @modal.enter()
    def load(self):
        self.processor = AutoProcessor.from_pretrained(self.name, cache_dir="/weights")
        self.model = AutoModelForVision2Seq.from_pretrained(self.name, cache_dir="/weights").to("cuda")

    @modal.method()
    def caption(self, data: bytes) -> str:
        import io

        inputs = self.processor(Image.open(io.BytesIO(data)), return_tensors="pt").to("cuda")
        with torch.inference_mode():
            return self.processor.decode(self.model.generate(**inputs)[0])

    @modal.exit()
    def close(self):
        weights.commit()


@app.local_entrypoint()
def main(path: str = "cat.jpg"):
    with open(path, "rb") as file:
        print(Captions().caption.remote(file.read()))
