import pandas as pd

from .queries import LATEST


def build(connection):
    return pd.read_sql(LATEST, connection)
