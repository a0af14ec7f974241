"""`python -m mmearth_core` is the command `mmearth-core`."""

from mmearth_core.cli import main

main(prog_name="mmearth-core")
