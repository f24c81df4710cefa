"""Turns commands in a sandbox into the status and output that were arranged for them: no command is executed."""

from collections.abc import AsyncIterator

from modal_proto import api_pb2
from modal_proto import task_command_router_pb2 as router_pb2

from .apps import token
from .contents import Contents
from .script import Command, Process, Script


class Sandboxes:
    """Sandboxes of both generations (the first if they have a GPU) and the router through which they are reached."""

    def __init__(self, contents: Contents, router_url: str) -> None:
        self.commands: Script[Command] = Script()
        self._contents = contents
        self._processes: dict[str, Process] = {}
        self._access = {"url": router_url, "jwt": token()}

    def _start(self, arguments: list[str], *ids: str) -> None:
        process = Process(self.commands.find(" ".join(arguments)) or Command(), endless=not arguments)
        self._processes |= dict.fromkeys(ids, process)

    async def SandboxCreate(self, request: api_pb2.SandboxCreateRequest) -> api_pb2.SandboxCreateResponse:
        sandbox_id = self._contents.fresh("sb")
        self._start(list(request.definition.entrypoint_args), sandbox_id)
        return api_pb2.SandboxCreateResponse(sandbox_id=sandbox_id)

    async def SandboxCreateV2(self, request: api_pb2.SandboxCreateV2Request) -> api_pb2.SandboxCreateV2Response:
        # The client tells the generations apart by the length of the id.
        sandbox_id, task_id = self._contents.fresh("sb-second"), self._contents.fresh("ta")
        self._start(list(request.definition.entrypoint_args), sandbox_id, task_id)
        return api_pb2.SandboxCreateV2Response(
            sandbox_id=sandbox_id, task_id=task_id, command_router_access=api_pb2.CommandRouterAccess(**self._access)
        )

    async def SandboxGetTaskId(self, request: api_pb2.SandboxGetTaskIdRequest) -> api_pb2.SandboxGetTaskIdResponse:
        return api_pb2.SandboxGetTaskIdResponse(task_id=request.sandbox_id.replace("sb-", "ta-"))

    async def SandboxWait(self, request: api_pb2.SandboxWaitRequest) -> api_pb2.SandboxWaitResponse:
        result = await self._processes[request.sandbox_id].ended_within(request.timeout)
        return api_pb2.SandboxWaitResponse(result=result)

    async def SandboxTerminate(self, request: api_pb2.SandboxTerminateRequest) -> api_pb2.SandboxTerminateResponse:
        process = self._processes[request.sandbox_id]
        existing = await process.ended_within(0)
        process.end(Command(outcome="terminated").result)
        return api_pb2.SandboxTerminateResponse(existing_result=existing)

    SandboxWaitV2 = SandboxWait
    SandboxTerminateV2 = SandboxTerminate

    async def SandboxGetLogs(self, request: api_pb2.SandboxGetLogsRequest) -> AsyncIterator[api_pb2.TaskLogsBatch]:
        process = self._processes[request.sandbox_id]
        output = process.output(errors=request.file_descriptor == api_pb2.FILE_DESCRIPTOR_STDERR)
        yield api_pb2.TaskLogsBatch(entry_id="1-0", items=[api_pb2.TaskLogs(data=output.decode())])
        await process.ended()
        yield api_pb2.TaskLogsBatch(entry_id="2-0", eof=True)

    async def TaskGetCommandRouterAccess(
        self, request: api_pb2.TaskGetCommandRouterAccessRequest
    ) -> api_pb2.TaskGetCommandRouterAccessResponse:
        return api_pb2.TaskGetCommandRouterAccessResponse(**self._access)

    async def SandboxGetCommandRouterAccess(
        self, request: api_pb2.SandboxGetCommandRouterAccessRequest
    ) -> api_pb2.SandboxGetCommandRouterAccessResponse:
        return api_pb2.SandboxGetCommandRouterAccessResponse(**self._access)

    async def SandboxStdioReadV2(
        self, request: router_pb2.SandboxStdioReadV2Request
    ) -> AsyncIterator[router_pb2.SandboxStdioReadV2Response]:
        process = self._processes[request.task_id]
        errors = request.file_descriptor == router_pb2.SANDBOX_STDIO_FILE_DESCRIPTOR_STDERR
        if data := process.output(errors=errors)[request.offset :]:
            yield router_pb2.SandboxStdioReadV2Response(data=data, starting_offset=request.offset)
        await process.ended()

    async def TaskExecStart(self, request: router_pb2.TaskExecStartRequest) -> router_pb2.TaskExecStartResponse:
        self._start(list(request.command_args), request.exec_id)
        return router_pb2.TaskExecStartResponse()

    async def TaskExecStdioRead(
        self, request: router_pb2.TaskExecStdioReadRequest
    ) -> AsyncIterator[router_pb2.TaskExecStdioReadResponse]:
        process = self._processes[request.exec_id]
        errors = request.file_descriptor == router_pb2.TASK_EXEC_STDIO_FILE_DESCRIPTOR_STDERR
        if data := process.output(errors=errors)[request.offset :]:
            yield router_pb2.TaskExecStdioReadResponse(data=data)
        await process.ended()

    async def TaskExecWait(self, request: router_pb2.TaskExecWaitRequest) -> router_pb2.TaskExecWaitResponse:
        result = await self._processes[request.exec_id].ended()
        return router_pb2.TaskExecWaitResponse(code=result.exitcode)

    async def TaskExecPoll(self, request: router_pb2.TaskExecPollRequest) -> router_pb2.TaskExecPollResponse:
        result = await self._processes[request.exec_id].ended_within(0)
        return router_pb2.TaskExecPollResponse(code=result.exitcode) if result else router_pb2.TaskExecPollResponse()
