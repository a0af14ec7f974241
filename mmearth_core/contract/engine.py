"""The engine: what gives the real `ee` client its credentials and its transport."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from typing import Any, ClassVar, Protocol, Self

from attrs import evolve, frozen

from mmearth_core.contract.modality import NoOptions


class Transport(Protocol):
    """What `ee.Initialize(http_transport=)` takes: httplib2's `request`, safe to call from many threads."""

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Any = None,
        redirections: int | None = None,
        connection_type: Any = None,
    ) -> tuple[Any, bytes]:
        """Sends one request; returns an `httplib2.Response` and the body."""
        ...


@frozen
class Limits:
    """What the core asks of a connection.

    Attributes:
        timeout: seconds after which a request is given up.
        connections: how many requests may be under way at once.
    """

    timeout: float
    connections: int


@frozen
class Connection:
    """How `ee.Initialize` is to be called.

    Attributes:
        project: the Cloud project that requests are billed to.
        transport: carries the requests.
        credentials: `google.auth` credentials, or None where the transport needs none.
        url: the endpoint, without a path.
    """

    project: str
    transport: Transport
    credentials: Any = None
    url: str | None = None


@frozen
class Demo:
    """A ready example that runs on an engine without an account.

    Attributes:
        config: the text of its configuration; names its tiles as `tiles.geojson`.
        tiles: a GeoJSON FeatureCollection.
        credit: one line on where the pixels come from, shown under the picture.
        missing: what is not installed, and the command that installs it, where this is a substitute for the example
            that was asked for; empty otherwise.
    """

    config: str
    tiles: Mapping[str, Any]
    credit: str
    missing: str = ""


class Engine(ABC):
    """A place where Earth Engine's requests are answered.

    Attributes:
        name: what `engine = ` and `--engine` call it.
        api_version: the contract's `API_VERSION` that it was written for.
        Options: an attrs class with a default for every field, filled from `[engines.NAME]`.
        shorthand: the option that `--engine NAME:TEXT` sets; None when there is none.
    """

    name: ClassVar[str]
    api_version: ClassVar[int]
    Options: ClassVar[type] = NoOptions
    shorthand: ClassVar[str | None] = None

    def __init__(self, options: Any = None) -> None:
        self.options = self.Options() if options is None else options

    def configured(self, options: Any) -> Self:
        """This engine with other options."""
        twin = copy(self)
        twin.options = options
        return twin

    @property
    def source(self) -> str:
        """Where the pixels come from. A dataset is never filled from two sources."""
        return self.name

    @abstractmethod
    def connect(self, limits: Limits) -> Connection:
        """Makes ready to answer requests; sends none that counts.

        Raises:
            EngineError: when credentials, project or data are missing; says what to do.
        """

    def demo(self) -> Demo | None:
        """A ready example on this engine, or None."""
        return None


class WrappedEngine(Engine):
    """Passes everything on to another engine, requests by way of a transport of its own."""

    name = "wrapped"
    api_version = 1

    def __init__(self, engine: Engine) -> None:
        """Wraps an engine.

        Args:
            engine: who answers.
        """
        super().__init__(engine.options)
        self._engine = engine

    @property
    def source(self) -> str:
        """That of the engine."""
        return self._engine.source

    def connect(self, limits: Limits) -> Connection:
        """Connects the engine, and puts the transport around its own.

        Raises:
            EngineError: when that is not possible.
        """
        connection = self._engine.connect(limits)
        return evolve(connection, transport=self.around(connection))

    @abstractmethod
    def around(self, connection: Connection) -> Transport:
        """The transport that passes requests on to the connection's.

        Raises:
            EngineError: when there can be none.
        """

    def demo(self) -> Demo | None:
        """That of the engine."""
        return self._engine.demo()
