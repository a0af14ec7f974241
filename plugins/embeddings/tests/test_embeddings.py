"""Annual embeddings through the real client: a world of arrays against numpy, and the synthetic planet."""

import datetime as dt
import json

import h5py
import numpy as np
import pytest
import tomli_w
from click.testing import CliRunner
from mmearth_embeddings.modality import COLLECTION, NAMES, Embeddings, EmbeddingsOptions
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, download, image, to_lonlat
from shapely.geometry import box, mapping

from mmearth_core import Anchor
from mmearth_core.cli import main

UTM = "EPSG:32632"
LEFT, TOP, SIDE = 500_000, 5_000_000, 40
TILE = to_lonlat(box(LEFT + 101, TOP - 259, LEFT + 259, TOP - 101), UTM)
INSIDE = np.s_[:, 10:26, 10:26]
ANCHOR = Anchor(dt.date(2018, 7, 14), UTM)

random = np.random.default_rng(7)
VALUES = random.normal(size=(64, SIDE, SIDE))
VALUES = (VALUES / np.linalg.norm(VALUES, axis=0)).astype(np.float32)
EVERYWHERE = np.ones((SIDE, SIDE), bool)


def sheet(index, values, zone="32N", day=dt.datetime(2018, 1, 1), valid=EVERYWHERE, shift=0):
    transform = (10, 0, LEFT + shift, 0, -10, TOP - shift)
    bands = [ArrayBand(name, band, UTM, transform, valid) for name, band in zip(NAMES, values, strict=True)]
    return image(f"{COLLECTION}/{index}", bands, day, UTM_ZONE=zone)


def fetch(tmp_path, *images, dtype="float32", anchor=ANCHOR):
    modality = Embeddings(EmbeddingsOptions(dtype=dtype))
    result = download(ArrayWorld(ArrayCollection(COLLECTION, images)), [modality], TILE, anchor, tmp_path)
    assert result.entry.outcome == "done", result.entry.reason
    return np.stack(list(result.bands.values())), modality.info(result.located(modality)), result


def test_the_year_s_pixels_are_the_source_s_own(tmp_path):
    other = sheet("later", -VALUES, day=dt.datetime(2019, 1, 1))
    got, info, result = fetch(tmp_path, sheet("here", VALUES), other)
    assert (got == VALUES[INSIDE]).all()
    assert list(result.bands) == [f"embeddings__{name}" for name in NAMES] and len(NAMES) == 64
    assert result.requests == {"locate": 1, "pixels": 1}
    assert info == {"BANDS": {"embeddings": NAMES}, "EMBEDDING_ID": [f"{COLLECTION}/here"]}


def test_where_zones_overlap_the_tile_s_own_is_on_top(tmp_path):
    west = np.tile(np.arange(SIDE) < 18, (SIDE, 1))
    # In another order than by name: `b` is the last of the list.
    got, info, _ = fetch(tmp_path, sheet("a", VALUES, valid=west), sheet("b", -VALUES, zone="33N", shift=5))
    wanted = VALUES[INSIDE]
    assert (got[:, :, :8] == wanted[:, :, :8]).all()
    assert np.isfinite(got).all() and (got[:, :, 8:] != wanted[:, :, 8:]).any()
    assert len(info["EMBEDDING_ID"]) == 2


def test_int8_is_the_authors_quantisation(tmp_path):
    values = VALUES.copy()
    values[:, 12, 12] = 0
    values[0, 12, 12] = -1
    hidden = EVERYWHERE.copy()
    hidden[14, 14] = False
    got, _, _ = fetch(tmp_path, sheet("here", values, valid=hidden), dtype="int8")
    assert np.isnan(got[:, 4, 4]).all() and np.isnan(got).sum() == 64
    assert got[0, 2, 2] == -127 and (got[1:, 2, 2] == 0).all()
    exact = np.sign(values) * np.sqrt(np.abs(values)) * 127.5
    wanted = np.where(hidden, np.clip(exact, -127, 127), np.nan)[INSIDE]
    assert np.nanmax(np.abs(got - wanted)) <= 0.5 + 1e-4
    back = (got / 127.5) ** 2 * np.sign(got)
    # The steps are widest at the ends: 2 / 127.5.
    assert np.nanmax(np.abs(back - values[INSIDE])) < 1 / 127
    (layer,) = Embeddings(EmbeddingsOptions(dtype="int8")).layers
    assert (layer.dtype, layer.nodata) == ("int8", -128)


@pytest.mark.parametrize("day", [dt.date(2016, 5, 1), dt.date(2019, 1, 1)])
def test_a_year_without_an_image_is_no_data_with_its_reason(tmp_path, day):
    got, info, result = fetch(tmp_path, sheet("here", VALUES), anchor=Anchor(day, UTM))
    assert np.isnan(got).all() and result.requests == {"locate": 1}
    why = f"{COLLECTION} has no image of the anchor's year at the tile; it starts in 2017"
    assert info == {"BANDS": {"embeddings": []}, "MISSING": {"embeddings": why}}


def test_another_collection_has_unknown_terms():
    assert Embeddings().licence == "CC BY 4.0" and "Google DeepMind" in Embeddings().attribution
    assert Embeddings(EmbeddingsOptions(collection="OTHER/EMBEDDINGS")).licence == ""


def run(*arguments):
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.stdout


def extended(folder, size, **keys):
    """The embeddings of a tile of the synthetic planet, added to a finished dataset."""
    # On whole pixels of 10 m and of 30 m.
    place = to_lonlat(box(499_983, 5_399_673, 500_457, 5_400_147), UTM)
    properties = {"tile_id": "a", "date": "2019-06-01", "lon": 9.0, "lat": 48.75}
    feature = {"type": "Feature", "geometry": mapping(place), "properties": properties}
    (folder / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    config = folder / "mine.toml"
    dataset = {"name": "mine", "path": f"mine{size}", "tiles": "tiles.geojson", "anchor": "file", "image_size": size}
    table = {"dataset": {**dataset, **keys}, "run": {"engine": "local:synthetic"}, "modalities": {"file": {}}}
    table["modalities"]["tile"] = {}
    config.write_text(tomli_w.dumps(table))
    run("run", config)
    table["modalities"]["embeddings"] = {}
    config.write_text(tomli_w.dumps(table))
    summary = json.loads(run("run", config, "--json"))
    assert summary["done"] == 2 and summary["purposes"]["pixels"] == 1
    run("post", "all", config)
    with h5py.File(folder / f"mine{size}" / "mine.h5") as file:
        assert file["embeddings"].attrs["attribution"] == Embeddings.attribution
        return file["embeddings"][0]


def test_a_finished_dataset_is_extended_in_one_command(tmp_path):
    got = extended(tmp_path, 16)
    assert got.shape == (64, 16, 16)
    np.testing.assert_allclose(np.linalg.norm(got, axis=0), 1, atol=0.02)


@pytest.mark.slow
def test_a_pixel_of_30_m_is_the_mean_of_nine(tmp_path):
    fine, coarse = extended(tmp_path, 48), extended(tmp_path, 16, pixel_size=30.0)
    np.testing.assert_allclose(coarse, fine.reshape(64, 16, 3, 16, 3).mean(axis=(2, 4)), atol=1e-5)
