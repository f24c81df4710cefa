"""What a lock says that its packages bring: read in their wheels, once, and never a reason to fail."""

from __future__ import annotations

import dataclasses
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from imagespec.lock.imports import with_imports
from imagespec.lock.lockfile import File, Lock, Package
from tests.lock.index import PURE, Index, Served
from tests.lock.workshop import Workshop

MANYLINUX = "manylinux_2_28_x86_64"
MANY = [f"big/module_number_{n}.py" for n in range(2000)]
"""Files whose names take more than what is asked for first."""


def imports(workshop: Workshop, name: str = "one") -> dict[str, tuple[str, ...]]:
    return {package.name: package.imports for package in workshop.locked(name).packages}


def asked(index: Index) -> list[str]:
    """The wheels that were asked for, by anyone."""
    return [path for path in index.requests if path.endswith(".whl")]


def kept(workshop: Workshop) -> list[Path]:
    return sorted((workshop.folder / "cache" / "imagespec").rglob("*.json"))


def test_what_wheels_bring(workshop: Workshop, index: Index) -> None:
    index.add("pillow", "11.0", brings=["PIL/__init__.py", "PIL/Image.py"], tags=[f"py3-none-{MANYLINUX}"])
    index.add("google-cloud-storage", "2.0", brings=["google/cloud/storage/__init__.py"])
    index.add("six", "1.0", brings=["six.py"])
    index.add("types-pyyaml", "6.0", brings=["yaml-stubs/__init__.pyi"])
    index.add("split", "1.0", brings=["split-1.0.data/purelib/inside/__init__.py"])
    index.add("source-only", "1.0", tags=[], sdist=True)
    workshop.spec("one", "python: [pillow, google-cloud-storage, six, types-pyyaml, split, source-only]")
    workshop.lock()
    assert imports(workshop) == {
        "pillow": ("PIL",),
        "google-cloud-storage": ("google.cloud.storage",),
        "six": ("six",),
        "types-pyyaml": (),
        "split": ("inside",),
        "source-only": (),
    }
    assert '    imports: ["google.cloud.storage"]\n' in workshop.path("one").read_text()
    assert workshop.lock() == "specs/one.lock.yaml: fresh, 6 packages\n"


def test_the_wheel_that_the_image_gets_counts(workshop: Workshop, index: Index) -> None:
    """The one for its platform and its Python; and rather a compiled one than one for all."""
    for tag, module in ((PURE, "pure"), ("cp312-cp312-win_amd64", "windows"), ("cp311-cp311-linux_x86_64", "older")):
        index.add("many", "1.0", tags=[tag], brings=[f"{module}.py"])
    index.add("many", "1.0", tags=[f"cp312-cp312-{MANYLINUX}"], brings=["linux.py"])
    workshop.spec("one", "python: [many]", base='debian_slim: "3.12"')
    workshop.lock()
    assert imports(workshop) == {"many": ("linux",)}


def test_only_the_directory_is_fetched(workshop: Workshop, index: Index) -> None:
    (big,) = index.add("big", "1.0", brings=[*MANY, "big/__init__.py"])
    big_ahead = len(big.content)
    workshop.spec("one", "python: [big]")
    workshop.lock()
    assert imports(workshop) == {"big": ("big",)}
    assert len(asked(index)) == 2  # the end, and what is missing before it
    assert 64 << 10 < index.sent < big_ahead


def of_one(lock: Lock, served: Served, address: str) -> Lock:
    package = Package("a", "1.0", files=(File(served.name, served.size, served.sha256),), wheel=address)
    return Lock(inputs="", requirements=(), python="3.12", platform=lock.platform, uv="", packages=(package,))


LOCK = Lock(inputs="", requirements=(), python="3.12", platform="x86_64-manylinux_2_36", uv="")


def read(served: Served, address: str, known: list[Lock] | None = None, indexes: tuple[str, ...] = ()) -> Lock:
    return with_imports(of_one(LOCK, served, address), known or [], indexes, os.environ)


def test_a_server_that_gives_no_parts(workshop: Workshop, index: Index) -> None:
    """A small wheel is fetched as a whole, a large one is not fetched at all."""
    (small,) = index.add("a", "1.0")
    large = dataclasses.replace(small, name="large-1.0-py3-none-any.whl", content=bytes(20_000_000) + small.content)
    index.packages["large"] = [large]
    index.parts = False
    assert read(small, index.file_url(small)).packages[0].imports == ("a",)
    assert read(large, index.file_url(large)).packages[0].imports == ()
    index.parts = True
    assert read(large, index.file_url(large)).packages[0].imports == ("a",)


def test_what_cannot_be_read_is_unknown(workshop: Workshop, index: Index) -> None:
    (served,) = index.add("a", "1.0")
    file = Served("a-1.0-py3-none-any.whl", b"no zip", b"", ">=3", "", False, 6)
    index.packages["broken"] = [Served(f"broken-{file.name}", b"no zip", b"", ">=3", "", False, 6)]
    addresses = [
        f"http://{index.host}/files/missing-1.0-py3-none-any.whl",
        f"http://{index.host}/files/broken-{file.name}",
        "http://127.0.0.1:1/a-1.0-py3-none-any.whl",
        "http://no such host/a.whl",
        "http://[::1/a.whl",
        "ftp://index.example/a-1.0-py3-none-any.whl",
        (workshop.folder / "gone.whl").as_uri(),
        "",
    ]
    for address in addresses:
        assert read(served, address).packages[0].imports == (), address
    index.answers["a"] = 500
    assert read(served, index.file_url(served)).packages[0].imports == ()
    assert kept(workshop) == []  # it is asked again next time
    del index.answers["a"]
    assert read(served, index.file_url(served)).packages[0].imports == ("a",)


def test_a_server_that_is_silent(workshop: Workshop, index: Index) -> None:
    (served,) = index.add("a", "1.0")
    index.hanging.add("a")
    lock = of_one(LOCK, served, index.file_url(served))
    assert with_imports(lock, [], [], os.environ, patience=0.2).packages[0].imports == ()


def test_certificates_that_cannot_be_read(workshop: Workshop, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    (served,) = index.add("a", "1.0")
    monkeypatch.setenv("SSL_CERT_FILE", str(workshop.folder / "none.pem"))
    assert read(served, index.file_url(served)).packages[0].imports == ()


def test_offline_nothing_is_asked(workshop: Workshop, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.add("a", "1.0")
    workshop.spec("one", "python: [a]")
    monkeypatch.setenv("UV_OFFLINE", "1")
    (served,) = index.packages["a"]
    assert read(served, index.file_url(served)).packages[0].imports == ()
    assert asked(index) == []
    path = workshop.folder / served.name
    path.write_bytes(served.content)
    assert read(served, path.as_uri()).packages[0].imports == ("a",)


def test_an_index_with_a_login(workshop: Workshop) -> None:
    with Index(login=("alice", "s cret")) as private:
        (served,) = private.add("a", "1.0")
        address = private.file_url(served)
        assert read(served, address).packages[0].imports == ()
        login = private.url.replace("//", "//alice:s%20cret@")
        assert read(served, address, indexes=(login,)).packages[0].imports == ("a",)


@pytest.fixture
def trusted(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index with a certificate of an authority that `SSL_CERT_FILE` names."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    path = workshop.folder / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with Index(tls=context) as served:
        yield served


def test_the_authorities_of_the_environment(trusted: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    (served,) = trusted.add("a", "1.0")
    with monkeypatch.context() as patch:
        patch.delenv("SSL_CERT_FILE")
        assert read(served, trusted.file_url(served)).packages[0].imports == ()
    assert read(served, trusted.file_url(served)).packages[0].imports == ("a",)


def test_sent_on_to_another_server(trusted: Index, index: Index) -> None:
    """Never to one where others could change what is sent."""
    (served,) = trusted.add("a", "1.0")
    index.add("a", "1.0")
    trusted.elsewhere = f"http://{index.host}"
    assert read(served, trusted.file_url(served)).packages[0].imports == ()
    trusted.elsewhere, index.elsewhere = "", trusted.url.removesuffix("/simple/")
    assert read(served, index.file_url(served)).packages[0].imports == ("a",)


def test_a_folder_of_wheels(workshop: Workshop, index: Index) -> None:
    (served,) = index.add("a", "1.0", brings=["inside.py"])
    folder = workshop.folder / "a folder"
    folder.mkdir()
    (folder / served.name).write_bytes(served.content)
    index.remove("a")
    workshop.spec("one", f"python: {{packages: [a], find_links: '{folder}'}}")
    workshop.lock()
    assert imports(workshop) == {"a": ("inside",)}


def test_a_wheel_by_its_address(workshop: Workshop, index: Index) -> None:
    (served,) = index.add("a", "1.0", brings=["inside.py"])
    workshop.spec("one", f"python: ['a @ {index.file_url(served)}']")
    workshop.lock()
    assert imports(workshop) == {"a": ("inside",)}


def test_a_wheel_is_read_once(workshop: Workshop, index: Index) -> None:
    (served,) = index.add("a", "1.0")
    first = read(served, index.file_url(served))
    assert len(asked(index)) == 1
    assert read(served, index.file_url(served)) == first
    assert len(asked(index)) == 1
    assert [path.stem for path in kept(workshop)] == [served.sha256]


@pytest.mark.parametrize("text", ["", '["a"', '["a", 1]', '"a"', '["a b"]', '["a\\"]"]', "null", "\x00"])
def test_what_is_kept_and_broken_is_read_again(workshop: Workshop, index: Index, text: str) -> None:
    (served,) = index.add("a", "1.0")
    first = read(served, index.file_url(served))
    (path,) = kept(workshop)
    path.write_text(text)
    assert read(served, index.file_url(served)) == first
    assert path.read_text() == '["a"]'


def test_a_folder_that_cannot_be_written(workshop: Workshop, index: Index) -> None:
    (workshop.folder / "cache").write_text("a file")
    (served,) = index.add("a", "1.0")
    assert read(served, index.file_url(served)).packages[0].imports == ("a",)


def test_locking_again_keeps_what_the_lock_says(workshop: Workshop, index: Index) -> None:
    """Without asking anyone; and what the lock of another spec says of the same files holds too."""
    index.add("a", "1.0")
    index.add("b", "1.0")
    workshop.spec("one", "python: [a]")
    workshop.lock()
    for path in kept(workshop):
        path.unlink()
    workshop.spec("one", "python: [a, b]")
    workshop.spec("two", "python: [a]")
    before = len([path for path in asked(index) if "/a-" in path])
    workshop.lock()
    assert imports(workshop) == {"a": ("a",), "b": ("b",)}
    assert imports(workshop, "two") == {"a": ("a",)}
    assert len([path for path in asked(index) if "/a-" in path]) == before


def test_an_upgrade_reads_the_new_wheel(workshop: Workshop, index: Index) -> None:
    index.add("a", "1.0", brings=["old.py"])
    workshop.spec("one", "python: [a==1.0]")
    workshop.lock()
    index.add("a", "2.0", brings=["new.py"])
    workshop.lock("--upgrade", "a")
    assert (workshop.versions(), imports(workshop)) == ({"a": "2.0"}, {"a": ("new",)})
