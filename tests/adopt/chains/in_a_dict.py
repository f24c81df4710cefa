"""Images in a dict and in a list."""
import modal

slim = modal.Image.debian_slim("3.12")
images = {version: slim.pip_install(f"torch=={version}") for version in ("2.4.0", "2.5.1")}
stages = [slim.apt_install("git"), slim.apt_install("curl")]
