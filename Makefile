# Two commands are enough: `make book` to read, `make lab` to work. `make help` lists the rest.
# Where there is no make (Windows): `py requirements/install.py course`, activate .venv, then `course book`, ...

# The Python that makes .venv; it must be 3.11, 3.12 or 3.13.
PYTHON ?= python3
COURSE := .venv/bin/course
INSTALL = @command -v $(PYTHON) >/dev/null || { \
	echo "There is no $(PYTHON); install Python 3.11, 3.12 or 3.13, or name one: make PYTHON=/path/to/python3.12 ..." >&2; \
	exit 2; }; $(PYTHON) requirements/install.py

.DEFAULT_GOAL := help
.PHONY: help book lab quick test mutants doctor check notebooks lock retrain bench book-env course-env clean

help:  ## list the targets
	@echo "PYTHON=$(PYTHON) makes .venv; targets:"
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

book-env:
	$(INSTALL) book

course-env:  ## install everything into .venv and do nothing else
	$(INSTALL) course $(if $(CPU),--cpu)

ifdef EXECUTE
book: course-env  ## render the book to _book/; EXECUTE=1 first runs all notebooks again
	@$(COURSE) book --execute
else
book: book-env
	@$(COURSE) book
endif

lab: course-env  ## open JupyterLab on the learner's notebooks (CPU=1: smaller install without CUDA)
	@$(COURSE) lab

quick: course-env  ## lint, the book's rules, docstring examples and the short tests: under three minutes
	@$(COURSE) quick $(ARGS)

test: course-env  ## run all tests; ARGS="-k stardist" is handed on to pytest
	@$(COURSE) test $(ARGS)

mutants: course-env  ## change every solution a little: its check must notice; ARGS="--only 15" for a chapter
	@$(COURSE) mutants $(ARGS)

doctor: course-env  ## prove that every tool works on this machine
	@$(COURSE) doctor $(ARGS)

check: course-env  ## check pages, references, glossary, badges and generated files
	@$(COURSE) check $(ARGS)

notebooks: course-env  ## make and execute the notebooks whose sources changed
	@$(COURSE) notebooks $(ARGS)

retrain: course-env  ## train the course's own checkpoints again (hours)
	@for script in $(filter-out training/published.py,$(wildcard training/*.py)); do echo "== $$script"; .venv/bin/python "$$script" $(ARGS) || exit 1; done

bench: course-env  ## run the timed comparisons; results as JSON in benchmarks/
	@for script in benchmarks/bench_*.py; do echo "== $$script"; .venv/bin/python "$$script" || exit 1; done

# Old pins would be kept by an existing output file, so each lock is made from nothing.
UV_LOCK = .venv/bin/uv pip compile --quiet --no-python-downloads --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
lock: book-env  ## resolve requirements/*.lock anew (see requirements/README.md)
	$(UV_LOCK) pyproject.toml --extra all --group course \
		-c requirements/pins.in --overrides requirements/overrides.txt -o requirements/course.lock.new
	mv requirements/course.lock.new requirements/course.lock
	$(UV_LOCK) --group book -c requirements/course.lock -o requirements/book.lock.new
	mv requirements/book.lock.new requirements/book.lock

clean:  ## remove the rendered book and the environment
	rm -rf _book .venv .quarto
