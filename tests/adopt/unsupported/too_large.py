import modal

image = modal.Image.debian_slim("3.12").env({"A": "x" * 10**9}).run_commands(*["a"] * 10**7)
