"""Modalities added later, bad stacks, interruptions: what is whole stays whole, and nobody's row shifts."""

import errno
import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio
import tomli_w

from mmearth_core.json_files import write_json
from mmearth_core.post import products
from mmearth_core.product.hdf5 import layer_names

NAME = "data_1M_v001"


def files(dataset: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(dataset.glob(f"{NAME}*"))}


def contents(path: Path) -> dict[str, Any]:
    with h5py.File(path) as file:
        values = {name: file[name][:] for name in ("metadata", *layer_names(file))}
        marks = {name: file[name].attrs.get("provenance") for name in values}
    return {"values": values, "marks": marks}


def same(one: Path, other: Path) -> None:
    mine, others = contents(one), contents(other)
    assert mine["marks"] == others["marks"]
    assert mine["values"].keys() == others["values"].keys()
    for name, values in mine["values"].items():
        np.testing.assert_array_equal(values, others["values"][name])


@pytest.fixture
def without_the_added(config: Path, kit: Any) -> Path:
    """The dataset as it was before its last group, post-processed."""
    dataset = config.parent / NAME
    aside = config.parent / "aside"
    aside.mkdir()
    (dataset / "journal" / "anyones").rename(aside / "journal")
    stored = dataset / "mmearth.toml"
    whole = stored.read_text()
    raw = tomllib.loads(whole)
    for table in ("groups", "plugins", "modalities"):
        raw[table].pop("anyones")
    stored.write_text(tomli_w.dumps(raw))
    kit.summary("post", config, "--workers", "1", "--strategy", "column", "--column", "own")
    stored.write_text(whole)
    (aside / "journal").rename(dataset / "journal" / "anyones")
    return config


def test_added_modalities_join_the_file_as_if_they_had_always_been_there(
    without_the_added: Path, made: Path, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = without_the_added.parent / NAME
    from mmearth_core.post import encode

    decoded = []
    decode = encode.decode
    monkeypatch.setattr(encode, "decode", lambda layer, planes: decoded.append(layer.name) or decode(layer, planes))
    summary = kit.summary("post", without_the_added, "--workers", "1")
    assert set(summary["layers"]) == {"heights", "kinds", "weights"}
    assert "sentinel2" in summary["kept"]
    assert set(decoded) == {"heights", "kinds"}, "the old layers were compressed again"
    same(dataset / f"{NAME}.h5", made / f"{NAME}.h5")
    for suffix in ("_band_stats.json", "_tile_info.json"):
        assert files(dataset)[f"{NAME}{suffix}"] == files(made)[f"{NAME}{suffix}"]
    # The splits stay as the user had them made.
    assert summary["splits"]["made"]["column"] == "own"


def test_a_tile_of_two_days_is_no_row_until_it_is_downloaded_again(config: Path, kit: Any) -> None:
    path = next((config.parent / NAME / "journal" / "anyones").glob("*.jsonl"))
    first, *others = path.read_text().splitlines()
    entry = json.loads(first)
    entry["anchor"]["date"] = "1999-12-31"
    path.write_text("\n".join([json.dumps(entry), *others]) + "\n")
    done = kit.summary("post", config, "--workers", "1", code=1)
    assert (done["rows"], done["missing"], done["left_out"]) == (kit.tiles - 1, 1, [])
    info = json.loads((config.parent / NAME / f"{NAME}_tile_info.json").read_text())
    assert entry["tile_id"] not in info and len(info) == kit.tiles - 1


def test_running_again_changes_nothing(config: Path, kit: Any) -> None:
    dataset = config.parent / NAME
    kit.summary("post", config, "--workers", "1")
    before = files(dataset)
    number = (dataset / f"{NAME}.h5").stat().st_mtime_ns
    assert kit.summary("post", config, "--workers", "1")["layers"] == []
    assert files(dataset) == before
    assert (dataset / f"{NAME}.h5").stat().st_mtime_ns == number


def test_statistics_that_were_lost_or_are_of_other_rows_are_made_anew(config: Path, kit: Any) -> None:
    path = config.parent / NAME / f"{NAME}_band_stats.json"
    kit.summary("post", config, "--workers", "1")
    before = path.read_bytes()
    for damage in ("", "{}", before.decode().replace('"count"', '"cuont"')):
        path.write_text(damage)
        kit.summary("post", config, "--workers", "1")
        assert path.read_bytes() == before


def test_statistics_whose_last_writing_fails_are_never_those_of_other_rows(
    config: Path, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config.parent / NAME / f"{NAME}_band_stats.json"
    kit.summary("post", config, "--workers", "1")
    next(path.parent.glob("stacks/base/*/000.tif")).unlink()
    written = []

    def write(target: Path, content: Any) -> None:
        if written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        written.append(target)
        write_json(target, content)

    with monkeypatch.context() as patch:
        patch.setattr(products, "write_json", write)
        assert kit.cli("post", "hdf5", config, "--workers", "1").exit_code == 3
    with h5py.File(path.parent / f"{NAME}.h5") as file:
        assert len(file["metadata"]) == kit.tiles - 1
    assert json.loads(path.read_text()) == {}
    kit.summary("post", "hdf5", config, "--workers", "1", code=1)
    stats = json.loads(path.read_text())
    assert stats["heights"]["count"][0] + stats["heights"]["nodata"][0] == (kit.tiles - 1) * kit.size**2


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3000])


def headless(path: Path) -> None:
    path.write_bytes(b"II*")


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8:3000] = bytes(2992)
    path.write_bytes(bytes(content))


def of_other_bands(path: Path) -> None:
    (other,) = path.parents[2].glob(f"anyones/*/{path.name}")
    path.write_bytes(other.read_bytes())


def of_another_tile(path: Path) -> None:
    path.write_bytes(path.with_name("008.tif").read_bytes())


def of_another_tile_and_rewritten(path: Path) -> None:
    with rasterio.open(path.with_name("008.tif")) as source:
        profile = {**source.profile, "compress": "deflate"}
        with rasterio.open(path, "w", **profile) as target:
            target.write(source.read())
            target.descriptions = source.descriptions
            target.update_tags(**source.tags())


FAULTS = {
    "missing": (Path.unlink, "the stack is missing"),
    "truncated": (truncated, "the stack is truncated"),
    "headless": (headless, "the stack is truncated: it has only 3 bytes"),
    "damaged": (damaged, "the stack is damaged in band"),
    "another tile's": (of_another_tile, "the stack is that of another tile, '008'"),
    "another tile's, rewritten": (of_another_tile_and_rewritten, "the stack is that of another tile, '008'"),
    "of other bands": (of_other_bands, "the stack has no bands sentinel2__B1"),
}


@pytest.mark.parametrize(
    "fault",
    [pytest.param(name, marks=() if name in ("missing", "truncated") else pytest.mark.slow) for name in FAULTS],
)
def test_a_bad_stack_is_left_out_named_and_sent_back(fault: str, config: Path, made: Path, kit: Any) -> None:
    spoil, reason = FAULTS[fault]
    dataset = config.parent / NAME
    (stack,) = dataset.glob("stacks/base/*/007.tif")
    good = stack.read_bytes()
    spoil(stack)
    done = kit.cli("post", config, "--workers", "1")
    assert done.exit_code == 1
    assert f"left out: tile '007', group 'base': {reason}" in done.stderr
    whole = contents(made / f"{NAME}.h5")["values"]
    for name, values in contents(dataset / f"{NAME}.h5")["values"].items():
        np.testing.assert_array_equal(values, np.delete(whole[name], 7, axis=0))
    (entry,) = json.loads((dataset / f"{NAME}_left_out.json").read_text())
    assert (entry["tile_id"], entry["ordinal"]) == ("007", 7)
    assert entry["reason"].startswith(reason)
    info = json.loads((dataset / f"{NAME}_tile_info.json").read_text())
    assert list(info) == [f"{number:03d}" for number in range(kit.tiles) if number != 7]
    splits = json.loads((dataset / f"{NAME}_splits.json").read_text())
    assert sorted(row for rows in splits.values() for row in rows) == list(range(kit.tiles - 1))
    # The run downloads it again, and it takes its own row.
    kit.summary("run", config, "--retry-failed")
    assert stack.read_bytes() == good
    kit.summary("post", config, "--workers", "1")
    assert not (dataset / f"{NAME}_left_out.json").exists()
    same(dataset / f"{NAME}.h5", made / f"{NAME}.h5")


def test_when_no_stack_fits_the_plugins_nothing_is_sent_back(config: Path, kit: Any) -> None:
    dataset = config.parent / NAME
    for stack in dataset.glob("stacks/base/*/*.tif"):
        of_other_bands(stack)
    before = [path.read_bytes() for path in sorted(dataset.glob("journal/*/*"))]
    done = kit.cli("post", config, "--workers", "1")
    assert done.exit_code == 2
    assert "none has a stack that can be used" in " ".join(done.stderr.split())
    assert [path.read_bytes() for path in sorted(dataset.glob("journal/*/*"))] == before


KILL = """
import os, signal, sys
import h5py
from mmearth_core.post import write as layout
from mmearth_core.cli import main

number, count, written = int(sys.argv.pop(1)), int(sys.argv.pop(1)), 0
chunk_writer = layout.chunk_writer

def dying_writer(dataset):
    write = chunk_writer(dataset)

    def write_or_die(row, chunk, skipped):
        global written
        written += 1
        if written == count:
            h5py.h5f.flush(dataset.id)
            os.kill(os.getpid(), number)
        write(row, chunk, skipped)

    return write_or_die

layout.chunk_writer = dying_writer
if __name__ == "__main__":
    main()
"""


def ended_by(number: int, config: Path) -> "subprocess.CompletedProcess[str]":
    """`mmearth-core post`, and the signal when it has written 29 chunks."""
    command = [sys.executable, "-c", KILL, str(int(number)), "30", "post", str(config), "--workers", "1"]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_sigterm_leaves_no_trace(without_the_added: Path) -> None:
    dataset = without_the_added.parent / NAME
    before = files(dataset)
    ended = ended_by(signal.SIGTERM, without_the_added)
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (
        143,
        "ended by SIGTERM; run the same command again to finish",
    )
    assert "Traceback" not in ended.stderr
    assert files(dataset) == before
    assert not list(dataset.glob(".*"))


def test_killed_and_run_again_nothing_differs(without_the_added: Path, made: Path, kit: Any) -> None:
    dataset = without_the_added.parent / NAME
    before = files(dataset)
    killed = ended_by(signal.SIGKILL, without_the_added)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert files(dataset) == before, "a half-written file stands under the final name"
    kit.summary("post", without_the_added, "--workers", "1")
    same(dataset / f"{NAME}.h5", made / f"{NAME}.h5")
    assert not list(dataset.glob(".*")), "a torn file was left behind"
    assert files(dataset)[f"{NAME}_band_stats.json"] == files(made)[f"{NAME}_band_stats.json"]


def test_a_tile_still_to_be_downloaded_is_counted(config: Path, kit: Any) -> None:
    journals = sorted((config.parent / NAME / "journal" / "base").glob("*.jsonl"))
    lines = journals[0].read_text().splitlines(keepends=True)
    journals[0].write_text("".join(lines[1:]))
    gone = json.loads(lines[0])["tile_id"]
    summary = kit.summary("post", config, "--workers", "1", code=1)
    assert (summary["rows"], summary["missing"], summary["left_out"]) == (kit.tiles - 1, 1, [])
    assert gone not in json.loads((config.parent / NAME / f"{NAME}_tile_info.json").read_text())


def test_before_the_download_there_is_nothing_to_make(tmp_path: Path, kit: Any) -> None:
    (tmp_path / "new.toml").write_text('[dataset]\nname = "new"\ntiles = "t.geojson"\n[modalities.sentinel2]\n')
    done = kit.cli("post", tmp_path / "new.toml")
    assert done.exit_code == 2
    assert "nothing has been downloaded there yet" in " ".join(done.stderr.split())
