# Every command builds what it needs under .dev first; README.md says more.
.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test lint e2e processes lifecycle bench cents faults fuzz chaos

DEV := python3 scripts/dev.py

help: ## list these commands
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

demo: ## Odoo 19 with demo data, Xero and QuickBooks simulated, on http://localhost:8069, until Ctrl-C
	@$(DEV) demo

demo-reset: ## throw the demo's data away, so that the next make demo starts anew
	@$(DEV) demo --reset

test: ## run every test: providers, contract, simulators, scripts, Odoo, browser journeys, checks
	@$(DEV) test

lint: ## run every check of the code: ruff, pylint-odoo, imports, upgrade_code, logs
	@$(DEV) lint

e2e: ## run the browser journeys only; screenshots in e2e/screenshots
	@$(DEV) test e2e

processes: ## kill servers, drivers and people's requests in the middle, several workers, slow providers (twenty minutes)
	@$(DEV) test processes

lifecycle: ## install, use, remove and install again; upgrade from older versions (five minutes)
	@$(DEV) test lifecycle

chaos: ## kill more than 100 workers while records travel both ways, restart PostgreSQL, then count (half an hour; SEED=n)
	@$(DEV) chaos -- $(if $(SEED),--seed $(SEED))

bench: ## measure, one "name: value" a line
	@$(DEV) bench

faults: ## every remote operation and every exchange, of both providers, against every fault (half an hour)
	@$(DEV) faults

fuzz: ## 28,000 damaged answers, odd names and requests with garbage (SEED=n, CASES=n)
	@$(DEV) fuzz -- $(if $(SEED),--seed $(SEED)) $(if $(CASES),--cases $(CASES))

cents: ## 10,000 generated invoices against the arithmetic of both simulators, to the cent (SEED=n, INVOICES=n)
	@$(DEV) cents -- $(if $(SEED),--seed $(SEED)) $(if $(INVOICES),--invoices $(INVOICES))
