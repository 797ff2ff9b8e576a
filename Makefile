# What people type. Each target that needs Python makes .venv first (tools/venv.sh).
STACK ?= dev
PYTHON ?= python3
VENV := .venv/bin

.PHONY: help rehearsal drill drill-clean cloud setup-machines bench clean-cache test unit check-apps faults test-machines lint coverage docs up preview bake flip rollback status history step revoke approve reject delete-images destroy preview-token pulumi pulumi-checksums lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-15s %s\n", $$1, $$2}' Makefile

rehearsal: .venv/.ready  ## the whole scenario on this machine (as root on Debian with real operating systems)
	@$(VENV)/python -m rehearsal $(REHEARSAL)

drill: .venv/.ready  ## the rehearsal's scenario in a real AWS account, with the settings of STACK; asks first (docs/drill.md)
	@$(VENV)/python -m drill --stack "$(STACK)" $(DRILL)

drill-clean: .venv/.ready  ## finish the cleaning of a drill that was killed
	@$(VENV)/python -m drill clean --stack "$(STACK)" $(DRILL)

cloud: .venv/.ready  ## the local AWS alone, to run `pulumi up` against by hand
	@$(VENV)/python -m rehearsal cloud $(REHEARSAL)

setup-machines: .venv/.ready  ## install what rehearsal and tests need for real operating systems: tools, a base image
	@$(VENV)/python -m rehearsal real

bench: .venv/.ready  ## measure what it costs, compared with a baseline (docs/performance.md; BENCH="--plugin-dir DIR")
	@$(VENV)/python -m bench $(BENCH)

clean-cache: .venv/.ready  ## empty ~/.cache/phoenix: base images, downloaded packages, leftovers of a killed rehearsal
	@$(VENV)/python -m rehearsal clean

test: .venv/.ready  ## lint, then all tests; as root on Debian installs what they need (NO_INSTALL=1: nothing, and skips those tests)
	@sh tools/host.sh
	@$(MAKE) --no-print-directory lint
	@[ -n "$(NO_INSTALL)" ] || $(VENV)/python -m rehearsal real
	$(VENV)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(TESTS)

unit: .venv/.ready  ## the tests that need no cloud, engine or machine: decisions, declarations, calls of AWS, docs
	$(VENV)/python -m pytest -n auto tests/unit tests/docs tests/apps

check-apps: .venv/.ready  ## what a deploy depends on of your own: the applications' folders and the stacks' files
	$(VENV)/python -m pytest tests/apps

coverage: .venv/.ready  ## the unit tests, and which lines and branches of the product they do not reach
	$(VENV)/python -m pytest -n auto --cov --cov-report term tests/unit tests/docs

# They change nothing of this machine but .venv.
unit check-apps coverage lint: export NO_INSTALL = 1

faults: .venv/.ready  ## the whole fault matrix under load, and its table (ONLY=word for some of it)
	$(VENV)/python -m pytest -n 4 --faults all tests/faults $(if $(ONLY),-k "$(ONLY)")

test-machines: setup-machines  ## all tests of real machines: every vendor's image, broken images, disks, cleaning
	$(VENV)/python -m pytest --faults all tests/rehearsal/real_machines

lint: .venv/.ready  ## ruff, mypy as strict as it gets, the layers, zizmor and shellcheck
	$(VENV)/ruff check .
	$(VENV)/ruff format --check --quiet .
	$(VENV)/mypy
	$(VENV)/lint-imports --no-cache
	$(VENV)/zizmor --quiet --offline .github
	@sh tools/shellcheck.sh

docs: .venv/.docs  ## build docs/ as a site in site/; a broken link is an error
	@NO_MKDOCS_2_WARNING=1 $(VENV)/mkdocs build --strict

up: .venv/.ready  ## pulumi up of STACK=dev (flags of pulumi's: ARGS=--yes)
	@sh tools/stack.sh up "$(STACK)" $(ARGS)

preview: .venv/.ready  ## pulumi preview of STACK=dev: the rollout plan
	@sh tools/stack.sh preview "$(STACK)" $(ARGS)

bake: .venv/.ready  ## bake and inspect the image that STACK=dev asks for, and launch nothing: the next update finds it
	@sh tools/stack.sh bake "$(STACK)"

flip: .venv/.ready  ## set the flag of STACK=dev in its file: blue to green, or green to blue
	@sh tools/stack.sh flip "$(STACK)"

rollback: .venv/.ready  ## flip back and update STACK=dev: to the standby group (keepPrevious), or to IMAGE=FINGERPRINT
	@IMAGE="$(IMAGE)" sh tools/stack.sh rollback "$(STACK)" $(ARGS)

status: .venv/.ready  ## what is live of STACK=dev at this moment: groups, shares of production, servers, images, ages
	@sh tools/stack.sh status "$(STACK)"

history: .venv/.ready  ## the last generations and updates of STACK=dev
	@sh tools/stack.sh history "$(STACK)"

step: .venv/.ready  ## run the step NAME=verify by hand, with what the last update of STACK=dev gave it (ARGS='--option value')
	@NAME="$(NAME)" sh tools/stack.sh step "$(STACK)" $(ARGS)

revoke: .venv/.ready  ## no stack of STACK's account launches FINGERPRINT=... any more (REASON='...'; UNDO=true takes it back)
	@FINGERPRINT="$(FINGERPRINT)" REASON="$(REASON)" UNDO="$(UNDO)" sh tools/stack.sh revoke "$(STACK)"

approve: .venv/.ready  ## let the canary of STACK=dev go on that waits for it (approveAt)
	@sh tools/stack.sh approve "$(STACK)"

reject: .venv/.ready  ## send the canary of STACK=dev back that waits for approval (REASON='...')
	@REASON="$(REASON)" sh tools/stack.sh reject "$(STACK)"

destroy: .venv/.ready  ## pulumi destroy of STACK=dev
	@sh tools/stack.sh destroy "$(STACK)" $(ARGS)

delete-images: .venv/.ready  ## what a destroyed STACK=dev has left: its images, snapshots and package lists (DELETE=true deletes them)
	@DELETE="$(DELETE)" sh tools/stack.sh delete-images "$(STACK)"

preview-token: .venv/.ready  ## a new preview token for STACK=dev
	@sh tools/stack.sh preview-token "$(STACK)"

pulumi: .venv/.ready  ## the Pulumi CLI of the pinned version with its plugins, into .pulumi/, and Packer
	@$(VENV)/python tools/install_pulumi.py
	@sh tools/install_packer.sh

pulumi-checksums: .venv/.ready  ## write what `make pulumi` is to verify, once and after a change of a pinned version (tools/checksums.txt)
	@$(VENV)/python tools/install_pulumi.py --record

lock: .venv/.ready  ## write the locks of requirements*.txt (ARGS=--upgrade: newer versions of what is not pinned)
	@sh tools/lock.sh $(ARGS)

clean:  ## remove what make made
	rm -rf .venv .pulumi rehearsal-report drill-report site .coverage* .mypy_cache .ruff_cache .pytest_cache

.venv/.docs: requirements-docs.txt requirements-docs.lock.txt .venv/.ready
	@$(VENV)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-docs.txt
	@touch .venv/.docs

.venv/.ready: requirements-dev.txt requirements-dev.lock.txt tools/venv.sh
	@PYTHON=$(PYTHON) sh tools/venv.sh
