"""`mmearth-core view`: the sheets, counted pixel by pixel against the HDF5 file, and which tiles are on them."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from attrs import evolve
from mmearth_viz.preview.panel import MapPanel, NumbersPanel, make_panel
from mmearth_viz.preview.render import render_layer
from PIL import Image

from mmearth_core import Band, ClassLabel, Layer, Preview
from mmearth_core.layers import LayerDescription
from mmearth_core.product.hdf5 import create_layer, create_metadata, layer_names, stored_layers

ONE, TWO = (0xC8, 0x1E, 0x74), (0x1E, 0x46, 0xC8)
SWATCH = 14 * 14


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def count(sheet: np.ndarray, colour: tuple[int, ...]) -> int:
    return int((sheet == colour).all(axis=-1).sum())


def h5(config: Path, kit: Any) -> Path:
    return config.parent / kit.name / f"{kit.name}.h5"


def row_of(path: Path, tile_id: str) -> int:
    with h5py.File(path) as file:
        return [text.decode() for text in file["metadata"]["tile_id"]].index(tile_id)


def test_one_tile_in_detail_has_the_declared_colours(finished: Path, tmp_path: Path, kit: Any) -> None:
    out = tmp_path / "tile.png"
    seen = kit.summary("view", finished, "003", "-o", out)
    assert seen["tiles"] == ["003"] and seen["layers_left_out"] == []
    with h5py.File(h5(finished, kit)) as file:
        assert set(seen["layers"]) == {*layer_names(file)}
        kinds = file["view_kinds"][row_of(h5(finished, kit), "003")]
    repeated = 256 // kit.size
    sheet = pixels(out)
    for value, colour in ((1, ONE), (2, TWO)):
        assert (kinds == value).any()
        assert count(sheet, colour) == (kinds == value).sum() * repeated**2 + SWATCH
    assert list(tmp_path.iterdir()) == [out]


def test_configuration_folder_and_file_give_the_same_sheet(finished: Path, tmp_path: Path, kit: Any) -> None:
    sheets = []
    for number, target in enumerate((finished, finished.parent / kit.name, h5(finished, kit))):
        out = tmp_path / f"{number}.png"
        assert kit.cli("view", target, "000", "-o", out).exit_code == 0
        sheets.append(out.read_bytes())
    assert sheets[0] == sheets[1] == sheets[2]


def test_the_file_keeps_what_the_plugin_declares(finished: Path, kit: Any) -> None:
    with h5py.File(h5(finished, kit)) as file:
        told = json.loads(file["view_heights"].attrs["previews"])
        layers = stored_layers(file)
    assert told[""]["bands"] == ["high"] and (told[""]["low"], told[""]["high"]) == (-50, 2500)
    assert layers["view_heights"].previews == {"": Preview(("high",), low=-50, high=2500, colormap="gray")}
    assert layers["view_plain"].previews == {}
    assert set(layers["sentinel2"].previews) == {"", "l1c"}


def test_previews_survive_json() -> None:
    previews = {"": Preview(("a", "b", "c"), low=(0, 1, 2), high=9.5, gamma=1.6), "x": Preview(("a",), colormap="gray")}
    layer = LayerDescription(
        "x", "m", "vector", "float32", "nan", "a", "1", " ", (1,), classes=((),), previews=previews
    )
    again = LayerDescription.from_attributes("x", "float32", (1,), layer.to_attributes())
    assert again == layer and again.previews == previews


def test_a_file_without_previews_is_drawn_by_the_installed_plugin(config: Path, tmp_path: Path, kit: Any) -> None:
    before, after, alone = (tmp_path / f"{name}.png" for name in ("before", "after", "alone"))
    path = h5(config, kit)
    assert kit.cli("view", path, "001", "-o", before).exit_code == 0
    with h5py.File(path, "r+") as file:
        for name in {*layer_names(file)}:
            del file[name].attrs["previews"]
    assert kit.cli("view", path, "001", "-o", after).exit_code == 0
    assert before.read_bytes() == after.read_bytes()
    with h5py.File(path, "r+") as file:
        file["view_heights"].attrs["modality"] = "nobody"
    assert kit.cli("view", path, "001", "-o", alone).exit_code == 0
    assert alone.read_bytes() != after.read_bytes()


def test_a_file_of_another_program_is_drawn_by_installed_plugins(config: Path, tmp_path: Path, kit: Any) -> None:
    path = h5(config, kit)
    with h5py.File(path, "r+") as file:
        for each in (file, *(file[name] for name in {*layer_names(file)})):
            for attribute in list(each.attrs):
                del each.attrs[attribute]
        file.create_dataset("stranger", data=np.zeros((kit.tiles, 2)))
    done = kit.cli("view", path, "003", "-o", tmp_path / "tile.png")
    assert done.exit_code == 0, done.output
    assert "dataset 'stranger' has no description" in done.stderr
    assert count(pixels(tmp_path / "tile.png"), ONE) > SWATCH


def stored(finished: Path, kit: Any, name: str) -> Any:
    with h5py.File(h5(finished, kit)) as file:
        return stored_layers(file)[name]


def test_a_panel_is_what_the_layers_declaration_gives(finished: Path, kit: Any) -> None:
    layer = stored(finished, kit, "view_heights")
    with h5py.File(h5(finished, kit)) as file:
        values = file["view_heights"][1]
    panel = make_panel(layer, values, None)
    bands = [Band(name, "int16", -32768) for name in ("low", "high")]
    declared = Layer("x", bands, preview=Preview(("high",), low=-50, high=2500, colormap="gray"))
    known = np.where(values == -32768, np.nan, values.astype(np.float32))
    assert isinstance(panel, MapPanel) and panel.legend.ends == ("-50", "2500 m")
    np.testing.assert_array_equal(panel.picture, render_layer(declared, known))
    missing = (values[1] == -32768).mean()
    assert 0 < missing < 1
    assert [swatch.share for swatch in panel.legend.swatches] == [missing]


def test_another_band_stands_in_for_one_without_data(finished: Path, kit: Any) -> None:
    layer = stored(finished, kit, "view_heights")
    values = np.full((2, 4, 4), -32768, np.int16)
    values[0] = 700
    panel = make_panel(layer, values, None)
    assert isinstance(panel, MapPanel)
    assert (panel.legend.heading, panel.note) == ("low", "high has no data")
    nothing = make_panel(layer, np.full((2, 4, 4), -32768, np.int16), None)
    assert isinstance(nothing, MapPanel) and nothing.legend.heading == "high"
    assert nothing.legend.swatches[-1].text == "no data 100 %"


def test_a_layer_that_declares_no_range_takes_its_own(finished: Path, kit: Any) -> None:
    values = np.linspace(200, 300, 101, dtype=np.float32).reshape(1, 1, 101)
    panel = make_panel(stored(finished, kit, "view_plain"), values, None)
    assert isinstance(panel, MapPanel)
    assert panel.legend.ends == ("202", "298 K") and "declares no range" in panel.note
    flat = make_panel(stored(finished, kit, "view_plain"), np.full((1, 2, 2), 5e7, np.float32), None)
    assert isinstance(flat, MapPanel)


def test_numbers_are_labelled_and_a_choice_is_named(finished: Path, kit: Any) -> None:
    weights = make_panel(stored(finished, kit, "view_weights"), np.array([np.nan, 4, -8], np.float32), None)
    assert isinstance(weights, NumbersPanel)
    told = [(number.name, number.text, number.bar) for number in weights.numbers]
    assert told == [("b", "4 kg", 0.5), ("a", "no data", 0.0)]
    assert weights.rest == "and 1 more"
    choice = make_panel(stored(finished, kit, "view_choice"), np.array([0, 0, 1, 0], np.uint8), None)
    assert isinstance(choice, NumbersPanel) and choice.numbers[0].name == "r" and choice.rest == "one of 4"


def test_an_undeclared_class_is_told(finished: Path, kit: Any) -> None:
    layer = evolve(stored(finished, kit, "view_kinds"), classes=((ClassLabel(1, "one", "#010203"),),))
    panel = make_panel(layer, np.array([[[1, 1, 9, 255]]], np.uint8), None)
    assert isinstance(panel, MapPanel)
    assert [s.text for s in panel.legend.swatches] == ["one 50 %", "no declared class 25 %", "no data 25 %"]


def test_several_tiles_stand_in_a_table_with_legends(finished: Path, tmp_path: Path, kit: Any) -> None:
    out = tmp_path / "table.png"
    seen = kit.summary("view", finished, "002", "005", "--layer", "view_kinds", "--layer", "sentinel2", "-o", out)
    assert seen["tiles"] == ["002", "005"] and seen["layers"] == ["view_kinds", "sentinel2"]
    with h5py.File(h5(finished, kit)) as file:
        kinds = np.stack([file["view_kinds"][row_of(h5(finished, kit), tile)] for tile in ("002", "005")])
    assert count(pixels(out), ONE) == (kinds == 1).sum() * (128 // kit.size) ** 2 + SWATCH


def test_one_layer_of_many_is_a_contact_sheet(finished: Path, tmp_path: Path, kit: Any) -> None:
    out = tmp_path / "contacts.png"
    kit.summary("view", finished, "--layer", "view_kinds", "--n", "12", "-o", out)
    with h5py.File(h5(finished, kit)) as file:
        kinds = file["view_kinds"][:]
    shown = count(pixels(out), ONE) - SWATCH
    assert shown and shown % int((kinds == 1).sum()) == 0
    assert round((shown / (kinds == 1).sum()) ** 0.5) ** 2 * (kinds == 1).sum() == shown


def told_of(finished: Path, kit: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((h5(finished, kit).parent / f"{kit.name}_tile_info.json").read_text())
    return told


def test_tiles_are_chosen_by_split_column_and_biome(finished: Path, tmp_path: Path, kit: Any) -> None:
    out = ("--layer", "view_kinds", "-o", tmp_path / "out.png")
    ids = list(told_of(finished, kit))
    splits = json.loads((h5(finished, kit).parent / f"{kit.name}_splits.json").read_text())
    train = kit.summary("view", finished, "--split", "train", "--n", "12", *out)
    assert train["tiles"] == [ids[row] for row in splits["train"]]
    wet = kit.summary("view", finished, "--where", "SEASON=wet", *out)
    assert wet["tiles"] == [tile for tile, entry in told_of(finished, kit).items() if entry["SEASON"] == "wet"]
    tundra = kit.summary("view", finished, "--biome", "Tundra", "--n", "2", *out)
    assert len(tundra["tiles"]) == 2
    assert all(told_of(finished, kit)[tile]["TILE"]["biome"] == "Tundra" for tile in tundra["tiles"])


def test_without_a_choice_the_tiles_are_varied(finished: Path, tmp_path: Path, kit: Any) -> None:
    seen = kit.summary("view", finished, "--n", "3", "-o", tmp_path / "out.png")
    assert {told_of(finished, kit)[tile]["TILE"]["biome"] for tile in seen["tiles"]} == {
        "Tundra", "Mangroves", "Boreal Forests/Taiga",
    }  # fmt: skip


def test_random_tiles_are_the_same_for_the_same_seed(finished: Path, tmp_path: Path, kit: Any) -> None:
    def drawn(seed: int) -> list[str]:
        options = ("--random", "4", "--seed", str(seed), "--layer", "view_kinds")
        tiles: list[str] = kit.summary("view", finished, *options, "-o", tmp_path / "o.png")["tiles"]
        return tiles

    assert len(drawn(1)) == 4 and drawn(1) == drawn(1)
    assert len({tuple(drawn(seed)) for seed in range(3)}) > 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["0O3"], "there is no tile '0O3'. Similar ids: '003'"),
        (["--layer", "view_kind"], "Did you mean 'view_kinds'?"),
        (["--split", "trian"], "there is no split 'trian'"),
        (["--biome", "13"], "0 fulfil all criteria (each alone: 0 biome 13), and at least 1 must. Drop a criterion"),
        (["--where", "SEASN=wet"], "Did you mean 'SEASON'?"),
        (["-o", "sheet.jpg"], "ends in .png"),
        (["003", "--split", "train"], "not both"),
        (["--layer", "view_choice"], "all vectors"),
    ],
)
def test_what_cannot_be_shown_is_said(finished: Path, tmp_path: Path, kit: Any, words: list[str], said: str) -> None:
    out = [] if "-o" in words else ["-o", tmp_path / "out.png"]
    done = kit.cli("view", finished, *words, *out)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("command", "name"), [("view", "view.png"), pytest.param("report", "report.html", marks=pytest.mark.slow)]
)
def test_a_folder_that_cannot_be_written_is_named(
    finished: Path, tmp_path: Path, kit: Any, command: str, name: str
) -> None:
    (tmp_path / "file").write_text("")
    done = kit.cli(command, finished, "-o", tmp_path / "file" / name)
    assert done.exit_code == 3 and "cannot be read or written" in " ".join(done.stderr.split()), done.output
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_dataset_that_is_not_there_yet(finished: Path, tmp_path: Path, kit: Any) -> None:
    done = kit.cli("view", tmp_path / "nothing.toml")
    assert done.exit_code == 2 and "no such file or folder" in " ".join(done.stderr.split())
    config = tmp_path / "data.toml"
    config.write_text(finished.read_text())
    done = kit.cli("view", config)
    assert done.exit_code == 2 and "mmearth-core post" in " ".join(done.stderr.split())


@pytest.mark.slow
def test_hundreds_of_layers_are_cut_with_a_word(finished: Path, tmp_path: Path, kit: Any) -> None:
    layer = stored(finished, kit, "view_plain")
    path = tmp_path / "many.h5"
    with h5py.File(path, "w") as file:
        table = create_metadata(file, 3, "kind")
        table["tile_id"] = [b"a", b"b", b"c"]
        for number in range(200):
            create_layer(file, evolve(layer, name=f"layer{number:03d}"), 3)[...] = number
    done = kit.cli("view", path, "-o", tmp_path / "many.png")
    assert done.exit_code == 0, done.output
    assert "14 of 200 layers are drawn" in done.stderr
    one = kit.cli("view", path, "b", "-o", tmp_path / "one.png")
    assert one.exit_code == 0 and "60 of 200 layers are drawn" in one.stderr
    picked = kit.summary("view", path, "--layer", "layer150", "--layer", "layer151", "-o", tmp_path / "picked.png")
    assert picked["layers"] == ["layer150", "layer151"]
