"""Pictures of a dataset: one layer of one tile, and many of them on a sheet."""

from mmearth_viz.preview.contact_sheet import contact_sheet
from mmearth_viz.preview.demo_sheets import lattice_order
from mmearth_viz.preview.render import render_layer

__all__ = ["contact_sheet", "lattice_order", "render_layer"]
