"""Texts on sheets: letters of all languages are drawn, and a tile's line has its date once."""

import numpy as np
import pytest
from mmearth_viz.preview.dataset import Facts
from mmearth_viz.preview.style import write
from PIL import Image, ImageDraw


def drawn(text):
    image = Image.new("RGB", (400, 40))
    write(ImageDraw.Draw(image), (5, 5), text, 18, (255, 255, 255), 390)
    return np.asarray(image)


@pytest.mark.parametrize(("one", "other"), [("é", "è"), ("Ж", "Щ"), ("São", "Sáo"), ("Chocó", "Chocö")])
def test_letters_with_accents_are_told_apart(one, other):
    assert (drawn(one) != drawn(other)).any(), "both are the box of a letter that is missing"


def test_a_line_that_is_too_long_is_cut():
    assert not drawn("é" * 400)[:, 396:].any()


def test_the_day_is_told_once():
    entry = {"date": "2018-07-14", "lat": 45.0, "lon": 9.0, "TILE": {"date": "2018-07-14T00:00:00", "biome": "Tundra"}}
    assert Facts.of(entry).line("l2a") == "2018-07-14 · l2a · 45.00° N, 9.00° E · Tundra"
