import modal

app = modal.App("shared", include_source=False)


def frame():
    import polars as pl

    return pl.DataFrame()
