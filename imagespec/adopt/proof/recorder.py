"""An image -> all that Modal's own client would request for it, from a server in this process that builds nothing.

Every id is a hash of what it stands for, ids in it included; so equal ids stand for equal requests all the way down.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any, TypeAlias

import grpclib.server
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from grpclib import GRPCError, Status
from modal_proto import api_pb2
from modal_proto.api_grpc import ModalClientBase

from imagespec.emit.instructions.writer import BUILDERS

Content: TypeAlias = dict[str, Any]

_KEYS = ("REGISTRY_USERNAME", "REGISTRY_PASSWORD")
"""What a named secret is taken to hold, of which a registry's kind follows."""


class Recorder:
    """Answers the calls that loading an image takes, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.contents: dict[str, Content] = {}
        self.functions: list[api_pb2.Function] = []
        self._fresh = 0

    def add(self, kind: str, content: Content) -> str:
        """The id of what is requested."""
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        self.contents[f"{kind}-{digest[:22]}"] = content
        return f"{kind}-{digest[:22]}"

    def new(self, kind: str) -> str:
        self._fresh += 1
        return f"{kind}-{self._fresh:022d}"

    # what is recorded

    async def ImageGetOrCreate(self, request: api_pb2.ImageGetOrCreateRequest) -> api_pb2.ImageGetOrCreateResponse:
        content = _plain(request, {"app_id", "build_function_id"})  # the function's code is in the image itself
        success = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS)
        metadata = api_pb2.ImageMetadata(image_builder_version=request.builder_version)
        return api_pb2.ImageGetOrCreateResponse(image_id=self.add("im", content), result=success, metadata=metadata)

    async def ImageFromId(self, request: api_pb2.ImageFromIdRequest) -> api_pb2.ImageFromIdResponse:
        self.contents.setdefault(request.image_id, {"id": request.image_id})
        return api_pb2.ImageFromIdResponse(image_id=request.image_id)

    async def ImageGetByTag(self, request: api_pb2.ImageGetByTagRequest) -> api_pb2.ImageGetByTagResponse:
        return api_pb2.ImageGetByTagResponse(image_id=self.add("im", {"name": request.tag}))

    async def MountGetOrCreate(self, request: api_pb2.MountGetOrCreateRequest) -> api_pb2.MountGetOrCreateResponse:
        content = _plain(request, {"app_id", "object_creation_type"})
        if "files" in content:  # the client walks a folder in no particular order
            content["files"].sort(key=lambda file: str(file.get("filename")))
        mount = self.add("mo", content)
        handle = api_pb2.MountHandleMetadata(content_checksum_sha256_hex=mount)
        return api_pb2.MountGetOrCreateResponse(mount_id=mount, handle_metadata=handle)

    async def SecretGetOrCreate(self, request: api_pb2.SecretGetOrCreateRequest) -> api_pb2.SecretGetOrCreateResponse:
        secret = self.add("st", _plain(request, {"app_id", "object_creation_type", "required_keys"}))
        metadata = api_pb2.SecretMetadata(
            name=request.deployment_name, keys=sorted(request.env_dict) or request.required_keys or _KEYS
        )
        return api_pb2.SecretGetOrCreateResponse(secret_id=secret, metadata=metadata)

    async def VolumeGetOrCreate(self, request: api_pb2.VolumeGetOrCreateRequest) -> api_pb2.VolumeGetOrCreateResponse:
        volume = self.add("vo", _plain(request, {"app_id", "object_creation_type"}))
        version = request.version or api_pb2.VOLUME_FS_VERSION_V1
        metadata = api_pb2.VolumeMetadata(version=version, name=request.deployment_name)
        return api_pb2.VolumeGetOrCreateResponse(volume_id=volume, version=version, metadata=metadata)

    async def SharedVolumeGetOrCreate(
        self, request: api_pb2.SharedVolumeGetOrCreateRequest
    ) -> api_pb2.SharedVolumeGetOrCreateResponse:
        volume = self.add("sv", _plain(request, {"app_id", "object_creation_type"}))
        return api_pb2.SharedVolumeGetOrCreateResponse(shared_volume_id=volume)

    async def FunctionCreate(self, request: api_pb2.FunctionCreateRequest) -> api_pb2.FunctionCreateResponse:
        self.functions.append(request.function)
        data = request.function_data
        if not data.ranked_functions:
            only = api_pb2.FunctionData.RankedFunction(function=request.function)
            data = api_pb2.FunctionData(function_name=request.function.function_name, ranked_functions=[only])
        return api_pb2.FunctionCreateResponse(
            function_id=request.existing_function_id or self.new("fu"),
            function=request.function,
            function_data=data,
            handle_metadata=_handle(request.function.function_name or data.function_name),
        )

    # what the client wants beside it

    async def ClientHello(self, request: Empty) -> api_pb2.ClientHelloResponse:
        return api_pb2.ClientHelloResponse()

    async def AuthTokenGet(self, request: api_pb2.AuthTokenGetRequest) -> api_pb2.AuthTokenGetResponse:
        claims = base64.urlsafe_b64encode(json.dumps({"exp": 4102444800}).encode()).decode().rstrip("=")
        return api_pb2.AuthTokenGetResponse(token=f"recorder.{claims}.unsigned")

    async def EnvironmentGetOrCreate(
        self, request: api_pb2.EnvironmentGetOrCreateRequest
    ) -> api_pb2.EnvironmentGetOrCreateResponse:
        settings = api_pb2.EnvironmentSettings(image_builder_version=BUILDERS[-1])
        metadata = api_pb2.EnvironmentMetadata(name=request.deployment_name or "main", settings=settings)
        return api_pb2.EnvironmentGetOrCreateResponse(environment_id="en-1", metadata=metadata)

    async def AppCreate(self, request: api_pb2.AppCreateRequest) -> api_pb2.AppCreateResponse:
        return api_pb2.AppCreateResponse(app_id=self.new("ap"))

    async def AppPublish(self, request: api_pb2.AppPublishRequest) -> api_pb2.AppPublishResponse:
        return api_pb2.AppPublishResponse(deployed_at=1)

    async def AppGetLogs(self, request: api_pb2.AppGetLogsRequest) -> AsyncIterator[api_pb2.TaskLogsBatch]:
        yield api_pb2.TaskLogsBatch(app_done=True)

    async def AppHeartbeat(self, request: api_pb2.AppHeartbeatRequest) -> Empty:
        return Empty()

    async def AppClientDisconnect(self, request: api_pb2.AppClientDisconnectRequest) -> Empty:
        return Empty()

    async def FunctionPrecreate(self, request: api_pb2.FunctionPrecreateRequest) -> api_pb2.FunctionPrecreateResponse:
        return api_pb2.FunctionPrecreateResponse(
            function_id=request.existing_function_id or self.new("fu"), handle_metadata=_handle(request.function_name)
        )

    async def MountBatchedCheckExistence(
        self, request: api_pb2.MountBatchedCheckExistenceRequest
    ) -> api_pb2.MountBatchedCheckExistenceResponse:
        return api_pb2.MountBatchedCheckExistenceResponse()  # nothing is missing, so nothing is sent

    # what was asked for

    def requests(self, image: Any) -> list[Content]:
        """All that decides what an image is: its layers, the base first, then what is mounted when it starts."""
        import modal

        app = modal.App("proof")
        app.function(image=image, include_source=False)(_anything)
        with app.run():
            pass
        function = self.functions[-1]
        layers = list(dict.fromkeys(self._ancestry(function.image_id)))
        names = {layer: f"layer {number}" for number, layer in enumerate(layers)}
        mounts = [self.contents[mount] for mount in function.mount_ids if "files" in self.contents.get(mount, {})]
        found = [*(self.contents[layer] for layer in layers), *sorted(mounts, key=str)]
        return [self._spelled(content, names) for content in found]

    def _ancestry(self, image_id: str) -> list[str]:
        bases = self.contents[image_id].get("image", {}).get("base_images", ())
        return [*(each for base in bases for each in self._ancestry(base["image_id"])), image_id]

    def _spelled(self, value: Any, names: dict[str, str]) -> Any:
        """Contents in the place of ids."""
        match value:
            case str() if value in names:
                return names[value]
            case str() if value in self.contents:
                return self._spelled(self.contents[value], names)
            case list():
                return [self._spelled(item, names) for item in value]
            case dict():
                return {key: self._spelled(item, names) for key, item in value.items()}
            case _:
                return value


def _handle(name: str) -> api_pb2.FunctionHandleMetadata:
    return api_pb2.FunctionHandleMetadata(function_name=name, function_type=api_pb2.Function.FUNCTION_TYPE_FUNCTION)


def _anything() -> None:
    """The function that is put on an image; what it does is never asked."""


def _plain(message: Message, without: Collection[str]) -> Content:
    fields = MessageToDict(message, preserving_proto_field_name=True)
    return {name: _settled(name, value) for name, value in fields.items() if name not in without}


def _settled(name: str, value: Any) -> Any:
    match value:
        case list() if name == "mount_ids":  # a set, in the client
            return sorted(value)
        case list():
            return [_settled(name, item) for item in value]
        case {"filename": str(file), "data": str(data)}:
            return {file: base64.b64decode(data).decode(errors="replace").splitlines()}
        case dict():
            return {key: _settled(key, item) for key, item in value.items()}
        case _:
            return value


# ------------------------------------------------------------------------------------------------ server


class _Service:
    """Modal's calls: those that a recorder has a method for, the others refused."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __mapping__(self) -> dict[str, Any]:
        table = ModalClientBase.__mapping__(_Names())  # type: ignore[arg-type]
        return {path: call._replace(func=self._handler(str(call.func), call)) for path, call in table.items()}

    def _handler(self, name: str, call: Any) -> Callable[[Any], Awaitable[None]]:
        async def handle(stream: Any) -> None:
            request = await stream.recv_message()
            answer = getattr(self._recorder, name, None)
            if answer is None:
                raise GRPCError(Status.UNIMPLEMENTED, f"`{name}` is not answered here")
            if call.cardinality.server_streaming:
                async for each in answer(request):
                    await stream.send_message(each)
            else:
                await stream.send_message(await answer(request))

        return handle


class _Names:
    """Stands in for a service, so that its table holds names where it would hold methods."""

    def __getattr__(self, name: str) -> str:
        return name


def serve(recorder: Recorder) -> int:
    """Answer in a thread, for as long as this process lives. The port, on this machine alone."""
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # only then asyncio sends what is small at once
    listener.bind(("127.0.0.1", 0))
    listener.listen()

    async def run() -> None:
        await grpclib.server.Server([_Service(recorder)]).start(sock=listener)
        await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    port: int = listener.getsockname()[1]
    return port
