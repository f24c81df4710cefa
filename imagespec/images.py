"""The name of a spec -> its image: `from imagespec.images import classifier` is `imagespec.load("classifier")`.

A hyphen in the name of a spec is an underscore here. Nothing else has a name in this module, so that any spec can.
"""

import typing as _typing

if _typing.TYPE_CHECKING:
    import modal


def __getattr__(name: str) -> "modal.Image":
    if name.startswith("_"):
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    from imagespec import load

    try:
        return load(name)
    except FileNotFoundError as error:
        # not an AttributeError: `from imagespec.images import name` would replace its words by Python's own
        raise ImportError(str(error), name=__name__) from None
