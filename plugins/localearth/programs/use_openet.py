"""OpenET's core: Landsat with masked clouds, interpolated to days by joins and by filters, and robust ensembles."""

import ee
import numpy as np
from openet.core import common, ensemble, interpolate, landsat

ee.Initialize(project="any")
DAY = 86_400_000
NAMES = ["disalexi", "eemetric", "geesebal", "ptjpl", "sims", "ssebop"]
place = ee.Geometry.Point([9.0, 48.0])
days = ee.ImageCollection("UCSB-CHG/CHIRPS/DAILY").filterDate("2022-06-20", "2022-07-10")
scenes = ee.ImageCollection("LANDSAT/LC08/C02/T1_L2").merge(ee.ImageCollection("LANDSAT/LC09/C02/T1_L2"))
scenes = scenes.filterBounds(place).filterDate("2022-05-01", "2022-09-01")
scenes = scenes.filter(ee.Filter.eq("WRS_ROW", scenes.first().get("WRS_ROW")))  # one scene per day


def at_place(collection: ee.ImageCollection, bands: list[str]) -> dict[int, list]:
    """Values at the place by time, in milliseconds; masked ones are None."""
    rows = collection.select(bands).getRegion(place, 30, "EPSG:32632").getInfo()[1:]
    return {row[3]: row[4:] for row in rows}


def source(image: ee.Image) -> ee.Image:
    """A clear scene's NDVI and its day."""
    clear = common.landsat_c2_sr_cloud_mask(image)
    ndvi = landsat.c02_sr_ndvi(landsat.c02_l2_sr(image)).updateMask(clear).double()
    start = ee.Date(image.date().format("YYYY-MM-dd")).millis()
    kept = {"system:time_start": image.get("system:time_start"), "system:index": image.get("system:index")}
    return ndvi.addBands(ndvi.multiply(0).add(start).rename(["time"])).set(kept)


# The mask of clouds and their shadows, from the documented bits of QA_PIXEL, and the index from the scaled bands.
sources = scenes.map(source)
bands = at_place(scenes, ["SR_B4", "SR_B5", "QA_PIXEL"])
ndvi = {time: value for time, (value, _) in at_place(sources, ["ndvi", "time"]).items()}
assert bands.keys() == ndvi.keys()
for time, (red, near, bits) in bands.items():
    assert (ndvi[time] is None) == bool(bits >> 3 & 1 or bits >> 4 & 1)
    if ndvi[time] is not None:
        red, near = 2.75e-5 * red - 0.2, 2.75e-5 * near - 0.2
        np.testing.assert_allclose(ndvi[time], (near - red) / (near + red), rtol=1e-5)

# Days between clear scenes.
clear = {time // DAY * DAY: value for time, value in sorted(ndvi.items()) if value is not None}
assert len(clear) > 3
results = [at_place(interpolate.daily(days, sources, use_joins=joins), ["ndvi"]) for joins in (True, False)]
assert len(results[0]) == 20 and results[0] == results[1]
times = np.array(sorted(results[0]))
got = [results[0][int(time)][0] for time in times]
np.testing.assert_allclose(got, np.interp(times // DAY * DAY, list(clear), list(clear.values())), rtol=1e-9)
assert np.ptp(got) > 0

# The mean of six models without those that are too far from the median.
models = np.array([187.0, 55, 23, 25, 41, 12])
image = ee.Image([ee.Image(float(value)).rename(name) for name, value in zip(NAMES, models, strict=True)])
found = ensemble.mad(image).reduceRegion(ee.Reducer.first(), place, 30).getInfo()
far = np.abs(models - np.median(models))
kept = models[far <= 2 * 1.4826 * np.median(far)]
np.testing.assert_allclose(found["ensemble_mad"], kept.mean())
assert (found["ensemble_mad_count"], found["ensemble_mad_max"]) == (len(kept), kept.max())
print("openet: ok")
