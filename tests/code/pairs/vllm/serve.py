import subprocess

import modal

import imagespec

app = modal.App("vllm")
image = imagespec.load("spec.yaml")
cache = modal.Volume.from_name("huggingface-cache", create_if_missing=True)
PORT = 8000


@app.function(image=image, gpu="H100", volumes={"/root/.cache/huggingface": cache}, scaledown_window=900)
@modal.concurrent(max_inputs=32)
@modal.web_server(port=PORT, startup_timeout=600)
def serve():
    command = ["vllm", "serve", "Qwen/Qwen2.5-7B-Instruct", "--host", "0.0.0.0", "--port", str(PORT)]
    subprocess.Popen(" ".join(command), shell=True)


@app.function(image=image, volumes={"/root/.cache/huggingface": cache})
def download():
    from huggingface_hub import snapshot_download

    snapshot_download("Qwen/Qwen2.5-7B-Instruct")
    subprocess.run("nvcc --version && nvidia-smi", shell=True)
