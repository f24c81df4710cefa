import modal

image = modal.Image.debian_slim("3.12").env({"A": 1}).pip_install("six", pre="yes").workdir(3)
