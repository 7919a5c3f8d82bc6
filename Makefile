.PHONY: setup demo quick test soak newer-fixes middle-fixes older-fixes other-fixes some-mutants search mutants lint bench docs style types arrows rules pure promises searches
PY = .venv/bin/python
unexport PYTHONDONTWRITEBYTECODE    # or each of the many processes compiles what it imports
PYTEST = $(PY) -m pytest -q --dist loadfile --no-loadscope-reorder --durations=15
PURE = architecture context docs domain governance lessons model workflow factory/test_stories.py \
    validators/domain/test_fold.py validators/domain/test_proof.py validators/performance/test_redact.py test_spent.py test_tiers.py

setup:            ## install what is missing, say what was done
	@.ci/setup

demo: setup       ## the whole pipeline on the example app, without a key
	@.venv/bin/factory demo

quick: setup      ## what a change is tried with while it is written
	@$(MAKE) --no-print-directory -j3 -O types style arrows rules pure

lint: setup       ## style, types, architecture
	@$(MAKE) --no-print-directory -j3 -O types style arrows rules

style:
	@.venv/bin/ruff check harness validators tests bench setup.py
	@.venv/bin/ruff format --check --quiet harness validators tests bench setup.py

types:
	@.venv/bin/mypy

arrows:
	@.venv/bin/lint-imports --no-cache

rules:
	@.venv/bin/factory rules lint
	@.venv/bin/factory rules test

pure:
	@$(PY) -m pytest -q -n 2 $(addprefix tests/,$(PURE))

test:             ## every promise at least once, and a sample of every long search. CEILINGS=1: none dearer than it may be
	@.ci/setup tests
	@$(MAKE) --no-print-directory -j3 -O style arrows rules
	@$(MAKE) --no-print-directory -j2 types promises    # the types take one processor half a minute

promises:         # many tests wait: five workers keep two processors at work
	@$(PYTEST) -n 5 $(if $(CEILINGS),--ceilings)

soak:             ## what `make test` leaves out: every search whole, and no test dearer than it may be
	@.ci/setup soak
	@$(MAKE) --no-print-directory searches
	@$(MAKE) --no-print-directory -j5 -O newer-fixes middle-fixes older-fixes other-fixes some-mutants    # they wait for much

searches:
	@$(PYTEST) -n 5 --soak --further --ceilings

newer-fixes:
	@$(PY) bench/real_fixes.py --pairs bench/real_fixes/pairs.json --only 2743 2757

middle-fixes:
	@$(PY) bench/real_fixes.py --pairs bench/real_fixes/pairs.json --only 2599 1469

older-fixes:
	@$(PY) bench/real_fixes.py --pairs bench/real_fixes/pairs.json --only 1345 1011

other-fixes:
	@$(PY) bench/real_fixes.py --pairs bench/real_fixes/registries.json --special "no shell"

some-mutants:
	@$(PY) -m tests.mutants --sample 60

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
	@$(PY) bench/watch.py
	@$(PY) bench/broker.py

docs: setup       ## the pages that are generated; a test compares them
	@$(PY) -c "from harness.domain.lifecycle import page; open('docs/lifecycle.md', 'w', encoding='utf-8').write(page())"
	@$(PY) -c "from harness.domain.release import release_page; open('docs/release-lifecycle.md', 'w', encoding='utf-8').write(release_page())"
	@$(PY) -m harness.factory.settings.reference docs
	@$(PY) -m validators.language.reference
	@$(PY) -m harness.workflow.schema > workflows/schema.json
