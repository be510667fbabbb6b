# make demo · demo-audio · test · test-all · test-portable · fuzz · soak · gpu-check · lint · types · bench · weights · docs
# The first of them makes .venv (one install step). Another interpreter: make demo PYTHON=python3.12

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# pytest processes; each is held to one thread
JOBS   ?= 2
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help install demo demo-audio test test-all test-portable fuzz soak gpu-check lint types bench weights docs clean

help:
	@echo 'make demo       synthetic cameras, a small encoder, detectors, one table, pictures in runs/demo (SHORT=1: a quick look)'
	@echo 'make demo-audio learning from sound and pictures without labels, beside what it must beat, in runs/demo-audio (SHORT=1 too)'
	@echo 'make test       the quick tests'
	@echo 'make test-all   every test, also slow ones and those that need a GPU or development footage'
	@echo 'make test-portable   the numeric tests with the kernels of other processors, one and several threads (20 minutes)'
	@echo 'make fuzz       10,000 damaged files, 300 that change while they are read, 200 kills at random moments (an hour each at most)'
	@echo 'make soak       hundreds of synchronisations, 10,000 training steps, killed data workers: memory stays flat (an hour)'
	@echo 'make gpu-check  NCCL, half precision, SyncBatchNorm and memory formats on the GPUs of this machine (10 minutes at most)'
	@echo 'make lint       ruff, formatting included, and ShellCheck'
	@echo 'make types      mypy'
	@echo 'make bench      frames per second beside the bare cost of the same work'
	@echo 'make weights    train the encoder that comes with the package anew: synthetic events, training, test, export (an hour)'
	@echo 'make docs       write docs/configuration.md and the tables of benchmarks/results anew, check the links of all pages'

install: $(STAMP)

# A constraint on torch without a local suffix keeps a CPU build where one is at hand; elsewhere it is the normal build.
$(STAMP): pyproject.toml constraints.txt requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) not found; install Python 3.11 or newer, or say which: make $(MAKECMDGOALS) PYTHON=/path/to/python" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $$($(PYTHON) --version) is too old; VideoSync needs 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "error: $(PYTHON) cannot make virtual environments; install its venv package (Debian, Ubuntu: apt install python3-venv)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP)
	$(BIN)/videosync demo $(if $(filter-out 0,$(SHORT)),--short) --output runs/demo $(ARGS)

demo-audio: $(STAMP)
	$(BIN)/videosync demo-audio $(if $(filter-out 0,$(SHORT)),--short) --output runs/demo-audio $(ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest -m 'not slow and not gpu and not shared' -n $(JOBS) $(ARGS)

test-all: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

test-portable: $(STAMP)
	$(BIN)/python -m tests.portable --jobs $(JOBS) $(ARGS)

fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz --cases 10000 --jobs $(JOBS) $(ARGS)
	$(BIN)/python -m tests.fuzz.changing --cases 300 $(ARGS)
	$(BIN)/python -m tests.fuzz.kills --kills 200 --full $(ARGS)

soak: $(STAMP)
	$(BIN)/python -m tests.soak $(ARGS)

gpu-check: $(STAMP)
	timeout 600 $(BIN)/python -m tests.gpus $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/shellcheck --enable=quote-safe-variables $$(git ls-files '*.sh' '*.sbatch' .ci/run)

types: $(STAMP)
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python -m benchmarks.speed.data
	$(BIN)/python -m benchmarks.speed.embed
	$(BIN)/python -m benchmarks.speed.train_step
	$(BIN)/python -m benchmarks.speed.memory
	$(BIN)/python -m benchmarks.speed.ranks
	$(BIN)/python -m benchmarks.speed.prepare
	$(BIN)/python -m benchmarks.speed.sync
	$(BIN)/python -m benchmarks.speed.similarity
	$(BIN)/python -m benchmarks.speed.many --events 3 --views 4

# One thread: the sums, and so the weights, are then the same on every machine of one kind.
EVENTS := --frames 240 --size 96 --fps 10 20 30 60 120 --distractors 0 1 2
TESTS  := --frames 330 --size 128 --fps 10 20 30 60 120 --distractors 0 1 2
weights: export OMP_NUM_THREADS = 1
weights: $(STAMP)
	$(BIN)/python dataset_preparation/synthetic_process.py --output_dir runs/weights/data/crossview --train_events 430 --val_events 0 $(EVENTS) --seed 1000
	$(BIN)/python dataset_preparation/synthetic_process.py --output_dir runs/weights/data/crossview_test --train_events 0 --val_events 60 $(TESTS) --seed 3000
	$(BIN)/python train.py --workdir runs/weights/data --cfg_file configs/crossview_config.yml --logdir runs/weights/crossview
	$(BIN)/python evaluate.py --workdir runs/weights/data --cfg_file configs/crossview_config.yml --logdir runs/weights/crossview --opts data.dataset=crossview_test eval.checkpoint=last eval.pictures=0
	rm -rf runs/weights/export
	$(BIN)/videosync export runs/weights/crossview --output runs/weights/export --checkpoint last --format safetensors --licence MIT --name 'VideoSync crossview' --workdir runs/weights/data
	rm -rf videosync/weights/crossview
	cp -r runs/weights/export videosync/weights/crossview

docs: $(STAMP)
	$(BIN)/python -m benchmarks.docs
	$(BIN)/videosync config --explain --markdown > docs/configuration.md.tmp
	mv docs/configuration.md.tmp docs/configuration.md
	$(BIN)/python -m pytest tests/test_docs.py $(ARGS)

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache build dist videosync.egg-info
