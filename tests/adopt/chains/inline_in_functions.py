"""Images that only functions name."""
import modal

app = modal.App("inline")


@app.function(image=modal.Image.debian_slim("3.12").pip_install("torch"), gpu="A100")
def train() -> None:
    pass


@app.cls(image=modal.Image.debian_slim("3.11").apt_install("ffmpeg"), gpu=["T4", "L4:2"])
class Server:
    @modal.method()
    def serve(self) -> None:
        pass
