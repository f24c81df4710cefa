"""Turns Modal's wire messages into contents named by their hash, and an image's id back into all it was built from."""

import base64
import hashlib
import itertools
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from modal_proto import api_pb2

Content = dict[str, Any]
"""A message as plain data: field name to value, fields at their default left out."""


def spelled(message: Message, *, without: Collection[str] = ()) -> Content:
    """The whole of `message` but the top-level fields `without`, alike where Modal sees no difference.

    Everything is kept unless it is named here, so a field that a later client adds is compared too.
    """
    fields = MessageToDict(message, preserving_proto_field_name=True)
    return {name: _settled(name, value) for name, value in fields.items() if name not in without}


def _settled(name: str, value: Any) -> Any:
    match value:
        case list() if name == "mount_ids":
            # The client keeps them in a set: their order on the wire changes with the hash seed.
            return sorted(value)
        case list():
            return [_settled(name, item) for item in value]
        case {"filename": str(filename), "data": str(data), **rest} if not rest:
            return {filename: _text(base64.b64decode(data))}
        case dict():
            return {key: _settled(key, item) for key, item in value.items()}
        case _:
            return value


def _text(data: bytes) -> list[str] | str:
    """Lines where `data` is text, so that a test's diff shows the line that differs."""
    try:
        return data.decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        return f"sha256:{hashlib.sha256(data).hexdigest()}"


def mounted_files(files: Iterable[api_pb2.MountFile]) -> list[str]:
    """One line for each file, as `path mode sha256`, sorted: the client uploads in no particular order."""
    return sorted(f"{file.filename} {file.mode:04o} {file.sha256_hex}" for file in files)


class Contents:
    """What each id stands for. Ids are hashes of contents that hold ids: equal ids mean contents equal all the way."""

    def __init__(self) -> None:
        self._by_id: dict[str, Content] = {}
        self._counter = itertools.count(1)

    def __getitem__(self, object_id: str) -> Content:
        return self._by_id[object_id]

    def fresh(self, prefix: str) -> str:
        """An id for what is new every time. Its 22 digits are what makes a sandbox one of the first generation."""
        return f"{prefix}-{next(self._counter):022d}"

    def add(self, prefix: str, content: Content, *, shown: Content | None = None) -> str:
        """Give `content` its id. `shown` is what `chain` prints where that is more than what makes the identity."""
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        object_id = f"{prefix}-{digest[:22]}"
        self._by_id[object_id] = content if shown is None else shown
        return object_id

    def adopt(self, object_id: str, content: Content) -> str:
        """Remember what an id that was not made here stands for, unless it is known already."""
        self._by_id.setdefault(object_id, content)
        return object_id

    def chain(self, image_id: str, mount_ids: Iterable[str] = ()) -> list[Content]:
        """All that `image_id` was built from, base first, then what is mounted when a container of it starts."""
        layers = {layer: f"layer {number}" for number, layer in enumerate(dict.fromkeys(self._ancestry(image_id)))}
        mounted = sorted(self._by_id[mount]["files"] for mount in mount_ids)
        return [
            *({"layer": number, **self.spelled_out(self._by_id[id_], layers)} for number, id_ in enumerate(layers)),
            *({"mounted": files} for files in mounted),
        ]

    def _ancestry(self, image_id: str) -> Iterator[str]:
        for base in self._by_id[image_id].get("image", {}).get("base_images", ()):
            yield from self._ancestry(base["image_id"])
        yield image_id

    def spelled_out(self, value: Any, aliases: Mapping[str, str] = MappingProxyType({})) -> Any:
        """`value` with its alias in the place of each id, or what it stands for where it has none."""
        match value:
            case str() if value in aliases:
                return aliases[value]
            case str() if value in self._by_id:
                return self.spelled_out(self._by_id[value], aliases)
            case list():
                return [self.spelled_out(item, aliases) for item in value]
            case dict():
                return {key: self.spelled_out(item, aliases) for key, item in value.items()}
            case _:
                return value
