"""The nightly report: `modal deploy -m jobs.nightly`."""

import modal

import imagespec

from .queries import LATEST

app = modal.App("nightly")
image = imagespec.load("spec.yaml")


@app.function(image=image, schedule=modal.Cron("0 4 * * *"), secrets=[modal.Secret.from_name("postgres")])
def report():
    import os

    import psycopg2

    from .report import build

    with psycopg2.connect(os.environ["PGURL"]) as connection:
        print(LATEST, build(connection))
