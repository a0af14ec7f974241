"""Runs a program whose Earth Engine is the local one: `localearth exec`."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from localearth.errors import SetupError
from localearth.http_server import Server
from localearth.launch.sitecustomize import URL
from localearth.rest import Service


def environment(url: str, given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program whose `ee.Initialize` is to use a server of the local engine.

    Python imports `sitecustomize` at its start, from the first folder of its path that has it.
    """
    path = [str(Path(__file__).parent), given.get("PYTHONPATH", "")]
    local = [given.get("NO_PROXY", given.get("no_proxy", "")), "127.0.0.1"]
    no_proxy = ",".join(filter(None, local))
    return {
        **given,
        URL: url,
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


@contextmanager
def signal_handlers(handlers: Mapping[signal.Signals, Callable[..., object]]) -> Iterator[None]:
    """Handles signals until the block ends."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def run(service: Service, source: str, program: Sequence[str]) -> int:
    """Runs a program with the local engine on a free port of 127.0.0.1, and returns its exit status.

    Args:
        service: answers the program's requests.
        source: the world's label.
        program: its name and arguments.

    Raises:
        SetupError: the program cannot be started.
    """
    server = Server(service, source)
    with server.running():
        try:
            program_process = subprocess.Popen(program, env=environment(server.url, os.environ))
        except OSError as error:
            raise SetupError(
                f"the program {program[0]!r} cannot be started: {error.strerror}. Write its name and arguments after "
                "`--`, e.g. localearth exec -- python my_program.py."
            ) from error
        # Control-C reaches the program, too, which decides what it does then; this process waits for it.
        with signal_handlers({signal.SIGINT: lambda *_: None, signal.SIGTERM: lambda *_: program_process.terminate()}):
            status = program_process.wait()
    return 128 - status if status < 0 else status
