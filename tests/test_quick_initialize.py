"""The root conftest.py makes `ee.Initialize` quick: what the client then knows is still what the engine answers."""

import json
from unittest import mock

import ee
import pytest
from ee.apifunction import ApiFunction


def description(returns):
    return {"description": f"Makes {returns}", "returns": returns, "args": []}


@pytest.fixture
def initialize(monkeypatch):
    """Answers the client's request for the list of functions; returns how often that was sent."""
    monkeypatch.setattr(ApiFunction, "_api", {})

    def run(listing):
        with mock.patch.object(ee.data, "getAlgorithms", side_effect=lambda: json.loads(json.dumps(listing))) as asked:
            ApiFunction._api = {}
            ApiFunction.initialize()
        return asked.call_count

    return run


def test_every_initialization_asks_for_the_list_and_uses_it(initialize):
    first, second = {"A": description("Image")}, {"A": description("Number"), "B": description("Number")}
    for listing, returns in ((first, "Image"), (first, "Image"), (second, "Number"), (first, "Image")):
        assert initialize(listing) == 1
        assert ApiFunction.allSignatures().keys() == listing.keys()
        assert ApiFunction.lookup("A").getSignature()["returns"] == returns
        assert str(ApiFunction.lookup("A")) == f"Makes {returns}"


def test_a_list_that_the_client_cannot_read_is_an_error_each_time(initialize):
    initialize({"A": description("Number")})
    for _ in range(2):
        with pytest.raises(KeyError):
            initialize({"A": {"args": []}})
