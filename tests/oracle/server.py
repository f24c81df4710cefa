"""Turns objects with one method for each call into servers of Modal's services, in a thread of their own."""

import asyncio
import hashlib
import socket
import threading
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

import aiohttp.web
import grpclib.server
from google.protobuf.message import Message
from grpclib import GRPCError, Status
from grpclib.const import Cardinality, Handler
from grpclib.protocol import H2Protocol
from modal_proto.api_grpc import ModalClientBase
from modal_proto.task_command_router_grpc import TaskCommandRouterBase

Hear = Callable[[str, Message], None]
Stream = grpclib.server.Stream[Any, Any]


class Server:
    """Listens from the start, so that its addresses are known; answers once it is started."""

    def __init__(self) -> None:
        self._calls, self._uploads = _listener(), _listener()
        self.url, self.uploads_url = _url(self._calls), _url(self._uploads)

    def start(self, answers: Sequence[object], hear: Hear) -> None:
        """Answer each call with the method of `answers` that has its name, after telling `hear` of it."""
        serving = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(answers, hear, serving)), name="oracle", daemon=True
        )
        self._thread.start()
        if not serving.wait(timeout=30):
            raise RuntimeError("the oracle did not start: see the traceback of its thread")

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    async def _serve(self, answers: Sequence[object], hear: Hear, serving: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        services = (ModalClientBase, TaskCommandRouterBase)
        calls = _ClosingServer([_Service(service, answers, hear) for service in services])
        uploads = aiohttp.web.Application(client_max_size=0)
        uploads.router.add_put("/{blob}", _accept_upload)
        runner = aiohttp.web.AppRunner(uploads, access_log=None)
        await runner.setup()
        await aiohttp.web.SockSite(runner, self._uploads).start()
        await calls.start(sock=self._calls)
        serving.set()
        await self._stopping.wait()
        calls.close()
        await calls.wait_closed()
        await runner.cleanup()


def _listener() -> socket.socket:
    # Only for a socket that says it speaks TCP does asyncio switch off Nagle's algorithm, which costs 40 ms a call.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    return listener


def _url(listener: socket.socket) -> str:
    return "http://{}:{}".format(*listener.getsockname())


async def _accept_upload(request: aiohttp.web.Request) -> aiohttp.web.Response:
    """Answer as an object store does: the client compares the tag with the checksum of what it sent."""
    return aiohttp.web.Response(headers={"ETag": f'"{hashlib.md5(await request.read()).hexdigest()}"'})


class _ClosingServer(grpclib.server.Server):
    """Ends its clients' connections when it closes. As it comes, from Python 3.12 it waits for them to leave."""

    def __init__(self, services: Sequence["_Service"]) -> None:
        super().__init__(services)
        self._protocols: weakref.WeakSet[H2Protocol] = weakref.WeakSet()

    def _protocol_factory(self) -> H2Protocol:
        protocol = super()._protocol_factory()
        self._protocols.add(protocol)
        return protocol

    def close(self) -> None:
        super().close()
        for protocol in self._protocols:
            protocol.connection.close()


class _Names:
    """Stands in for a service, so that its table of calls holds their names where it would hold its methods."""

    def __getattr__(self, name: str) -> str:
        return name


class _Service:
    """All calls of one of Modal's services, those that nothing answers refused."""

    def __init__(self, service: type, answers: Sequence[object], hear: Hear) -> None:
        self._table: Mapping[str, Handler] = cast(Any, service).__mapping__(_Names())
        self._answers = answers
        self._hear = hear

    def __mapping__(self) -> dict[str, Handler]:
        return {
            path: call._replace(func=self._handler(cast(str, call.func), call.cardinality))
            for path, call in self._table.items()
        }

    def _handler(self, rpc: str, cardinality: Cardinality) -> Callable[[Stream], Awaitable[None]]:
        answer = next((getattr(one, rpc) for one in self._answers if hasattr(one, rpc)), None)

        async def handle(stream: Stream) -> None:
            request = await stream.recv_message()
            self._hear(rpc, request)
            if answer is None:
                raise GRPCError(Status.UNIMPLEMENTED, f"the oracle has no answer to `{rpc}`")
            if cardinality.server_streaming:
                async for response in answer(request):
                    await stream.send_message(response)
            else:
                await stream.send_message(await answer(request))

        return handle
