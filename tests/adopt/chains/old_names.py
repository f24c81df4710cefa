"""Everything by keyword."""
import modal

image = modal.Image.from_registry(tag="ubuntu:24.04", add_python="3.11", force_build=False)
image = image.env(vars={"A": "1"}).workdir(path="/w").add_local_dir(local_path="data", remote_path="/d", copy=True)
image = image.entrypoint(entrypoint_commands=["x"]).cmd(cmd=[])
