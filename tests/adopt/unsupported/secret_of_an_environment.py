import modal

image = modal.Image.debian_slim("3.12").pip_install("six", secrets=[modal.Secret.from_name("token", environment_name="main")])
