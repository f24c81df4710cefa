from pathlib import Path

HERE = Path(__file__).resolve().parent


def labels():
    return (HERE.parent / "assets" / "labels.txt").read_text().split()
