# honeyrow: `make help` lists what can be done here.
SHELL = /bin/sh
GO ?= go
FUZZTIME ?= 1m
KEEP ?=
DB ?= both
SOAK ?= 1h
IDLE ?= 5000
BENCH ?=
EVAL ?=
CAMOUFLAGE ?=
SCALE ?=
# Where make others keeps the servers: a folder that the user who runs them can read.
OTHERS ?= $(CURDIR)/.others
SAMPLES ?= $(CURDIR)/.samples
# Which of them: those that scripts/other-servers.sh knows.
OTHER ?= mysql-5.7 mysql-8.0 mysql-8.4 mysql-9 percona-5.7 mariadb-10.6 mariadb-11.4 mariadb-11 postgresql-14 postgresql-16 postgresql-18
TOOL = $(GO) tool -modfile=internal/tools/go.mod
# Everything but what takes long on purpose: the suites against other people's
# drivers, the demo, and the containers' story.
QUICK = $$($(GO) list ./... | grep -v -e '^honeyrow/integration' -e '^honeyrow/demo' -e '^honeyrow/docker' -e '^$(FIGURING)' -e '^honeyrow/cmd/' -e '^honeyrow/seeder/pgdb$$' -e '^honeyrow/seeder/mydb$$')
# Their tests start processes again and again, and wait for servers: the race
# detector made them take three times as long. What these processes run, the tests
# of internal/app, seeder and token run under it; make integration runs these
# under it as well.
PROCESSES = ./cmd/... ./seeder/pgdb ./seeder/mydb
# Packages at a time: more than processors, since tests before servers wait a lot.
ABREAST = 3
# Computes, one goroutine: 110 s with the race detector, which has nothing to find there.
FIGURING = honeyrow/seeder/camouflage
# For `make check`: what needs no MariaDB, no second program, no long seeding, no
# SQLite (20 s under the race detector) and no clock but its own (two sinks),
# and of the tests that repeat themselves with other seeds a part (-short).
# `make test` runs all.
NIMBLE = ./event/... ./inspect/... ./token $$($(GO) list ./alert/... | grep -v -e /incident$$ -e /nats$$ -e /splunk$$) ./engine ./engine/baseline ./engine/match ./engine/detect ./engine/sqlfacts/mysql ./engine/sqlfacts/pgsql ./rules/... ./proxy ./proxy/pgwire ./proxy/replay/... ./proxy/tlsconf/... ./proxy/wire/... ./seeder ./seeder/generate ./internal/config ./internal/wiretest
SERVERS = postgresql psql pg_dump pgbench mariadbd mariadb mariadb-dump
CLIENTS = node npm python3-psycopg python3-psycopg2 python3-pymysql python3-mysqldb php-mysql php-pgsql sysbench

.DEFAULT_GOAL := help
.PHONY: drivers others help build deb check format vet lint imports race fuzz-short test integration soak commit-latency bench eval camouflage samples scale fuzz demo fmt clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: bin/honeyrow ## build bin/honeyrow

bin/honeyrow: FORCE
	@scripts/need.sh cc
	@mkdir -p bin
	$(GO) build -trimpath -o $@ ./cmd/honeyrow

deb: ## a Debian package in dist/
	@scripts/need.sh cc
	@mkdir -p dist
	$(GO) build -trimpath -ldflags "-s -w" -buildmode=pie -o dist/honeyrow ./cmd/honeyrow
	@packaging/deb.sh dist/honeyrow dist

# Two at a time: the tests wait for servers while the compiler has work. What takes
# longest comes first.
check: ## format, vet, lint, import rules, race tests, short fuzz: under two minutes once the caches are warm
	@$(MAKE) --no-print-directory -j 2 race fuzz-short vet lint imports format

format:
	@out=$$($(TOOL) gofumpt -l .) || exit 1; \
	if [ -n "$$out" ]; then echo "not formatted (run: make fmt):"; echo "$$out"; exit 1; fi

fmt: ## format the sources (gofumpt)
	$(TOOL) gofumpt -w .

vet:
	$(GO) vet ./...

lint:
	$(TOOL) staticcheck ./...

imports:
	$(GO) test ./internal/arch

race:
	@scripts/need.sh cc $(SERVERS)
	CGO_ENABLED=1 $(GO) test -race -short $(NIMBLE)

fuzz-short:
	@scripts/fuzz.sh 100x

test: ## install what the tests need and run all of them, those against real PostgreSQL and MariaDB included
	@scripts/need.sh cc $(SERVERS) $(CLIENTS)
	CGO_ENABLED=1 $(GO) test -race -count=1 -p $(ABREAST) -timeout 20m $(QUICK)
	$(GO) test -count=1 -run Alloc ./engine/... ./proxy/...
	$(GO) test -count=1 -p $(ABREAST) -timeout 30m $(FIGURING) $(PROCESSES) ./demo/... ./docker ./integration/...
	$(GO) run ./integration/suites -short

integration: ## real servers, real drivers, chaos
	@scripts/need.sh cc $(SERVERS) $(CLIENTS)
	DRIVERS=all $(GO) test -v -count=1 -timeout 60m ./integration/...
	HONEYROW_JUDGE_BY=words DRIVERS=all $(GO) test -count=1 -timeout 30m ./integration
	CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 30m $(PROCESSES)
	HONEYROW_EVERY_STEP=1 $(GO) test -count=1 -p 1 -run 'Promises/.*killed' ./seeder/pgdb ./seeder/mydb
	$(GO) run ./integration/suites

drivers: ## the drivers whose languages are too large for every run of the tests: Java (JDBC), ODBC, Perl, Ruby, R, C++, the ORMs of Python and Node
	@scripts/need.sh cc $(SERVERS)
	DRIVERS=all $(GO) test -v -count=1 -timeout 40m -run Languages ./integration

others: ## other MySQL, MariaDB, Percona Server and PostgreSQL (OTHER="mysql-8.0 percona-5.7": these), unpacked below OTHERS (.others), and what of the tests needs a server against them
	@scripts/need.sh cc
	@for s in $(OTHER); do \
		scripts/other-servers.sh $$s $(OTHERS)/$$s || exit 1; \
		case $$s in \
		postgresql-*) HONEYROW_PG_BIN=$(OTHERS)/$$s/bin $(GO) test -count=1 -p 1 -timeout 15m ./proxy/pgwire ./seeder/pgdb || exit 1; continue ;; \
		esac; \
		export HONEYROW_MY_BIN=$(OTHERS)/$$s/bin; \
		$(GO) test -count=1 -p 1 -timeout 15m ./internal/myserver ./proxy/mywire ./seeder/mydb && \
		$(GO) test -count=1 -p 1 -run 'MariaDB|MySQL|Machine|Stranger' ./internal/doctor ./internal/app ./cmd/honeyrow && \
		$(GO) test -count=1 -p 1 -timeout 20m -run 'MariaDB|NotSent|OrdinaryStatements|LaunderedValue|SaidToBeUnseen' ./integration/transcripts ./integration/waysout && \
		$(GO) test -count=1 -run TestSysbenchRunsOnMariaDB ./integration && \
		$(GO) test -count=1 -run '/mariadb' ./demo || exit 1; \
		case $$s in mysql-8.4) $(GO) test -count=1 -run TheWholeStory ./docker || exit 1 ;; esac; \
		case $$s in mysql-8.4 | mysql-9) $(GO) run ./integration/suites -suite go- || exit 1 ;; esac; \
	done

soak: ## clients do everything before real servers for SOAK (1h), under the race detector; memory and goroutines must stay flat (SOAK_PROFILES=FOLDER keeps heap profiles); then IDLE (5000) idle clients
	@scripts/need.sh cc $(SERVERS)
	SOAK=$(SOAK) $(GO) test -race -v -count=1 -timeout 0 -run Flat ./integration/soak
	IDLE=$(IDLE) $(GO) test -v -count=1 -timeout 20m -run Idle ./integration/soak

commit-latency: ## how long a detection waits for its commit: writes docs/commit-figures.md
	$(GO) run ./integration/commit -markdown docs/commit-figures.md

bench: bin/honeyrow ## direct, a framing relay, PgBouncer and HAProxy, honeyrow: side by side, before PostgreSQL and MariaDB (BENCH="-flags")
	@scripts/need.sh $(SERVERS) sysbench
	@scripts/need.sh pgbouncer haproxy || echo "bench: goes on without those that are missing"
	$(GO) run ./integration/bench $(BENCH)

eval: ## what the detectors see and mistake, on corpora of statements (EVAL="-flags")
	$(GO) run ./integration/eval $(EVAL)
	@$(MAKE) --no-print-directory camouflage

camouflage: ## how well honey rows hide: planted on real servers, dumped, hunted for by three thieves (CAMOUFLAGE="-flags")
	@scripts/need.sh $(SERVERS)
	$(GO) run ./integration/camouflage --samples $(SAMPLES) $(CAMOUFLAGE)

samples: ## download the sample databases that `make eval` also plants in, to SAMPLES (.samples)
	$(GO) run ./integration/camouflage --download --samples $(SAMPLES)

scale: ## 100,000 honey rows over 500 tables: planned, planted, looked up, verified, removed; how long locks are held (SCALE="-flags")
	@scripts/need.sh $(SERVERS)
	$(GO) run ./integration/scale $(SCALE)

fuzz: ## every fuzz target for FUZZTIME (default 1m) each
	@scripts/fuzz.sh $(FUZZTIME)

# What the demo is played with, by DB.
PLAYED_ON = $(filter-out $(if $(filter mariadb,$(DB)),postgresql psql pg_dump,$(if $(filter postgres,$(DB)),mariadbd mariadb mariadb-dump)),postgresql psql pg_dump mariadbd mariadb mariadb-dump)

demo: ## the whole story against a private PostgreSQL and MariaDB (DB=postgres, DB=mariadb: one of them); KEEP=1 leaves it running
	@scripts/need.sh cc $(PLAYED_ON)
	@mkdir -p bin
	@$(GO) build -trimpath -o bin/honeyrow ./cmd/honeyrow
	@$(GO) build -trimpath -o bin/demo ./demo
	@bin/demo -honeyrow bin/honeyrow -db '$(DB)' $(if $(filter-out 0,$(KEEP)),-keep)

clean: ## remove what was built
	rm -rf bin dist
