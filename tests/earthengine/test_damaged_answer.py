"""Whatever a byte of an answer with pixels becomes, it is pixels or garbled; nothing else is raised."""

import io
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.earthengine.transport import CountingTransport, GarbledError

PIXELS = np.zeros((4, 4), dtype=[("a__B2", "<u2"), ("b__VV", "<f4")])
URI = "https://local/v1/projects/p/image:computePixels"


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, PIXELS)
    return file.getvalue()


class Answers:
    """A transport that has one answer."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def request(self, uri: str, *args: Any, **options: Any) -> tuple[dict[str, str], bytes]:
        return Reply(), self.body


class Reply(dict[str, str]):
    status = 200


BODY = npy()


def send(body: bytes) -> bytes:
    """The body of an answer that has passed the checks."""
    sender: Any = SimpleNamespace(permit=nullcontext, note_mode=lambda is_restricted: None)
    return CountingTransport(Answers(body), sender).request(URI)[1]


@given(place=st.integers(0, len(BODY) - 1), byte=st.integers(0, 255), kept=st.integers(0, len(BODY)))
def test_a_changed_byte_or_a_cut(place: int, byte: int, kept: int) -> None:
    for body in (BODY[:place] + bytes([byte]) + BODY[place + 1 :], BODY[:kept]):
        try:
            answer = send(body)
        except GarbledError:
            continue
        assert answer == body


def test_whole_pixels_pass() -> None:
    assert send(BODY) == BODY
