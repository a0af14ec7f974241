"""Answers of the REST protocol."""

import json
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""

JSON = "application/json; charset=UTF-8"
"""The content type of JSON."""


def json_answer(content: Any, status: int = 200) -> Answer:
    """An answer in JSON."""
    return file_answer(json.dumps(content, separators=(",", ":")).encode(), JSON, status)


def file_answer(content: bytes, content_type: str, status: int = 200) -> Answer:
    """An answer of another type."""
    return status, {"content-type": content_type}, content
