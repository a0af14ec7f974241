# The environment of all jobs: edit here, and nowhere else. Every job sources this file on its compute node.
# Without any change, jobs have the environment of the shell that submits them.

# ---- Software ----------------------------------------------------------------
# module load python/3.11
# source "$HOME/venvs/mmearth/bin/activate"

# ---- Earth Engine's credentials ------------------------------------------------
# Your own: `earthengine authenticate --quiet`, once, on the login node. It writes ~/.config/earthengine/credentials,
# which compute nodes read if they share that home. Nothing is to be set here.
# A service account: its JSON key is `service_account_key` in [engines.earthengine] of the configuration.
# The project that is billed stands there as well: `project`.

# ---- Network -------------------------------------------------------------------
# Where compute nodes reach the Internet through a proxy only:
# export HTTPS_PROXY=http://proxy.example.org:3128
