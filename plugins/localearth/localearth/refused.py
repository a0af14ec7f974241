"""Why some functions are not implemented, for their error messages."""

_PLANNED = "classifiers and clusterers are not planned"

REASONS = {
    "Reducer.fixed2DHistogram": "the names of the outputs and the order of the axes are not documented",
    "Reducer.histogramCombiner": "Google does not document it",
    "Reducer.ridgeRegression": "how Google scales the predictors is not documented",
    "Reducer.robustLinearRegression": "how Google weights outliers is not documented in enough detail",
    "CannyEdgeDetector": "how Google computes and thins gradients is not documented",
    "HoughTransform": "how Google counts and draws lines is not documented",
    "Terrain.hillShadow": "how Google follows the rays of light is not documented",
    "Image.derivative": "the differences that Google uses are not documented",
    "Image.random": "Google's random numbers cannot be reproduced",
    "Image.classify": _PLANNED,
    "Image.cluster": _PLANNED,
    "FeatureCollection.classify": _PLANNED,
    "FeatureCollection.cluster": _PLANNED,
}
"""The reason for each function that many programs use."""


def reason(name: str) -> str:
    """The reason as the continuation of a sentence; empty where none is given."""
    found = REASONS.get(name, _PLANNED if name.startswith(("Classifier.", "Clusterer.")) else "")
    return f": {found}" if found else ""
