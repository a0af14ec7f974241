"""The kinds of fault, and the phases of a run that they can strike in."""

from enum import StrEnum


class Phase(StrEnum):
    """What a request is for, as its path tells."""

    CONNECT = "connect"
    """What `ee.Initialize` asks first: the discovery document and the list of algorithms."""
    LOCATE = "locate"
    """`value:compute`."""
    PIXELS = "pixels"
    """`image:computePixels`."""
    DOWNLOAD = "download"
    """`getDownloadURL`: the POST that names a file, and the GET of it."""


class Kind(StrEnum):
    """What happens to a request. Where a status is named, `answers.CANNED` holds what Google says with it."""

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
    """The token cannot be renewed: `google.auth` raises, inside the process; over HTTP it is a 401."""
    INTERNAL = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    DEADLINE = "504"
    MEMORY = "400-memory"
    TIMED_OUT = "400-timeout"
    SLOW = "slow"
    """The right answer, `seconds` late."""
    HANG = "hang"
    """No answer, until the client gives up."""
    DROP = "drop"
    """The connection ends before the answer."""
    DROP_BODY = "drop-body"
    """The connection ends within the answer's body."""
    TRUNCATED = "truncated"
    """Half of the body, as if it were all."""
    GARBLED = "garbled"
    """A body of the right length, with other bytes at its beginning."""
    PROXY = "proxy"
    """A page of some proxy, with status 200."""
    SHAPE = "shape"
    """Pixels of another size."""
    BAND = "band"
    """Pixels without the last band."""
    DTYPE = "dtype"
    """Pixels whose last band has another type."""
    RESTRICTED = "restricted"
    """The right answer, with the header that says that the project is restricted."""


OF_PIXELS = frozenset({Kind.SHAPE, Kind.BAND, Kind.DTYPE})
"""Kinds that can only happen to pixels in NPY."""
