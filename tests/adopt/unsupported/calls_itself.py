import modal

def deeper(image, n):
    return deeper(image.workdir(f"/{n}"), n + 1)


image = modal.Image.debian_slim("3.12")
image = deeper(image, 0)
