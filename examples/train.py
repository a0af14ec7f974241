"""Trains a small network to map land cover from satellite images, on a dataset of mmearth-core.

    mmearth-core demo demo/planet --engine local:synthetic
    mmearth-core post demo/planet/demo.toml
    python examples/train.py demo/planet/planet/planet.h5

It shows how data reach the network: the tiles of a split, normalised by the band statistics of their variant; masks, so
that the network does not learn from missing values; classes with the names and colours of the file. The network is
minimal. Needs torch and mmearth-viz.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from attrs import frozen
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from mmearth_viz.preview.panel import MapPanel, make_panel
from torch import Tensor, nn
from torch.utils import data

from mmearth_core import ClassLabel, Kind
from mmearth_core.dataset import Dataset as PlainDataset
from mmearth_core.errors import MMEarthError
from mmearth_core.layers import LayerDescription
from mmearth_core.torch import Dataset

UNKNOWN = -100
"""The class number of ignored pixels; the default of the loss."""

CROP = 64
"""Side of the training squares in pixels: other squares in each epoch, and a quarter of the work."""

Batches = Iterable[tuple[Tensor, Tensor]]
"""Images (tiles, bands, size, size) and class numbers (tiles, size, size)."""


class LandCover(data.Dataset[tuple[Tensor, Tensor]]):
    """The tiles of a split, each as an image and the number of each pixel's class.

    Attributes:
        tiles: the dataset.
        image: the input layer.
        target: the layer whose first band is predicted.
        classes: of that band, by their numbers from 0.
    """

    def __init__(self, path: Path, split: str, image: str, target: str, crop: int | None = None) -> None:
        """Opens a split.

        Args:
            path: the HDF5 file.
            split: train, val or test.
            image: name of a layer.
            target: name of a layer of classes.
            crop: size of squares, each time at another position in the tile; None for complete tiles.

        Raises:
            DatasetError: when the file does not have a layer or the split.
            ValueError: when a layer has another kind, or the split is empty.
        """
        self.tiles = Dataset(path, [image, target], split)
        self.image, self.target = self.tiles.layers[image], self.tiles.layers[target]
        if self.image.kind is not Kind.REGRESSION:
            raise ValueError(f"Layer {image!r} is not an image of quantities. Choose another one with --image.")
        if self.target.kind is not Kind.CLASSES:
            raise ValueError(f"Layer {target!r} is not a map of classes. Choose another one with --target.")
        if not len(self.tiles):
            raise ValueError(
                f"{path}: the split {split!r} has no tile. Download more tiles, or split them in another way, "
                "such as `mmearth-core post splits CONFIG --fractions 0.6,0.2,0.2`."
            )
        self.classes = sorted(self.target.classes[0], key=lambda label: label.value)
        self.values = torch.tensor([label.value for label in self.classes])
        self.crop = crop

    def __len__(self) -> int:
        return len(self.tiles)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """An image, (bands, size, size), and class numbers, (size, size): `UNKNOWN` where either is missing.

        The bands of all time steps are stacked, if the image has any.
        """
        sample = self.tiles[index]
        image, found = sample["values"][self.image.name].flatten(0, -3), sample["values"][self.target.name][0]
        numbers = torch.searchsorted(self.values, found).clamp(max=len(self.values) - 1)
        known = sample["masks"][self.target.name][0] & sample["masks"][self.image.name].flatten(0, -3).any(dim=0)
        known &= self.values[numbers] == found
        numbers = torch.where(known, numbers, UNKNOWN)
        if self.crop is None or self.crop >= len(numbers):
            return image, numbers
        top, left = torch.randint(len(numbers) - self.crop + 1, (2,)).tolist()
        window = slice(top, top + self.crop), slice(left, left + self.crop)
        return image[:, *window], numbers[window]


@frozen
class Score:
    """The result, over all pixels with a known class.

    Attributes:
        loss: mean cross-entropy.
        accuracy: share of the pixels with the right class.
    """

    loss: float
    accuracy: float


def network(bands: int, classes: int, width: int = 24) -> nn.Module:
    """Predicts each pixel's class from the 5 x 5 pixels around it."""
    return nn.Sequential(
        nn.Conv2d(bands, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, classes, 1),
    )


def go_through(model: nn.Module, batches: Batches, optimizer: torch.optim.Optimizer | None = None) -> Score:
    """Processes some batches once, and trains on them if there is an optimizer."""
    loss = right = count = 0.0
    with torch.set_grad_enabled(optimizer is not None):
        for images, numbers in batches:
            scores = model(images)
            known = int((numbers != UNKNOWN).sum())
            total = nn.functional.cross_entropy(scores, numbers, ignore_index=UNKNOWN, reduction="sum")
            if optimizer is not None and known:
                optimizer.zero_grad()
                torch.autograd.backward(total / known)
                optimizer.step()
            loss += total.item()
            right += int((scores.argmax(dim=1) == numbers).sum())
            count += known
    return Score(loss / max(count, 1), right / max(count, 1))


def most_frequent(path: Path, split: str, target: str, classes: Sequence[ClassLabel]) -> int:
    """Number of the most frequent class of a split; reads only the classes."""
    counts = np.zeros(len(classes), int)
    for tile in PlainDataset(path, [target], split):
        counts += [np.count_nonzero(tile.values[target][0] == label.value) for label in classes]
    return int(counts.argmax())


class Always(nn.Module):
    """The baseline: it predicts the same class everywhere."""

    def __init__(self, number: int, classes: int) -> None:
        super().__init__()
        self.scores = nn.functional.one_hot(torch.tensor(number), classes).float()

    def forward(self, images: Tensor) -> Tensor:
        """The same scores for each pixel."""
        return self.scores.view(1, -1, 1, 1).expand(len(images), -1, *images.shape[2:])


def picture(model: nn.Module, split: LandCover, path: Path, most: int = 6) -> None:
    """Draws some tiles, their classes and the predictions, in the colours that the file declares."""
    chosen = np.unique(np.linspace(0, len(split) - 1, most).astype(int)).tolist()
    figure = Figure(figsize=(1.8 * len(chosen) + 0.6, 6.4), layout="constrained")
    axes = figure.subplots(3, len(chosen), squeeze=False)
    for column, index in zip(axes.T, chosen, strict=True):
        tile = split.tiles.plain[index]
        with torch.no_grad():
            numbers = model(split[index][0][None]).argmax(dim=1)
        said = split.values[numbers].numpy().astype(split.target.dtype)
        maps = (split.image, tile.values[split.image.name]), (split.target, tile.values[split.target.name])
        for cell, (layer, values) in zip(column, (*maps, (split.target, said)), strict=True):
            cell.imshow(drawn(layer, values, tile.variant), interpolation="nearest")
            cell.set(xticks=[], yticks=[])
        column[0].set_title(f"tile {tile.tile_id}", fontsize=9)
    for cell, name in zip(axes[:, 0], (split.image.name, split.target.name, "network"), strict=True):
        cell.set_ylabel(name, fontsize=9)
    patches = [Patch(color=label.colour, label=label.name.replace("_", " ")) for label in split.classes]
    figure.legend(handles=patches, loc="outside lower center", ncols=min(5, len(chosen) + 1), fontsize=8, frameon=False)
    figure.savefig(path, dpi=110)


def drawn(layer: LayerDescription, values: Any, variant: str | None) -> Any:
    """A map's pixels in colours, as `mmearth-core view` draws it."""
    panel = make_panel(layer, values, variant)
    assert isinstance(panel, MapPanel)
    return panel.picture


@click.command()
@click.argument("path", metavar="DATASET.h5", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--image", default="sentinel2", show_default=True, metavar="LAYER", help="The input layer.")
@click.option("--target", default="dynamic_world", show_default=True, metavar="LAYER", help="The layer to predict.")
@click.option(
    "--epochs", type=click.IntRange(1), default=5, show_default=True, help="Times through the training tiles."
)
@click.option("--batch-size", type=click.IntRange(1), default=8, show_default=True, help="Tiles a step.")
@click.option("--rate", type=float, default=3e-3, show_default=True, help="Adam's learning rate.")
@click.option("--workers", type=click.IntRange(0), default=0, show_default=True, help="Processes that read ahead.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same network.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Draw validation tiles into this PNG."
)
def main(
    path: Path,
    image: str,
    target: str,
    epochs: int,
    batch_size: int,
    rate: float,
    workers: int,
    seed: int,
    output: Path,
) -> None:
    r"""Train a small network on the split `train` of DATASET.h5, and try it on `val`.

    It runs on a CPU, in seconds for a few hundred tiles.

    \b
    Examples:
      python examples/train.py demo/planet/planet/planet.h5
      python examples/train.py mydata/mydata.h5 --target esa_worldcover --epochs 20 -o predictions.png
    """
    torch.manual_seed(seed)
    try:
        train, val = LandCover(path, "train", image, target, CROP), LandCover(path, "val", image, target)
        common = most_frequent(path, "train", target, train.classes)
    except (MMEarthError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    shuffled = data.DataLoader(train, batch_size, shuffle=True, num_workers=workers)
    in_order = data.DataLoader(val, batch_size, num_workers=workers)
    count = len(train.classes)
    click.echo(f"{len(train)} tiles to train on, {len(val)} to validate: {image} to {target}, {count} classes")
    rival = go_through(Always(common, count), in_order)
    click.echo(f"always {train.classes[common].name!r}: accuracy {rival.accuracy:.3f}")
    model = network(len(train.image.stack_names), count)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(1, epochs + 1):
        learnt = go_through(model, shuffled, optimizer)
        slower.step()
        tried = go_through(model, in_order)
        click.echo(
            f"epoch {epoch}: loss {learnt.loss:.3f}; validation loss {tried.loss:.3f}, accuracy {tried.accuracy:.3f}"
        )
    if output:
        picture(model, val, output)
        click.echo(f"Tiles of the split val: {output}")


if __name__ == "__main__":
    main()
