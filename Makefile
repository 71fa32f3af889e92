# Corral. `make help` lists everything; `make run` and `make test` set up what they need.
PYTHON ?= python3
VENV   := .venv/bin
LOCKED := .venv-locked/bin

.DEFAULT_GOAL := help

.PHONY: help
help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: run
run: ## set everything up and start Corral
	@$(PYTHON) packaging/bootstrap.py run

.PHONY: test
test: ## set everything up and run the tests (ARGS="tests/core -k gguf")
	@$(PYTHON) packaging/bootstrap.py test $(ARGS)

.PHONY: setup
setup: ## set everything up for work on Corral, start nothing
	@$(PYTHON) packaging/bootstrap.py setup dev mlx

.PHONY: check
check: setup ## ruff, mypy --strict, import contracts, forbidden names
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/python packaging/check_imports.py
	$(VENV)/python packaging/check_names.py

.PHONY: format
format: setup ## format the code
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

.PHONY: storm
storm: setup ## the long suites: kill storms and other tests marked slow
	-$(VENV)/python packaging/vocabularies.py
	$(VENV)/python -m pytest -m slow -o faulthandler_timeout=1200 --timeout=1800

.PHONY: kills
kills: setup ## 500 kills of a download at random moments, pauses mixed in (KILLS=50 for fewer)
	CORRAL_TEST_KILLS=$(or $(KILLS),500) $(VENV)/python -m pytest -m slow --timeout=7200 \
		-o faulthandler_timeout=7200 tests/core/test_download_kills.py -k killed_or_paused

.PHONY: faults
faults: setup ## what becomes of a download when things go wrong: a table of outcomes and messages
	$(VENV)/python packaging/bench_faults.py --table

.PHONY: peers
peers: setup ## a download through another maker's mirror, installed into .venv-olah
	$(PYTHON) -m venv .venv-olah
	.venv-olah/bin/python -m pip install --quiet olah
	CORRAL_TEST_OLAH=$(CURDIR)/.venv-olah/bin/olah-cli $(VENV)/python -m pytest tests/hub/test_peers.py

.PHONY: clients
clients: setup ## other programs' clients against the local server: LangChain's, LM Studio's
	$(VENV)/python -m pip install --quiet langchain-ollama lmstudio
	$(VENV)/python -m pytest -m slow --timeout=600 tests/api/test_other_clients.py

.PHONY: clients-js
clients-js: setup ## Ollama's JavaScript client against the local server; needs Node and npm
	npm install --silent --no-fund --no-audit --prefix .node-clients ollama
	CORRAL_TEST_NODE_CLIENTS=$(CURDIR)/.node-clients $(VENV)/python -m pytest -m slow \
		--timeout=600 tests/api/test_other_clients.py -k javascript

.PHONY: browser
browser: setup ## the page for browsers in a real Chromium, installed by apt-get where there is none
	$(VENV)/python packaging/chromium.py

.PHONY: bench
bench: setup ## measure start, memory, transcript, decode and cancel
	$(VENV)/python packaging/bench.py

.PHONY: load
load: setup ## 64 clients for MINUTES (5) against the server beside a window
	$(VENV)/python packaging/load_api.py $(or $(MINUTES),5)

.PHONY: guards
guards: setup ## what keeps the server safe, taken away one by one: a test must notice (WORDS="token")
	$(VENV)/python packaging/mutate_guards.py $(WORDS)

.PHONY: schemathesis
schemathesis: setup ## whatever the server is asked, it answers in its form and not with 5xx
	$(VENV)/python -m pip install --quiet ".[api-tests]"
	$(VENV)/python packaging/schemathesis_api.py

.PHONY: bench-api
bench-api: setup ## measure the server against the engine alone and against llama.cpp's server
	$(VENV)/python packaging/bench_api.py

.PHONY: vocabularies
vocabularies: setup ## fetch the vocabularies of real models that tests read
	$(VENV)/python packaging/vocabularies.py

.PHONY: shots
shots: setup ## screenshots of every page into docs/screenshots
	$(VENV)/python packaging/shots.py

.PHONY: hub
hub: setup ## a local model hub to try searching and downloading against
	$(VENV)/python -m tests.hub

.PHONY: engine
engine: setup locked ## build this system's engine, check it, let each of its codes for processors answer
	$(LOCKED)/python packaging/engine/build.py --out dist/engine
	CORRAL_TEST_ENGINE=$(CURDIR)/dist/engine $(VENV)/python -m pytest -m slow \
		tests/packaging/test_built_engine.py

.PHONY: bench-engines
bench-engines: setup ## measure the built engine (ENGINE=dist/engine) against the native build
	$(VENV)/python packaging/bench_engines.py $(or $(ENGINE),dist/engine)

.PHONY: locked
locked: ## the environment that installers are built in: every library by its hash; needs Python 3.11
	@$(PYTHON) packaging/locked_environment.py

OWN_ENGINE = build/engines/$(shell $(PYTHON) -c "import build_installer as b; print(b.own_target())")

.PHONY: installer
installer: locked ## freeze Corral for this system, into dist/corral; its engine is built first, once
	@test -e $(OWN_ENGINE)/engine.json || $(LOCKED)/python build_installer.py engine
	$(LOCKED)/python build_installer.py freeze

.PHONY: wine
wine: setup ## build Corral-Setup.exe for trials and try it in Wine (ENGINE=FOLDER of packaging/engine)
	$(VENV)/python packaging/windows/freeze.py --test-python \
		$(if $(ENGINE),--engine $(ENGINE),--without-engine)
	$(VENV)/python packaging/windows/image.py $(if $(RELEASE),,--quick)
	$(VENV)/python packaging/windows/sign.py
	$(VENV)/python packaging/windows/verify.py

.PHONY: deb
deb: installer ## what people install on Linux, from the frozen folder: .deb, archive, checksums
	$(LOCKED)/python build_installer.py image
	$(LOCKED)/python build_installer.py sign
	$(LOCKED)/python build_installer.py verify

.PHONY: chroot
chroot: setup ## install, chat, upgrade, remove on empty systems (SYSTEMS="debian jammy noble"); needs root
	$(VENV)/python packaging/linux/chroot_journey.py $(addprefix --system ,$(or $(SYSTEMS),debian))

.PHONY: update-journey
update-journey: installer ## a newer version, clicked through (FORMS="archive deb"; deb needs root)
	$(LOCKED)/python packaging/linux/update_journey.py $(addprefix --form ,$(or $(FORMS),archive))

.PHONY: dependencies
dependencies: setup ## each package that the .deb depends on is taken away: what fails? needs root
	$(VENV)/python packaging/linux/prove_dependencies.py

.PHONY: reproduce
reproduce: locked ## freeze and pack twice, and compare every file
	@test -e $(OWN_ENGINE)/engine.json || $(LOCKED)/python build_installer.py engine
	$(LOCKED)/python packaging/linux/reproduce.py

.PHONY: bench-installed
bench-installed: setup ## start, memory and speed of dist/corral against the source, in five minutes
	$(VENV)/python packaging/bench_installed.py
