"""Stand-ins for the base images that a registry would give, made of what this machine has, and storages to build in.

`python:…` is Debian's smallest system with a Python of this machine in /usr/local; `ghcr.io/astral-sh/uv` is uv's wheel
from the package index. How this machine reaches Debian's packages and the index is copied into the stand-in. They are
made once and kept in the user's cache folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import ssl
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from uv import find_uv_bin

PYTHONS = ("docker.io/library/python:3.12-slim-trixie", "docker.io/library/python:3.12.10-slim-bookworm")
"""What `debian_slim: "3.12"` is for Modal's builders 2026.10 and 2025.06."""

UV_VERSION = "0.9.10"
UVS = (f"ghcr.io/astral-sh/uv:{UV_VERSION}", "ghcr.io/astral-sh/uv:latest")

NEEDS = ("buildah", "mmdebstrap", "dpkg-deb")
"""The programs that make them, all in Debian."""

COMPILERS = ("build-essential", "gcc", "gfortran")
"""What `debian_slim` installs: empty packages in the stand-in, which save 70 MB of downloads."""

PIP = "25.3"


def missing() -> list[str]:
    """Which of the programs are not installed."""
    return [program for program in NEEDS if shutil.which(program) is None]


@contextmanager
def storage(folder: Path, *, images: Sequence[Path] = ()) -> Iterator[dict[str, str]]:
    """The variables that have containers' tools use a storage of their own, with the images of others to read."""
    variables = _storage(folder, images)
    try:
        yield variables
    finally:
        for command in (["buildah", "rm", "--all"], ["buildah", "rmi", "--all", "--force"]):
            subprocess.run(command, env={**os.environ, **variables}, capture_output=True, check=False)
        subprocess.run(["umount", str(folder / "root" / "overlay")], capture_output=True, check=False)


def _storage(folder: Path, images: Sequence[Path] = ()) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    conf = folder / "storage.conf"
    conf.write_text(
        textwrap.dedent(f"""
            [storage]
            driver = "{driver()}"
            graphroot = "{folder / "root"}"
            runroot = "{folder / "run"}"
            [storage.options]
            additionalimagestores = {json.dumps([str(image) for image in images])}
        """)
    )
    return {"CONTAINERS_STORAGE_CONF": str(conf)}


@cache
def driver() -> str:
    """`overlay` where the kernel lets us; `vfs`, which copies whole layers, works everywhere."""
    with tempfile.TemporaryDirectory(dir=_cache()) as folder:
        where = ["--root", f"{folder}/root", "--runroot", f"{folder}/run", "--storage-driver", "overlay"]
        works = subprocess.run(["buildah", *where, "info"], capture_output=True, check=False).returncode == 0
        subprocess.run(["umount", f"{folder}/root/overlay"], capture_output=True, check=False)
    return "overlay" if works else "vfs"


@cache
def made() -> Path:
    """The storage with the stand-ins, made first where it is missing. Any number of test runs may ask at once."""
    wanted = hashlib.sha256(Path(__file__).read_bytes() + str(_python()).encode() + driver().encode()).hexdigest()[:12]
    folder = _cache() / f"bases-{wanted}"
    with open(_cache() / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            for old in _cache().glob("bases-*"):
                if (unused := _claim(old, fcntl.LOCK_EX)) is not None:
                    shutil.rmtree(old, ignore_errors=True)
                    os.close(unused)
            with tempfile.TemporaryDirectory(dir=_cache()) as work:
                _make(Path(work), {**os.environ, **_storage(folder)})
            (folder / "complete").touch()
        _IN_USE.append(_claim(folder, fcntl.LOCK_SH))
    return folder / "root"


_IN_USE: list[int | None] = []
"""Descriptors that hold the locks of what this process uses; the kernel ends them with it."""


def _claim(folder: Path, how: int) -> int | None:
    """A lock on stand-ins, to use them or to remove them; nothing where others use them."""
    descriptor = os.open(folder / "used", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _cache() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "imagespec-tests")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _make(work: Path, environ: Mapping[str, str]) -> None:
    for name in ("python", "uv"):
        (work / name).mkdir()
    _system(work / "python" / "system.tar")
    _copy_python(_python(), work / "python" / "usr")
    _compilers(work / "python" / "packages")
    bundle = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    if bundle:
        shutil.copyfile(bundle, work / "python" / "certificates.crt")
    _download(f"pip=={PIP}", work / "python")
    _download(f"uv=={UV_VERSION}", work / "uv")
    series = ".".join(platform.python_version_tuple()[:2]) if _python() == Path(sys.base_prefix) else "3.12"
    certificates = "/usr/local/share/certificates.crt"  # apt's ca-certificates would replace one in /etc/ssl
    python = f"""
        FROM scratch
        ADD system.tar /
        COPY usr /usr/local/
        COPY packages /tmp/packages/
        COPY certificates.cr[t] {certificates}
        COPY pip-{PIP}-py3-none-any.whl /tmp/
        ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
        ENV SSL_CERT_FILE={certificates} PIP_CERT={certificates} PIP_ROOT_USER_ACTION=ignore {_index()}
        RUN ldconfig && dpkg --install /tmp/packages/*.deb && ln -sf python{series} /usr/local/bin/python3 \\
            && ln -sf python3 /usr/local/bin/python \\
            && python /tmp/pip-{PIP}-py3-none-any.whl/pip install --no-index /tmp/pip-{PIP}-py3-none-any.whl \\
            && rm -r /tmp/*
        CMD ["python3"]
    """
    _build(python, PYTHONS, work / "python", environ)
    with zipfile.ZipFile(next((work / "uv").glob("uv-*.whl"))) as wheel:
        (work / "uv" / "uv").write_bytes(wheel.read(f"uv-{UV_VERSION}.data/scripts/uv"))
    (work / "uv" / "uv").chmod(0o755)
    _build("FROM scratch\nCOPY uv /uv\n", UVS, work / "uv", environ)


def _build(dockerfile: str, names: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
    (folder / "Dockerfile").write_text(textwrap.dedent(dockerfile))
    tags = [f"--tag={name}" for name in names]
    _run("buildah", "build", "--layers=false", "--isolation=chroot", *tags, str(folder), env=environ)


def _system(tar: Path) -> None:
    """Debian's smallest system, of this machine's release and from where this machine has its packages."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    lists = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    sources = [str(path) for path in lists if path.suffix in (".list", ".sources") and path.is_file()]
    codename = release["VERSION_CODENAME"].strip('"')
    _run("mmdebstrap", "--variant=apt", codename, str(tar), *sources)


@cache
def _python() -> Path:
    """Where a Python 3.12 is installed that can be copied; else whichever runs this."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    found = sorted(
        pyenv.glob("3.12.*"), key=lambda path: [int(part) for part in path.name.split(".") if part.isdigit()]
    )
    return found[-1] if found else Path(sys.base_prefix)


def _copy_python(python: Path, to: Path) -> None:
    """A Python without the packages that were added to it, and the libraries of the system that it needs."""
    (to / "bin").mkdir(parents=True)
    program = next(path for path in sorted((python / "bin").glob("python3.*")) if path.suffix[1:].isdigit())
    shutil.copy2(program, to / "bin" / program.name)
    library = python / "lib" / program.name
    left_out = shutil.ignore_patterns(
        "test", "tests", "__pycache__", "site-packages", "dist-packages", "*.a", "idlelib"
    )
    shutil.copytree(library, to / "lib" / program.name, ignore=left_out)
    (to / "lib" / program.name / "site-packages").mkdir()
    parts = [program, *library.glob("lib-dynload/*.so")]
    printed = _run("ldd", *map(str, parts))
    needed = {Path(words[2]) for line in printed.splitlines() if len(words := line.split()) > 3 and words[1] == "=>"}
    for path in sorted(needed):
        if path.name.split(".")[0] not in ("libc", "libm", "ld-linux-x86-64", "libpthread", "libdl"):
            shutil.copy2(path, to / "lib" / path.name)


def _compilers(folder: Path) -> None:
    """Packages of the compilers' names with nothing in them."""
    for name in COMPILERS:
        control = folder / name / "DEBIAN" / "control"
        control.parent.mkdir(parents=True)
        told = {
            "Package": name,
            "Version": "99",
            "Architecture": "all",
            "Maintainer": "tests",
            "Description": "stand-in",
        }
        control.write_text("".join(f"{key}: {value}\n" for key, value in told.items()))
        _run("dpkg-deb", "--build", "--root-owner-group", str(folder / name), str(folder))
        shutil.rmtree(folder / name)


def _download(requirement: str, to: Path) -> None:
    has_pip = (
        subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    )
    pip = [sys.executable, "-m", "pip"] if has_pip else [find_uv_bin(), "tool", "run", "pip"]
    _run(*pip, "download", "--quiet", "--no-deps", "--only-binary=:all:", f"--dest={to}", requirement)


def _index() -> str:
    """The package index of this machine, if it is another than the usual one, as variables of an image."""
    found = os.environ.get("PIP_INDEX_URL") or os.environ.get("UV_DEFAULT_INDEX") or ""
    return f'PIP_INDEX_URL="{found}" UV_DEFAULT_INDEX="{found}"' if found.startswith("http") else ""


def _run(*command: str, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:2])}: {done.stderr[-3000:]}")
    return done.stdout
