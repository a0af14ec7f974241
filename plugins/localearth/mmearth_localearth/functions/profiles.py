"""Profiles of computations."""

from mmearth_localearth.errors import EarthEngineError
from mmearth_localearth.profile import profile_text
from mmearth_localearth.registry import function


@function("Profile.getProfiles", note="`format` is text. The costs are invented: they follow from the size of answers.")
def get_profiles(ids: list[str], text_format: str, most: int | None) -> str:
    """The table of the profiles."""
    if text_format != "text":
        raise EarthEngineError("argument 'format': the local Earth Engine supports only 'text'.")
    return profile_text(ids)
