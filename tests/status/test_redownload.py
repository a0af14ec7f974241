"""Redownload: exactly the tiles that failed, were returned or, with --skipped, were skipped; never those left."""

import json
from pathlib import Path

import pytest

from mmearth_core.download.redownload import read_ids


def outcomes(config: Path) -> dict[str, list[str]]:
    """All outcomes of each tile, in order, read by json alone."""
    found: dict[str, list[str]] = {}
    for path in sorted(config.parent.glob("data/journal/base/*.jsonl")):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            found.setdefault(entry["tile_id"], []).append(entry["outcome"])
    return found


def dry(kit, config, *options) -> list[str]:
    told = kit.summary("redownload", config, "--dry-run", *options, code=0)
    assert told["taken"] == len(told["tiles"]) == told["failed"] + told["skipped"]
    return sorted(each["tile_id"] for each in told["tiles"])


def test_what_failed_is_done_and_what_is_left_stays(kit, config):
    before = outcomes(config)
    kit.mended(config)
    done = kit.cli("redownload", config, "--json")
    assert done.exit_code == 1  # a partition is left
    assert "Downloads 2 tiles again: 2 failed, 0 skipped." in done.stderr
    assert "failed 2: pixels: User memory limit exceeded." in done.stderr
    summary = json.loads(done.stdout)
    assert (summary["ended_in_this_run"], summary["failed"], summary["left"]) == (2, 0, 6)
    after = outcomes(config)
    assert {tile for tile in after if after[tile] != before.get(tile)} == set(kit.heavy)
    assert all(after[tile] == ["failed", "done"] for tile in kit.heavy)
    assert kit.summary("status", config, code=1)["failed"] == 0


def test_what_is_taken_is_what_was_said(kit, config):
    kit.mended(config)
    before = outcomes(config)
    said = dry(kit, config, "--skipped")
    assert outcomes(config) == before
    assert said == sorted([kit.sea, *kit.heavy])
    kit.summary("redownload", config, "--skipped", code=1)
    assert sorted(tile for tile, ended in outcomes(config).items() if len(ended) > 1) == said


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        ((), ["007", "013"]),
        (("--reason", "MEMORY limit"), ["007", "013"]),
        (("--reason", "^no image"), []),
        (("--reason", "no |memory", "--skipped"), ["004", "007", "013"]),
        (("--shard", "0/2"), ["013"]),
        (("--shard", "1/2", "--skipped"), ["007"]),
        (("--limit", "7"), []),
        (("--limit", "8"), ["007"]),
        (("--modalities", "sentinel2", "--limit", "14"), ["007", "013"]),
    ],
)
def test_which_are_taken(kit, half_made, options, taken):
    assert dry(kit, half_made, *options) == taken


def test_tiles_by_name(kit, half_made, tmp_path):
    """A failed tile, a skipped, a done, a left and an unknown one."""
    named = tmp_path / "ids.txt"
    named.write_text("\n".join(["013", " 004", "000", "020", "nobody"]) + "\n\n")
    assert dry(kit, half_made, "--tiles", named) == ["013"]
    assert dry(kit, half_made, "--tiles", named, "--skipped") == ["004", "013"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"strange\n", "None of the 1 named tiles is in the journals"),
        (b"", "has no tile ids. Give one tile id per line."),
        (b"\xff\xfe\x00", "Give a text file with one tile id per line."),
        (None, "Give a text file with one tile id per line."),
    ],
)
def test_files_without_such_tiles(kit, half_made, tmp_path, content, says):
    named = tmp_path / "ids.txt"
    if content is not None:
        named.write_bytes(content)
    done = kit.cli("redownload", half_made, "--tiles", named)
    assert done.exit_code == 2 and says in " ".join(done.output.split())


def test_nothing_to_take_needs_no_engine(kit, config):
    config.write_text(config.read_text().replace('world = "virginia"', 'world = "nowhere.toml"'))
    summary = kit.summary("redownload", config, "--reason", "nobody ever said this", code=1)
    assert (summary["done"], summary["failed"], summary["ended_in_this_run"], summary["requests"]) == (15, 2, 0, {})
    assert kit.cli("redownload", config, "--shard", "0/4").exit_code == 0


def test_what_post_sends_back_is_taken(kit, config):
    kit.mended(config)
    stack = config.parent / "data" / "stacks" / "base" / "00000" / "001.tif"
    sound = stack.read_bytes()
    stack.write_bytes(sound[:-7])
    kit.cli("post", config, "--workers", "1")
    told = kit.summary("redownload", config, "--dry-run", "--reason", "^post:", code=0)
    assert (told["taken"], told["sent_back"], told["tiles"]) == (1, 1, [{"group": "base", "tile_id": "001"}])
    kit.summary("redownload", config, code=1)
    assert stack.read_bytes() == sound and kit.summary("status", config, code=1)["failed"] == 0


def test_modalities_that_were_never_begun_are_not_begun(kit, config):
    kit.mended(config)
    config.write_text(config.read_text() + "[modalities.tile]\n")
    own = (config.parent / "data" / "mmearth.toml").read_bytes()
    kit.summary("redownload", config, code=1)
    assert (config.parent / "data" / "mmearth.toml").read_bytes() == own
    done = kit.cli("redownload", config, "--modalities", "tile")
    assert done.exit_code == 2 and "'tile' was not downloaded before" in " ".join(done.output.split())
    assert kit.cli("redownload", config, "--modalities", "").exit_code == 2


def test_before_the_first_run(kit, fresh):
    done = kit.cli("redownload", fresh)
    assert done.exit_code == 2 and "nothing has been downloaded there yet" in " ".join(done.output.split())
    assert not (fresh.parent / "data").exists()


def test_ids_of_a_list_are_its_lines(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeff007\r\n 31e4 \n\n+5\n#7\nNA\na\u2028b\n".encode())
    assert read_ids(path) == {"007", "31e4", "+5", "#7", "NA", "a\u2028b"}
