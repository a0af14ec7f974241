"""Profiles of computations."""

from localearth.errors import EarthEngineError
from localearth.profile import profile_text
from localearth.registry import function


@function("Profile.getProfiles", note="`format` is text. The costs are invented: they follow from the size of answers.")
def get_profiles(ids: list[str], text_format: str, most: int | None) -> str:
    """The table of the profiles."""
    if text_format != "text":
        raise EarthEngineError("argument 'format': the local Earth Engine supports only 'text'.")
    return profile_text(ids)
