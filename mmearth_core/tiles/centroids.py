"""Fills the centroids that a tiles file lacks, as Earth Engine computes them.

A reproducible draw hashes them, so they must be Earth Engine's own to the last digit.
"""

import geopandas as gpd
import numpy as np

from mmearth_core.earth.client import EarthClient

TILES_A_REQUEST = 5000
"""Earth Engine lists at most 5,000 elements in one answer."""


def lacks_centroids(frame: gpd.GeoDataFrame) -> bool:
    """Whether a tile has no `lon` or no `lat`."""
    return not {"lon", "lat"} <= set(frame.columns) or bool(frame[["lon", "lat"]].isna().any(axis=None))


def fill_centroids(frame: gpd.GeoDataFrame, client: EarthClient) -> gpd.GeoDataFrame:
    """Asks for the centroids of the tiles that have none, 5,000 in a request.

    Args:
        frame: tiles, EPSG:4326.
        client: an open client.

    Returns:
        The frame with `lon` and `lat` in every row; given values stay as they are.
    """
    import ee

    filled = frame.copy()
    for column in ("lon", "lat"):
        filled[column] = filled[column].astype(float) if column in filled else np.nan
    rows = np.flatnonzero(filled["lon"].isna() | filled["lat"].isna())
    for start in range(0, len(rows), TILES_A_REQUEST):
        part = rows[start : start + TILES_A_REQUEST]
        shapes = [
            ee.Geometry.Polygon([[list(point) for point in shape.exterior.coords]])
            for shape in filled.geometry.iloc[part]
        ]
        centroids = ee.List(shapes).map(lambda shape: ee.Geometry(shape).centroid().coordinates())
        filled.loc[filled.index[part], ["lon", "lat"]] = np.asarray(client.compute(centroids, "centroids"), dtype=float)
    return filled
