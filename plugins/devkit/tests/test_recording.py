"""Recording and replay: what is stored, what never is, and the errors when something is missing."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ee
import google.oauth2.credentials
import httplib2
import numpy as np
import pytest
from mmearth_devkit.recording.engines import Record, Replay, ReplayOptions
from mmearth_devkit.recording.exchange import HIDDEN, Question, without_secrets
from mmearth_devkit.recording.recording import INDEX, Recorded, Recorder, Recording
from mmearth_devkit.testing.ee_offline import PIXELS, HttpRefusal, ScriptedEngine, evaluate

from mmearth_core import Connection, Limits
from mmearth_core.config.schema import RunOptions
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import ConfigError, EngineError, PluginError, RequestError
from mmearth_core.registry import discover, engine_of

TOKEN = "tok-4d8f1c"
PROJECT = "my-cloud-project"
GRID = {
    "dimensions": {"width": 2, "height": 1},
    "affineTransform": {"scaleX": 10, "shearX": 0, "translateX": 0, "shearY": 0, "scaleY": -10, "translateY": 0},
    "crsCode": "EPSG:32618",
}


class Account(ScriptedEngine):
    """A scripted engine with an account and a project, as Google's has."""

    def connect(self, limits: Limits) -> Connection:
        credentials = google.oauth2.credentials.Credentials(token=TOKEN, quota_project_id=PROJECT)
        return Connection(project=PROJECT, transport=self, credentials=credentials)


def answer(kind: str, graph: Any) -> Any:
    if kind == PIXELS:
        return np.array([[(1, 2.5), (3, 4.5)]], dtype=[("a", "u1"), ("b", "<f4")])
    return evaluate(graph)


def open_on(engine: Any) -> EarthClient:
    return EarthClient(engine, RunOptions(retry_seconds=0.0), sleep=lambda _: None)


def replay(directory: Path) -> Replay:
    return Replay(ReplayOptions(directory=str(directory)))


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "answers"
    ee.Reset()


def files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def test_values_and_pixels_come_back_as_they_were(directory):
    client = open_on(Recorded(Account(answer), directory))
    assert client.compute(ee.Number(1).add(2), "sum") == 3
    pixels = client.pixels(ee.Image(1), GRID)
    again = open_on(replay(directory))
    assert again.compute(ee.Number(1).add(2), "sum") == 3
    np.testing.assert_array_equal(again.pixels(ee.Image(1), GRID), pixels)
    assert again.meter.requests == client.meter.requests
    assert again.meter.received == client.meter.received


def test_the_source_is_that_of_the_recorded_engine(directory):
    recorded = Recorded(Account(answer), directory)
    assert recorded.source == "scripted"
    open_on(recorded)
    assert replay(directory).source == "scripted"


def test_neither_token_nor_project_ever_reaches_the_disk(directory):
    def telling(kind: str, graph: Any) -> Any:
        if graph == "refuse":
            raise HttpRefusal(400, f"Project {PROJECT} may not: access_token={TOKEN}, Authorization: Bearer {TOKEN}.")
        return [graph, TOKEN, {"access_token": "ya29.abc", "where": f"projects/{PROJECT}/assets/x"}]

    client = open_on(Recorded(Account(telling), directory))
    secret = {"note": f"Bearer {TOKEN}", "asset": f"projects/{PROJECT}/assets/mine", "raw": TOKEN}
    client.compute(ee.Dictionary(secret), "hostile")
    with pytest.raises(RequestError, match=PROJECT):
        client.compute(ee.String("refuse"), "refusal")
    assert len(files(directory)) == 5  # the index, what the client begins with, and two questions
    for path in files(directory):
        content = path.read_bytes()
        for word in (TOKEN, PROJECT, "ya29"):
            assert word.encode() not in content, path
    kept = open_on(replay(directory)).compute(ee.Dictionary(secret), "hostile")
    assert kept[1] == HIDDEN
    assert kept[2]["where"] == "projects/-/assets/x"
    with pytest.raises(RequestError, match=r"Project \(not recorded\) may not"):
        open_on(replay(directory)).compute(ee.String("refuse"), "refusal")


def test_a_log_in_is_no_part_of_a_recording(directory):
    class Open:
        def request(self, uri: str, *_: Any) -> Any:
            return httplib2.Response({"status": "200", "content-type": "application/json"}), b'{"access_token": "x"}'

    recorder = Recorder(Open(), Recording.begin(directory, "any"), None)
    for uri in (
        "https://oauth2.googleapis.com/token",
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/me:generateAccessToken",
        "https://earthengine.googleapis.com/elsewhere",
    ):
        recorder.request(uri, "POST", "refresh_token=1")
    assert [path.name for path in files(directory)] == [INDEX]
    recorder.request("https://earthengine.googleapis.com/v1/projects/p/value:compute?key=API", "POST", "{}")
    (exchange,) = set(files(directory)) - {directory / INDEX}
    assert b"API" not in exchange.read_bytes()


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 503])
def test_refused_access_and_passing_faults_are_not_kept(directory, status):
    def refuse(kind: str, graph: Any) -> Any:
        raise HttpRefusal(status, "no")

    client = open_on(Recorded(Account(refuse), directory))
    before = files(directory)
    with pytest.raises(Exception, match="no"):
        client.compute(ee.Number(1), "refused")
    assert files(directory) == before


def test_a_lasting_refusal_is_played_back(directory):
    def refuse(kind: str, graph: Any) -> Any:
        raise HttpRefusal(400, "Image.load: Image asset 'X' not found.")

    for engine in (Recorded(Account(refuse), directory), replay(directory)):
        with pytest.raises(RequestError, match="Image asset 'X' not found"):
            open_on(engine).compute(ee.Number(1), "refused")


def test_an_unknown_request_is_named(directory):
    open_on(Recorded(Account(answer), directory))
    client = open_on(replay(directory))
    with pytest.raises(RequestError) as told:
        client.compute(ee.Number(41).add(1), "unknown")
    text = str(told.value)
    assert f"The recording {directory} has no answer to POST /v1/projects/-/value:compute" in text
    assert '"functionName":"Number.add"' in text
    assert "record again" in text


def test_without_its_beginning_a_recording_cannot_be_used(directory):
    Recording.begin(directory, "any")
    with pytest.raises(EngineError, match=r"has no answer to GET /\$discovery/rest"):
        open_on(replay(directory))


def test_many_threads_record_and_replay(directory):
    numbers = [n % 10 for n in range(60)]
    for engine in (Recorded(Account(answer), directory), replay(directory)):
        client = open_on(engine)
        with ThreadPoolExecutor(12) as pool:
            sums = list(pool.map(lambda n, client=client: client.compute(ee.Number(n).add(1), "sum"), numbers))
        assert sums == [n + 1 for n in numbers]
    assert len(files(directory)) == 1 + 2 + 10
    assert all(not path.name.startswith(".") for path in files(directory))


def test_a_recording_goes_on_with_the_same_source_only(directory):
    open_on(Recorded(Account(answer), directory)).compute(ee.Number(1), "one")
    open_on(Recorded(Account(answer), directory)).compute(ee.Number(2), "two")
    again = open_on(replay(directory))
    assert [again.compute(ee.Number(n), "both") for n in (1, 2)] == [1, 2]
    with pytest.raises(EngineError, match="is a recording of 'scripted', and this run uses 'other'"):
        Recording.begin(directory, "other")


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(EngineError, match="exists and is not a recording"):
        Recorded(Account(answer), tmp_path).connect(Limits(1.0, 1))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match=r"file/recording cannot be written: Not a directory\. Record into another"):
        Recorded(Account(answer), tmp_path / "file" / "recording").connect(Limits(1.0, 1))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is not a recording"),
        ("{", "is damaged"),
        ('{"format": 99, "source": "x"}', "the format that this version writes"),
        ("[]", "the format that this version writes"),
    ],
)
def test_a_folder_that_is_not_a_recording_is_reported(tmp_path, content, said):
    if content is not None:
        (tmp_path / INDEX).write_text(content)
    for ask in (lambda: replay(tmp_path).source, lambda: replay(tmp_path).connect(Limits(1.0, 1))):
        with pytest.raises(EngineError, match=said):
            ask()


@pytest.mark.parametrize("engine", [Record(), Replay()], ids=lambda engine: engine.name)
def test_the_folder_must_be_given(engine):
    for ask in (lambda: engine.source, lambda: engine.connect(Limits(1.0, 1))):
        with pytest.raises(EngineError, match=f"--engine {engine.name}:FOLDER"):
            ask()


@pytest.mark.parametrize(
    ("table", "error", "said"),
    [
        ({"of": "record"}, ConfigError, r"\[engines.record\] of: \"record\" cannot record itself"),
        ({"of": "record:elsewhere"}, ConfigError, "cannot record itself"),
        ({"of": "nowhere"}, PluginError, "No engine 'nowhere' is installed"),
        ({"of": "local", "options": {"wrld": "x"}}, ConfigError, r"\[engines.record\] options: .*Did you mean 'world'"),
        (
            {"of": "earthengine", "options": {"world": "x"}},
            ConfigError,
            r"\[engines.earthengine\] world: unknown key",
        ),
        ({"of": "replay"}, EngineError, "replay:FOLDER"),
        ({"of": 3}, ConfigError, r"\[engines.record\] of: found 3, expected text"),
    ],
)
def test_an_engine_that_cannot_be_recorded_is_refused(directory, table, error, said):
    with pytest.raises(error, match=said):
        engine_of(discover(), f"record:{directory}", {"record": table}).connect(Limits(1.0, 1))
    assert not directory.exists()


def test_the_recorded_engine_has_its_options(directory):
    table = {"of": "local", "options": {"world": "synthetic"}}
    record = engine_of(discover(), f"record:{directory}", {"record": table})
    local = engine_of(discover(), "local:synthetic")
    assert record.source == local.source
    assert not directory.exists()
    assert open_on(record).compute(ee.Number(1).add(2), "sum") == 3
    again = engine_of(discover(), f"replay:{directory}")
    assert again.source == local.source
    assert open_on(again).compute(ee.Number(1).add(2), "sum") == 3


def test_a_question_does_not_depend_on_who_asks():
    body = '{"b": 1, "a": [2]}'
    mine = Question.of("https://one/v1/projects/mine/value:compute?key=abc", "POST", body)
    theirs = Question.of("http://two/v1/projects/theirs/value:compute", "POST", b'{"a":[2],"b":1,"workloadTag":"x"}')
    assert mine == theirs
    assert mine.name == theirs.name
    assert Question.of("http://two/v1/projects/theirs/value:compute", "POST", "{}").name != mine.name


def test_a_short_project_name_does_not_eat_words():
    text = "The local engine said projects/local/assets/x and projects/locally/y"
    expected = "The local engine said projects/-/assets/x and projects/locally/y"
    assert without_secrets(text, "local", None) == expected


def test_an_exchange_is_readable(directory):
    open_on(Recorded(Account(answer), directory)).compute(ee.Number(1).add(2), "sum")
    heads = [json.loads(path.read_bytes().partition(b"\n")[0]) for path in directory.glob("*/*")]
    (head,) = [head for head in heads if head["method"] == "POST"]
    assert (head["method"], head["path"], head["status"]) == ("POST", "/v1/projects/-/value:compute", 200)
    assert json.loads(head["body"])["expression"]["values"]
