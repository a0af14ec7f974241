"""Annual satellite embeddings for mmearth-core."""

from mmearth_core import Modality, hookimpl
from mmearth_embeddings.modality import Embeddings


@hookimpl
def mmearth_modalities() -> list[type[Modality]]:
    """The modality `embeddings`."""
    return [Embeddings]
