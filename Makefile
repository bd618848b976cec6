# Targets:
#   all      build/perdure and build/libperdure.a; what `make` does
#   demo     install what the build needs, build, run the example scenario
#   test     unit and run tests, TESTS= for them; make SAN=asan test (and ubsan with it)
#   check    everything a change must pass (ci/check); check-long: hours of worlds
#   bench    measure, print a table, write build/bench.json
#   fidelity real Celery workers beside the model of them; installs Celery
#   fuzz     20 s of libFuzzer a fuzzer; fuzz-replay: only the kept inputs
#   fmt      clang-format; fmt-check only looks; tidy runs clang-tidy
#   install  under DESTDIR and PREFIX; clean removes build/
# Variables, each combination with a directory build/<variant> of its own:
#   CC=gcc|clang   OPT=-O0   ALLOC=glibc (no jemalloc)   SAN=asan|ubsan|fuzz
#   WERROR= (empty) turns warnings back into warnings, for other compilers.
VERSION = 0.1.0
PREFIX = /usr/local
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
OPT = -O2
WERROR = -Werror

asan = address,undefined
ubsan = undefined
fuzz = fuzzer-no-link,address
ifneq ($(SAN),)
ALLOC = glibc
WERROR = # gcc guesses wrongly about code that a sanitizer has rewritten
SANFLAGS = -fsanitize=$(or $($(SAN)),$(error SAN is asan, ubsan or fuzz)) \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
RUNENV = ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
endif
WORDS = $(filter-out gcc cc,$(notdir $(CC))) $(patsubst -%,%,$(filter-out -O2,$(OPT))) \
	$(or $(SAN),$(filter glibc,$(ALLOC)))
V = $(or $(subst $() ,-,$(strip $(WORDS))),release)
B = build/$V

ALLFLAGS = -std=c17 $(or $(PLAIN),$(OPT)) -g -I. -D_GNU_SOURCE -ffp-contract=off -Wall -Wextra \
	-Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion \
	-Wvla -Wdate-time $(WERROR) $(if $(filter glibc,$(ALLOC)),-DPERDURE_NO_JEMALLOC) $(SANFLAGS) $(CFLAGS)
LIBS = -lfiu $(if $(filter glibc,$(ALLOC)),,-ljemalloc) -lcjson -lsqlite3 -lsodium -lzstd -levent -lm
ROOMS = engine engine/host engine/host/lambda sim sim/platform faults reports scenarios scenarios/validate scenarios/measure scenarios/lambda
objs = $(patsubst %.c,$B/obj/%.o,$(sort $(wildcard $1)))
LIBOBJS = $(patsubst $B/obj/%,$B/lib/%,$(call objs,engine/*.c engine/host/*.c))
MAIN = $B/obj/scenarios/main.o
OBJS = $(filter-out $(MAIN),$(call objs,$(ROOMS:=/*.c)))
FUZZERS = $(filter-out replay_main,$(basename $(notdir $(wildcard tests/fuzz/*.c))))
CFILES = $(wildcard $(ROOMS:=/*.[ch]) tests/*/*.[ch])
LINK = @echo "$(CC) $@" && $(CC) $(OPT) -g $(SANFLAGS) -Wl,-z,now $(LDFLAGS) -o $@ $(filter %.o,$^)

all: $B/perdure $B/libperdure.a $(if $(filter release,$V),build/perdure build/libperdure.a)
build/perdure build/libperdure.a: build/%: build/release/%
	cp -f $< $@
$B/perdure: $(MAIN) $(OBJS)
	$(LINK) $(LIBS)
$B/libperdure.a: $(LIBOBJS)
	@rm -f $@ && ar rcs $@ $^
$B/tests: $(call objs,tests/unit/*.c tests/run/*.c tests/support/*.c) $(OBJS)
	$(LINK) $(LIBS) -lcriterion
$B/bench: $(call objs,tests/bench/*.c tests/support/durable_bed.c tests/support/k8s_bed.c tests/support/cause_check.c) $(OBJS)
	$(LINK) $(LIBS)
$B/fidelity: $(call objs,tests/fidelity/*.c tests/support/celery_bed.c) $(OBJS)
	$(LINK) $(LIBS)
$B/fuzz-%: $B/obj/tests/fuzz/%.o $(OBJS)
	$(LINK) -fsanitize=fuzzer $(LIBS)
$B/replay-%: $B/obj/tests/fuzz/%.o $B/obj/tests/fuzz/replay_main.o $(OBJS)
	$(LINK) $(LIBS)
CHARTS = $(patsubst %/dygraph.min.js,%,$(wildcard /usr/share/javascript/dygraphs/dygraph.min.js))
$B/obj/reports/library.o: reports/page_script.js $(CHARTS:%=%/dygraph.min.js)
$B/obj/reports/library.o: DEFS = $(CHARTS:%=-DPERDURE_CHARTS='"%"')
# Tests compile twice as fast unoptimised, and run but once.
$B/obj/tests/unit/%.o $B/obj/tests/run/%.o: PLAIN = -O0
$(MAIN) tidy: DEFS = -DPERDURE_VERSION='"$(VERSION)"'
COMPILE = @mkdir -p $(@D) && echo "$(CC) $@" && $(CC) $(ALLFLAGS) -MMD -MP -c -o $@ $<
$B/lib/%.o: %.c Makefile
	$(COMPILE)
$B/obj/%.o: %.c Makefile
	$(COMPILE) -DFIU_ENABLE $(DEFS)
-include $(wildcard $B/obj/*/*.d $B/obj/*/*/*.d $B/obj/*/*/*/*.d $B/lib/*/*.d $B/lib/*/*/*.d)

demo:
	@ci/setup build
	@$(MAKE) --no-print-directory all
	build/perdure demo build/demo
test: $B/tests $B/perdure
	$(RUNENV) $B/tests $(TESTS)
check check-long:
	@ci/$@
bench: $B/bench $B/perdure
	@ci/npm lambda >/dev/null || :
	$B/bench
fidelity:
	@ci/setup fidelity
	@$(MAKE) --no-print-directory $B/fidelity
	/usr/bin/python3 tests/fidelity/fidelity.py $B
fuzz-replay: $(FUZZERS:%=$B/replay-%)
	@for f in $(FUZZERS); do $(RUNENV) $B/replay-$$f tests/fuzz/corpus/$$f/* || exit 1; done
fuzz:
	@$(MAKE) --no-print-directory CC=clang SAN=fuzz fuzz-run
fuzz-run: $(FUZZERS:%=$B/fuzz-%)
	@ci/fuzz $B $(FUZZERS)
fmt:
	clang-format -i $(CFILES)
fmt-check:
	clang-format --dry-run -Werror $(CFILES)
tidy: $(patsubst %.c,tidy/%,$(filter %.c,$(CFILES)))
tidy/%: %.c
	@clang-tidy --quiet $< -- $(ALLFLAGS) -DFIU_ENABLE $(DEFS)
install: all
	ci/install $B $(DESTDIR)$(PREFIX) $(PREFIX) $(VERSION)
clean:
	rm -rf build
.PHONY: all demo test check check-long bench fidelity fuzz fuzz-run fuzz-replay fmt fmt-check tidy install clean
.SECONDARY:
