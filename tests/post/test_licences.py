"""Licences and attributions reach the people who get a dataset: in the HDF5 file, and in a file beside it."""

import json
import re
from pathlib import Path
from typing import Any

import h5py

NAME = "data_1M_v001"


def sections(text: str) -> dict[str, dict[str, str]]:
    """The lines of each modality, by their first word."""
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)[1:]
    found = {}
    for modality, body in zip(parts[::2], parts[1::2], strict=True):
        found[modality] = dict(re.findall(r"^- ([a-z ]+): (.*)$", body, re.MULTILINE))
    return found


def years_of(folder: Path) -> str:
    info = json.loads((folder / f"{NAME}_tile_info.json").read_text())
    years = sorted({entry["S2_DATE"][:4] for entry in info.values()})
    return years[0] if len(years) == 1 else f"{years[0]}-{years[-1]}"


def test_layers_have_their_terms_as_attributes_with_the_years_of_the_tiles(made: Path) -> None:
    years = years_of(made)
    assert re.fullmatch(r"20\d\d-20\d\d", years), "this test needs tiles of several years"
    with h5py.File(made / f"{NAME}.h5") as file:
        for name in ("sentinel2", "sentinel2_cloudmask", "sentinel2_scl"):
            attributes = file[name].attrs
            assert attributes["attribution"] == f"Contains modified Copernicus Sentinel data {years}."
            assert attributes["licence"].startswith("Copernicus Sentinel data: free, full and open")
            assert years in attributes["citation"]
            assert attributes["source"].startswith("https://developers.google.com/earth-engine/datasets/catalog/")
        assert "RESOLVE Ecoregions 2017" in file["biome"].attrs["attribution"]
        # A third party's plugin that states nothing.
        assert {"licence", "attribution", "citation", "source"} & set(file["heights"].attrs) == set()


def test_the_file_beside_it_has_a_section_per_modality(made: Path, kit: Any) -> None:
    text = (made / f"{NAME}_licences.md").read_text()
    assert text.startswith(f"# {NAME}: licences and attributions\n\n{kit.tiles} tiles.")
    found = sections(text)
    with h5py.File(made / f"{NAME}.h5") as file:
        layers = {name: dict(file[name].attrs) for name in file if "modality" in file[name].attrs}
    assert list(found) == sorted({each["modality"] for each in layers.values()}) == ["anyones", "sentinel2", "tile"]
    for modality, lines in found.items():
        own = {name: each for name, each in layers.items() if each["modality"] == modality}
        assert sorted(lines["layers"].split(", ")) == sorted(own)
        for term in ("licence", "attribution", "citation", "source"):
            assert {lines[term]} == {each.get(term, "not stated by the plugin") for each in own.values()}
        assert {lines["downloaded with"]} == {each["plugin"] for each in own.values()}


def test_readers_still_find_exactly_one_file_of_each_kind(made: Path) -> None:
    for pattern in ("data_*.h5", "data_*_splits.json", "data_*_tile_info.json", "data_*_band_stats.json"):
        assert len(list(made.glob(pattern))) == 1, pattern


def test_layers_of_an_earlier_version_are_kept_and_the_file_beside_them_is_written(config: Path, kit: Any) -> None:
    folder = config.parent / NAME
    kit.summary("post", config, "--workers", "1")
    hdf5, licences = folder / f"{NAME}.h5", folder / f"{NAME}_licences.md"
    wanted = licences.read_text()
    licences.unlink()
    with h5py.File(hdf5, "r+") as file:
        for name in ("sentinel2", "biome"):
            for term in ("licence", "attribution", "citation", "source"):
                del file[name].attrs[term]
            file[name].attrs["description"] = "as an earlier version described it"
            file[name].attrs["descriptions"] = [f"{each}, in old words" for each in file[name].attrs["descriptions"]]
    before = hdf5.stat()
    assert kit.summary("post", "hdf5", config, "--workers", "1")["layers"] == []
    assert (hdf5.stat().st_ino, hdf5.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert licences.read_text() == wanted


def test_a_dataset_goes_on_that_was_started_before_its_plugin_had_an_option(config: Path, kit: Any) -> None:
    stored = config.parent / NAME / "mmearth.toml"
    text = stored.read_text()
    assert text.count("cloud_classes = false\n") == 1
    stored.write_text(text.replace("cloud_classes = false\n", ""))
    done = kit.cli("post", "info", config, "--workers", "1")
    assert done.exit_code == 0
    assert "warning" not in done.output
    assert kit.summary("run", config)["requests"] == {}
    # The option that it did not have cannot be switched on for a dataset that has tiles.
    config.write_text(re.sub(r"(\[modalities.sentinel2\].*\n)", r"\1cloud_classes = true\n", config.read_text()))
    refused = kit.cli("run", config)
    assert refused.exit_code == 2
    assert "cloud_classes is False in the dataset and True in the configuration" in " ".join(refused.output.split())
