"""What is checked at the first located tiles of a run, before any of their pixels are requested."""

import re
import threading
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from attrs import define, field

from mmearth_core.download.stack import StackBand, composite_problem, is_composite
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import HopelessError

if TYPE_CHECKING:
    import ee

_FUNCTION = re.compile(r'"functionName": ?"([^"]+)"')


@define(eq=False)
class CompositeCheck:
    """Refuses composites that the core would have to interpolate. Shared by the threads of a run.

    Each band is asked for once per process; and again if the image of a later tile is computed by other functions,
    since a plugin may return an image where one covers the tile, and a mosaic where several do.

    Attributes:
        client: sends the requests.
        plugins: `{modality: distribution and version}`, for the message.
    """

    client: EarthClient
    plugins: Mapping[str, str]
    _answers: dict[tuple[str, frozenset[str]], bool] = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def check(self, images: "Iterable[tuple[ee.Image, Collection[StackBand]]]") -> None:
        """Checks the images of one tile.

        Args:
            images: the images of the modalities, each with its bands.

        Raises:
            HopelessError: one of the bands is a composite's.
            RequestError: refused; the tile's pixels would be refused for the same reason.
            NoAnswerError: not answered in the allowed time; the next tile asks again.
        """
        import ee

        bands: dict[tuple[str, frozenset[str]], tuple[ee.Image, StackBand]] = {}
        for image, members in images:
            interpolated = [band for band in members if band.is_interpolated]
            functions = frozenset(_FUNCTION.findall(image.serialize())) if interpolated else frozenset()
            bands |= {(band.name, functions): (image, band) for band in interpolated}
        with self._lock:  # other tiles wait, so that the run has no pixels before the answer
            new = [key for key in bands if key not in self._answers]
            if new:
                grids = [bands[key][0].select([bands[key][1].band.name]).projection() for key in new]
                answers = self.client.compute(ee.List(grids), "projections")
                self._answers |= zip(new, map(is_composite, answers), strict=True)
        for key, (_, band) in bands.items():
            if self._answers[key]:
                plugin = self.plugins.get(band.modality, "an unknown plugin")
                raise HopelessError(f"{plugin}: {composite_problem(band)}. None of its pixels was downloaded.")
