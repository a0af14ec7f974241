"""Faults: the meaning of each failure of a request, from the exceptions that the client raises."""

import json

import ee
import google.auth.exceptions
import httplib2
import pytest
from googleapiclient.errors import HttpError

from mmearth_core.earthengine.faults import Action, GarbledError, access_lost, classify, restricted
from mmearth_core.errors import PixelError

REJECTED = google.auth.exceptions.RefreshError("invalid_grant: Token has been expired or revoked.")
PASSING = google.auth.exceptions.RefreshError("internal_failure", retryable=True)


def of_a_metadata_server():
    """What `google.auth.compute_engine` raises, which calls it not retryable."""
    unavailable = google.auth.exceptions.TransportError("Failed to retrieve token: metadata server unavailable")
    try:
        raise google.auth.exceptions.RefreshError(unavailable) from unavailable
    except google.auth.exceptions.RefreshError as error:
        return error


def refused(status, message):
    """What `ee.data` raises for an HTTP error, made as it makes it: the status is only in the context."""
    content = json.dumps({"error": {"code": status, "message": message}}).encode()
    response = httplib2.Response({"status": str(status), "content-type": "application/json"})
    try:
        try:
            raise HttpError(response, content)
        except HttpError as error:
            raise ee.EEException(error._get_reason())  # noqa: B904 - as the client does
    except ee.EEException as error:
        return error


RETRY, SLOW, SPLIT = Action.RETRY, Action.SLOW_DOWN, Action.SPLIT
REFUSE, STOP = Action.REFUSE, Action.STOP
REJECTION = "Request was rejected because the request rate or concurrency limit was exceeded."
PER_MINUTE = "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service."
PER_DAY = "Quota exceeded for quota metric 'EECU-time' and limit 'EECU-time per day in seconds' of service."
CUSTOM = (
    "Your usage exceeded the custom quota for 'earthengine.googleapis.com/daily_eecu_usage_time', which is adjustable "
    "by your administrator in the Google Cloud console: https://console.cloud.google.com/quotas/?project=_."
)
NO_MEMORY = "Earth Engine memory capacity exceeded."

TABLE = [
    (429, f"Too Many Requests: {REJECTION}", SLOW),
    (429, "Too many concurrent aggregations.", SLOW),
    (400, "Too many concurrent aggregations.", SLOW),
    (403, "Rate Limit Exceeded", SLOW),
    (403, "User Rate Limit Exceeded", SLOW),
    (429, "Resource has been exhausted (e.g. check quota).", SLOW),
    (429, "", SLOW),
    (429, PER_MINUTE, SLOW),
    (500, "An internal error has occurred", RETRY),
    (400, "An internal error has occurred (request: 0f).", RETRY),
    (500, "", RETRY),
    (502, "Bad Gateway", RETRY),
    (503, "The service is currently unavailable.", RETRY),
    (503, "Earth Engine capacity exceeded.", SLOW),
    (400, "Earth Engine capacity exceeded.", SLOW),
    (503, NO_MEMORY, SLOW),
    (400, NO_MEMORY, SLOW),
    (400, "An internal server error has occurred (c48124edb9838eccce4c1b2f402a8d34).", RETRY),
    (409, "The operation was aborted.", RETRY),
    (499, "The operation was cancelled.", RETRY),
    (503, "Please try again.", RETRY),
    (504, "Deadline expired before operation could complete.", RETRY),
    (408, "Request Timeout", RETRY),
    (400, "User memory limit exceeded.", SPLIT),
    (400, "Computation timed out.", SPLIT),
    (503, "Computation timed out.", SPLIT),
    (400, "Total request size (60000000 bytes) must be less than or equal to 50331648 bytes.", SPLIT),
    (400, "Pixel grid dimensions (40818x1) must be less than or equal to 32768.", SPLIT),
    (400, "Request payload size exceeds the limit: 10485760 bytes.", SPLIT),
    (413, "", SPLIT),
    (400, "Image.select: Band pattern 'B99' was applied to an Image with no bands.", REFUSE),
    (400, "Image.load: Image asset 'a/b' not found (does not exist or caller does not have access).", REFUSE),
    (403, "Image asset 'a/b' not found (does not exist or caller does not have access).", REFUSE),
    (404, "Not found.", REFUSE),
    (401, "Request had invalid authentication credentials.", STOP),
    (403, "Caller does not have required permission to use project p.", STOP),
    (403, "Earth Engine API has not been used in project 1 before or it is disabled.", STOP),
    (403, "Project 'projects/p' not found or deleted.", STOP),
    (429, "Earth Engine compute quota exceeded for this month.", STOP),
    (429, PER_DAY, STOP),
    (403, PER_DAY, STOP),
    (429, CUSTOM, STOP),
    (403, CUSTOM, STOP),
    (400, CUSTOM, STOP),
]


@pytest.mark.parametrize(("status", "message", "action"), TABLE)
def test_http_errors(status, message, action):
    fault = classify(refused(status, message))
    assert fault.action is action
    assert message in fault.message
    assert fault.message
    assert fault.label


NAMES = [
    *("available_water_capacity", "field_capacity", "rate_limit", "quota_exceeded", "out_of_memory", "try_again"),
    *("capacity exceeded", "Rate Limit Exceeded", "quota exceeded per day", "out of memory", "computation timed out"),
    *("Earth Engine memory capacity exceeded.", "too many requests", "An internal error has occurred", "per minute"),
]
"""What somebody may call an asset, a band or a property."""

ABOUT_NAMES = [
    "Image.load: Image asset 'projects/p/assets/{}' not found (does not exist or caller does not have access).",
    "Image.select: Band pattern '{}' did not match any bands. Available bands: [B2, {}]",
    'Image.select: Pattern "{}" did not match any bands.',
    "Image.parseExpression: The image doesn't have a band `{}`.",
    "Element.get: Users' property '{}' isn't there: can't continue.",
    "Collection.first: Error in map(ID={}): Image.select: no such band.",
]


@pytest.mark.parametrize("message", ABOUT_NAMES)
def test_a_name_in_a_message_is_not_read(message):
    """A request that is refused for a mistyped name is not sent again."""
    for name in NAMES:
        fault = classify(refused(400, message.replace("{}", name)))
        assert (fault.action, name in fault.message) == (REFUSE, True), name


@pytest.mark.parametrize(
    "more", [" (while it computed band '{}')", "; bands: [{}, B2]", " Asset `{}`: it isn't there."]
)
def test_a_name_changes_no_fault_of_the_table(more):
    for name in NAMES:
        for status, message, action in TABLE:
            said = message + more.replace("{}", name)
            assert classify(refused(status, said)).action is action, said


@pytest.mark.parametrize(
    ("message", "action"),
    [
        ("Quota exceeded for quota metric 'EECU-time' and limit 'rate per minute' of service", SLOW),
        ("Quota exceeded for quota metric 'rate per minute' and limit 'EECU-time' of service", SLOW),
        ("Quota exceeded for 'rate per minute'.", STOP),
    ],
)
def test_the_names_of_a_quota_say_how_long_it_lasts(message, action):
    assert classify(refused(429, message)).action is action


@pytest.mark.parametrize("status", [400, 503])
def test_only_a_lasting_lack_of_memory_is_a_reason_to_split(status):
    assert classify(refused(status, NO_MEMORY)).splits
    assert not classify(refused(status, "Earth Engine capacity exceeded.")).splits


def test_an_error_that_passes_nowhere_else_may_be_the_requests_own():
    assert classify(refused(500, "An internal error has occurred")).suspect
    assert not classify(refused(503, "The service is currently unavailable.")).suspect


@pytest.mark.parametrize(("header", "seconds"), [("17", 17.0), ("Fri, 31 Dec 2027 23:59:59 GMT", 0.0), (None, 0.0)])
def test_the_wait_that_the_server_asks_for(header, seconds):
    error = refused(429, "Too Many Requests")
    if header:
        error.__context__.resp["retry-after"] = header
    assert classify(error).wait == seconds


@pytest.mark.parametrize("error", [GarbledError("cut short"), PixelError("another size")])
def test_answers_that_cannot_be_used_are_asked_for_again(error):
    assert classify(error).action is Action.REPEAT


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (classify(refused(401, "Invalid credentials.")), "Invalid credentials. Log in again with `earthengine auth"),
        (classify(refused(403, "No permission.")), "No permission. Check that the project exists"),
        (classify(refused(429, "Quota exceeded.")), "Quota exceeded. Wait until the project's quota is renewed"),
        (classify(refused(429, PER_DAY)), "of service. Wait until tomorrow"),
        (
            classify(refused(429, CUSTOM)),
            "project=_. Wait until tomorrow, when this daily quota starts again, or ask the",
        ),
    ],
    ids=["credentials", "project", "quota", "per day", "custom"],
)
def test_what_to_do_when_nothing_can_succeed(fault, said):
    assert fault.action is Action.STOP
    assert said in str(access_lost(fault))
    assert str(access_lost(fault)).endswith("run the same command again; what is done is kept.")


def test_the_stop_in_restricted_mode_is_true():
    said = str(restricted())
    assert "no longer answers" not in said
    assert 'as `when_restricted` in [run] is "stop"' in said
    assert 'set `when_restricted = "continue"`, and run the same command again; what is done is kept.' in said


@pytest.mark.parametrize(
    ("status", "label"),
    [(400, "refused"), (401, "credentials"), (403, "no access"), (429, "429"), (500, "500"), (503, "503")],
)
def test_the_status_is_found_in_the_context(status, label):
    assert classify(refused(status, "x")).label == label


def test_an_error_of_the_client_without_a_response_is_about_the_request():
    assert classify(ee.EEException("x")).label == "refused"
    assert classify(ee.EEException("Cannot encode object: <object>")).action is Action.REFUSE


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("no answer within 330 s"),
        TimeoutError(),
        ConnectionResetError(104, "Connection reset by peer"),
        ConnectionError("connection failed"),
        BrokenPipeError(),
        google.auth.exceptions.TransportError("no connection to the token's server"),
        PASSING,
        of_a_metadata_server(),
    ],
)
def test_what_passes_by_itself(error):
    fault = classify(error)
    assert fault.action is Action.RETRY
    assert fault.message


@pytest.mark.parametrize("error", [REJECTED, google.auth.exceptions.DefaultCredentialsError("none found")])
def test_lost_credentials_stop_the_run(error):
    assert classify(error).action is Action.STOP


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), OSError(28, "No space left"), AttributeError("x")])
def test_a_defect_is_no_fault(error):
    assert classify(error) is None
