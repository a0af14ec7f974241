"""geemap: an image as a GeoTIFF and as an array, zonal statistics, and a table."""

import tempfile
from pathlib import Path

import ee
import geemap
import numpy as np
import pandas as pd
import rasterio

ee.Initialize(project="any")
region = ee.Geometry.Rectangle([9.0, 48.0, 9.01, 48.01])
heights = ee.Image("projects/sat-io/open-datasets/ASTER/GDEM").rename("elevation")
plain = heights.reduceRegion(ee.Reducer.mean(), region, 30).getInfo()["elevation"]
with tempfile.TemporaryDirectory() as folder:
    file = str(Path(folder) / "heights.tif")
    geemap.ee_export_image(heights, filename=file, scale=30, region=region, file_per_band=False)
    with rasterio.open(file) as opened:
        np.testing.assert_allclose(opened.read(1, masked=True).mean(), plain, rtol=0.01)
    zones = ee.FeatureCollection([ee.Feature(region, {"name": "all"})])
    table = str(Path(folder) / "zones.csv")
    geemap.zonal_stats(heights, zones, table, statistics_type="MEAN", scale=30)
    row = pd.read_csv(table).iloc[0]
    assert row["name"] == "all"
    np.testing.assert_allclose(row["mean"], plain, rtol=1e-6)
array = geemap.ee_to_numpy(heights, region=region, scale=30)
np.testing.assert_allclose(np.mean(array), plain, rtol=0.01)
frame = geemap.ee_to_df(zones)
assert frame["name"].tolist() == ["all"]
print("geemap: ok")
