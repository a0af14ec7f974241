"""The engine `earthengine`: Google's servers, with the user's own account and project."""

import re
from pathlib import Path
from typing import Any

from attrs import field, frozen

from mmearth_core.contract.engine import Connection, Engine, Limits
from mmearth_core.errors import EngineError

# Google's endpoints (https://developers.google.com/earth-engine/guides/processing_environments).
HIGH_VOLUME = "https://earthengine-highvolume.googleapis.com"
ENDPOINTS = {"standard": "https://earthengine.googleapis.com", "high-volume": HIGH_VOLUME}


def _is_endpoint(_options: object, _attribute: object, url: str) -> None:
    if url not in ENDPOINTS and not re.fullmatch(r"https?://[^/\s]+", url.rstrip("/")):
        raise ValueError(f'found {url!r}; allowed are "standard", "high-volume" and an address such as {HIGH_VOLUME}')


@frozen
class EarthEngineOptions:
    """`[engines.earthengine]`."""

    project: str | None = field(
        default=None,
        metadata={"help": "the Cloud project that requests are billed to; by default that of the credentials"},
    )
    service_account_key: str | None = field(
        default=None,
        metadata={"help": "JSON key file of a service account; by default the login of `earthengine authenticate`"},
    )
    url: str = field(
        default="high-volume",
        validator=_is_endpoint,
        metadata={"help": 'the endpoint: "standard", "high-volume" or an address; docs/quotas.md compares them'},
    )


class EarthEngine(Engine):
    """Google Earth Engine."""

    name = "earthengine"
    api_version = 1
    Options = EarthEngineOptions
    shorthand = "project"
    endpoints = tuple(ENDPOINTS)

    def connect(self, limits: Limits) -> Connection:
        """Finds the credentials and the project of this machine.

        Raises:
            EngineError: one of them is missing; says how to get it.
            GoogleAuthError: Google or the network refuses to renew the credentials.
        """
        # Not imported above, as importing a plugin must be fast.
        from mmearth_core.earthengine.transport import HttpTransport

        credentials = self._credentials()
        project = self.options.project
        for name in ("quota_project_id", "project_id"):
            project = project or getattr(credentials, name, None)
        if not project:
            remedy = "Set `project` in [engines.earthengine], or run `earthengine set_project PROJECT`"
            register = "Create and register a project at https://code.earthengine.google.com/register."
            raise EngineError(f"No Cloud project is set for Earth Engine. {remedy}. {register}")
        url = ENDPOINTS.get(self.options.url, self.options.url.rstrip("/"))
        return Connection(project=project, credentials=credentials, url=url, transport=HttpTransport(limits))

    def _credentials(self) -> Any:
        from google.oauth2 import service_account

        key = self.options.service_account_key
        if key is None:
            return _login()
        read: Any = service_account.Credentials.from_service_account_file
        try:
            return read(str(Path(key).expanduser()), scopes=["https://www.googleapis.com/auth/earthengine"])
        except (OSError, ValueError) as error:
            found = f"`service_account_key` in [engines.earthengine], {key}, is not a valid key: {error}"
            remedy = "Download a JSON key of the service account and set its path."
            raise EngineError(f"{found} {remedy}") from error


def _login() -> Any:
    """The login of this machine, as the `ee` client finds it.

    Raises:
        EngineError: there is none.
        GoogleAuthError: it cannot be renewed.
    """
    import ee
    import google.auth
    from google.auth.transport.requests import Request
    from google.oauth2.credentials import Credentials

    try:
        return ee.data.get_persistent_credentials()
    except ee.EEException as error:
        # The client takes every failure to renew a login for a missing one, also that of a busy server.
        make: Any = Credentials
        has_file = Path(ee.oauth.get_credentials_path()).is_file()
        stored = ee.oauth.get_credentials_arguments() if has_file else {}
        try:
            login = make(None, **stored) if stored.get("refresh_token") else google.auth.default()[0]
        except google.auth.exceptions.DefaultCredentialsError:
            found = "No Earth Engine credentials are found on this machine"
            remedy = "Run `earthengine authenticate` (on a cluster: `earthengine authenticate --quiet`)"
            key = "set `service_account_key` in [engines.earthengine]"
            raise EngineError(f"{found}. {remedy}, or {key}. Without an account, use the engine `local`.") from error
        login.refresh(Request())
        return ee.data.get_persistent_credentials()
