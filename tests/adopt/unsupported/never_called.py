import modal

def make(version, debug=False):
    image = modal.Image.debian_slim("3.12").pip_install(f"torch=={version}")
    if debug:
        image = image.pip_install("debugpy")
    return image
