"""Turns the layers, files, secrets and volumes of an image into ids made of what they contain."""

import asyncio
from collections.abc import AsyncIterator

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from .contents import Content, Contents, mounted_files, spelled
from .script import SUCCESS, Build, Script

DEFAULT_BUILDER = "2025.06"
NAMED_SECRET_KEYS = ("REGISTRY_USERNAME", "REGISTRY_PASSWORD")


class Images:
    """Builds nothing: a layer succeeds unless `builds` arranges otherwise, and is then there for the next client."""

    def __init__(self, uploads_url: str) -> None:
        self.contents = Contents()
        self.builds: Script[Build] = Script()
        self._built: set[str] = set()
        self._uploaded: set[str] = set()
        self.secret_keys: dict[str, tuple[str, ...]] = {}
        self._uploads_url = uploads_url
        self._published: dict[str, str] = {}

    def forget(self) -> None:
        self._built.clear()
        self._uploaded.clear()
        self._published.clear()

    async def ImageGetOrCreate(self, request: api_pb2.ImageGetOrCreateRequest) -> api_pb2.ImageGetOrCreateResponse:
        shown = spelled(request, without={"app_id"})
        # Modal knows a build function by its source, which is in the image's definition; the id says where it runs.
        identity = {name: value for name, value in shown.items() if name != "build_function_id"}
        image_id = self.contents.add("im", identity, shown=shown)
        answer = api_pb2.ImageGetOrCreateResponse(image_id=image_id)
        fresh = request.force_build or request.ignore_cache or self._arranged(shown)
        if image_id in self._built and not fresh:
            answer.result.CopyFrom(SUCCESS)
            answer.metadata.CopyFrom(self._metadata(image_id))
        return answer

    async def ImageJoinStreaming(
        self, request: api_pb2.ImageJoinStreamingRequest
    ) -> AsyncIterator[api_pb2.ImageJoinStreamingResponse]:
        image = self.contents[request.image_id]
        steps = image.get("image", {}).get("dockerfile_commands", ["run function"])
        build = self._arranged(image) or Build()
        for number, line in enumerate(build.log or [f"=> Step {n}: {step}" for n, step in enumerate(steps)]):
            log = api_pb2.TaskLogs(data=f"{line}\n", file_descriptor=api_pb2.FILE_DESCRIPTOR_STDOUT)
            yield api_pb2.ImageJoinStreamingResponse(task_logs=[log], entry_id=f"{number + 1}-0")
        await asyncio.sleep(build.delay)
        if build.outcome == "success":
            self._built.add(request.image_id)
        yield api_pb2.ImageJoinStreamingResponse(
            result=build.result, metadata=self._metadata(request.image_id), eof=True
        )

    async def ImageFromId(self, request: api_pb2.ImageFromIdRequest) -> api_pb2.ImageFromIdResponse:
        image_id = self.contents.adopt(request.image_id, {"reference": f"Image.from_id({request.image_id!r})"})
        return api_pb2.ImageFromIdResponse(image_id=image_id, metadata=self._metadata(image_id))

    async def ImageGetByTag(self, request: api_pb2.ImageGetByTagRequest) -> api_pb2.ImageGetByTagResponse:
        published = self._published.get(request.tag) or self.contents.add(
            "im", {"reference": f"Image.from_name({request.tag!r})"}
        )
        return api_pb2.ImageGetByTagResponse(image_id=published)

    async def ImagePublish(self, request: api_pb2.ImagePublishRequest) -> api_pb2.ImagePublishResponse:
        self._published[request.tag] = request.image_id
        return api_pb2.ImagePublishResponse()

    def _arranged(self, image: Content) -> Build | None:
        definition = image.get("image", {})
        source = definition.get("build_function", {}).get("definition", "")
        files = (str(file) for file in definition.get("context_files", ()))
        return self.builds.find("\n".join([*definition.get("dockerfile_commands", ()), *files, source]))

    def _metadata(self, image_id: str) -> api_pb2.ImageMetadata:
        builder = self.contents[image_id].get("builder_version", DEFAULT_BUILDER)
        return api_pb2.ImageMetadata(image_builder_version=builder)

    async def MountBatchedCheckExistence(
        self, request: api_pb2.MountBatchedCheckExistenceRequest
    ) -> api_pb2.MountBatchedCheckExistenceResponse:
        missing = [digest for digest in request.sha256_hex_hashes if digest not in self._uploaded]
        return api_pb2.MountBatchedCheckExistenceResponse(missing_sha256_hex_hashes=missing)

    async def MountPutFile(self, request: api_pb2.MountPutFileRequest) -> api_pb2.MountPutFileResponse:
        self._uploaded.add(request.sha256_hex)
        return api_pb2.MountPutFileResponse(exists=True)

    async def MountGetOrCreate(self, request: api_pb2.MountGetOrCreateRequest) -> api_pb2.MountGetOrCreateResponse:
        if request.deployment_name:
            content = spelled(request, without={"app_id", "files", "object_creation_type"})
        else:
            content = {"files": mounted_files(request.files)}
        mount_id = self.contents.add("mo", content)
        metadata = api_pb2.MountHandleMetadata(content_checksum_sha256_hex=mount_id)
        return api_pb2.MountGetOrCreateResponse(mount_id=mount_id, handle_metadata=metadata)

    async def BlobCreate(self, request: api_pb2.BlobCreateRequest) -> api_pb2.BlobCreateResponse:
        blob_id = self.contents.add("bl", {"sha256": request.content_sha256_base64})
        urls = api_pb2.UploadUrlList(items=[f"{self._uploads_url}/{blob_id}"])
        return api_pb2.BlobCreateResponse(blob_ids=[blob_id], upload_urls=urls)

    async def SecretGetOrCreate(self, request: api_pb2.SecretGetOrCreateRequest) -> api_pb2.SecretGetOrCreateResponse:
        content = spelled(request, without={"app_id", "object_creation_type"})
        keys = sorted(request.env_dict) or self.secret_keys.get(request.deployment_name, NAMED_SECRET_KEYS)
        metadata = api_pb2.SecretMetadata(name=request.deployment_name, keys=keys)
        return api_pb2.SecretGetOrCreateResponse(secret_id=self.contents.add("st", content), metadata=metadata)

    async def VolumeGetOrCreate(self, request: api_pb2.VolumeGetOrCreateRequest) -> api_pb2.VolumeGetOrCreateResponse:
        content = spelled(request, without={"app_id", "object_creation_type"})
        version = request.version or api_pb2.VOLUME_FS_VERSION_V1
        return api_pb2.VolumeGetOrCreateResponse(
            volume_id=self.contents.add("vo", content) if request.deployment_name else self.contents.fresh("vo"),
            version=version,
            metadata=api_pb2.VolumeMetadata(version=version, name=request.deployment_name),
        )

    async def VolumeHeartbeat(self, request: api_pb2.VolumeHeartbeatRequest) -> Empty:
        return Empty()

    async def SharedVolumeGetOrCreate(
        self, request: api_pb2.SharedVolumeGetOrCreateRequest
    ) -> api_pb2.SharedVolumeGetOrCreateResponse:
        content = spelled(request, without={"app_id", "object_creation_type"})
        return api_pb2.SharedVolumeGetOrCreateResponse(shared_volume_id=self.contents.add("sv", content))
