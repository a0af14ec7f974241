"""Small datasets, built offline by the command line: what each call does, and what is in their files."""

import json
import shlex
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mmearth_devkit.testing.command_line import cli
from mmearth_devkit.testing.few_tiles import demo_of

from tests.reference.outcomes import outcome, shape
from tests.reference.products import dataset_products, encoding, folder_products, side_file

SEA, HEAVY = "013", "004"
"""A tile where no image is, and one whose pixels the engine refuses."""

FAULT = f'[[engines.local.faults]]\nkind = "400-memory"\nphase = "pixels"\ntiles = "tiles.geojson"\ntile = "{HEAVY}"\n'

SMALL = """
status small.toml --json
post small.toml --json
run small.toml --limit 5 --json
run small.toml --shard 0/2 --json
status small.toml --partitions --json
plan small.toml --json
plan small.toml --sample 2 --engine local:virginia --json
redownload small.toml --dry-run --json
run small.toml --json
status small.toml --json
redownload small.toml --reason memory --dry-run --json
redownload small.toml --skipped --dry-run --json
redownload small.toml --tiles ids.txt --dry-run --json
redownload small.toml --tiles ids.txt --json
redownload small.toml --limit 1 --modalities sentinel2 --json
run small.toml --retry-failed --json
post hdf5 small.toml --workers 1 --json
post info small.toml --json
post stats small.toml --json
post splits small.toml --strategy spatial --block-km 5 --json
post splits small.toml --strategy column --column own --json
verify small.toml --workers 1 --json
slurm submit small.toml --dry-run --json
slurm scripts scripts
"""

DAMAGED = """
verify small.toml --workers 1 --json
verify small.toml --workers 1 --send-back --json
status small.toml --json
post small.toml --workers 1 --json
redownload small.toml --json
post small.toml --workers 1 --json
verify small.toml --workers 1 --json
"""

SCENE = """
demo scene
run scene/demo.toml --json
post scene/demo.toml --workers 1 --json
"""

SCENE_WITH_TILE = """
plan scene/demo.toml --json
run scene/demo.toml --json
post scene/demo.toml --workers 1 --json
verify scene/demo.toml --workers 1 --json
"""

PLANET = """
plan planet/demo.toml --json
run planet/demo.toml --json
status planet/demo.toml --json
post planet/demo.toml --workers 1 --json
verify planet/planet --workers 1 --json
view planet/planet -o view.png --n 2 --json
view planet/planet 007 -o view.png --layer aster --json
report planet/planet -o report.html --tiles 1 --workers 1 --json
subset planet/planet val --split val --workers 1 --json
subset planet/planet few --sample 6 --seed 1 --workers 1 --json
merge merged few val --workers 1 --json
merge merged few val --duplicates last --workers 1 --json
resize planet/planet resized --size 64 --workers 1 --json
verify resized/resized.h5 --workers 1 --json
"""

OTHERS = """
tiles --number 5 --engine local:synthetic -o tiles/sampled.geojson --json
tiles from-points points.csv --no-overlap -o tiles/points.geojson --json
tiles from-polygons tiles/points.geojson --stride 500 --size 500 -o tiles/polygons.gpkg --json
tiles map tiles/points.geojson -o map.png
plugin check tile --quick --json
plugin check sentinel2 --quick --json
plugin new snow_depth --dir new
engine check --engine local:virginia --json
plugins --json
fetch MMEarth100k published --url URL --dry-run --json
localearth functions
"""

REFUSED = """
run
run no.toml
run odd.toml
run unknown.toml
run other.toml
run small.toml --limit 0
run small.toml --shard 2/2
run small.toml --modalities nothing
run small.toml --engine nothing
run small.toml --no-such-option
no-such-command
status no.toml
redownload small.toml --tiles no.txt
post odd.toml
verify no.h5
view planet/planet nothing
report no
subset planet/planet none --biome nothing
subset planet/planet val --split val
resize planet/planet larger --size 1000
demo taken
demo other --engine nothing
tiles --number 5
tiles from-points no.csv -o tiles/no.geojson
plugin check nothing
plugin new Snow
engine check --engine nothing
slurm submit no.toml
"""


def build(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Builds all datasets in a folder; returns the outcome of each call, and the products."""
    outcomes: dict[str, Any] = {}
    calls: Counter[str] = Counter()

    def call(lines: str, url: str = "") -> None:
        for line in lines.split("\n")[1:-1]:
            calls[line] += 1
            name = line if calls[line] == 1 else f"{line} (call {calls[line]})"
            outcomes[name] = outcome(cli(*shlex.split(line.replace("URL", url))), folder)

    products: dict[str, Any] = {}
    with chdir(folder):
        write_small()
        call(SMALL)
        products["small"] = dataset_products(Path("small"))
        next(Path("small").glob("stacks/*/*/002.tif")).write_bytes(b"")
        call(DAMAGED)
        call(SCENE)
        products["scene"] = dataset_products(Path("scene/virginia"))
        with Path("scene/demo.toml").open("a") as config:
            config.write("[modalities.tile]\n")
        call(SCENE_WITH_TILE)
        products["scene with the modality tile"] = dataset_products(Path("scene/virginia"))
        write_demo(Path("planet"), "local:synthetic", slice(7, None, 20))
        call(PLANET)
        products["planet"] = dataset_products(Path("planet/planet"))
        products |= {name: folder_products(Path(name)) for name in ("few", "merged", "resized")}
        with served(folder) as url:
            call(OTHERS, url)
        products["tiles"] = {path.name: side_file(path) for path in sorted(Path("tiles").iterdir())}
        call(REFUSED)
        products["encoding"] = encoding([Path("small"), Path("scene/virginia"), Path("planet/planet")])
        first_run = Path("small/runs.jsonl").read_text(encoding="utf-8").splitlines()[0]
        outcomes["small/runs.jsonl"] = shape(json.loads(first_run), folder)
    return outcomes, products


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a web server of the folder's files, as long as it lasts."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def write_demo(folder: Path, engine: str, which: slice) -> tuple[str, dict[str, Any]]:
    """Writes the configuration of an engine's demo, and some of its tiles; returns both."""
    folder.mkdir(exist_ok=True)
    text, tiles = demo_of(engine, which)
    (folder / "demo.toml").write_text(text)
    (folder / "tiles.geojson").write_text(json.dumps(tiles))
    return text, tiles


def write_small() -> None:
    """Writes small.toml: a few tiles of the scene, one without an image and one that fails; and other calls' files."""
    text, tiles = write_demo(Path(), "local:virginia", slice(16))
    for number, feature in enumerate(tiles["features"]):
        feature["properties"]["own"] = ("train", "val", "test")[number % 3]
        if feature["properties"]["tile_id"] == SEA:
            (ring,) = feature["geometry"]["coordinates"]
            feature["geometry"]["coordinates"] = [[[lon + 40, lat] for lon, lat in ring]]
            del feature["properties"]["lon"], feature["properties"]["lat"]
    Path("tiles.geojson").write_text(json.dumps(tiles))
    text = text.replace('name = "virginia"', 'name = "small"\npartition_size = 5').replace("= 128 ", "= 64 ")
    files = {
        "small.toml": text + FAULT,
        "other.toml": text.replace("= 64 ", "= 32 "),
        "odd.toml": text.replace("[run]", "[run]\nodd = 1"),
        "unknown.toml": text + "[modalities.nothing]\n",
        "ids.txt": "004\n013\n",
        "points.csv": "lon,lat,name\n8.5,47.3,a\n9.1,48.2,b\n9.1,48.2001,c\n",
        "taken/demo.toml": "",
        **{f"data_100k_v001{end}": "{}" for end in (".h5", "_band_stats.json", "_splits.json", "_tile_info.json")},
        "LICENSE-data": "CC BY 4.0",
    }
    for folder in ("taken", "tiles"):
        Path(folder).mkdir()
    for name, content in files.items():
        Path(name).write_text(content)
