"""What a layer runs, and where that is written."""

from __future__ import annotations

from pathlib import Path

from imagespec.image.commands import host_of, instructions_of, path_of
from imagespec.image.layers import Layer
from imagespec.spec import operations as ops


def test_the_instructions_of_a_layer(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(
        'FROM a\n# RUN x\nRUN --mount=type=cache,target=/x b \\\n && c\nrun ["sh", "-c", "d | e"]\nENV F=1\n'
    )
    layer = Layer(operation=ops.FromDockerfile(path=file), origin=("base", "dockerfile"))
    found = list(instructions_of(layer))
    assert [(each.word, each.text) for each in found] == [
        ("FROM", "a"),
        ("RUN", "b && c"),
        ("RUN", "'sh' '-c' 'd | e'"),
        ("ENV", "F=1"),
    ]
    assert [each.place.line for each in found if not isinstance(each.place, tuple)] == [1, 3, 5, 6]
    lines = Layer(operation=ops.DockerfileCommands(dockerfile_commands=("RUN a \\", " && b", "RUN [c")), origin=("x",))
    assert [(each.text, each.place) for each in instructions_of(lines)] == [
        ("a && b", ("x", "dockerfile_commands", 0)),
        ("[c", ("x", "dockerfile_commands", 2)),
    ]


def test_addresses_that_are_none() -> None:
    assert (host_of("https://[h/a"), path_of("https://[h/a"), host_of("a"), path_of("https://h/a/b?c")) == (
        "",
        "",
        "",
        "/a/b",
    )
