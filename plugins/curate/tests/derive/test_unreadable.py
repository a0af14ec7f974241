"""Files that are cut short, damaged or foreign: every command names the file, what was found, and what to do."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

Refused = Callable[..., str]

MEND = "The file is damaged: copy or fetch it again, or write it again with the command that made it"
ANOTHER = "Name a file that `mmearth-core post` has written, or one made of such files."
COMMANDS: dict[str, Callable[[Path, Path], list[str | Path]]] = {
    "subset": lambda bad, sound: ["subset", bad, bad.parent / "out", "--sample", "3"],
    "resize": lambda bad, sound: ["resize", bad, bad.parent / "out", "--size", "3"],
    "merge": lambda bad, sound: ["merge", bad.parent / "out", sound, bad, "--duplicates", "first"],
    "verify": lambda bad, sound: ["verify", bad],
}
DERIVING = ["subset", "resize", "merge"]


@pytest.fixture
def bad(whole: Path, tmp_path: Path) -> Path:
    """A copy of a sound dataset's file, to be damaged."""
    shutil.copytree(whole.parent, tmp_path / "bad")
    return tmp_path / "bad" / whole.name


def change(path: Path, edit: Callable[[h5py.File], Any]) -> None:
    with h5py.File(path, "r+") as file:
        edit(file)


def without_h5py(text: str) -> None:
    """No word of h5py's own is left."""
    for words in ("Unable to", "synchronously", "sblock", "eof =", "errno"):
        assert words not in text, text


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_hdf5_file_or_a_part_of_one(command: str, whole: Path, bad: Path, refused: Refused) -> None:
    content = bad.read_bytes()
    start, size = f"error: {bad}: cannot be read as HDF5: it is", f"{len(content):,} bytes"
    for left, found in (
        (content[:-10], f"{start} cut short, with {len(content) - 10:,} of its {size}. {MEND}"),
        (content[: len(content) // 3], f"{start} cut short, with {len(content) // 3:,} of its {size}. {MEND}"),
        (b"", f"{start} empty. {MEND}"),
        (b"no HDF5", f"{start} of another format. Name a dataset's .h5 file, as `mmearth-core post` writes it."),
    ):
        bad.write_bytes(left)
        text = refused(*COMMANDS[command](bad, whole), "--workers", "1")
        assert text.startswith(found)
        without_h5py(text)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_damaged_anywhere_ends_no_command_in_a_traceback(
    command: str, whole: Path, bad: Path, kit: Any, tmp_path: Path
) -> None:
    """Whatever is refused is refused in a paragraph; chunks may be copied as they are, which is `verify`'s to find."""
    content = bad.read_bytes()
    refusals = 0
    for seed in range(25):
        chance, changed = random.Random(seed), bytearray(content)
        for _ in range(2):
            changed[chance.randrange(60, len(content))] ^= 0xFF
        bad.write_bytes(changed)
        done = kit.cli(*COMMANDS[command](bad, whole), "--workers", "1")
        assert done.exception is None or isinstance(done.exception, SystemExit), (seed, done.exception)
        assert done.exit_code in ((0, 1, 2) if command == "verify" else (0, 2)), (seed, done.output)
        if done.exit_code == 2:
            refusals += 1
            text = " ".join(done.stderr.split())
            assert text.startswith("error: ") and str(bad) in text, (seed, text)
        shutil.rmtree(bad.parent / "out", ignore_errors=True)
    assert refusals >= 5


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_without_a_table_of_tiles(command: str, whole: Path, bad: Path, refused: Refused) -> None:
    numbers = np.zeros(3, [("a", "f4"), ("b", "f4")])
    for make in (
        lambda file: None,
        lambda file: file.create_group("metadata"),
        lambda file: file.create_dataset("metadata", data=3),
        lambda file: file.create_dataset("metadata", data=numbers),
    ):
        change(bad, lambda file: [file.pop("metadata", None)])
        change(bad, make)
        text = refused(*COMMANDS[command](bad, whole), "--workers", "1")
        assert f"{bad}: has no table `metadata` whose first field is the rows' tile ids" in text
        assert text.endswith(ANOTHER)


@pytest.mark.parametrize("command", DERIVING)
def test_a_table_or_layers_that_are_another_program_s(command: str, whole: Path, bad: Path, refused: Refused) -> None:
    def says(edit: Callable[[h5py.File], Any]) -> str:
        shutil.copyfile(whole, bad)
        change(bad, edit)
        text = refused(*COMMANDS[command](bad, whole), "--workers", "1")
        without_h5py(text)
        assert text.startswith(f"error: {bad}: ")
        return text

    text = says(lambda file: file.create_dataset("depth", data=np.zeros((12, 3))))
    assert "layer 'depth' has no attributes modality, kind, nodata," in text
    assert "'sub' is a group, where a dataset is expected" in says(lambda file: file.create_group("sub"))
    text = says(lambda file: [file.pop(name) for name in list(file) if name != "metadata"])
    assert "the file has no layers, only a table of tiles" in text
    ids = np.zeros(12, [("tile_id", "S9")])
    text = says(lambda file: [file.pop("metadata"), file.create_dataset("metadata", data=ids)])
    assert "it must have two, tile_id and the variant, both texts" in text
    text = says(lambda file: file["metadata"].write_direct(np.array([(b"\xff", b"one")] * 12, file["metadata"].dtype)))
    assert r"row 0 of the table `metadata` holds (b'\xff', b'one'), which is not text. The file is damaged" in text
    text = says(lambda file: [file.pop("metadata"), file.create_dataset("metadata", data=file_table(11))])
    assert "layer 'heights' has shape (12, 2, 7, 7) in chunks of (1, 2, 7, 7); the file has 11 tiles" in text


def file_table(rows: int) -> np.ndarray:
    return np.array([(f"t{row}".encode(), b"one") for row in range(rows)], [("tile_id", "S100"), ("kind", "S10")])


def test_a_scalar_among_the_layers_is_a_fault_for_verify(bad: Path, kit: Any) -> None:
    change(bad, lambda file: file.create_dataset("depth", data=3))
    found = kit.told("verify", bad, code=1)["findings"]
    assert "Has shape (); the table `metadata` has 12 rows." in [
        each["message"] for each in found if each.get("layer") == "depth"
    ]


def test_a_damaged_row_is_named_where_it_is_inflated(bad: Path, whole: Path, refused: Refused) -> None:
    with h5py.File(bad) as file:
        chunk = file["heights"].id.get_chunk_info_by_coord((5, 0, 0, 0))
    content = bytearray(bad.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    bad.write_bytes(content)
    for workers in ("1", "2"):
        text = refused("resize", bad, bad.parent / "out", "--size", "3", "--workers", workers)
        assert f"{bad}: row 5 of layer 'heights' cannot be inflated" in text
        assert MEND in text
    text = refused("subset", bad, bad.parent / "out", "--sample", "12", "--workers", "1")
    assert f"{bad}: of the tiles copied from there, row 5 of layer 'heights' cannot be inflated" in text
    assert "`mmearth-core verify FILE` names every damaged row" in text
    text = refused("merge", bad.parent / "out", bad, whole, "--duplicates", "first", "--workers", "1")
    assert f"{bad}, {whole}: of the tiles copied from there, row 5 of layer 'heights' cannot be inflated" in text
