"""Image and lock -> a CycloneDX bill of materials: every package by hash, the base, and what no lock tells.

The same image and lock are always the same bytes: the serial number comes from the contents, and there is no time.
What is not known is said in a property, never guessed. Addresses of package indexes are not in the lock, nor here.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from imagespec import __version__
from imagespec.diagnostic import printable
from imagespec.image.layers import Image, Layer
from imagespec.image.requirements import name_of, pinned, requirement, requirements_of
from imagespec.lock.inputs import covers
from imagespec.lock.lockfile import File, Lock, Package
from imagespec.lock.partition import runs_on
from imagespec.lock.reference import RegistryError, parse_reference
from imagespec.spec import operations as ops

Format: TypeAlias = Literal["json", "xml"]

SCHEMA = SchemaVersion.V1_6
"""The newest that scanners commonly read."""

_NAMESPACE = uuid.UUID("6f0ffb36-27a1-5c0f-9d4c-0f2f0d3f1d55")
"""Of the serial numbers: any UUID that stays the same."""


def emit(image: Image, lock: Lock | None, format: Format = "json") -> str:
    """The document, in the JSON or the XML of CycloneDX 1.6. `lock` is `None` where the image has nothing to lock."""
    bom = _bom(image, lock)
    output = make_outputter(bom, OutputFormat[format.upper()], SCHEMA).output_as_string(indent=2)
    return output if output.endswith("\n") else f"{output}\n"


def _bom(image: Image, lock: Lock | None) -> Bom:
    base = _base(image.layers[0])
    locked = {package.name: _package(package, lock.platform) for package in lock.packages} if lock else {}
    named = {component.bom_ref.value: component for component in _named(image, lock)}
    whole = _whole(image, lock)
    contents = [base, *locked.values(), *named.values()]
    bom = Bom(components=contents, metadata=BomMetaData(component=whole, tools=_tools()))
    bom.metadata.timestamp = None  # type: ignore[assignment]  # the schema asks for none, and a time is never the same
    identity = [image.name, lock.digest if lock else "", *sorted(str(each.bom_ref.value) for each in contents)]
    bom.serial_number = uuid.uuid5(_NAMESPACE, "\n".join(identity))
    bom.register_dependency(whole, [base, *(locked[name] for name in _wanted(lock)), *named.values()])
    for package in lock.packages if lock else ():
        bom.register_dependency(locked[package.name], [locked[name] for name in package.requires if name in locked])
    return bom


def _tools() -> ToolRepository:
    return ToolRepository(components=[Component(name="imagespec", version=__version__, type=ComponentType.APPLICATION)])


def _whole(image: Image, lock: Lock | None) -> Component:
    """The image itself, with what holds for all of it."""
    told = {"python": lock.python or image.python, "platform": lock.platform, "uv": lock.uv} if lock else {}
    told |= {"exclude-newer": lock.exclude_newer, "lock": lock.digest} if lock else {"python": image.python}
    properties = [_property(name, value) for name, value in told.items() if value]
    properties += [_property("not-listed", f"what {method} brings") for method in _unknown(image)]
    return _component(image.name, None, f"image:{image.name}", properties, type=ComponentType.CONTAINER)


def _property(name: str, value: str) -> Property:
    return Property(name=f"imagespec:{name}", value=printable(value))


def _unknown(image: Image) -> list[str]:
    """The methods of the image that may bring software of which nothing tells the name."""
    brings = (ops.RunCommands, ops.RunFunction, ops.DockerfileCommands, ops.Pipe, ops.PipInstallPrivateRepos)
    projects = (ops.PoetryInstallFromFile, ops.UvSync)
    return sorted(
        {
            layer.operation.method
            for layer in image.layers
            if isinstance(layer.operation, (*brings, *projects))
            or (isinstance(layer.operation, ops.MicromambaInstall) and layer.operation.spec_file is not None)
        }
    )


# ------------------------------------------------------------------------------------------------- base


def _base(layer: Layer) -> Component:
    """What the image stands on, by its digest where the spec or the lock has one."""
    operation = layer.operation
    if isinstance(operation, ops.FromRegistry):
        return _of_registry(operation.tag)
    name, why = operation.method, "unknown: Modal builds it"
    match operation:
        case ops.DebianSlim() | ops.Micromamba():
            pass
        case ops.FromDockerfile(path=path):
            name, why = path.name, "unknown: it is built from a Dockerfile"
        case ops.FromName(name=given) | ops.FromId(image_id=given):
            name, why = given, "unknown: the image is Modal's own"
        case _:
            why = "none: it is empty"
    properties = [_property("base", operation.method), _property("digest", why)]
    return _component(name, None, f"base:{name}", properties, type=ComponentType.CONTAINER)


def _of_registry(tag: str) -> Component:
    base = _property("base", "from_registry")
    try:
        reference = parse_reference(tag)
    except RegistryError:
        unknown = [base, _property("digest", "unknown: the reference cannot be read")]
        return _component(tag, None, f"base:{tag}", unknown, type=ComponentType.CONTAINER)
    if reference.digest is None:
        unknown = [base, _property("digest", "unknown: it is not in the lock")]
        return _component(reference.name, reference.tag, f"base:{reference}", unknown, type=ComponentType.CONTAINER)
    qualifiers = {"repository_url": reference.name, "tag": reference.tag}
    purl = PackageURL("oci", None, reference.repository.rpartition("/")[2], reference.digest, qualifiers)
    return Component(
        name=reference.name,
        version=reference.tag or reference.digest,
        type=ComponentType.CONTAINER,
        bom_ref=purl.to_string(),
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=reference.digest.removeprefix("sha256:"))],
        properties=[base],
    )


def _component(name: str, version: str | None, ref: str, properties: Sequence[Property], **more: Any) -> Component:
    return Component(name=printable(name), version=version, bom_ref=printable(ref), properties=properties, **more)


# --------------------------------------------------------------------------------------------- packages


def _package(package: Package, platform: str) -> Component:
    """A locked package, with the hashes of the files that the image's platform may take."""
    version = package.version if package.files or package.version != "0" else None  # a commit need not tell its version
    purl = PackageURL("pypi", None, package.name, version, _qualifiers(package))
    files = _installable(package, platform)
    properties = [_property("file", f"{file.name} sha256:{file.sha256}") for file in files]
    if not any(file.is_wheel for file in files):
        properties.append(_property("built", "from source, while the image is built"))
    if package.marker:
        properties.append(_property("marker", package.marker))
    return Component(
        name=package.name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=file.sha256) for file in files],
        properties=properties,
        external_references=_references(package),
    )


def _installable(package: Package, platform: str) -> list[File]:
    """The wheels for a platform; the sources where there is none for it."""
    wheels = [file for file in package.files if runs_on(file, platform)]
    return wheels or [file for file in package.files if not file.is_wheel] or list(package.files)


def _qualifiers(package: Package) -> dict[str, str]:
    if not package.source:
        return {}
    return {"download_url" if package.files else "vcs_url": _address(package)}


def _references(package: Package) -> list[ExternalReference]:
    if not package.source:
        return []
    kind = ExternalReferenceType.DISTRIBUTION if package.files else ExternalReferenceType.VCS
    return [ExternalReference(type=kind, url=XsUri(_address(package)))]


def _address(package: Package) -> str:
    """What the spec names, as the package URL's specification writes it, and without a password."""
    parts = urlsplit(package.source.replace("#subdirectory=", "#"))
    login, _, host = parts.netloc.rpartition("@")
    user = f"{login.partition(':')[0]}@" if login and "ssh" in parts.scheme else ""
    return urlunsplit(parts._replace(netloc=f"{user}{host}"))


def _wanted(lock: Lock | None) -> list[str]:
    """What the image itself asks for: the packages that the spec names, and those that no other needs."""
    if lock is None:
        return []
    needed = {name for package in lock.packages for name in package.requires if name != package.name}
    named = {name_of(text) for text in lock.requirements}
    return [package.name for package in lock.packages if package.name in named or package.name not in needed]


# -------------------------------------------------------------------------------- what no lock tells of


def _named(image: Image, lock: Lock | None) -> Iterator[Component]:
    """What layers name and no lock fixes: packages of apt and conda, and those of Python in steps."""
    debian = isinstance(image.layers[0].operation, ops.DebianSlim)
    for layer in image.layers:
        match layer.operation:
            case ops.AptInstall(packages=packages):
                for text in packages:
                    name, _, version = text.partition("=")
                    purl = PackageURL("deb", "debian", name, version or None) if debian else None
                    yield _unlocked("apt", name, version, "apt takes the newest when the image is built", purl)
            case ops.MicromambaInstall(packages=packages):
                for text in packages:
                    name, _, version = text.partition("=")
                    purl = PackageURL("conda", None, name)
                    exact = version.removeprefix("=") if version.startswith("=") else ""
                    yield _unlocked("conda", name, exact, f"conda chooses it for `{text}`", purl)
            case _ if not (covers(layer) and lock):
                for line in requirements_of(layer):
                    if (wanted := requirement(line.text)) is not None:
                        name, version = pinned(line.text) or (name_of(line.text), "")
                        purl = PackageURL("pypi", None, name, version or None)
                        why = f"the installer chooses it for `{name}{wanted.specifier}`"
                        yield _unlocked("python", name, version, why, purl)


def _unlocked(kind: str, name: str, version: str, why: str, purl: PackageURL | None) -> Component:
    properties = [_property("installed-by", kind)]
    properties += [] if version else [_property("version", f"unknown: {why}")]
    ref = f"{kind}:{name}={version}" if version else f"{kind}:{name}"
    return _component(name, printable(version) or None, ref, properties, type=ComponentType.LIBRARY, purl=purl)
