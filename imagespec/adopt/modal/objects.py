"""The class of an `enum.Enum` -> its members, each with its name and its value."""

from __future__ import annotations

from imagespec.adopt.modal.values import Defined, Names, Namespace, Value


def enum(made_of: Namespace) -> Namespace:
    """The class with members in the place of their values; its methods stay what they are."""
    names: dict[str, Value] = {}
    inherited = {name: value for name, value in made_of.names.items() if isinstance(value, Defined)}
    for name, value in made_of.names.items():
        if name.startswith("_") or isinstance(value, Defined):
            names[name] = value
            continue
        member = next((each for each in _members(names) if _same(each.names["value"], value)), None)
        own = Names(inherited | {"name": name, "value": value})
        names[name] = member or Namespace(f"{made_of.name}.{name}", own, "object")
    return Namespace(made_of.name, Names(names), "enum")


def members(made_of: Namespace) -> list[Value]:
    """What a loop over the class takes: each member once."""
    return list(dict.fromkeys(_members(made_of.names)))


def _members(names: dict[str, Value]) -> list[Namespace]:
    return [each for each in names.values() if isinstance(each, Namespace) and each.kind == "object"]


def _same(one: Value, other: Value) -> bool:
    return one is other or (type(one) is type(other) and bool(one == other))
