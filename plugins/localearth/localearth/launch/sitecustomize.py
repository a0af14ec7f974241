"""Redirects the `ee` client of a program to the local engine; the program is not changed.

`localearth exec` puts this folder on the program's PYTHONPATH, so that Python imports this file at its start, before
any other module. The program may run in an environment without localearth: only the standard library is imported here.
"""

import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

URL = "LOCALEARTH_URL"
"""Environment variable: the address of the server."""

PROJECT = "local-project"
"""The project of programs that name none."""


def redirect(ee: Any, url: str, transport: Any = None) -> Callable[[], None]:
    """Lets `ee.Initialize` use a server, whatever address, credentials and transport it is given.

    Args:
        ee: the module of the client.
        url: the server's address.
        transport: what sends the requests; by default the client's own.

    Returns:
        A function that restores the client.
    """
    replaced = _replacements(ee, url, transport)
    before = {place: getattr(*place) for place in replaced}

    def apply(values: dict[Any, Any]) -> None:
        for (module, name), value in values.items():
            setattr(module, name, value)

    apply(replaced)
    return lambda: apply(before)


def _replacements(ee: Any, url: str, transport: Any) -> dict[tuple[Any, str], Any]:
    """The functions to replace, each with its module and its name."""
    import google.auth
    from google.auth.credentials import AnonymousCredentials
    from google.auth.exceptions import DefaultCredentialsError

    class Credentials(AnonymousCredentials):  # type: ignore[misc,unused-ignore]
        quota_project_id = PROJECT

    start, find = ee.data.initialize, google.auth.default

    def default(*arguments: Any, **options: Any) -> tuple[Any, Any]:
        try:
            return find(*arguments, **options)
        except DefaultCredentialsError:  # a program may have others, for other services
            return Credentials(), PROJECT  # type: ignore[no-untyped-call,unused-ignore]

    def initialize(
        credentials: Any = None,
        api_base_url: str | None = None,
        tile_base_url: str | None = None,
        cloud_api_base_url: str | None = None,
        cloud_api_key: str | None = None,
        project: str | None = None,
        http_transport: Any = None,
    ) -> None:
        start(None, f"{url}/api", url, url, None, project or PROJECT, transport)

    return {
        (ee.data, "initialize"): initialize,
        (ee.data, "get_persistent_credentials"): Credentials,
        (google.auth, "default"): default,
        (ee.oauth, "authenticate"): lambda *_, **__: True,
        (ee, "ServiceAccountCredentials"): lambda *_, **__: Credentials(),  # type: ignore[no-untyped-call,unused-ignore]
    }


def _separate_forks(ee: Any) -> None:
    """Closes inherited connections in forked processes, which would otherwise read each other's answers.

    On Google's servers, connections are encrypted, and sharing one is an error.
    """

    def close() -> None:
        session = ee.data._get_state().requests_session
        if session is not None:
            session.close()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=close)


class _Finder(MetaPathFinder):
    """Redirects the client as soon as a program imports it."""

    def __init__(self, url: str) -> None:
        self._url = url

    def find_spec(self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "ee":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._url)
        return spec


class _Loader(Loader):
    """Loads a module as its own loader does, then redirects it."""

    def __init__(self, loader: Loader, url: str) -> None:
        self._loader = loader
        self._url = url

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        redirect(module, self._url)
        _separate_forks(module)


def _run_next() -> None:
    """Runs the `sitecustomize` of the environment, which this file hides."""
    here = Path(__file__).parent.resolve()
    others = [folder for folder in sys.path if Path(folder).resolve() != here]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


if __name__ == "sitecustomize":
    if URL in os.environ:
        sys.meta_path.insert(0, _Finder(os.environ[URL]))
    _run_next()
