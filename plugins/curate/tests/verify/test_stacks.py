"""Damage behind the HDF5 file: stacks, journals, and what the file was made of."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rasterio


def test_a_truncated_a_changed_and_a_missing_stack(copy: Any) -> None:
    content = copy.stack(1).read_bytes()
    copy.stack(1).write_bytes(content[: len(content) // 2])
    content = bytearray(copy.stack(4).read_bytes())
    content[-5] ^= 1
    copy.stack(4).write_bytes(content)
    copy.stack(7).unlink()
    verdict = copy.verify(target=copy.config)
    found = {fault["tile_id"]: fault["message"] for fault in verdict.faults}
    assert {fault["check"] for fault in verdict.faults} == {"checksums"}
    assert found.keys() == {"001", "004", "007"}
    assert "has the checksum" in found["001"]
    assert "has the checksum" in found["004"]
    assert f"the stack is missing ({copy.stack(7)})" in found["007"]
    assert "--retry-failed" in verdict.faults[0]["remedy"]
    copy.verify(code=0)


def test_what_is_no_file_of_pixels_is_found_before_it_is_read(copy: Any, run_cli: Any) -> None:
    """An endless device would fill the memory, a pipe without a writer would never answer."""
    for number in (0, 1, 2, 3):
        copy.stack(number).unlink()
    copy.stack(0).symlink_to("/dev/zero")
    os.mkfifo(copy.stack(1))
    with copy.stack(2).open("wb") as file:
        file.truncate(2**40)
    copy.stack(3).mkdir()
    found = {fault["tile_id"]: fault["message"] for fault in copy.verify(target=copy.config).faults}
    assert {tile: text.partition(": ")[2].partition(" (/")[0] for tile, text in found.items()} == {
        "000": "the stack cannot be read: it is not a regular file",
        "001": "the stack cannot be read: it is not a regular file",
        "002": "the stack cannot be read: it has 1,099,511,627,776 bytes; at most 4,294,967,296 are expected",
        "003": "the stack cannot be read: Is a directory",
    }
    # And by `post`, which leaves these tiles out.
    copy.h5.unlink()
    done = run_cli("post", copy.config, "--json")
    assert done.exit_code == 1, done.output
    assert json.loads(done.stdout)["rows"] == 4


def test_bad_stacks_are_sent_back_only_when_asked(copy: Any, run_cli: Any) -> None:
    copy.stack(2).unlink()
    copy.verify(target=copy.config)
    assert run_cli("run", copy.config, "--retry-failed", "--json").exit_code == 0
    assert not copy.stack(2).exists()
    assert copy.verify("--send-back", target=copy.config).report["sent_back"] == 1
    line = (copy.root / "journal" / "base" / "00000.jsonl").read_text().splitlines()[-1]
    assert json.loads(line)["reason"] == "verify: the stack is missing"
    faults = copy.verify(target=copy.config).faults
    assert [(fault["check"], fault["tile_id"]) for fault in faults] == [("journals", "002")]
    assert run_cli("run", copy.config, "--retry-failed").exit_code == 0
    copy.verify(target=copy.config, code=0)


def test_nothing_is_sent_back_when_no_stack_is_sound(copy: Any, run_cli: Any) -> None:
    (copy.root / "stacks").rename(copy.root / "elsewhere")
    before = {path: path.read_bytes() for path in copy.root.glob("journal/*/*.jsonl")}
    done = run_cli("verify", copy.config, "--return-tiles", "--workers", "1")
    assert done.exit_code == 2
    assert "none of 8 stacks is intact" in " ".join(done.stderr.split())
    assert {path: path.read_bytes() for path in copy.root.glob("journal/*/*.jsonl")} == before
    refused = run_cli("verify", copy.h5, "--return-tiles")
    assert (refused.exit_code, "needs the dataset's configuration" in refused.stderr) == (2, True)


def test_a_stack_that_was_changed_with_its_journal(copy: Any) -> None:
    """As a later download of other pixels would: the HDF5 file is of the old ones."""
    with rasterio.open(copy.stack(0), "r+") as stack:
        pixels = stack.read(1)
        pixels[3, 4] += 100
        stack.write(pixels, 1)
    journal = copy.root / "journal" / "base" / "00000.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    entry = next(line for line in lines if line["tile_id"] == "000")
    entry["sha256"] = hashlib.sha256(copy.stack(0).read_bytes()).hexdigest()
    with journal.open("a") as file:
        file.write(json.dumps(entry) + "\n")
    faults = copy.verify(target=copy.config).faults
    checks = [fault["check"] for fault in faults]
    assert {"stacks", "checksums", "provenance"} == set(checks)
    stacks = faults[checks.index("stacks")]
    assert (stacks["row"], stacks["layer"]) == (0, "sentinel2")
    assert "1 value other than what was downloaded: band B1 has" in stacks["message"]
    assert "at (3, 4)" in stacks["message"]
    assert {fault.get("layer") for fault in faults if fault["check"] == "provenance"} >= {"sentinel2", "verify_slopes"}


def test_journals_against_rows(copy: Any) -> None:
    journal = copy.root / "journal" / "base" / "00001.jsonl"
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join(lines[1:]) + "\n")
    gone = json.loads(lines[0])["tile_id"]
    fault = copy.verify(target=copy.config).only_fault("journals")
    assert fault["tile_id"] == gone
    assert "the journals have no such tile that is done" in fault["message"]
    journal.write_text("no journal\n")
    messages = [fault["message"] for fault in copy.verify(target=copy.config).faults]
    assert "not a journal entry" in messages[0]


def test_a_tile_that_is_done_and_has_no_row(copy: Any, run_cli: Any) -> None:
    text = copy.stack(5).read_bytes()
    copy.stack(5).unlink()
    assert run_cli("post", copy.config, "--workers", "1").exit_code == 1
    verdict = copy.verify(target=copy.config, code=0)
    assert verdict.report["rows"] == 7
    assert any("1 tile was left out" in warning["message"] for warning in verdict.of("warning"))
    assert run_cli("run", copy.config, "--retry-failed").exit_code == 0
    assert copy.stack(5).read_bytes() == text
    fault = copy.verify(target=copy.config).only_fault("journals")
    assert fault["tile_id"] == "005"
    assert "was left out (the stack is missing) and has been downloaded again" in fault["message"]
    assert run_cli("post", copy.config, "--workers", "1").exit_code == 0
    copy.verify(target=copy.config, code=0)


@pytest.mark.slow
def test_a_tile_whose_groups_are_of_two_days(copy: Any, run_cli: Any) -> None:
    copy.config.write_text(f"{copy.config.read_text()}\n[modalities.later]\n")
    assert "warning: The configuration names later, of which nothing" in run_cli("post", copy.config).stderr
    assert "names later" in copy.verify(target=copy.config, code=0).of("warning")[-1]["message"]
    for command in ("run", "post"):
        assert run_cli(command, copy.config).exit_code == 0
    assert not [each for each in copy.verify(target=copy.config, code=0).of("warning") if "later" in each["message"]]
    path = copy.root / "journal" / "later" / "00001.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    next(line for line in lines if line["tile_id"] == "004")["anchor"]["date"] = "1999-12-31"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (fault,) = copy.verify(target=copy.config).faults
    assert (fault["check"], fault["row"], fault["tile_id"]) == ("journals", 4, "004")
    assert "later of 1999-12-31 in EPSG:32618" in fault["message"]
    for command in ("run", "post"):
        assert run_cli(command, copy.config).exit_code == 0
    copy.verify(target=copy.config, code=0)


def test_the_provenance_of_a_layer(copy: Any) -> None:
    with copy.opened() as file:
        file["sentinel2"].attrs["provenance"] = "0" * 64
        del file["biome"].attrs["provenance"]
    found = {fault["layer"]: fault["check"] for fault in copy.verify(target=copy.config).faults}
    assert found == {"sentinel2": "provenance", "biome": "description"}


def forged(copy: Any, *layers: str) -> None:
    """As if the layers had been made of other stacks."""
    with copy.opened() as file:
        for layer in layers:
            file[layer].attrs["provenance"] = "0" * 64


def rewrite(path: Path, change: Callable[[dict[str, Any]], Any], keep: bool) -> None:
    """Changes the entry of tile 004; the old line is kept before the new one, or not."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    old = [line for line in lines if line["tile_id"] == "004"]
    new = json.loads(json.dumps(old[-1]))
    change(new)
    others = [line for line in lines if line["tile_id"] != "004"]
    path.write_text("".join(json.dumps(line) + "\n" for line in (*others, *(old if keep else ()), new)))


@pytest.fixture
def two_groups(copy: Any, run_cli: Any) -> Any:
    """A dataset with a modality that was added later."""
    copy.config.write_text(f"{copy.config.read_text()}\n[modalities.later]\n")
    for command in ("run", "post"):
        assert run_cli(command, copy.config, *(["--workers", "1"] if command == "post" else [])).exit_code == 0
    return copy


def another_day(entry: dict[str, Any]) -> None:
    """As base is when it was downloaded again, of another day, and the later group was not."""
    entry["anchor"]["date"] = entry["located"]["sentinel2"]["images"][0]["date"] = "1999-12-31"
    entry["located"]["third"] = {**entry["located"]["third"], "number": 99}


def test_a_tile_that_lags_behind_does_not_hide_layers_of_other_stacks(two_groups: Any) -> None:
    copy = two_groups
    rewrite(copy.root / "journal" / "base" / "00001.jsonl", another_day, keep=True)
    verdict = copy.verify(target=copy.config)
    assert verdict.only_fault("journals")["tile_id"] == "004"
    assert not [each for each in verdict.of("warning") if each["check"] == "provenance"]
    forged(copy, "sentinel2", "verify_later")
    faults = copy.verify(target=copy.config).faults
    found = {fault["layer"] for fault in faults if fault["check"] == "provenance"}
    assert found == {"sentinel2", "verify_later"}


def test_a_tile_sent_back_does_not_hide_layers_of_other_stacks(copy: Any) -> None:
    copy.stack(2).unlink()
    copy.verify("--send-back", target=copy.config)
    forged(copy, "verify_slopes")
    faults = copy.verify(target=copy.config).faults
    assert [(fault["check"], fault.get("layer")) for fault in faults] == [
        ("journals", None),
        ("provenance", "verify_slopes"),
    ]


def test_without_the_old_entry_each_group_is_checked_as_far_as_it_can_be(two_groups: Any) -> None:
    """The entry from which the row was made is missing; that of the later group is still there."""
    copy = two_groups
    rewrite(copy.root / "journal" / "base" / "00001.jsonl", another_day, keep=False)
    verdict = copy.verify(target=copy.config)
    assert verdict.only_fault("journals")["tile_id"] == "004"
    unsure = {each["layer"]: each for each in verdict.of("warning") if each["check"] == "provenance"}
    assert {"sentinel2", "verify_slopes"} <= unsure.keys()
    assert "verify_later" not in unsure
    assert "the journals do not show what one row of the file was made from" in unsure["sentinel2"]["message"]
    forged(copy, "verify_later")
    warnings = copy.verify(target=copy.config).of("warning")
    assert "verify_later" in {each["layer"] for each in warnings if each["check"] == "provenance"}


def test_two_old_entries_that_fit_are_not_chosen_between(two_groups: Any) -> None:
    """A group without pixels has no checksum that could tell which of two downloads of one day the row is of."""
    copy = two_groups
    path = copy.root / "journal" / "later" / "00001.jsonl"
    rewrite(path, lambda entry: entry["located"].update(later=7.0), keep=True)
    rewrite(path, lambda entry: entry["anchor"].update(date="1999-12-31"), keep=True)
    verdict = copy.verify(target=copy.config)
    assert verdict.only_fault("journals")["tile_id"] == "004"
    unsure = [each["layer"] for each in verdict.of("warning") if each["check"] == "provenance"]
    assert unsure == ["verify_later"]
