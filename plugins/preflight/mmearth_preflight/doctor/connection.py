"""Checks of the engine: credentials, project, endpoint, quota, and one request."""

import json
import time
from pathlib import Path
from typing import Any

from attrs import evolve

from mmearth_core import Connection, Engine, Transport, WrappedEngine
from mmearth_core.config.schema import RunOptions
from mmearth_core.earthengine.client import EarthClient
from mmearth_preflight.doctor.findings import Findings, credential_secrets

_QUOTA = "x-earth-engine-quota-status"
"""The header of an answer that tells whether the project is in restricted mode (`ee/data.py`)."""

_RETRY_SECONDS = 15.0
"""A run waits longer; here a person waits."""


class ObservedEngine(WrappedEngine):
    """Remembers the connection of another engine, and what the answers say about the quota.

    Attributes:
        connection: the connection; None before it is made.
        quota: the quota status of the last answer that has one.
    """

    name = "observed"

    def __init__(self, engine: Engine) -> None:
        """Wraps an engine.

        Args:
            engine: the engine to observe.
        """
        super().__init__(engine)
        self.connection: Connection | None = None
        self.quota = ""

    def around(self, connection: Connection) -> Transport:
        """Wraps the connection's transport."""
        self.connection = connection
        return _ObservingTransport(self, connection.transport)


class _ObservingTransport:
    """The transport of `ObservedEngine`."""

    def __init__(self, engine: ObservedEngine, transport: Transport) -> None:
        self._engine = engine
        self._transport = transport

    def request(self, *args: Any, **options: Any) -> tuple[Any, bytes]:
        """Passes a request on."""
        answer, content = self._transport.request(*args, **options)
        self._engine.quota = answer.get(_QUOTA, self._engine.quota)
        return answer, content


def check_engine(findings: Findings, engine: Engine, run: RunOptions, tag: str) -> EarthClient | None:
    """Connects to the engine and sends one request.

    Args:
        findings: takes the results.
        engine: the engine.
        run: the options of a run.
        tag: the label of the requests.

    Returns:
        The client, or None if there is no connection.
    """
    observed = ObservedEngine(engine)
    findings.secrets.update(_key_secrets(engine))
    client = None
    with findings.check("engine"):
        short = evolve(run, retry_seconds=min(run.retry_seconds, _RETRY_SECONDS))
        client = EarthClient(observed, short, workload_tag=tag)
    connection = observed.connection
    if connection is not None:
        findings.secrets.update(credential_secrets(connection.credentials))
        kind = type(connection.credentials)
        credentials = "none needed" if connection.credentials is None else f"{kind.__module__}.{kind.__name__}"
        endpoint = connection.url or "inside this process"
        text = f"{engine.name}; credentials: {credentials}; project: {connection.project}; endpoint: {endpoint}"
        (findings.ok if client else findings.skip)("connection", text)
    if client is None:
        return None
    with findings.check("request"):
        _check_request(findings, client)
    if "parallelism_restricted=true" in observed.quota:
        text = "the project is in restricted mode: it has used this month's EECU-hours, and is slow until the next"
        findings.warn("quota", text, "https://developers.google.com/earth-engine/guides/noncommercial_tiers")
    else:
        findings.ok("quota", observed.quota or "the answers report no restriction")
    return client


def _check_request(findings: Findings, client: EarthClient) -> None:
    import ee

    begin = time.perf_counter()
    answer = client.compute(ee.Number(1).add(1), "doctor")
    seconds = time.perf_counter() - begin
    if answer == 2:
        findings.ok("request", f"answered in {seconds:.2f} s")
    else:
        findings.fail("request", f"1 + 1 = {answer!r}", "Something between this machine and Earth Engine answers.")


def _key_secrets(engine: Engine) -> list[str]:
    """The secret parts of the key file of a service account, if the engine has one."""
    file = getattr(engine.options, "service_account_key", None)
    try:
        key = json.loads(Path(file).expanduser().read_text(encoding="utf-8")) if file else {}
    except (OSError, ValueError):
        return []  # the engine reports it
    texts = [key.get(name) for name in ("private_key", "private_key_id", "client_secret", "refresh_token")]
    return [text for text in texts if isinstance(text, str) and text]
