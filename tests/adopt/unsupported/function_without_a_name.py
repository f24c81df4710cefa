import modal

image = modal.Image.debian_slim("3.12").run_function(lambda: print("hi"), timeout=10)
