# The commands of the project; CMake and Ninja do the work. `make help` lists them.
BUILD  ?= build
prefix ?= /usr/local
PODMAN ?= podman

.DEFAULT_GOAL := help
.PHONY: help setup build guests run test interop fuzz bench conformance install format \
	podman-build podman-run podman-clean clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## install missing packages, build the engine once
	@tools/setup

build: setup ## build/ww, the library and the tools
	@tools/build $(BUILD) all

guests: setup ## build/guests/*.wasm, those of the tests
	@tools/build $(BUILD) guests

guest-%: setup ## build/images/NAME alone
	@tools/build $(BUILD) $@

run: setup ## boot the default image
	@tools/build $(BUILD) ww images
	@$(BUILD)/ww run $(BUILD)/images/default

test: setup ## every fast test, the sanitizer build and fuzz smoke included
	@tools/build $(BUILD) all tests
	@tools/build $(BUILD)/san tests --sanitize
	@ctest --test-dir $(BUILD) --output-on-failure -j2

interop: setup ## Cap'n Proto against its Rust and Go libraries, a guest in Go, dataflow against ONNX's evaluator
	@tools/build $(BUILD) capnp_peer onnx_peer ww
	@tools/interop $(BUILD)

fuzz: setup ## long fuzzing of everything that reads foreign bytes
	@tools/build $(BUILD)/san tests --sanitize
	@tools/fuzz $(BUILD)/san

bench: setup ## the table of measurements, also in build/bench.json
	@tools/build $(BUILD) all bench
	@tools/bench $(BUILD)

conformance: setup ## WAST_DIR=DIR: run json-from-wast output, write doc/conformance.md
	@tools/build $(BUILD) tests
	@$(BUILD)/conformance $(WAST_DIR) doc/conformance.md

install: build ## DESTDIR and prefix as usual
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(prefix)

format: ## clang-format every C file in place
	@git ls-files '*.c' '*.h' | grep -v '^gen/' | xargs clang-format-14 -i

podman-build: ## a container image of a clean clone (see Containerfile)
	@$(PODMAN) build --tag localhost/ww --file Containerfile .

podman-run: ## boot the default image in a container
	@$(PODMAN) run --pull=never --rm --interactive $(if $(shell test -t 0 && echo t),--tty) localhost/ww

podman-clean: ## remove the container image
	@$(PODMAN) image rm localhost/ww

clean: ## remove the build folder; the engine's cache stays
	@rm -rf $(BUILD)
