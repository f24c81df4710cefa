"""Turns apps into ids and calls of their functions into outputs, None if no other was arranged: none is executed."""

import asyncio
import base64
import json
import pickle
from collections.abc import AsyncIterator, Iterable

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from .contents import Contents, spelled
from .images import DEFAULT_BUILDER
from .script import Call, Script


def token() -> str:
    """A token that never runs out. Clients read its expiry and nothing else."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 4102444800}).encode()).decode().rstrip("=")
    return f"oracle.{claims}.unsigned"


class Apps:
    """Apps, their functions and classes, and the environment that they all share."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self.calls: Script[Call] = Script()
        self._outputs: dict[str, list[api_pb2.FunctionGetOutputsItem]] = {}
        self._handles: dict[str, api_pb2.FunctionHandleMetadata] = {}

    async def ClientHello(self, request: Empty) -> api_pb2.ClientHelloResponse:
        return api_pb2.ClientHelloResponse()

    async def AuthTokenGet(self, request: api_pb2.AuthTokenGetRequest) -> api_pb2.AuthTokenGetResponse:
        return api_pb2.AuthTokenGetResponse(token=token())

    async def EnvironmentGetOrCreate(
        self, request: api_pb2.EnvironmentGetOrCreateRequest
    ) -> api_pb2.EnvironmentGetOrCreateResponse:
        settings = api_pb2.EnvironmentSettings(image_builder_version=DEFAULT_BUILDER, webhook_suffix="")
        return api_pb2.EnvironmentGetOrCreateResponse(
            environment_id="en-1",
            metadata=api_pb2.EnvironmentMetadata(name=request.deployment_name or "main", settings=settings),
        )

    async def AppCreate(self, request: api_pb2.AppCreateRequest) -> api_pb2.AppCreateResponse:
        app_id = self._contents.fresh("ap")
        return api_pb2.AppCreateResponse(app_id=app_id, app_page_url=f"https://oracle.invalid/{app_id}")

    async def AppGetOrCreate(self, request: api_pb2.AppGetOrCreateRequest) -> api_pb2.AppGetOrCreateResponse:
        return api_pb2.AppGetOrCreateResponse(app_id=self._contents.add("ap", {"app": request.app_name}))

    async def AppGetByDeploymentName(
        self, request: api_pb2.AppGetByDeploymentNameRequest
    ) -> api_pb2.AppGetByDeploymentNameResponse:
        return api_pb2.AppGetByDeploymentNameResponse()

    async def AppPublish(self, request: api_pb2.AppPublishRequest) -> api_pb2.AppPublishResponse:
        return api_pb2.AppPublishResponse(url=f"https://oracle.invalid/{request.name}", deployed_at=1)

    async def AppGetLogs(self, request: api_pb2.AppGetLogsRequest) -> AsyncIterator[api_pb2.TaskLogsBatch]:
        yield api_pb2.TaskLogsBatch(app_done=True)

    async def AppHeartbeat(self, request: api_pb2.AppHeartbeatRequest) -> Empty:
        return Empty()

    async def AppClientDisconnect(self, request: api_pb2.AppClientDisconnectRequest) -> Empty:
        return Empty()

    async def FunctionPrecreate(self, request: api_pb2.FunctionPrecreateRequest) -> api_pb2.FunctionPrecreateResponse:
        function_id = request.existing_function_id or self._contents.fresh("fu")
        return api_pb2.FunctionPrecreateResponse(function_id=function_id, handle_metadata=_handle(request))

    async def FunctionCreate(self, request: api_pb2.FunctionCreateRequest) -> api_pb2.FunctionCreateResponse:
        content = spelled(request, without={"app_id", "existing_function_id"})
        if request.existing_function_id:
            function_id = self._contents.adopt(request.existing_function_id, content)
        else:
            function_id = self._contents.add("fu", content)
        ranked = request.function_data.ranked_functions
        data = request.function_data
        if not ranked:
            only = api_pb2.FunctionData.RankedFunction(function=request.function)
            data = api_pb2.FunctionData(function_name=request.function.function_name, ranked_functions=[only])
        handle = _handle(request.function if request.HasField("function") else request.function_data)
        self._handles[function_id] = handle
        return api_pb2.FunctionCreateResponse(
            function_id=function_id,
            function=request.function,
            function_data=data,
            handle_metadata=handle,
        )

    async def FunctionBindParams(
        self, request: api_pb2.FunctionBindParamsRequest
    ) -> api_pb2.FunctionBindParamsResponse:
        bound = self._contents.add("fu", spelled(request))
        return api_pb2.FunctionBindParamsResponse(
            bound_function_id=bound, handle_metadata=self._handles[request.function_id]
        )

    async def ClassCreate(self, request: api_pb2.ClassCreateRequest) -> api_pb2.ClassCreateResponse:
        return api_pb2.ClassCreateResponse(class_id=request.existing_class_id or self._contents.fresh("cs"))

    async def FunctionMap(self, request: api_pb2.FunctionMapRequest) -> api_pb2.FunctionMapResponse:
        call_id = self._contents.fresh("fc")
        self._outputs[call_id] = []
        return api_pb2.FunctionMapResponse(
            function_call_id=call_id,
            function_call_jwt=call_id,
            pipelined_inputs=self._accepted(call_id, request.pipelined_inputs),
            max_inputs_outstanding=1000,
        )

    async def FunctionPutInputs(self, request: api_pb2.FunctionPutInputsRequest) -> api_pb2.FunctionPutInputsResponse:
        return api_pb2.FunctionPutInputsResponse(inputs=self._accepted(request.function_call_id, request.inputs))

    async def FunctionFinishInputs(self, request: api_pb2.FunctionFinishInputsRequest) -> Empty:
        return Empty()

    async def FunctionGetOutputs(
        self, request: api_pb2.FunctionGetOutputsRequest
    ) -> api_pb2.FunctionGetOutputsResponse:
        outputs = self._outputs[request.function_call_id]
        seen = int(request.last_entry_id.partition("-")[0] or 0)
        if seen == len(outputs):
            # A map asks again and again while its inputs are still on their way.
            await asyncio.sleep(min(request.timeout, 0.05))
        return api_pb2.FunctionGetOutputsResponse(outputs=outputs[seen:], last_entry_id=f"{len(outputs)}-0")

    def _accepted(
        self, call_id: str, inputs: Iterable[api_pb2.FunctionPutInputsItem]
    ) -> list[api_pb2.FunctionPutInputsResponseItem]:
        accepted = []
        for item in inputs:
            input_id = self._contents.fresh("in")
            result = (self.calls.find(str(pickle.loads(item.input.args))) or Call()).result
            accepted.append(api_pb2.FunctionPutInputsResponseItem(idx=item.idx, input_id=input_id, input_jwt=input_id))
            self._outputs[call_id].append(
                api_pb2.FunctionGetOutputsItem(
                    idx=item.idx, input_id=input_id, result=result, data_format=api_pb2.DATA_FORMAT_PICKLE
                )
            )
        return accepted


def _handle(
    function: api_pb2.FunctionPrecreateRequest | api_pb2.Function | api_pb2.FunctionData,
) -> api_pb2.FunctionHandleMetadata:
    """What the client needs to know to call `function`, or the methods of the class that it serves."""
    methods = {
        name: api_pb2.FunctionHandleMetadata(
            function_name=method.function_name,
            function_type=method.function_type,
            is_method=True,
            use_method_name=name,
            supported_input_formats=method.supported_input_formats,
            supported_output_formats=method.supported_output_formats,
        )
        for name, method in function.method_definitions.items()
    }
    return api_pb2.FunctionHandleMetadata(
        function_name=function.function_name,
        function_type=function.function_type,
        method_handle_metadata=methods,
        supported_input_formats=function.supported_input_formats,
        supported_output_formats=function.supported_output_formats,
    )
