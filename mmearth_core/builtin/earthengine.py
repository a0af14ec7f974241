"""The engine `earthengine`: Google's servers, with the user's own account and project."""

from pathlib import Path
from typing import Any

from attrs import field, frozen

from mmearth_core.contract.engine import Connection, Engine, Limits
from mmearth_core.errors import EngineError

# The endpoint for many small requests (https://developers.google.com/earth-engine/guides/processing_environments).
HIGH_VOLUME = "https://earthengine-highvolume.googleapis.com"


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
    url: str = field(default=HIGH_VOLUME, metadata={"help": "the endpoint"})


class EarthEngine(Engine):
    """Google Earth Engine."""

    name = "earthengine"
    api_version = 1
    Options = EarthEngineOptions
    shorthand = "project"
    endpoints = ("standard", "high-volume")

    def connect(self, limits: Limits) -> Connection:
        """Finds the credentials and the project of this machine.

        Raises:
            EngineError: one of them is missing; says how to get it.
        """
        # Not imported above, as importing a plugin must be fast.
        from mmearth_core.earthengine.transport import HttpTransport

        credentials = self._credentials()
        project = self.options.project
        for name in ("quota_project_id", "project_id"):
            project = project or getattr(credentials, name, None)
        if not project:
            raise EngineError(
                "No Cloud project is set for Earth Engine. Set `project` in [engines.earthengine] of the "
                "configuration, or run `earthengine set_project PROJECT`. Create and register a project at "
                "https://code.earthengine.google.com/register."
            )
        return Connection(
            project=project, credentials=credentials, url=self.options.url, transport=HttpTransport(limits)
        )

    def _credentials(self) -> Any:
        import ee
        import google.auth.exceptions
        from google.oauth2 import service_account

        key = self.options.service_account_key
        if key is None:
            try:
                return ee.data.get_persistent_credentials()
            except ee.EEException as error:
                raise EngineError(
                    "No Earth Engine credentials are found on this machine. Run `earthengine authenticate` (on a "
                    "cluster: `earthengine authenticate --quiet`), or set `service_account_key` in "
                    "[engines.earthengine]. Without an account, use the engine `local`."
                ) from error
            except google.auth.exceptions.GoogleAuthError as error:
                raise EngineError(
                    f"Google cannot be reached, or refuses the credentials of this machine: {error} Check the network, "
                    "or log in again with `earthengine authenticate`. Without an account, use the engine `local`."
                ) from error
        read: Any = service_account.Credentials.from_service_account_file
        try:
            return read(str(Path(key).expanduser()), scopes=["https://www.googleapis.com/auth/earthengine"])
        except (OSError, ValueError) as error:
            raise EngineError(
                f"`service_account_key` in [engines.earthengine], {key}, is not a valid key: {error} "
                "Download a JSON key of the service account and set its path."
            ) from error
