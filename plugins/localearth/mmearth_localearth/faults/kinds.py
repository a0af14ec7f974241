"""The kinds of fault, and the phases of a run in which they can occur."""

from enum import StrEnum


class Phase(StrEnum):
    """What a request is for; follows from its path."""

    CONNECT = "connect"
    """The requests of `ee.Initialize`: the discovery document and the list of algorithms."""
    LOCATE = "locate"
    """`value:compute`."""
    PIXELS = "pixels"
    """`image:computePixels`."""
    DOWNLOAD = "download"
    """`getDownloadURL`: the POST that creates a download, and the GET of the file."""


class Kind(StrEnum):
    """What happens to a request. For kinds with a status, `answers.CANNED` has Google's message."""

    TOO_MANY_REQUESTS = "429"
    TOO_MANY_AGGREGATIONS = "429-aggregations"
    PER_MINUTE = "429-minute"
    QUOTA = "429-quota"
    RATE_LIMIT = "403-rate"
    USER_RATE_LIMIT = "403-user-rate"
    QUOTA_FORBIDDEN = "403-quota"
    NO_ACCESS = "403-access"
    UNAUTHENTICATED = "401"
    REFRESH = "refresh"
    """The token cannot be renewed: inside the process `google.auth` raises an error; over HTTP it is a 401."""
    INTERNAL = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    DEADLINE = "504"
    MEMORY = "400-memory"
    TIMED_OUT = "400-timeout"
    SLOW = "slow"
    """The correct answer, `seconds` late."""
    HANG = "hang"
    """No answer until the client gives up."""
    DROP = "drop"
    """The connection is closed before the answer."""
    DROP_BODY = "drop-body"
    """The connection is closed in the middle of the answer's body."""
    TRUNCATED = "truncated"
    """Half of the body, with the headers of a complete one."""
    GARBLED = "garbled"
    """A body of the correct length with changed bytes at its beginning."""
    PROXY = "proxy"
    """An HTML page of a proxy, with status 200."""
    SHAPE = "shape"
    """Pixels of another size."""
    BAND = "band"
    """Pixels without the last band."""
    DTYPE = "dtype"
    """Pixels whose last band has another type."""
    RESTRICTED = "restricted"
    """The correct answer, with the header of a restricted project."""


OF_PIXELS = frozenset({Kind.SHAPE, Kind.BAND, Kind.DTYPE})
"""Kinds that can only happen to pixels in NPY."""
