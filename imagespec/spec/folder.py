"""A folder -> the specs in it, by name."""

from __future__ import annotations

from pathlib import Path

from imagespec.diagnostic import printable, shown


class Unusable(OSError):
    """A folder whose specs cannot be told apart, or that cannot be read."""


def nearest_specs(start: Path) -> Path | None:
    """The `specs` folder of `start` or of the nearest folder above it."""
    return next((folder / "specs" for folder in (start, *start.parents) if (folder / "specs").is_dir()), None)


def in_folder(folder: Path) -> dict[str, Path]:
    """The specs of a folder by name, partial ones and subfolders aside."""
    try:
        every = sorted(folder.iterdir())
    except OSError as error:
        raise Unusable(f"`{shown(folder)}` cannot be read: {error.strerror}") from None
    found: dict[str, Path] = {}
    for path in every:
        if path.suffix in (".yaml", ".yml") and not path.name.startswith("_") and not path.name.endswith(".lock.yaml"):
            other = found.setdefault(path.stem, path)
            if other is not path:
                raise Unusable(printable(f"`{other.name}` and `{path.name}` in `{shown(folder)}` have the same name"))
    return found
