"""A page about a dataset: one file that opens from disk, with maps, counts, histograms, tiles and provenance."""

from mmearth_viz.report.page import make_report

__all__ = ["make_report"]
