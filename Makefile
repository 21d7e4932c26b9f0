# `make quickstart` and `make test` are complete on a machine that has Python and make.
# Environments are made once, and again when setup.cfg changes.

.PHONY: help quickstart test test-slow test-jax test-scale-out docs lint format clean

VENV ?= .venv
JAX_VENV ?= .venv-jax
DOCS_VENV ?= .venv-docs
SCALE_OUT := ray beam
comma := ,
# Layers, models, safetensors and the command: what needs no TensorFlow.
JAX_PACKAGES := keras jax numpy h5py safetensors packaging protobuf pyyaml typer hypothesis \
	pytest pytest-xdist
DOCS_PACKAGES := 'mkdocs>=1.6,<2' 'mkdocs-material>=9.6' 'mkdocstrings-python>=2' \
	'mkdocs-jupyter>=0.25' ruff
# A process a core, each with a thread; the tests of a file share what they load.
export TF_NUM_INTRAOP_THREADS ?= 1
PYTEST := -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
JAX_TESTS := tests/layers tests/models tests/decoding tests/cli tests/checkpoints/test_outputs.py \
	tests/checkpoints/test_tables.py tests/checkpoints/test_bad_tensors.py \
	tests/training/test_distribution.py tests/training/test_adamw.py \
	tests/training/test_finetuning.py

# The first Python here that TensorFlow has packages for; PYTHON=... names another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 \
	python; do $$python -c 'import sys, venv, ensurepip; \
	sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 && \
	{ echo $$python; break; }; done)

help:
	@echo "make quickstart      environment, install, a real model, embeddings, an export"
	@echo "make test            environment, install, the whole suite"
	@echo "make test-slow       longer trainings, which the suite leaves out"
	@echo "make test-jax        the part that runs on JAX, where TensorFlow is not installed"
	@echo "make test-scale-out  the scripts for Ray Data and Apache Beam"
	@echo "make docs            the documentation site, in build/docs; warnings are errors"
	@echo "make lint            ruff: errors, style, format"
	@echo "make format          ruff: put it right"
	@echo "make clean           remove environments and caches"

quickstart: $(VENV)/.installed
	@$(VENV)/bin/python -m kerasbert.quickstart

test: $(VENV)/.installed-test
	$(VENV)/bin/python $(PYTEST)

test-slow: $(VENV)/.installed-test
	$(VENV)/bin/python $(PYTEST) --slow -m slow

test-jax: $(JAX_VENV)/.installed
	KERAS_BACKEND=jax $(JAX_VENV)/bin/python $(PYTEST) $(JAX_TESTS)

# Each in an environment of its own: they need other versions of the same packages.
test-scale-out: $(SCALE_OUT:%=test-on-%)

test-on-%: .venv-%/.installed-extra
	.venv-$*/bin/python -m pytest tests/scale_out

# Nothing of kerasbert is imported: the reference is read from the source.
docs: $(DOCS_VENV)/.installed
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --quiet --config-file docs/mkdocs.yml
	@echo "build/docs/index.html"

lint: $(VENV)/.installed-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(VENV)/.installed-test
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf .venv .venv-* .pytest_cache .ruff_cache build dist *.egg-info

# uv is the quicker installer; where it cannot reach packages, pip may.
define install
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check uv \
		&& $(@D)/bin/python -m uv pip install --compile-bytecode --python $(@D)/bin/python $(1) \
		|| $(@D)/bin/python -m pip install --disable-pip-version-check $(1)
endef

$(VENV)/.installed: setup.cfg pyproject.toml $(VENV)/.made
	$(call install,-e '.[serving]')
	@touch $@

$(VENV)/.installed-test: setup.cfg pyproject.toml $(VENV)/.made
	$(call install,-e '.[test]')
	@touch $@ $(VENV)/.installed

$(JAX_VENV)/.installed: setup.cfg pyproject.toml $(JAX_VENV)/.made
	$(call install,$(JAX_PACKAGES))
	$(call install,--no-deps -e .)
	@touch $@

$(DOCS_VENV)/.installed: setup.cfg pyproject.toml $(DOCS_VENV)/.made
	$(call install,$(DOCS_PACKAGES))
	@touch $@

.venv-%/.installed-extra: setup.cfg pyproject.toml .venv-%/.made
	$(call install,-e '.[$*$(comma)test]')
	@touch $@

%/.made:
	@test -n "$(PYTHON)" || { echo "Expected Python 3.11 to 3.13 with its modules venv" \
		"and ensurepip, found none. Install it (on Debian and Ubuntu: python3 and" \
		"python3-venv), or name one: make PYTHON=/path/to/python" >&2; exit 2; }
	$(PYTHON) -m venv $(@D)
	@touch $@

.PRECIOUS: %/.made .venv-%/.installed-extra
