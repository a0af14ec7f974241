"""`python -m localearth` is the command `localearth`."""

from localearth.cli import main

main()
