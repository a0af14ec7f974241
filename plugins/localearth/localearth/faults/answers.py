"""The responses that Google sends for each kind of fault."""

from attrs import frozen

from localearth.answer import Answer, file_answer, json_answer
from localearth.faults.kinds import Kind

QUOTA_STATUS = "x-earth-engine-quota-status"
RESTRICTED = {QUOTA_STATUS: "parallelism_restricted=true"}
"""The header that the client (earthengine-api, `ee/data.py`) checks after the month's free EECU-hours are used up."""

_CONSUMER = "of service 'earthengine.googleapis.com' for consumer 'project_number:000000000000'."


@frozen
class Canned:
    """A fixed response.

    Attributes:
        status: the HTTP status.
        message: Google's message.
        name: the status name in Google's JSON; empty for an HTML page instead of JSON.
        reason: the reason in the list of errors that some responses contain; the client checks it in a 403.
    """

    status: int
    message: str
    name: str = ""
    reason: str = ""

    def answer(self) -> Answer:
        """The complete response."""
        if not self.name:
            text = (
                f"<!DOCTYPE html>\n<html><head><title>{self.message}</title></head>\n"
                f"<body><h1>{self.message}</h1></body></html>\n"
            )
            return file_answer(text.encode(), "text/html; charset=UTF-8", self.status)
        error: dict[str, object] = {"code": self.status, "message": self.message, "status": self.name}
        if self.reason:
            error["errors"] = [{"message": self.message, "domain": "usageLimits", "reason": self.reason}]
        status, headers, content = json_answer({"error": error}, self.status)
        if status == 401:
            headers["www-authenticate"] = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
        return status, headers, content


_UNAUTHENTICATED = Canned(
    401,
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
    "UNAUTHENTICATED",
)
_UNAVAILABLE = Canned(503, "The service is currently unavailable.", "UNAVAILABLE")
_DAILY = (
    "Your usage exceeded the custom quota for 'earthengine.googleapis.com/daily_eecu_usage_time', which is adjustable "
    "by your administrator in the Google Cloud console: https://console.cloud.google.com/quotas/?project=_."
)

# Sources: https://developers.google.com/earth-engine/guides/usage, .../guides/debugging and .../guides/cost_controls;
# the message of the limit per minute as users report it (github.com/gee-community/qgis-earthengine-plugin/issues/202),
# and those of the capacity (github.com/openearth/hydro-engine/issues/35); the two reasons of a 403 from
# googleapiclient, `http.py`. Names of 409 and 499 are the general ones of Google's APIs
# (https://cloud.google.com/apis/design/errors).
CANNED: dict[Kind, Canned] = {
    Kind.TOO_MANY_REQUESTS: Canned(429, "Too Many Requests", "RESOURCE_EXHAUSTED", "rateLimitExceeded"),
    Kind.TOO_MANY_AGGREGATIONS: Canned(429, "Too many concurrent aggregations.", "RESOURCE_EXHAUSTED"),
    Kind.PER_MINUTE: Canned(
        429,
        "Quota exceeded for quota metric 'Number of read requests' and limit 'Number of read requests per minute per "
        f"user' {_CONSUMER}",
        "RESOURCE_EXHAUSTED",
        "rateLimitExceeded",
    ),
    Kind.QUOTA: Canned(429, _DAILY, "RESOURCE_EXHAUSTED"),
    Kind.RATE_LIMIT: Canned(403, "Rate Limit Exceeded", "PERMISSION_DENIED", "rateLimitExceeded"),
    Kind.USER_RATE_LIMIT: Canned(403, "User Rate Limit Exceeded", "PERMISSION_DENIED", "userRateLimitExceeded"),
    Kind.QUOTA_FORBIDDEN: Canned(403, _DAILY, "PERMISSION_DENIED", "dailyLimitExceeded"),
    Kind.NO_ACCESS: Canned(
        403,
        "Caller does not have required permission to use project local. Grant the caller the "
        "roles/serviceusage.serviceUsageConsumer role, or a custom role with the serviceusage.services.use permission.",
        "PERMISSION_DENIED",
    ),
    Kind.UNAUTHENTICATED: _UNAUTHENTICATED,
    Kind.REFRESH: _UNAUTHENTICATED,
    Kind.METADATA: _UNAVAILABLE,
    Kind.ABORTED: Canned(409, "The operation was aborted.", "ABORTED"),
    Kind.CANCELLED: Canned(499, "The operation was cancelled.", "CANCELLED"),
    Kind.INTERNAL: Canned(500, "An internal error has occurred (request: 00000000-0000-0000)", "INTERNAL"),
    Kind.BAD_GATEWAY: Canned(502, "Error 502 (Server Error)!!1"),
    Kind.UNAVAILABLE: _UNAVAILABLE,
    Kind.CAPACITY: Canned(503, "Earth Engine capacity exceeded.", "UNAVAILABLE"),
    Kind.MEMORY_CAPACITY: Canned(503, "Earth Engine memory capacity exceeded.", "UNAVAILABLE"),
    Kind.INTERNAL_400: Canned(400, "An internal server error has occurred (0000).", "INVALID_ARGUMENT"),
    Kind.DEADLINE: Canned(504, "Deadline expired before operation could complete.", "DEADLINE_EXCEEDED"),
    Kind.MEMORY: Canned(400, "User memory limit exceeded.", "INVALID_ARGUMENT"),
    Kind.TIMED_OUT: Canned(400, "Computation timed out.", "INVALID_ARGUMENT"),
    Kind.PROXY: Canned(200, "Please sign in to the network"),
}
