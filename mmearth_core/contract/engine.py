"""Engines: they give the real `ee` client its credentials and its transport."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from attrs import evolve, frozen

from mmearth_core.contract.modality import Plugin


class Transport(Protocol):
    """What `ee.Initialize(http_transport=)` accepts: httplib2's `request`; must be safe to call from many threads."""

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Any = None,
        redirections: int | None = None,
        connection_type: Any = None,
    ) -> tuple[Any, bytes]:
        """Sends one request.

        Returns:
            An `httplib2.Response` with the status and headers, and the body.

        Raises:
            TimeoutError: no answer within `Limits.timeout`.
            ConnectionError: no connection, or it broke.
        """
        ...


@frozen
class Limits:
    """What the core requires of a connection.

    Attributes:
        timeout: seconds after which a request fails.
        connections: the largest number of requests in flight.
    """

    timeout: float
    connections: int


@frozen
class Connection:
    """The arguments of `ee.Initialize`.

    Attributes:
        project: the Cloud project that requests are billed to.
        transport: sends the requests.
        credentials: `google.auth` credentials, or None if the transport needs none.
        url: the endpoint, without a path; None for the client's default.
    """

    project: str
    transport: Transport
    credentials: Any = None
    url: str | None = None


@frozen
class Demo:
    """An example that runs on an engine without an account.

    Attributes:
        config: the text of its configuration, whose tiles file is `tiles.geojson`.
        tiles: the tiles, a GeoJSON FeatureCollection.
        credit: one line about the source of the pixels, shown below the picture.
        missing: if this is a substitute for the requested example: what is not installed, and the command that
            installs it; otherwise empty.
    """

    config: str
    tiles: Mapping[str, Any]
    credit: str
    missing: str = ""


class Engine(Plugin, ABC):
    """Something that answers Earth Engine's requests: Google's servers, or a replacement.

    Attributes:
        name: the name in `engine = "NAME"` of the configuration and in `--engine NAME`.
        api_version: the `API_VERSION` for which the engine was written.
        Options: an attrs class with a default for every field; the core fills it from `[engines.NAME]`.
        shorthand: the option that `--engine NAME:TEXT` sets; None if there is none.
        endpoints: values of the option `url` that `plan --sample` compares; empty if there is only one endpoint.
        options: the instance of `Options` in use.
    """

    shorthand: ClassVar[str | None] = None
    endpoints: ClassVar[tuple[str, ...]] = ()

    @property
    def source(self) -> str:
        """The source of the pixels, as the dataset records it. A dataset is never filled from two sources."""
        return self.name

    @abstractmethod
    def connect(self, limits: Limits) -> Connection:
        """Prepares for requests; sends none that counts against a quota. Called again if the network fails.

        Raises:
            EngineError: credentials, project or data are missing; says what to do.
            ConnectionError: no connection; like TimeoutError and the errors of `google.auth`, it may pass.
        """

    def demo(self) -> Demo | None:
        """Returns an example for this engine, or None."""
        return None


class WrappedEngine(Engine):
    """Base class of engines that put their own transport around that of another engine."""

    name = "wrapped"
    api_version = 1

    def __init__(self, engine: Engine) -> None:
        """Wraps an engine.

        Args:
            engine: the engine that answers.
        """
        super().__init__(engine.options)
        self._engine = engine

    @property
    def source(self) -> str:
        """The source of the wrapped engine."""
        return self._engine.source

    def connect(self, limits: Limits) -> Connection:
        """Connects the wrapped engine, and puts the own transport around its transport.

        Raises:
            EngineError: this is not possible.
        """
        connection = self._engine.connect(limits)
        return evolve(connection, transport=self.around(connection))

    @abstractmethod
    def around(self, connection: Connection) -> Transport:
        """Returns a transport that forwards requests to that of the connection.

        Raises:
            EngineError: there can be none.
        """

    def demo(self) -> Demo | None:
        """Returns the example of the wrapped engine, or None."""
        return self._engine.demo()
