"""Damaged and missing files of a dataset: each command says what is true and what to do, and none says "done"."""

import json
import shutil

import pytest

COMMANDS = {
    "status": ["status"],
    "status --json": ["status", "--json"],
    "redownload": ["redownload", "--dry-run"],
    "post": ["post", "--workers", "1"],
    "post info": ["post", "info", "--workers", "1"],
    "post splits": ["post", "splits"],
    "verify": ["verify", "--workers", "1"],
    "run": ["run"],
    "plan": ["plan"],
}

OWN = "contains a dataset whose own configuration, mmearth.toml, is missing, so it is unknown what was downloaded."
JOURNALS = "contains a dataset whose journals are missing, so it is unknown what was downloaded."
TILES = "tiles.gpkg, the dataset's own copy of its tiles, is missing. Run `mmearth-core run` with"
STACKS = "tiles are done, and the folder stacks/ with their pixels is missing. Check that its disk is mounted"
DAMAGED = "tiles.gpkg: the dataset's tiles cannot be read; the file is damaged ("

READERS = ("status", "status --json", "redownload", "post", "post info", "post splits", "verify")
CASES = [
    *(("mmearth.toml", OWN, name) for name in (*READERS, "run", "plan")),
    *(("journal", JOURNALS, name) for name in (*READERS, "run", "plan")),
    *(("tiles.gpkg", TILES, name) for name in READERS),
    *(("stacks", STACKS, name) for name in ("status", "status --json")),
    *(
        ("stacks", "the stack is missing. Check that the disk with stacks/ is mounted", name)
        for name in ("post", "post info")
    ),
    *(("damaged", DAMAGED, name) for name in (*READERS, "run", "plan")),
]


@pytest.fixture(scope="module")
def shared(half_made, tmp_path_factory):
    """Copies with one file missing or damaged, which no command changes."""
    folder = tmp_path_factory.mktemp("damaged")
    for what in ("mmearth.toml", "journal", "tiles.gpkg", "stacks", "damaged"):
        shutil.copytree(half_made.parent, folder / what)
        path = folder / what / "data" / ("tiles.gpkg" if what == "damaged" else what)
        if what == "damaged":
            path.write_bytes(path.read_bytes()[:5000])
        else:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return folder


@pytest.mark.parametrize(("what", "says", "name"), CASES)
def test_a_missing_or_damaged_file_is_named(kit, shared, what, says, name):
    command, *options = COMMANDS[name]
    split = 1 if command == "post" and options[0] in ("info", "splits") else 0
    done = kit.cli(command, *options[:split], shared / what / "data.toml", *options[split:])
    said = " ".join(done.stderr.split())
    assert (done.exit_code, done.stdout, says in said) == (2, "", True), done.output
    assert "nothing has been downloaded" not in said.lower()


def test_the_tiles_are_imported_again_and_what_is_done_is_kept(kit, config):
    data = config.parent / "data"
    before, stored = (data / "tiles.gpkg").read_bytes(), (data / "mmearth.toml").read_text()
    (data / "tiles.gpkg").unlink()
    summary = kit.summary("run", config, "--limit", "1", code=0)
    # The request is for the centroid of the one tile that has none in the tiles file.
    assert (summary["done"], summary["ended_in_this_run"], summary["requests"]) == (1, 0, {"value:compute": 1})
    assert (data / "tiles.gpkg").read_bytes() == before
    assert (data / "mmearth.toml").read_text() == stored


LINE = '{"tile_id": "000", "ordinal": 0, "outcome": "done", "anchor": {}, "located": {}, "grid": {}, "sha256": "ab'


@pytest.mark.parametrize("line", [LINE, LINE[:-3] + "\x00\x00", LINE.replace('"grid": {}, ', "") + '"}'])
def test_a_garbled_line_is_named_by_status_as_by_run(kit, config, line):
    """Its head is intact, so that it could pass for a tile that is done."""
    journal = config.parent / "data" / "journal" / "base" / "00001.jsonl"
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join([lines[0], line, *lines[1:]]) + "\n")
    said = []
    for words in (["status"], ["status", "--json"], ["run"], ["redownload", "--dry-run"], ["plan"]):
        done = kit.cli(words[0], config, *words[1:])
        assert (done.exit_code, done.stdout) == (2, "") or words == ["run"], done.output
        assert done.exit_code in (2, 3)
        said.append(" ".join(done.output.split()))
    assert all(f"{journal}, line 2: not a journal entry (" in each for each in said), said
    assert all("delete that line, and the tile is downloaded again" in each for each in said)


def test_a_journal_that_is_edited_but_sound_counts(kit, config):
    journal = config.parent / "data" / "journal" / "base" / "00001.jsonl"
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    before = kit.summary("status", config, code=1)
    journal.write_text("".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in entries))
    after = kit.summary("status", config, code=1)
    assert {**after, "time": ""} == {**before, "time": ""}
