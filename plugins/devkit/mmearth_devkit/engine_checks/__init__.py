"""The rules of Earth Engine that this project relies on, and small requests that test an engine against them."""
