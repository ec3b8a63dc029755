# Everything runs from here, on a machine that has only Python >= 3.11 and make.
# Node.js, the CDK command line and uv are set up inside this folder; nothing is installed elsewhere.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(CURDIR)/node_modules/.bin:$(PATH)
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1

.DEFAULT_GOAL := help
.PHONY: help setup emulator test lint demo e2e bench synth format lock docs clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## set up .venv with Python packages, Node.js and the CDK command line
	@PYTHON="$(PYTHON)" tools/setup dev

emulator:
	@PYTHON="$(PYTHON)" tools/setup emulator

lint: setup ## linters, type checks, import layers
	@ruff check . && ruff format --check . && pyright && lint-imports

test: lint ## lint, then every test that needs no server
	@python -m pytest

e2e: emulator ## end-to-end tests: real messages through deployed stacks on a local emulator
	@python -m pytest -n 0 -o addopts= -q tests/e2e

demo: emulator ## deploy the sample app to a local emulator and watch messages arrive
	@python -m tests.e2e.demo

bench: setup ## measure what is claimed about speed
	@python -m bench

synth: setup ## synthesize every sample app into cdk.out
	@cdk synth --quiet --no-notices

docs: setup ## draw the diagrams in the READMEs and write the rules' pages anew
	@python -m tools.diagrams
	@python -m tools.rule_docs && python -m tools.mutations

format: setup ## format the code
	@ruff check --fix --quiet . ; ruff format .

lock: setup ## renew the pinned, hashed requirements
	@tools/lock

clean: ## remove everything that set-up and runs have made
	@rm -rf .venv .venv-emulator .setup.* node_modules cdk.out .build .emulator dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
