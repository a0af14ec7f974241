"""An engine around another one, with something of its own between the client and the answers."""

from abc import abstractmethod

from attrs import evolve

from mmearth_core.contract.engine import Connection, Demo, Engine, Limits, Transport


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
