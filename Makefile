# Every target does all of its own set-up: `make demo` and `make test` work on a bare machine with
# Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint requirements/pins.txt
RESNET50 = $$($(BIN)/python -c "import importlib.util as u, pathlib as p; print(p.Path(u.find_spec('onnx').origin).parent / 'backend/test/data/light/light_resnet50.onnx')")

.PHONY: demo test install lint bench validate format clean

$(VENV)/.core: pyproject.toml requirements/pins.txt
	$(PYTHON) -c "import sys; sys.exit('onewatt needs Python 3.11 or newer') if sys.version_info < (3, 11) else None"
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/.all: $(VENV)/.core requirements/dev.txt
	$(PIP) --editable ".[torch,explore,cluster]" --requirement requirements/dev.txt
	touch $@

install: $(VENV)/.all ## everything into .venv

# The verdict on the budget is the demo's message, not its success: exit code 2 means "missed".
demo: $(VENV)/.core ## ResNet-50 on Eyeriss under one watt, with the report in demo/
	$(BIN)/onewatt analyze "$(RESNET50)" --chip eyeriss --budget "1 W" -o demo || test $$? -eq 2
	@echo "Open demo/report.html in a browser."

test: $(VENV)/.all ## all tests
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/.all ## style, types, floors, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/codespell src tests docs README.md CONTRIBUTING.md

format: $(VENV)/.all
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.all ## regenerate the committed benchmark figures
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

validate: $(VENV)/.core ## docs/validation.md: published tables next to the model's
	$(BIN)/python benchmarks/validation/run.py

clean:
	rm -rf $(VENV) demo
