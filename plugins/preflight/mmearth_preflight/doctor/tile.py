"""One tile end to end: downloaded, checked and written to an HDF5 file, in a temporary folder."""

import io
import json
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
from attrs import evolve

from mmearth_core.download.run import PreparedRun, StopRequest, run
from mmearth_core.download.stack import read_stack, stack_bands
from mmearth_core.product.reader import DatasetReader
from mmearth_preflight.doctor.findings import Findings
from mmearth_preflight.sample import Trial
from mmearth_preflight.work import tiles_of

_CHECK = "one tile"

_RETRY_SECONDS = 15.0


def check_tile(findings: Findings, job: PreparedRun, ordinal: int, core: Callable[[list[str]], object]) -> None:
    """Downloads a tile with every modality and makes the dataset's files of it.

    Args:
        findings: takes the results.
        job: the run that is checked.
        ordinal: the number of the tile, from 0.
        core: calls `mmearth-core` with these arguments.
    """
    with findings.check(_CHECK), tempfile.TemporaryDirectory(prefix="mmearth-doctor-") as folder:
        frame = tiles_of(job, [ordinal])
        tile_id = frame["tile_id"].iloc[0]
        # A budget of its own: that of the dataset may have no free slot for half an hour.
        run_options, budget = job.config.run, str(Path(folder) / "budget")
        seconds = min(run_options.retry_seconds, _RETRY_SECONDS)
        options = evolve(
            run_options, retry_seconds=seconds, budget=budget, max_concurrent=min(run_options.max_concurrent, 2)
        )
        stop = StopRequest(options.grace_seconds)
        prepared = Trial(job, evolve(job.config, run=options), lambda _: None, stop).prepare(
            Path(folder) / "dataset", frame, job.engine
        )
        with stop.on_signals():
            result = run(prepared, lambda _: None, stop=stop)
        summary = result.summary()
        reasons = "; ".join(f"{row['outcome']}: {row['reason']}" for row in summary["reasons"])
        if result.why or summary["failed"] or summary["left"]:
            findings.fail(_CHECK, f"tile {tile_id}: {result.why or reasons}")
        elif not summary["done"]:
            findings.warn(_CHECK, f"tile {tile_id} is skipped: {reasons}", "Try a tile that has an image.")
        else:
            requests = sum(summary["requests"].values())
            findings.ok(_CHECK, f"tile {tile_id} downloaded in {result.progress.seconds:.1f} s, {requests} requests")
            _check_classes(findings, prepared, tile_id)
            with findings.check("HDF5 file"):
                _check_products(findings, prepared, core)


def _check_classes(findings: Findings, prepared: PreparedRun, tile_id: str) -> None:
    """The pixels of class layers have declared values only."""
    for group in prepared.groups:
        stack = prepared.folder.stack(group.name, 0, tile_id)
        bands = [each for each in stack_bands(group.modalities) if each.band.classes]
        for layer, band in [(each.layer, each.band) for each in bands if not each.step]:
            steps = [each.name for each in bands if each.layer is layer and each.band is band]
            pixels = read_stack(stack, steps) if stack.exists() else np.empty(0)
            found = {float(value) for value in np.unique(pixels[~np.isnan(pixels)])}
            unknown = sorted(found - {label.value for label in band.classes})
            if unknown:
                shown = ", ".join(f"{value:g}" for value in unknown[:10])
                findings.fail(
                    f"{layer.name} classes",
                    f"{band.name} has undeclared values: {shown}",
                    "The asset has other classes than the plugin declares: correct its options, or update it.",
                )
            else:
                names = ", ".join(label.name for label in band.classes if label.value in found) or "no pixel"
                findings.ok(f"{layer.name} classes", names)


def _check_products(findings: Findings, prepared: PreparedRun, core: Callable[[list[str]], object]) -> None:
    """Makes the HDF5 file as `mmearth-core post` does, and reads it."""
    name, root = prepared.config.dataset.name, prepared.folder.root
    config, output = root.parent / "doctor.toml", io.StringIO()
    facts = {"name": name, "path": str(root), "tiles": str(prepared.folder.tiles)}
    tables = [f"[modalities.{modality.name}]" for group in prepared.groups for modality in group.modalities]
    config.write_text(
        "\n".join(["[dataset]", *(f"{key} = {json.dumps(facts[key], ensure_ascii=False)}" for key in facts), *tables])
    )
    with redirect_stdout(output), redirect_stderr(output):
        core(["post", str(config), "--workers", "1"])
    file = prepared.folder.products(name).hdf5
    reader = DatasetReader.open(file)
    findings.ok("HDF5 file", f"{len(reader)} row, layers {', '.join(reader.layers)}")
