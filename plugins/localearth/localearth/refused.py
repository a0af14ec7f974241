"""Why some functions are not implemented, for their error messages."""

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
"""Reasons for groups of functions, by the start of their names."""

REASONS = {
    "Reducer.fixed2DHistogram": "the names of the outputs and the order of the axes are not documented",
    "Reducer.histogramCombiner": "Google does not document it",
    "Reducer.ridgeRegression": "how Google scales the predictors is not documented",
    "Reducer.robustLinearRegression": "how Google weights outliers is not documented in enough detail",
    "CannyEdgeDetector": "how Google computes and thins gradients is not documented",
    "HoughTransform": "how Google counts and draws lines is not documented",
    "Terrain.hillShadow": "how Google follows the rays of light is not documented",
    "Image.derivative": "the differences that Google uses are not documented",
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
"""Reasons for single functions."""


def reason(name: str) -> str:
    """The reason as the continuation of a sentence; empty where none is given."""
    group = next((text for start, text in _GROUPS.items() if name.startswith(start)), "")
    found = REASONS.get(name, group)
    return f": {found}" if found else ""
