"""The report on a dataset: a single HTML file with maps, counts, histograms, tiles and provenance."""

from mmearth_viz.report.page import make_report

__all__ = ["make_report"]
