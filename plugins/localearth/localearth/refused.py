"""Why some functions are not implemented, for their error messages."""

_BUCKETS = (
    "how Google chooses the buckets is not documented; use Reducer.fixedHistogram, or Reducer.frequencyHistogram for "
    "integers"
)
_PLANNED = "classifiers and clusterers are not planned"
_ESTIMATE = "how the weights are computed is not documented"
_REGISTER = "the algorithm that finds displacements is not documented in enough detail"
_STORAGE = "it reads from Google's storage; docs/worlds.md shows how to add a file as an asset"
_GROUPS = {
    "Classifier.": _PLANNED,
    "Clusterer.": _PLANNED,
    "Image.Segmentation.": _PLANNED,
    "Model.": "models are not planned",
    "TemporalSegmentation.": "algorithms for change detection are not planned",
}
"""Groups of functions by the beginning of their names."""

REASONS = {
    "Reducer.histogram": _BUCKETS,
    "Reducer.autoHistogram": _BUCKETS,
    "Reducer.skew": "the formula is not documented",
    "Reducer.kurtosis": "the formula is not documented",
    "Reducer.covariance": "whether sums are divided by n or n - 1 is not documented",
    "Reducer.centeredCovariance": "whether sums are divided by n or n - 1 is not documented",
    "Reducer.ridgeRegression": "how Google scales the predictors is not documented",
    "Reducer.robustLinearRegression": "how Google weights outliers is not documented in enough detail",
    "Reducer.intervalMean": "whether the percentiles belong to the interval is not documented",
    "Image.gradient": "the differences that Google uses are not documented; use Terrain.slope for elevation",
    "Image.derivative": "the differences that Google uses are not documented",
    "Image.neighborhoodToBands": "the order and the names of the bands are not documented; use neighborhoodToArray",
    "Image.classify": _PLANNED,
    "Image.cluster": _PLANNED,
    "FeatureCollection.classify": _PLANNED,
    "FeatureCollection.cluster": _PLANNED,
    "FeatureCollection.kriging": _ESTIMATE,
    "FeatureCollection.inverseDistance": _ESTIMATE,
    "Image.register": _REGISTER,
    "Image.displacement": _REGISTER,
    "Image.displace": "its default, bicubic interpolation, is not documented in enough detail",
    "Image.loadGeoTIFF": _STORAGE,
    "Image.loadZarrV2Array": _STORAGE,
    "ImageCollection.loadZarrV2Array": _STORAGE,
}
"""The reason for each function that many programs use."""


def reason(name: str) -> str:
    """The reason as the continuation of a sentence; empty where none is given."""
    group = next((text for start, text in _GROUPS.items() if name.startswith(start)), "")
    found = REASONS.get(name, group)
    return f": {found}" if found else ""
