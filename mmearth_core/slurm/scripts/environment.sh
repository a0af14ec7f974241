# The environment of all jobs. Every job sources this file on its compute node; it is the only file to edit.
# Without changes, jobs have the environment of the shell that submits them.

# ---- Software ----------------------------------------------------------------
# module load python/3.11
# source "$HOME/venvs/mmearth/bin/activate"

# ---- Earth Engine credentials --------------------------------------------------
# Your own: run `earthengine authenticate --quiet` once on the login node. It writes ~/.config/earthengine/credentials,
# which compute nodes read if they share that home folder. Nothing needs to be set here.
# A service account: its JSON key is `service_account_key` in [engines.earthengine] of the configuration.
# The billed project is set there as well: `project`.

# ---- Network -------------------------------------------------------------------
# If compute nodes reach the Internet only through a proxy:
# export HTTPS_PROXY=http://proxy.example.org:3128
