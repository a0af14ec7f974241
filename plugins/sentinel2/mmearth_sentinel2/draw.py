"""The reproducible draw: which year, which product and which image a tile gets.

The draw depends on the tile's centroid alone, so a dataset can be built again or extended with the same images.
The rule is that of the published dataset.
"""

import hashlib
import random
from collections.abc import Sequence

from attrs import frozen

TABLE = 512
"""Up to this number of images the first request includes the draw; more images need a second request."""


@frozen
class Draw:
    """The draw for one tile.

    Attributes:
        year: the year of its window.
        l1c_only: True for level 1C; False for level 2A, or 1C where there is none.
        seed: of the generator, for the draw of the image.
        years: the first and last year drawn from.
    """

    year: int
    l1c_only: bool
    seed: int
    years: tuple[int, int]

    def pick(self, images: int) -> int:
        """Position of the drawn image among `images`, from 0."""
        generator = random.Random(self.seed)
        generator.randint(*self.years)
        generator.randint(0, 1)
        return generator.randint(0, images - 1)

    def table(self) -> list[int]:
        """`pick(n)` for n = 0 to `TABLE`, with 0 for n = 0.

        `random` draws below n by taking the top bits of successive 32-bit words until one is
        below n; drawing these words once makes the table 50 times faster than 512 generators.
        """
        generator = random.Random(self.seed)
        generator.randint(*self.years)
        generator.randint(0, 1)
        words: list[int] = []
        picks = [0]
        for images in range(1, TABLE + 1):
            shift = 32 - images.bit_length()
            position = 0
            while True:
                if position == len(words):
                    words.append(generator.getrandbits(32))
                if words[position] >> shift < images:
                    break
                position += 1
            picks.append(words[position] >> shift)
        return picks


def draw(lat: float, lon: float, years: Sequence[int]) -> Draw:
    """Draws for the tile with this centroid.

    Args:
        lat: latitude in degrees, as in the tiles file, or as Earth Engine computes it.
        lon: longitude in degrees, the same.
        years: the years to draw from, consecutive.
    """
    text = f"{_as_received(lat)}_{_as_received(lon)}"
    seed = int(hashlib.sha256(text.encode()).hexdigest(), 16) % 10**5
    generator = random.Random(seed)
    span = (min(years), max(years))
    year = generator.randint(*span)
    return Draw(year=year, l1c_only=generator.randint(0, 1) == 1, seed=seed, years=span)


def _as_received(degrees: float) -> float:
    """A coordinate as Earth Engine's client returns it: an integral number is an int, so 70 is hashed, not 70.0."""
    return int(degrees) if float(degrees).is_integer() else degrees
