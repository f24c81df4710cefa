"""Conditions over constants are decided."""
import modal

GPU, DEBUG, LEVEL = True, False, 3
image = modal.Image.debian_slim("3.12")
if GPU and not DEBUG:
    image = image.pip_install("torch")
elif DEBUG:
    image = image.pip_install("debugpy")
else:
    image = image.pip_install("onnxruntime")
image = image.env({"A": "1"} if LEVEL > 2 else {"B": "1"})
if DEBUG or modal.is_local():
    image = image.workdir("/local")
if __name__ == "never":
    image = image.env({"NEVER": "1"})
