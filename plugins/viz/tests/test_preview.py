"""Pictures: exact colours from a layer's declaration, the order of a lattice, and a sheet read back."""

from pathlib import Path

import numpy as np
import pytest
from mmearth_viz.preview import contact_sheet, lattice_order, render_layer
from mmearth_viz.preview.contact_sheet import WIDTH
from mmearth_viz.preview.render import LINE_SPACING, NODATA_COLOUR, NODATA_LINE, UNDECLARED_COLOUR
from mmearth_viz.preview.style import PAPER
from mmearth_viz.preview.tile_sheet import scaled
from PIL import Image

from mmearth_core import Band, ClassLabel, Kind, Layer, Preview
from mmearth_core.errors import DeclarationError

NAN = float("nan")


def layer(preview: Preview | None, *names: str) -> Layer:
    return Layer("toy", [Band(name, "float32", NAN) for name in names], preview=preview)


def test_three_bands_become_red_green_and_blue_in_the_previews_order() -> None:
    toy = layer(Preview(("c", "a", "b"), low=100, high=300), "a", "b", "c")
    values = np.array([[[100, 200]], [[150, 50]], [[300, 999]]], np.float32)
    np.testing.assert_array_equal(render_layer(toy, values), [[[255, 0, 64], [255, 128, 0]]])


def test_gamma_brightens() -> None:
    toy = layer(Preview(("a", "a", "a"), low=0, high=1, gamma=2), "a")
    assert render_layer(toy, np.full((1, 1, 1), 0.25, np.float32)).tolist() == [[[128, 128, 128]]]


def test_one_band_takes_the_colormap() -> None:
    toy = layer(Preview(("b",), low=-10, high=10, colormap="gray"), "a", "b")
    values = np.array([[[0, 0, 0]], [[-10, 0, 10]]], np.float32)
    np.testing.assert_array_equal(render_layer(toy, values), [[[0] * 3, [128] * 3, [255] * 3]])
    viridis = layer(Preview(("a",), low=0, high=1), "a")
    assert render_layer(viridis, np.zeros((1, 1, 1), np.float32)).tolist() == [[[68, 1, 84]]]


def test_classes_take_their_colours_and_an_undeclared_one_stands_out() -> None:
    labels = [ClassLabel(1, "water", "#0a141e"), ClassLabel(2, "trees", "#ff8000")]
    toy = Layer("toy", [Band("map", "uint8", 0, classes=labels)], Kind.CLASSES, preview=Preview(("map",)))
    values = np.array([[[1, 2, 7]]], np.float32)
    np.testing.assert_array_equal(render_layer(toy, values), [[[10, 20, 30], [255, 128, 0], UNDECLARED_COLOUR]])


@pytest.mark.parametrize("size", [256, 512, 1000, 1024])
def test_hatching_is_seen_where_only_a_part_of_the_pixels_is_shown(size: int) -> None:
    picture = render_layer(layer(Preview(("a",)), "a"), np.full((1, size, size), NAN, np.float32))
    shown = scaled(picture, 256)
    assert 1 / 10 < (shown == NODATA_LINE).all(axis=2).mean() < 1 / 6


@pytest.mark.parametrize("missing", [NAN, np.inf, -np.inf])
def test_no_data_in_any_band_shown_is_hatched(missing: float) -> None:
    toy = layer(Preview(("a", "b", "c")), "a", "b", "c", "unseen")
    values = np.zeros((4, 1, LINE_SPACING + 1), np.float32)
    values[1] = missing
    picture = render_layer(toy, values)[0]
    assert picture.tolist() == [list(NODATA_LINE), *[list(NODATA_COLOUR)] * (LINE_SPACING - 1), list(NODATA_LINE)]
    values[1, 0, 3], values[3] = 1, missing
    assert render_layer(toy, values)[0, 3].tolist() == [0, 255, 0]


def test_render_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(ValueError, match="declares no preview"):
        render_layer(layer(None, "a"), np.zeros((1, 2, 2), np.float32))
    with pytest.raises(ValueError, match=r"shape \(2, 2, 2\), not \(1, rows, columns\)"):
        render_layer(layer(Preview(("a",)), "a"), np.zeros((2, 2, 2), np.float32))
    with pytest.raises(DeclarationError, match="colormap 'viridos'"):
        render_layer(layer(Preview(("a",), colormap="viridos"), "a"), np.zeros((1, 2, 2), np.float32))


def test_a_shuffled_lattice_is_put_in_order() -> None:
    # Turned by a hundredth against the parallels, as a projected grid is.
    centres = [(7 + 0.015 * c - 0.0001 * r, 50 - 0.012 * r + 0.0001 * c) for r in range(5) for c in range(7)]
    shuffled = np.random.default_rng(0).permutation(len(centres))
    order, columns = lattice_order([centres[i] for i in shuffled])
    assert columns == 7
    assert [int(shuffled[i]) for i in order] == list(range(35))


@pytest.mark.parametrize(
    "centres",
    [
        [(0, 0), (1, 0), (0, 1)],
        [(0, 0), (1, 0), (2, 0), (3, 0)],
        [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2)],
        [(0, 0), (1, 0), (5, 0), (0, 1), (1, 1), (5, 1)],
        [(3, 3)] * 4,
    ],
    ids=["few", "one row", "not full", "uneven", "one place"],
)
def test_what_is_no_lattice_is_left_alone(centres: list[tuple[float, float]]) -> None:
    assert lattice_order(centres) is None


def colours(count: int, size: int) -> list[tuple[str, np.ndarray]]:
    """Pictures of one unmistakable colour each, but for their first pixel."""
    pictures = []
    for number in range(count):
        picture = np.full((size, size, 3), (200, number, 99), np.uint8)
        picture[0, 0] = (201, number, 99)
        pictures.append((f"tile {number}", picture))
    return pictures


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image)


def test_pictures_stand_in_reading_order_with_every_pixel_repeated_alike(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    contact_sheet(colours(120, 32), path, title="Toy", credit="nobody", columns=12)
    sheet = read(path)
    assert sheet.shape[1] <= WIDTH
    corners = np.argwhere(sheet[..., 0] == 201)
    origins = {int(number): corners[sheet[tuple(corners.T)][:, 1] == number].min(axis=0) for number in range(120)}
    pitch = origins[1][1] - origins[0][1]
    for number in range(120):
        row, column = divmod(number, 12)
        np.testing.assert_array_equal(origins[number] - origins[0], (row * pitch, column * pitch))
    # A whole number of sheet pixels to a tile pixel, and as many for every tile.
    scale = round((corners.shape[0] / 120) ** 0.5)
    assert corners.shape[0] == 120 * scale**2
    assert (sheet[..., 0] == 200).sum() == 120 * scale**2 * (32 * 32 - 1)
    # The gutter between two tiles is bare paper.
    y, x = origins[0]
    assert (sheet[y, x + 32 * scale : x + pitch] == PAPER).all()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "size"),
    [(2, 64), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((2, 2100), (1, 128), (61, 64), (300, 64)))],
)
def test_any_number_of_pictures_fits_the_width(tmp_path: Path, count: int, size: int) -> None:
    path = tmp_path / "sheet.png"
    pictures = [("a long caption " * 9, np.full((size, size, 3), 201, np.uint8))] * count
    contact_sheet(pictures, path, title="A title " * 60, subtitle="b " * 900, credit="c " * 900)
    sheet = read(path)
    assert sheet.shape[1] <= WIDTH
    shown = (sheet == 201).all(axis=-1).sum()
    assert shown >= count * min(size, 300) ** 2


def test_titles_and_captions_are_written(tmp_path: Path) -> None:
    pictures = colours(4, 64)
    plain, titled, uncaptioned = (tmp_path / f"{name}.png" for name in ("plain", "titled", "uncaptioned"))
    contact_sheet(pictures, plain, title="")
    contact_sheet(pictures, titled, title="Title", subtitle="Sub", credit="Credit")
    contact_sheet([("", picture) for _, picture in pictures], uncaptioned, title="")
    assert (read(titled) != read(plain)).any(axis=(1, 2)).sum() > 20
    assert (read(uncaptioned) != read(plain)).any()


def test_a_sheet_needs_pictures_of_one_shape(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Shapes: none"):
        contact_sheet([], tmp_path / "sheet.png", title="x")
    with pytest.raises(ValueError, match="of the same shape"):
        contact_sheet(colours(1, 8) + colours(1, 9), tmp_path / "sheet.png", title="x")
    assert not list(tmp_path.iterdir())
