"""Images, locks and records -> one page: what stands in it, and that nothing in it comes from anywhere else."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest

from imagespec.emit.costs import NOTHING, UNKNOWN, Amount, edits, weigh
from imagespec.emit.markup import Html, tag
from imagespec.emit.report import Known, emit, in_bytes, in_seconds, size_of
from imagespec.lock.lockfile import Package
from tests.emit.handmade import file, lock, target, wheel

SPECS = Path(__file__).parents[2] / "specs"
CUDNN = "nvidia-cudnn-cu12"
LINUX = "cp312-cp312-manylinux2014_x86_64"
VOID = {"meta", "link", "img", "br", "hr", "input"}

SPEC = """
description: three kinds of packages
base: {debian_slim: "3.12"}
apt: [git]
python: {uv: 0.9.10, packages: [torch==2.5.1, tqdm==4.67.1, bigger==1.0]}
env: {A: "1"}
run: ["echo <b>bold</b>", "true"]
source:
  - {file: train.py, to: /root/train.py, copy: true}
  - {file: train.py, to: /root/mounted.py}
checks: {commands: ["true"]}
"""
PACKAGES = [
    Package("torch", "2.5.1", (CUDNN, "nvidia-tiny-cu12"), files=(wheel("torch", "2.5.1", LINUX, 906_000_000),)),
    Package(CUDNN, "9.1", files=(wheel(CUDNN, "9.1", "py3-none-any", 664_000_000),)),
    Package("nvidia-tiny-cu12", "1.0", files=(wheel("nvidia-tiny-cu12", "1.0", "py3-none-any", 99_000),)),
    Package("bigger", "1.0", files=(wheel("bigger", "1.0", "py3-none-any", 20_000_000),)),
    Package("tqdm", "4.67.1", ("colours",), files=(wheel("tqdm", "4.67.1", "py3-none-any", 78_500),)),
    Package("colours", "0.4", files=(file("colours-0.4.tar.gz", 21_500),)),
]  # fmt: skip


@dataclass
class Page(HTMLParser):
    """The elements of a page, its attributes and its texts. Fails where an element is not closed."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, dict(attrs)))
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name

    def handle_data(self, text: str) -> None:
        if self.open and self.open[-1] != "style" and text.strip():
            self.texts.append(text.strip())

    @property
    def text(self) -> str:
        return "\n".join(self.texts)


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


def written(spec: Path, seconds: dict[int, float] | None = None) -> str:
    """The page of a spec; `seconds` are those of layers, by position."""
    found = target(spec)
    held = found.held
    known = Known(
        lock=held.fresh,
        open=held.finding.message if held.finding else "",
        seconds={found.digests[index]: number for index, number in (seconds or {}).items()},
        backend="modal" if seconds else "",
    )
    return emit(found.image, found.digests, found.parsed.spec.description or "", known, found.parsed.tree.span)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "image.yaml"
    path.write_text(SPEC)
    (tmp_path / "train.py").write_text("pass\n")
    return path


# ------------------------------------------------------------------------------------------ numbers

SIZES: dict[float, str] = {
    0: "0 B",
    999: "999 B",
    1000: "1.00 kB",
    9_994: "9.99 kB",
    9_996: "10.00 kB",
    78_500: "78.5 kB",
}
SIZES |= {999_499: "999 kB", 999_600: "1.00 MB", 906_433_861: "906 MB", 3_030_000_000: "3.03 GB", 1e12: "1.00 TB"}


@pytest.mark.parametrize("number", SIZES)
def test_sizes(number: float) -> None:
    assert size_of(number) == SIZES[number]


def test_amounts() -> None:
    assert [in_bytes(each) for each in (NOTHING, UNKNOWN, Amount(5e6), Amount(5e6) + UNKNOWN)] == [
        "nothing",
        "unknown",
        "5.00 MB",
        "at least 5.00 MB",
    ]
    assert [in_seconds(Amount(each)) for each in (0.04, 5.25, 99, 146.4, 7200)] == [
        "0.0 s",
        "5.2 s",
        "99.0 s",
        "146 s",
        "120 min",
    ]


# ------------------------------------------------------------------------------------------- costs


def costs(spec: Path, seconds: dict[int, float]) -> list[tuple[str, int, str, str]]:
    found = target(spec)
    by_digest = {found.digests[index]: number for index, number in seconds.items()}
    held = found.held.fresh
    layers = weigh(found.image, found.digests, held, by_digest, found.parsed.tree.span)
    return [
        (edit.what, len(edit.rebuilt), in_bytes(edit.bytes), in_seconds(edit.seconds))
        for edit in edits(found.image, layers)
    ]


def test_what_edits_cost(spec: Path) -> None:
    lock(spec, PACKAGES)
    # base, libraries, torch, bigger, apt, others, env, run, source
    seconds = {0: 20, 1: 60, 2: 30, 3: 2, 5: 4, 6: 0.5, 7: 1, 8: 0.25}
    assert costs(spec, seconds) == [
        ("the file train.py", 0, "nothing", "nothing"),
        ("a check", 0, "nothing", "nothing"),
        ("the file train.py", 1, "5 B", "0.2 s"),
        ("a command that is run", 2, "at least 5 B", "1.2 s"),
        ("an environment variable", 3, "at least 5 B", "1.8 s"),
        ("the version of tqdm", 4, "at least 100 kB", "5.8 s"),
        ("an apt package", 5, "at least 100 kB", "at least 5.8 s"),
        ("the version of bigger", 6, "at least 20.1 MB", "at least 7.8 s"),
        ("the version of torch", 7, "at least 926 MB", "at least 37.8 s"),
        ("the version of nvidia-cudnn-cu12", 8, "at least 1.59 GB", "at least 97.8 s"),
        ("the base", 9, "at least 1.59 GB", "at least 118 s"),
    ]


def test_every_method_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "module.py").write_text("def build(): pass\n")
    spec = tmp_path / "image.yaml"
    spec.write_text(
        """
base: {micromamba: "3.12"}
conda: {packages: [numpy=2.1.3], channels: [conda-forge]}
env: {A: "$HOME/a"}
workdir: /root
shell: [/bin/bash, -c]
entrypoint: [python]
cmd: [train]
source: [{dir: data, to: /data, copy: true}, {package: module, copy: true}]
function: {call: "module:build"}
steps:
  - dockerfile_commands: ["RUN true"]
  - uv_pip_install: [six==1.17.0, tqdm, attrs]
"""
    )
    assert [(what, count) for what, count, _, _ in costs(spec, {})] == [
        ("the cmd", 1),
        ("the entrypoint", 2),
        ("the source of module", 3),
        ("a file of the folder data", 4),
        ("step 2: the version of six, or of 2 others beside it", 5),
        ("step 1: what dockerfile_commands brings", 6),
        ("the function module:build", 7),
        ("the shell", 8),
        ("the working directory", 9),
        ("an environment variable that refers to another", 10),
        ("a conda package", 11),
        ("the base", 12),
    ]


# -------------------------------------------------------------------------------------------- page


def test_what_is_known_of_a_locked_image(spec: Path) -> None:
    lock(spec, PACKAGES)
    seconds = {0: 20, 1: 60, 2: 30, 3: 2, 4: 9, 5: 4, 6: 0.5, 7: 1, 8: 0.25}
    page = read(written(spec, seconds))
    assert page.texts[:3] == ["image · imagespec report", "image", "three kinds of packages"]
    for text in ("x86_64-manylinux_2_36", "uv 0.9.10", "locked", "1.59 GB", "127 s", "modal: 9 of 9 layers known"):
        assert text in page.text
    rows = Counter(name for name, _ in page.elements)
    assert rows["table"] == 3
    assert rows["tr"] == 3 + 9 + 11 + len(PACKAGES)
    assert rows["title"] == 1 + 2 * len(PACKAGES)  # of the page, and a tile a package in both forms
    for package in PACKAGES:
        assert page.texts.count(package.name) >= 1
    assert "torch 2.5.1 · 906 MB · layer 3" in page.text
    assert "unknown" in page.text  # what apt downloads
    assert "not locked" not in page.text


def test_without_a_lock(spec: Path) -> None:
    page = read(written(spec))
    assert "Not locked: what its packages need has no version. Versions and sizes" in page.text
    assert "imagespec lock" in page.texts
    assert "never built here" in page.text
    assert "No build of these layers is on record here, so their seconds are unknown." in page.text
    names = Counter(name for name, _ in page.elements)
    assert names["table"] == 3  # the packages that the spec names are listed, without an area
    assert not any(attributes.get("class", "") in ("map wide", "map tall") for _, attributes in page.elements)
    assert not any(attributes.get("class") == "bytes" for _, attributes in page.elements)


def test_a_stale_lock_is_not_believed(spec: Path) -> None:
    lock(spec, PACKAGES)
    spec.write_text(SPEC.replace("4.67.1", "4.67.2"))
    page = read(written(spec))
    assert "The lock is stale: `tqdm==4.67.2` was `tqdm==4.67.1`" in page.text
    assert "906 MB" not in page.text


def test_an_image_with_nothing_to_lock(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text("base: {scratch: true}\n")
    page = read(written(path))
    assert "nothing to lock" in page.text
    assert Counter(name for name, _ in page.elements)["table"] == 2


def test_a_base_that_is_not_locked(tmp_path: Path) -> None:
    path = tmp_path / "image.yaml"
    path.write_text('base: {registry: "python:3.12"}\n')
    assert "Not locked: the tag of its base can be moved." in read(written(path)).texts


def test_sizes_that_an_index_does_not_tell(tmp_path: Path) -> None:
    path = tmp_path / "image.yaml"
    path.write_text('base: {debian_slim: "3.12"}\npython: [a==1.0, b==1.0]\n')
    lock(
        path,
        [Package("a", "1.0", files=(wheel("a", "1.0", size=None),)), Package("b", "1.0", files=(wheel("b", "1.0"),))],
    )
    page = read(written(path))
    assert "at least 1.00 kB" in page.text
    tiles = [text for text in page.texts if text.endswith("layer 2") and "·" in text]
    assert tiles == ["b 1.0 · 1.00 kB · layer 2"] * 2


def test_the_same_is_always_the_same_bytes(spec: Path) -> None:
    lock(spec, PACKAGES)
    assert written(spec, {1: 2.0}) == written(spec, {1: 2.0}) != written(spec, {1: 3.0})


@pytest.mark.parametrize("name", ["classifier", "dit", "examples/cuda_devel", "examples/legacy", "examples/pytorch"])
def test_shipped(name: str) -> None:
    path = SPECS / f"{name}.yaml"
    page = read(written(path))
    assert page.texts[0] == f"{path.stem} · imagespec report"
    assert str(SPECS.parent) not in page.text  # where it lies on this machine is nobody's business


# -------------------------------------------------------------------------------- nothing from outside


def test_markup_escapes_whatever_is_no_markup() -> None:
    hostile = "</td><script>\"'&\x00"
    made = tag("td", hostile, tag("b", Html("<i></i>")), title=hostile)
    shown = "&lt;/td&gt;&lt;script&gt;&quot;&#x27;&amp;\N{REPLACEMENT CHARACTER}"
    assert made == f'<td title="{shown}">{shown}<b><i></i></b></td>'


def hostile(tmp_path: Path, word: str) -> Path:
    """A spec with a word in all places that take any."""
    folder = tmp_path / hashlib.sha256(word.encode()).hexdigest()[:8]
    folder.mkdir()
    name = word.replace("/", "_")
    (folder / name).write_text("FROM python:3.12\n")
    path = folder / "image.yaml"
    quoted = word.replace("'", "''")
    path.write_text(
        f"""
description: '{quoted}'
base: {{dockerfile: '{name.replace("'", "''")}'}}
env: {{A: '{quoted}', B: '$A{quoted}'}}
workdir: '/{quoted}'
run: ['echo {quoted}']
entrypoint: ['{quoted}']
cmd: ['{quoted}']
source: [{{file: '{name.replace("'", "''")}', to: '/{quoted}', copy: true}}]
"""
    )
    return path


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</title></style><style>*{display:none}",
    "</section><!--",
    "&lt;b&gt;",
)


@pytest.mark.parametrize("word", HOSTILE)
def test_a_hostile_spec_injects_nothing(tmp_path: Path, word: str) -> None:
    plain, evil = read(written(hostile(tmp_path, "word"))), read(written(hostile(tmp_path, word)))
    names = [(name, sorted(attributes)) for name, attributes in plain.elements]
    assert [(name, sorted(attributes)) for name, attributes in evil.elements] == names
    assert evil.text.replace(word.replace("/", "_"), word).count(word) == plain.text.count("word") > 5


def test_a_description_is_no_template(spec: Path) -> None:
    spec.write_text("description: ${title} $policy $$\n" + SPEC.replace("description", "# "))
    assert "${title} $policy $$" in read(written(spec)).texts


def test_the_page_names_nothing_outside_and_allows_nothing(spec: Path) -> None:
    lock(spec, PACKAGES)
    html = written(spec)
    page = read(html)
    used = {attribute for _, attributes in page.elements for attribute in attributes}
    assert not used & {"src", "href", "srcset", "style", "data", "action"}
    assert not any(attribute.startswith("on") for attribute in used)
    assert not {name for name, _ in page.elements} & {"script", "link", "img", "iframe", "object", "a", "base"}
    style = re.search("<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    assert not re.search(r"url\(|@import|@font-face", style[1])
    policy = next(each["content"] for _, each in page.elements if each.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


# ----------------------------------------------------------------------------------------- in a browser


@dataclass
class Opened:
    """What a browser made of a page: the document, what it said of errors, and how often it asked for anything."""

    dom: str
    console: list[str]
    requests: int


@pytest.fixture
def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    return found


@pytest.fixture
def proxy() -> Iterator[tuple[int, list[bytes]]]:
    """A port at which everything is refused, and what was asked for there."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    asked.append(connection.recv(4096).split(b"\r\n")[0])
                    connection.sendall(b"HTTP/1.1 502 Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        yield server.getsockname()[1], asked
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def opened(page: Path, chromium: str, proxy: tuple[int, list[bytes]], folder: Path) -> Opened:
    port, asked = proxy
    before = len(asked)
    off = ("disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update")
    options = ("headless", "no-sandbox", *off, "disable-sync", "disable-dev-shm-usage", "disable-default-apps")
    command = [chromium, *(f"--{option}" for option in options), f"--user-data-dir={folder}"]
    command += [f"--proxy-server=http://127.0.0.1:{port}", "--proxy-bypass-list=<-loopback>"]
    command += ["--enable-logging=stderr", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Opened(done.stdout, console, len([each for each in asked[before:] if b"example" in each]))


def test_a_browser_opens_it_without_an_error_or_a_request(
    spec: Path, chromium: str, proxy: tuple[int, list[bytes]], tmp_path: Path
) -> None:
    lock(spec, PACKAGES)
    html = written(spec)
    page = tmp_path / "page.html"

    page.write_text(html)
    found = opened(page, chromium, proxy, tmp_path / "1")
    assert found.console == []
    assert found.requests == 0
    assert found.dom.count("<tr") == 3 + 9 + 11 + len(PACKAGES)
    # what would be seen if there were anything to see: the policy stops it, and says so
    foreign = '<img src="http://images.example/a.png"><script>document.title = "evil"</script><p style="color: red">'
    page.write_text(html.replace("</main>", f"{foreign}</main>"))
    found = opened(page, chromium, proxy, tmp_path / "2")
    assert len(found.console) == 3
    assert found.requests == 0
    assert "<title>evil" not in found.dom
    # and without the policy it would have happened
    page.write_text(re.sub("<meta http-equiv.*?>", "", html).replace("</main>", f"{foreign}</main>"))
    found = opened(page, chromium, proxy, tmp_path / "3")
    assert found.requests == 1
    assert "<title>evil" in found.dom
