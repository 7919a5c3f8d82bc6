.PHONY: setup demo test search mutants lint bench docs
PY = .venv/bin/python

setup:            ## install what is missing, say what was done
	@.ci/setup

demo: setup       ## the whole lap on the example app, without a key
	@.venv/bin/factory demo

lint: setup       ## style, types, architecture
	@.venv/bin/ruff check harness validators tests bench setup.py
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@.venv/bin/factory rules lint
	@.venv/bin/factory rules test

test: lint        ## every test
	@.ci/setup tests
	@$(PY) -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder --durations=15

search: setup     ## new examples for every property; one that fails is to be added by name
	@$(PY) -m pytest -q -n 4 -m hypothesis --hypothesis-profile=search

mutants: setup    ## which small faults do the tests notice? SAMPLE=60 SEED=1 ROOMS=domain
	@$(PY) -m tests.mutants $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) $(ROOMS)

bench: setup      ## tables, not tests
	@$(PY) bench/cold.py
	@$(PY) bench/engine.py
	@$(PY) bench/forge.py
	@$(PY) bench/governance.py
	@$(PY) bench/judge.py
	@$(PY) bench/lap.py
	@$(PY) bench/real_fixes.py
	@$(PY) bench/context.py
	@$(PY) bench/worktrees.py
	@$(PY) bench/tokens.py
	@$(PY) bench/broker.py

docs: setup       ## the pages that are generated; a test compares them
	@$(PY) -c "from harness.domain.lifecycle import page; open('docs/lifecycle.md', 'w', encoding='utf-8').write(page())"
