"""The published dataset's layers, declared by all plugins of this tree together, and how each is drawn."""

import numpy as np
import pytest
from mmearth_viz.preview.render import UNDECLARED_COLOUR, render_layer

from mmearth_core.registry import discover

NAN, NONE = "nan", "-inf"
TABLE = {
    "sentinel2": ("uint16", "0.0", "B1 B2 B3 B4 B5 B6 B7 B8A B8 B9 B10 B11 B12"),
    "sentinel2_cloudmask": ("uint16", "65535.0", "QA60"),
    "sentinel2_cloudprod": ("uint16", "65535.0", "MSK_CLDPRB"),
    "sentinel2_scl": ("uint8", "255.0", "SCL"),
    "sentinel1": ("float32", NONE, "asc_VV asc_VH asc_HH asc_HV desc_VV desc_VH desc_HH desc_HV"),
    "aster": ("float32", NONE, "elevation slope"),
    "era5": (
        "float32",
        NAN,
        "prev_month_avg_temp prev_month_min_temp prev_month_max_temp prev_month_total_precip curr_month_avg_temp "
        "curr_month_min_temp curr_month_max_temp curr_month_total_precip year_avg_temp year_min_temp year_max_temp "
        "year_total_precip",
    ),
    "dynamic_world": ("uint8", "0.0", "landcover"),
    "canopy_height_eth": ("uint8", "255.0", "height std"),
    "esa_worldcover": ("uint8", "255.0", "map"),
    "lat": ("float32", NONE, "sin cos"),
    "lon": ("float32", NONE, "sin cos"),
    "month": ("float32", NONE, "sin cos"),
}
LAYERS = {layer.name: layer for entry in discover().modalities.values() for layer in entry.declared.layers}
MAPS = [layer for layer in LAYERS.values() if layer.is_map]


@pytest.mark.parametrize("name", TABLE)
def test_layer_is_the_dataset_s(name):
    layer = LAYERS[name]
    assert (layer.dtype, repr(float(layer.nodata)), " ".join(band.name for band in layer.bands)) == TABLE[name]


def test_one_hot_layers():
    found = {
        name: (LAYERS[name].dtype, LAYERS[name].nodata, len(LAYERS[name].bands)) for name in ("biome", "eco_region")
    }
    assert found == {"biome": ("uint8", 255, 14), "eco_region": ("uint16", 65535, 846)}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: layer.name)
def test_layer_is_described(layer):
    assert layer.description and all(band.description and band.unit for band in layer.bands)


@pytest.mark.parametrize("layer", MAPS, ids=lambda layer: layer.name)
def test_map_is_drawn_in_colours_of_its_own(layer):
    shown = layer.preview
    classes = layer.bands[0].classes
    values = [label.value for label in classes] or np.linspace(shown.low, shown.high, 12)
    pixels = np.resize(np.asarray(values, np.float32), (len(layer.bands), 12, 12))
    picture = render_layer(layer, pixels)
    colours = {tuple(colour) for colour in picture.reshape(-1, 3).tolist()}
    assert UNDECLARED_COLOUR not in colours
    assert len(colours) == len(classes) if classes else len(colours) > 8
