"""Code that would fail in its container: what `check` says about it, and its silence on the mended version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .conftest import Checked

APP = """\
import modal

import imagespec

app = modal.App("train")
image = imagespec.load("spec")
data = modal.Volume.from_name("data")


@app.function(image=image, volumes={"/data": data})
def train():
"""
TOP = APP.replace("import modal\n", "import modal\n%s\n")


@dataclass(frozen=True)
class Replay:
    """A project that fails, what is said about it, and what mends it."""

    files: Mapping[str, str]
    spec: str
    code: str
    at: tuple[str, int]
    said: str
    hint: str
    mended_spec: str = ""
    mended_files: Mapping[str, str] = field(default_factory=dict)


UTILS = {"utils.py": "def go(): ...\n"}
SOURCE = "apps: [app.py]\nsource: [{package: utils}]\n"
TORCH = "apps: [app.py]\npython: [torch==2.5.1]\n"

REPLAYS = {
    "a module, imported at the top": Replay(
        {**UTILS, "app.py": TOP % "from utils import go" + "    go()\n"},
        "apps: [app.py]\n",
        "IS601",
        ("app.py", 2),
        "`utils` is not in the image",
        "add to spec.yaml: source: [{package: utils}]",
        SOURCE,
    ),
    "a module, imported inside a function": Replay(
        {**UTILS, "other.py": "", "app.py": APP + "    from utils import go\n\n    go()\n"},
        "apps: [app.py]\nsource:\n  - package: other\n",
        "IS601",
        ("app.py", 12),
        "`utils` is not in the image",
        "add to spec.yaml:3: source: [{package: utils}]",
        SOURCE,
    ),
    "a module with a fallback": Replay(
        {
            **UTILS,
            "app.py": APP
            + "    try:\n        from utils import go\n    except ImportError:\n        go = None\n    print(go)\n",
        },
        "apps: [app.py]\n",
        "IS601",
        ("app.py", 13),
        "`utils` is not in the image",
        "add to spec.yaml: source: [{package: utils}]",
        SOURCE,
        {"app.py": APP + "    from utils import go\n\n    print(go)\n"},
    ),
    "a wrong folder on sys.path": Replay(
        {
            "src/model.py": "class Model: ...\n",
            "app.py": APP
            + '    import sys\n\n    sys.path.insert(0, "/app/src")\n    import model\n\n    model.Model()\n',
        },
        "apps: [app.py]\nsource: [{dir: src, to: /app}]\n",
        "IS612",
        ("app.py", 14),
        "there is no folder `/app/src` in the image",
        "there is code in another, `/app`; the other is at spec.yaml:3",
        "apps: [app.py]\nsource: [{dir: src, to: /app/src}]\n",
    ),
    "a script whose name needs quotes": Replay(
        {
            "run: x.sh": "echo hello\n",
            "app.py": APP + '    import subprocess\n\n    subprocess.run(["bash", "run: x.sh"], check=True)\n',
        },
        "apps: [app.py]\n",
        "IS606",
        ("app.py", 14),
        "the script `run: x.sh` is not in the image",
        "add to spec.yaml: source: [{file: 'run: x.sh', to: '/root/run: x.sh'}]",
        "apps: [app.py]\nsource: [{file: 'run: x.sh', to: '/root/run: x.sh'}]\n",
    ),
    "a script": Replay(
        {
            "scripts/prepare.sh": "echo hello\n",
            "app.py": APP + '    import subprocess\n\n    subprocess.run(["bash", "scripts/prepare.sh"], check=True)\n',
        },
        "apps: [app.py]\n",
        "IS606",
        ("app.py", 14),
        "the script `scripts/prepare.sh` is not in the image",
        "add to spec.yaml: source: [{file: scripts/prepare.sh, to: /root/scripts/prepare.sh}]",
        "apps: [app.py]\nsource: [{file: scripts/prepare.sh, to: /root/scripts/prepare.sh}]\n",
    ),
    "wget, called by a script": Replay(
        {
            "get.sh": "#!/bin/sh\nset -e\nwget -q https://example.com/pets.tar.gz\n",
            "app.py": APP + '    import subprocess\n\n    subprocess.run("sh get.sh", shell=True, check=True)\n',
        },
        "apps: [app.py]\napt: [tar]\nsource: [{file: get.sh, to: /root/get.sh}]\n",
        "IS607",
        ("get.sh", 3),
        "nothing in the image brings `wget`",
        "add to spec.yaml:3: apt: [wget]",
        "apps: [app.py]\napt: [tar, wget]\nsource: [{file: get.sh, to: /root/get.sh}]\n",
    ),
    "wget, called by subprocess": Replay(
        {
            "app.py": APP
            + '    import subprocess\n\n    subprocess.run(["wget", "https://example.com/x"], check=True)\n'
        },
        "apps: [app.py]\n",
        "IS607",
        ("app.py", 14),
        "nothing in the image brings `wget`",
        "add to spec.yaml: apt: [wget]",
        "apps: [app.py]\napt: [wget]\n",
    ),
    "a relative path where the volume is at /data": Replay(
        {"app.py": APP + '    with open("data/labels.txt") as file:\n        print(file.read())\n'},
        "apps: [app.py]\n",
        "IS608",
        ("app.py", 12),
        "`data/labels.txt` is `/root/data/labels.txt` in the container, not in the volume at `/data`",
        "write `/data/labels.txt`",
        "",
        {"app.py": APP + '    with open("/data/labels.txt") as file:\n        print(file.read())\n'},
    ),
    "torch at the top of an app": Replay(
        {"app.py": TOP % "import torch" + "    print(torch.cuda.is_available())\n"},
        TORCH,
        "IS605",
        ("app.py", 2),
        "`torch` has to be where the app is started, and not only in its image",
        "import it in the function, or in `with image.imports():`",
        "",
        {"app.py": APP + "    import torch\n\n    print(torch.cuda.is_available())\n"},
    ),
    "a list of files that lacks one": Replay(
        {
            "src/train.py": "import dataset\nimport model\n\nprint(dataset, model)\n",
            "src/dataset.py": "",
            "src/model.py": "",
            "app.py": APP + '    import subprocess\n\n    subprocess.run(["python", "/app/train.py"], check=True)\n',
        },
        "apps: [app.py]\nsource:\n  - {file: src/train.py, to: /app/train.py}\n"
        "  - {file: src/dataset.py, to: /app/dataset.py}\n",
        "IS601",
        ("src/train.py", 2),
        "`model` is not in the image",
        "add to spec.yaml:3: source: [{file: src/model.py, to: /app/model.py}]",
        "apps: [app.py]\nsource:\n  - {file: src/train.py, to: /app/train.py}\n"
        "  - {file: src/dataset.py, to: /app/dataset.py}\n  - {file: src/model.py, to: /app/model.py}\n",
    ),
    "a module beside a script, imported from elsewhere": Replay(
        {
            "src/train.py": "from data.pets import Pets\n\n\ndef main():\n    return Pets\n",
            "src/data/pets.py": "class Pets: ...\n",
            "app.py": APP + "    from src.train import main\n\n    main()\n",
        },
        "apps: [app.py]\nsource: [{package: src}]\n",
        "IS601",
        ("src/train.py", 1),
        "`data.pets` is in the image, in `/root/src`, and not looked for there",
        "import it as `src.data.pets`\nadd to spec.yaml: env: {PYTHONPATH: /root/src}",
        "apps: [app.py]\nsource: [{package: src}]\nenv: {PYTHONPATH: /root/src}\n",
    ),
}


@pytest.mark.parametrize("replay", REPLAYS.values(), ids=REPLAYS)
def test_replays(replay: Replay, checked: Checked, tmp_path: Path) -> None:
    found = checked(replay.files, replay.spec)
    places = [(d.code, d.span.source.path.relative_to(tmp_path).as_posix(), d.span.line) for d in found]
    assert (replay.code, *replay.at) in places
    one = found[places.index((replay.code, *replay.at))]
    assert (one.message, one.hint) == (replay.said, replay.hint)
    assert checked({**replay.files, **replay.mended_files}, replay.mended_spec or replay.spec) == []
