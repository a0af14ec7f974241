"""The published datasets, with their addresses and sizes.

Addresses and file names are those of the authors' download scripts (github.com/vishalned/MMEarth-data, folder
`bash_scripts`, version 001 of July 2024), sizes are those of its README. They were copied on 2026-11-22 and have not
been tried: it is not known whether the host still has the files, supports `Range`, or sends an ETag. The publishers
provide no checksums. No other code depends on these facts; `--url` overrides the address.
"""

from attrs import frozen


@frozen
class PublishedFile:
    """One file of a published dataset.

    Attributes:
        part: its name for `--only`.
        name: the file's name.
        head: the first bytes of such a file, which distinguish it from an error page.
    """

    part: str
    name: str
    head: bytes


@frozen
class Published:
    """A published dataset.

    Attributes:
        name: its usual name, also in torchgeo's `subset`.
        stem: the name of its folder, and the prefix of its files.
        base: the address of the folder.
        gigabytes: its size as rounded by the authors (1 GB = 10^9 bytes).
        about: number and size of the tiles.
    """

    name: str
    stem: str
    base: str
    gigabytes: int
    about: str

    @property
    def files(self) -> tuple[PublishedFile, ...]:
        """Its files, small ones first, so that a wrong address is noticed at once."""
        return (
            PublishedFile("licence", "LICENSE-data", b""),
            PublishedFile("band_stats", f"{self.stem}_band_stats.json", b"{"),
            PublishedFile("splits", f"{self.stem}_splits.json", b"{"),
            PublishedFile("tile_info", f"{self.stem}_tile_info.json", b"{"),
            PublishedFile("h5", f"{self.stem}.h5", b"\x89HDF\r\n\x1a\n"),
        )


_HOST = "https://sid.erda.dk/share_redirect"


PUBLISHED = {
    one.name: one
    for one in (
        Published("MMEarth", "data_1M_v001", f"{_HOST}/ChL1BoVEyH", 597, "1.2 million tiles of 128 x 128 pixels"),
        Published("MMEarth64", "data_1M_v001_64", f"{_HOST}/bX5JzPuwJF", 152, "1.2 million tiles of 64 x 64 pixels"),
        Published("MMEarth100k", "data_100k_v001", f"{_HOST}/CoaUojVXzu", 48, "100,000 tiles of 128 x 128 pixels"),
    )
}
"""By name."""


PARTS = tuple(file.part for file in PUBLISHED["MMEarth"].files)
"""The allowed values of `--only`."""
