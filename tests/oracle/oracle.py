"""Turns an image into all that the unmodified Modal client sends for it."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol
from unittest.mock import patch

import modal
from google.protobuf.message import Message

from .apps import Apps
from .contents import Content, spelled
from .images import DEFAULT_BUILDER, Images
from .recording import Recorder, Recording
from .sandboxes import Sandboxes
from .script import Build, Call, Command, Outcome
from .server import Server


class RunsOnImage(Protocol):
    """What a recorded `Function` or `Sandbox` has in common."""

    @property
    def image_id(self) -> str: ...
    @property
    def mount_ids(self) -> Sequence[str]: ...


def _anything() -> None:
    """The function that `Oracle.requests` puts on an image: what it does is never asked."""


class Oracle:
    """A Modal to build against, between `start` and `stop`.

    The client keeps its connection and its environment for as long as its process lives, so there can be only one
    oracle for the clients in this process; those of subprocesses are welcome too.
    """

    def __init__(self) -> None:
        self._recorder = Recorder()
        self._server = Server()
        self.url = self._server.url
        self._images = Images(self._server.uploads_url)
        self._contents = self._images.contents
        self._apps = Apps(self._contents)
        self._sandboxes = Sandboxes(self._contents, self.url)

    def start(self) -> None:
        self._server.start((self._images, self._apps, self._sandboxes), self._recorder.hear)

    def stop(self) -> None:
        self._server.stop()

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs in its environment to take this for its Modal, whatever its user has configured."""
        return {
            "MODAL_SERVER_URL": self.url,
            "MODAL_TOKEN_ID": "ak-oracle",
            "MODAL_TOKEN_SECRET": "as-oracle",
            "MODAL_CONFIG_PATH": os.devnull,
            "MODAL_DISABLE_API_PROXY": "1",
            "MODAL_ENVIRONMENT": "",
            "MODAL_FORCE_BUILD": "0",
            "MODAL_IGNORE_CACHE": "0",
        }

    def connected(self, **more: str) -> AbstractContextManager[object]:
        """Make this the Modal of the present process while the context is open, with `more` environment variables."""
        return patch.dict(os.environ, {**self.environ, **more})

    def requests(self, image: modal.Image, *, builder: str = DEFAULT_BUILDER) -> list[Content]:
        """All that the client sends that decides what `image` is, under the image builder version `builder`.

        First the layers, base first, each with what it takes in spelled out in place (files, secrets, volumes, build
        functions); then what is mounted when a container of it starts, sorted by path, as Modal is told of no order.
        Equal lists mean equal images.

        Raises:
            Whatever the client raises on building the image.
        """
        app = modal.App("oracle")
        app.function(image=image, include_source=False)(_anything)
        with self.connected(MODAL_IMAGE_BUILDER_VERSION=builder), self.recording() as calls, app.run():
            pass
        functions = [request.function for request in calls.messages("FunctionCreate")]
        return self.requests_of(next(one for one in functions if one.function_name == _anything.__name__))

    def requests_of(self, definition: RunsOnImage) -> list[Content]:
        """As `requests`, of the image of a function or a sandbox that was recorded."""
        mounts = [mount for mount in definition.mount_ids if "files" in self._contents[mount]]
        return self._contents.chain(definition.image_id, mounts)

    def spelled_out(self, message: Message) -> Content:
        """A recorded message as plain data, with what they stand for in the place of ids."""
        plain: Content = self._contents.spelled_out(spelled(message))
        return plain

    def recording(self) -> AbstractContextManager[Recording]:
        """Write down each call that arrives while the context is open, from this process or any other."""
        return self._recorder.recording()

    def forget(self) -> None:
        """Forget what earlier clients built, uploaded and published, so that the next one has it all to do again."""
        self._images.forget()

    def building(
        self, text: str, *, log: Sequence[str] = (), outcome: Outcome = "success", exception: str = "", delay: float = 0
    ) -> AbstractContextManager[None]:
        """Arrange, while the context is open, how layers go that have `text` in their commands, files or function.

        Such a layer is never taken from the cache: it shows the lines of `log`, waits `delay` seconds, then ends as
        `outcome` says, with the text of an `exception` or with none.
        """
        return self._images.builds.arranged(text, Build(tuple(log), outcome, exception, delay))

    def running(
        self,
        text: str,
        *,
        returncode: int = 0,
        stdout: str = "",
        stderr: str = "",
        outcome: Outcome | None = None,
        delay: float = 0,
    ) -> AbstractContextManager[None]:
        """Arrange, while the context is open, how commands go in sandboxes that have `text` in their arguments.

        Whether one fails follows from its `returncode`, unless `outcome` says that Modal ended it.
        """
        return self._sandboxes.commands.arranged(text, Command(returncode, stdout, stderr, outcome, delay))

    def calling(self, text: str, *, returned: object = None, exception: str = "") -> AbstractContextManager[None]:
        """Arrange, while the context is open, how calls of functions go that have `text` in their arguments."""
        return self._apps.calls.arranged(text, Call(returned, exception))

    def secret(self, name: str, *keys: str) -> AbstractContextManager[object]:
        """Arrange, while the context is open, which keys a named secret has, if not a registry's user and password."""
        return patch.dict(self._images.secret_keys, {name: keys})
