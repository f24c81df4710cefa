import modal

import imagespec

try:
    import rich
except ImportError:
    rich = None

try:
    from tqdm import tqdm
except ImportError:
    tqdm = iter

app = modal.App("optional")
image = imagespec.load("spec.yaml")


@app.function(image=image)
def run(debug: bool = False):
    import numpy as np

    import fast
    from fast.log import log

    if debug:
        import debugpy

        debugpy.listen(5678)
    log({"sum": float(np.ones(3).sum())})
    return [x for x in tqdm([fast.json.dumps({})])], rich
