# %% [markdown]
# # Exploration
# %%
import modal

import imagespec

app = modal.App("explore")
image = imagespec.load("spec.yaml")

# %%


@app.function(image=image)
def plot(values: list[float]) -> bytes:
    import io

    import IPython.display
    import matplotlib
    import matplotlib.pyplot as plt
    import pandas as pd
    import seaborn as sns
    from mpl_toolkits.mplot3d import Axes3D

    matplotlib.use("Agg")
    sns.histplot(pd.Series(values))
    IPython.display.display(Axes3D)
    out = io.BytesIO()
    plt.savefig(out)
    return out.getvalue()


# %%
if __name__ == "__main__":
    import ipywidgets
    import numpy as np

    with app.run():
        with open("plot.png", "wb") as file:
            file.write(plot.remote(list(np.random.rand(10))))
    print(ipywidgets)
