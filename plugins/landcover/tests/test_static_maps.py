"""WorldCover and canopy height through the real client on a world of arrays: pixels, no-data and newer assets."""

import datetime as dt

import numpy as np
import pytest
from mmearth_landcover import mmearth_modalities
from mmearth_landcover.canopy_height_eth import CanopyHeightEth, CanopyHeightOptions
from mmearth_landcover.esa_worldcover import CLASSES, EsaWorldCover, EsaWorldCoverOptions
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, download, image, to_lonlat
from shapely.geometry import box

from mmearth_core import Anchor, Kind

UTM = "EPSG:32632"
LEFT, TOP, SIDE = 500_000, 5_000_000, 40
TILE = to_lonlat(box(LEFT + 101, TOP - 259, LEFT + 259, TOP - 101), UTM)
INSIDE = np.s_[10:26, 10:26]
ANCHOR = Anchor(dt.date(2018, 7, 14), UTM)
HEIGHT = "users/nlang/ETH_GlobalCanopyHeight_2020_10m_v1"
STD = "users/nlang/ETH_GlobalCanopyHeightSD_2020_10m_v1"

random = np.random.default_rng(11)
COVER = random.choice([label.value for label in CLASSES], (SIDE, SIDE)).astype(np.uint8)
TALL = random.integers(0, 45, (SIDE, SIDE)).astype(np.uint8)
SPREAD = random.integers(1, 12, (SIDE, SIDE)).astype(np.uint8)
LEFT_HALF = np.arange(SIDE) < 18
NOWHERE = np.zeros((SIDE, SIDE), bool)


def asset(asset_id, pixels, valid=None, band="b1", offset=0):
    shown = np.ones(pixels.shape, bool) if valid is None else np.broadcast_to(valid, pixels.shape)
    transform = (10, 0, LEFT + offset, 0, -10, TOP - offset)
    return image(asset_id, [ArrayBand(band, pixels, UTM, transform, shown)])


def canopy(valid=None, offset=0):
    return ArrayWorld(asset(HEIGHT, TALL, valid, offset=offset), asset(STD, SPREAD, valid, "b2", offset))


def cover(*images, collection="ESA/WorldCover/v100"):
    return ArrayWorld(ArrayCollection(collection, images))


def fetch(tmp_path, world, modality):
    result = download(world, [modality], TILE, ANCHOR, tmp_path)
    return result, modality.info(result.located(modality))


@pytest.mark.parametrize(
    ("name", "kind", "bands", "nodata", "resampling"),
    [
        ("esa_worldcover", Kind.CLASSES, ["map"], 255, "nearest"),
        ("canopy_height_eth", Kind.REGRESSION, ["height", "std"], 255, "bilinear"),
    ],
)
def test_declares_the_dataset_s_layer(name, kind, bands, nodata, resampling):
    (modality,) = (each for each in mmearth_modalities() if each.name == name)
    (layer,) = modality.layers
    assert (layer.name, layer.kind, layer.dtype, layer.nodata) == (name, kind, "uint8", nodata)
    assert [band.name for band in layer.bands] == bands
    assert {str(band.resampling) for band in layer.bands} == {resampling}
    assert layer.preview is not None


def test_worldcover_has_the_eleven_classes():
    assert [label.value for label in CLASSES] == [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100]
    assert len({label.colour for label in CLASSES}) == len(CLASSES)


def test_worldcover_is_the_asset_s_pixels(tmp_path):
    result, info = fetch(tmp_path, cover(asset("ESA/WorldCover/v100/2020", COVER, band="Map")), EsaWorldCover())
    assert (result.bands["esa_worldcover__map"] == COVER[INSIDE]).all()
    assert result.requests == {"locate": 1, "pixels": 1}
    assert info == {"BANDS": {"esa_worldcover": ["Map"]}, "WORLDCOVER_ID": ["ESA/WorldCover/v100/2020"]}


def test_worldcover_of_the_next_year_by_an_option(tmp_path):
    world = cover(asset("ESA/WorldCover/v200/2021", COVER, band="Map"), collection="ESA/WorldCover/v200")
    modality = EsaWorldCover(EsaWorldCoverOptions(collection="ESA/WorldCover/v200"))
    result, info = fetch(tmp_path, world, modality)
    assert (result.bands["esa_worldcover__map"] == COVER[INSIDE]).all()
    assert info["WORLDCOVER_ID"] == ["ESA/WorldCover/v200/2021"]


def test_a_collection_in_sheets_is_put_together(tmp_path):
    sheets = [
        asset("ESA/WorldCover/v100/west", COVER, LEFT_HALF, "Map"),
        asset("ESA/WorldCover/v100/east", COVER, ~LEFT_HALF, "Map"),
        asset("ESA/WorldCover/v100/void", COVER, NOWHERE, "Map"),
    ]
    result, info = fetch(tmp_path, cover(*sheets), EsaWorldCover())
    assert (result.bands["esa_worldcover__map"] == COVER[INSIDE]).all()
    assert info["WORLDCOVER_ID"] == ["ESA/WorldCover/v100/east", "ESA/WorldCover/v100/west"]


@pytest.mark.parametrize(
    "images",
    [
        pytest.param([], id="empty"),
        pytest.param([asset("ESA/WorldCover/v100/2020", COVER, NOWHERE, "Map")], id="sea"),
        pytest.param(
            [asset("ESA/WorldCover/v100/2020", COVER, None, "Map", 9000)], id="elsewhere", marks=pytest.mark.slow
        ),
    ],
)
def test_worldcover_without_a_class_is_no_data_with_its_reason(tmp_path, images):
    result, info = fetch(tmp_path, cover(*images), EsaWorldCover())
    assert (result.entry.outcome, result.requests) == ("done", {"locate": 1})
    assert np.isnan(result.bands["esa_worldcover__map"]).all()
    assert info["MISSING"]["esa_worldcover"].startswith("ESA/WorldCover/v100 has no class in the tile")


def test_canopy_is_both_assets_side_by_side(tmp_path):
    result, info = fetch(tmp_path, canopy(), CanopyHeightEth())
    assert (result.bands["canopy_height_eth__height"] == TALL[INSIDE]).all()
    assert (result.bands["canopy_height_eth__std"] == SPREAD[INSIDE]).all()
    assert info == {"BANDS": {"canopy_height_eth": ["height", "std"]}}


def test_canopy_between_pixels_is_bilinear_and_rounded(tmp_path):
    result, _ = fetch(tmp_path, canopy(offset=5), CanopyHeightEth())
    tall = TALL.astype(float)
    wanted = (tall[9:25, 9:25] + tall[9:25, 10:26] + tall[10:26, 9:25] + tall[10:26, 10:26]) / 4
    got = result.bands["canopy_height_eth__height"]
    # A half may be rounded either way.
    assert (np.abs(got - wanted) <= 0.5 + 1e-6).all()
    assert (got == np.rint(got)).all() and (got != TALL[INSIDE]).any()


def test_canopy_at_a_coast_keeps_its_land(tmp_path):
    result, info = fetch(tmp_path, canopy(LEFT_HALF), CanopyHeightEth())
    got = result.bands["canopy_height_eth__height"]
    assert (got[:, :7] == TALL[INSIDE][:, :7]).all() and np.isnan(got[:, 8:]).all()
    assert "MISSING" not in info


@pytest.mark.parametrize(
    "world", [canopy(NOWHERE), pytest.param(canopy(offset=9000), marks=pytest.mark.slow)], ids=["sea", "elsewhere"]
)
def test_no_canopy_is_no_data_with_its_reason(tmp_path, world):
    result, info = fetch(tmp_path, world, CanopyHeightEth())
    assert (result.entry.outcome, result.requests) == ("done", {"locate": 1})
    assert np.isnan(result.bands["canopy_height_eth__height"]).all()
    assert info["MISSING"]["canopy_height_eth"].startswith(f"{HEIGHT} has no height in the tile")


def test_a_newer_canopy_by_options(tmp_path):
    world = ArrayWorld(asset("NEW/HEIGHT", SPREAD, band="h"), asset("NEW/STD", TALL, band="s"))
    modality = CanopyHeightEth(CanopyHeightOptions(height="NEW/HEIGHT", std="NEW/STD"))
    result, _ = fetch(tmp_path, world, modality)
    assert (result.bands["canopy_height_eth__height"] == SPREAD[INSIDE]).all()


def test_all_three_beside_one_another_take_three_requests(tmp_path):
    labels = ArrayBand("label", np.full((SIDE, SIDE), 4, np.uint8), UTM, (10, 0, LEFT, 0, -10, TOP))
    year = ArrayCollection(
        "GOOGLE/DYNAMICWORLD/V1", [image("GOOGLE/DYNAMICWORLD/V1/a", [labels], dt.datetime(2018, 5, 1))]
    )
    map_2020 = ArrayCollection("ESA/WorldCover/v100", [asset("ESA/WorldCover/v100/2020", COVER, band="Map")])
    world = ArrayWorld(year, map_2020, asset(HEIGHT, TALL), asset(STD, SPREAD))
    modalities = [cls() for cls in mmearth_modalities()]
    result = download(world, modalities, TILE, ANCHOR, tmp_path)
    assert result.requests == {"locate": 1, "projections": 1, "pixels": 1}
    assert all(np.isfinite(band).all() for band in result.bands.values())
    assert list(result.bands) == [
        "dynamic_world__landcover",
        "esa_worldcover__map",
        "canopy_height_eth__height",
        "canopy_height_eth__std",
    ]


@pytest.mark.parametrize(
    ("version", "year", "doi"), [("v100", "2020", "10.5281/zenodo.5571936"), ("v200", "2021", "10.5281/zenodo.7254221")]
)
def test_worldcover_is_cited_in_the_version_in_use(version, year, doi):
    modality = EsaWorldCover(EsaWorldCoverOptions(collection=f"ESA/WorldCover/{version}"))
    assert f"ESA WorldCover 10 m {year} {version}. doi:{doi}" in modality.citation
    assert modality.attribution.startswith(
        f"© ESA WorldCover project / Contains modified Copernicus Sentinel data ({year})"
    )
    assert modality.source.endswith(f"/ESA_WorldCover_{version}")
    assert (EsaWorldCover().citation == EsaWorldCover.citation) and "v100" in EsaWorldCover.citation


@pytest.mark.parametrize(
    "modality",
    [EsaWorldCover(EsaWorldCoverOptions(collection="MY/MAP")), CanopyHeightEth(CanopyHeightOptions(height="MY/TREES"))],
    ids=lambda modality: modality.name,
)
def test_terms_of_other_assets_are_not_stated(modality):
    assert {modality.licence, modality.attribution, modality.citation, modality.source} == {""}


@pytest.mark.parametrize(("images", "outcome"), [(15, "done"), (16, "failed")])
def test_a_collection_of_many_images_at_a_tile_is_refused(tmp_path, images, outcome):
    many = [asset(f"ESA/WorldCover/v100/i{number:02d}", COVER, band="Map") for number in range(images)]
    result = download(cover(*many), [EsaWorldCover()], TILE, ANCHOR, tmp_path)
    assert result.entry.outcome == outcome
    assert outcome == "done" or "has 16 images or more at one tile. Set `collection`" in result.entry.reason


def test_larger_pixels_have_the_most_frequent_class_across_the_edge_of_two_images(tmp_path):
    middle = 18
    transform, further = (10, 0, LEFT, 0, -10, TOP), (10, 0, LEFT + 10 * middle, 0, -10, TOP)
    parts = [ArrayBand("Map", COVER[:, :middle], UTM, transform), ArrayBand("Map", COVER[:, middle:], UTM, further)]
    images = [image(f"ESA/WorldCover/v100/{index}", [part]) for index, part in enumerate(parts)]
    world, grid = ArrayWorld(ArrayCollection("ESA/WorldCover/v100", images)), {"pixel_size": 50, "origin": [0, 0]}
    found = download(world, [EsaWorldCover()], TILE, ANCHOR, tmp_path, 4, grid)
    _, _, west, _, _, north = found.entry.record["grid"]["transform"]
    row, column = round((TOP - north) / 10), round((west - LEFT) / 10)
    covered = COVER[row : row + 20, column : column + 20].reshape(4, 5, 4, 5).transpose(0, 2, 1, 3).reshape(4, 4, 25)
    counts = np.stack([(covered == label.value).sum(axis=2) for label in CLASSES])
    first, second = np.sort(counts, axis=0)[[-1, -2]]
    values = np.array([label.value for label in CLASSES])[counts.argmax(axis=0)]
    is_clear = first > second
    assert is_clear.sum() > 3 and column < middle < column + 20
    np.testing.assert_array_equal(found.bands["esa_worldcover__map"][is_clear], values[is_clear])
