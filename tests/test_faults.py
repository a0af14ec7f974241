"""Faults: what each failure of a request means, told from the very exceptions that the client raises."""

import json

import ee
import google.auth.exceptions
import httplib2
import pytest
from googleapiclient.errors import HttpError

from mmearth_core.earth.faults import Remedy, classify, http_status

REJECTED = google.auth.exceptions.RefreshError("invalid_grant: Token has been expired or revoked.")
PASSING = google.auth.exceptions.RefreshError("internal_failure", retryable=True)


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


@pytest.mark.parametrize(
    ("status", "message", "remedy"),
    [
        (
            429,
            "Too Many Requests: Request was rejected because the request rate or concurrency limit was exceeded.",
            "r",
        ),
        (429, "Too many concurrent aggregations.", "r"),
        (400, "Too many concurrent aggregations.", "r"),
        (403, "Rate Limit Exceeded", "r"),
        (429, "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service.", "r"),
        (500, "An internal error has occurred", "r"),
        (400, "An internal error has occurred (request: 0f).", "r"),
        (500, "", "r"),
        (502, "Bad Gateway", "r"),
        (503, "The service is currently unavailable.", "r"),
        (503, "Earth Engine capacity exceeded.", "r"),
        (504, "Gateway Timeout", "r"),
        (408, "Request Timeout", "r"),
        (400, "User memory limit exceeded.", "x"),
        (400, "Computation timed out.", "x"),
        (503, "Computation timed out.", "x"),
        (400, "Image.select: Band pattern 'B99' was applied to an Image with no bands.", "x"),
        (400, "Total request size (60000000 bytes) must be less than or equal to 50331648 bytes.", "x"),
        (400, "Image.load: Image asset 'a/b' not found (does not exist or caller does not have access).", "x"),
        (403, "Image asset 'a/b' not found (does not exist or caller does not have access).", "x"),
        (404, "Not found.", "x"),
        (401, "Request had invalid authentication credentials.", "s"),
        (403, "Caller does not have required permission to use project p.", "s"),
        (403, "Earth Engine API has not been used in project 1 before or it is disabled.", "s"),
        (429, "Earth Engine compute quota exceeded for this month.", "s"),
    ],
)
def test_http_errors(status, message, remedy):
    fault = classify(refused(status, message))
    assert fault.remedy is {"r": Remedy.RETRY, "x": Remedy.REFUSE, "s": Remedy.STOP}[remedy]
    assert message in fault.message
    assert fault.message


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
def test_the_status_is_found_in_the_context(status):
    assert http_status(refused(status, "x")) == status


@pytest.mark.parametrize("error", [ee.EEException("x"), ValueError("x")])
def test_no_status_where_there_was_no_response(error):
    assert http_status(error) is None


def test_an_error_of_the_client_without_a_response_is_about_the_request():
    assert classify(ee.EEException("Cannot encode object: <object>")).remedy is Remedy.REFUSE


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
    ],
)
def test_what_passes_by_itself(error):
    fault = classify(error)
    assert fault.remedy is Remedy.RETRY
    assert fault.message


@pytest.mark.parametrize("error", [REJECTED, google.auth.exceptions.DefaultCredentialsError("none found")])
def test_lost_credentials_stop_the_run(error):
    assert classify(error).remedy is Remedy.STOP


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), OSError(28, "No space left"), AttributeError("x")])
def test_a_defect_is_no_fault(error):
    assert classify(error) is None
