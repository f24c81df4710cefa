"""Programs that builds and runs often call -> the Debian packages that bring them, and the bases that have them.

Of any other program nothing is known, and nothing is said. Chosen by hand, by what Debian 12's packages bring; what a
package recommends comes with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from imagespec.image.commands import instructions_of
from imagespec.image.layers import Image
from imagespec.image.shell import pipelines
from imagespec.spec import operations as ops

PACKAGES: Mapping[str, str] = {
    "7z": "p7zip-full 7zip",
    "add-apt-repository": "software-properties-common",
    "aria2c": "aria2",
    "axel": "axel",
    "bc": "bc",
    "clang": "clang",
    "cmake": "cmake",
    "convert": "imagemagick",
    "curl": "curl",
    "dig": "dnsutils bind9-dnsutils",
    "dot": "graphviz",
    "espeak-ng": "espeak-ng",
    "expect": "expect",
    "ffmpeg": "ffmpeg",
    "ffprobe": "ffmpeg",
    "file": "file",
    "flac": "flac",
    "fuser": "psmisc",
    "gdb": "gdb",
    "git": "git git-lfs git-man git-core",
    "git-lfs": "git-lfs",
    "gs": "ghostscript imagemagick",
    "htop": "htop",
    "identify": "imagemagick",
    "ifconfig": "net-tools",
    "ip": "iproute2",
    "java": "default-jre default-jdk openjdk-17-jre openjdk-17-jdk openjdk-21-jre default-jre-headless",
    "jq": "jq",
    "killall": "psmisc",
    "lsof": "lsof",
    "lz4": "lz4",
    "mediainfo": "mediainfo",
    "nano": "nano",
    "nc": "netcat-openbsd netcat-traditional netcat",
    "netstat": "net-tools",
    "node": "nodejs",
    "npm": "npm nodejs",
    "nslookup": "dnsutils bind9-dnsutils",
    "numactl": "numactl",
    "pandoc": "pandoc",
    "parallel": "parallel",
    "pdftoppm": "poppler-utils",
    "pdftotext": "poppler-utils",
    "pigz": "pigz",
    "ping": "iputils-ping",
    "pkill": "procps",
    "ps": "procps",
    "pstree": "psmisc",
    "pv": "pv",
    "redis-server": "redis-server redis",
    "rsync": "rsync",
    "screen": "screen",
    "sox": "sox",
    "sqlite3": "sqlite3",
    "ssh": "openssh-client ssh openssh-server git",
    "strace": "strace",
    "sudo": "sudo",
    "tesseract": "tesseract-ocr",
    "tmux": "tmux",
    "top": "procps",
    "tree": "tree",
    "unrar": "unrar unrar-free",
    "unzip": "unzip",
    "vim": "vim vim-tiny vim-nox",
    "wget": "wget",
    "xvfb-run": "xvfb",
    "zip": "zip",
    "zstd": "zstd",
}
"""Program -> the packages that bring it, the usual one first."""

_BARE = re.compile(r"(docker\.io/)?(library/)?(python:[\w.-]*slim|debian:|ubuntu[:@]?)")


def lacking(image: Image) -> Mapping[str, str]:
    """The programs that an image lacks, each with the package that brings it; none where its base is not known."""
    if not image.layers or not _known_base(image.layers[0].operation):
        return {}
    there = set(_brought(image))
    return {
        program: packages.split()[0]
        for program, packages in PACKAGES.items()
        if program not in there and there.isdisjoint(packages.split())
    }


def _known_base(operation: ops.AnyOperation) -> bool:
    match operation:
        case ops.DebianSlim():
            return True
        case ops.FromRegistry(tag=tag):
            return _BARE.match(tag) is not None
        case _:
            return False


def _brought(image: Image) -> Iterator[str]:
    """Names of Debian and Python packages, and every word of a command that installs."""
    yield from image.installed
    for layer in image.layers:
        match layer.operation:
            case ops.AptInstall(packages=packages):
                yield from (package.partition("=")[0].partition(":")[0] for package in packages)
            case ops.MicromambaInstall(packages=packages):
                yield from (re.split(r"[=<>! ]", package)[0].rpartition("::")[2] for package in packages)
            case _:
                pass
        for instruction in instructions_of(layer):
            if instruction.word in ("COPY", "ADD"):
                yield instruction.text.split()[-1].rpartition("/")[2]
            elif instruction.word == "RUN":
                yield from installed_by(instruction.text)


_INSTALLS = frozenset({"install", "add", "ln", "link", "cp", "mv", "i", "-o", "--output"})


def installed_by(text: str) -> Iterator[str]:
    """What the commands of a shell's text may bring: every word of those that install, download or copy."""
    for pipeline in pipelines(text):
        for command in pipeline:
            downloads = command.program in ("curl", "wget", "tar", "unzip", "chmod", "git", "sh", "bash")
            if downloads or not _INSTALLS.isdisjoint(command.arguments) or command.program in _INSTALLS:
                for word in (*command.arguments, *command.outputs):
                    yield word.partition("=")[0].rpartition("/")[2]
            if command.program in ("which", "type", "hash") or {"command", "-v"} <= set(command.words):
                yield from command.words
