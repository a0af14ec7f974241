"""The options of ERA5-Land: `[modalities.era5]`."""

from attrs import field, frozen, validators


@frozen
class Era5Options:
    """The keys of the table."""

    collection: str = field(
        default="ECMWF/ERA5_LAND/MONTHLY_AGGR",
        metadata={"help": "collection of monthly images with the bands of ERA5-Land"},
    )
    months: int = field(
        default=12,
        validator=[validators.ge(1), validators.le(1200)],
        metadata={
            "help": "months of the year's values, ending with the anchor's; the published dataset has 13, "
            "with the same month of the year before, and `scale` = 10"
        },
    )
    scale: float = field(
        default=100.0,
        validator=validators.gt(0),
        metadata={"help": "metres between the points that are averaged over the tile; 10 in the published dataset"},
    )
