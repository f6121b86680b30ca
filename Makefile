# tiny: build, test, install. `make help` lists the targets. No file lists are kept by hand: every .c of a layer's directory belongs to it.
#   MODULES=   which library modules are embedded: names, all (as it is), none
#   VARIANT=   subdirectory of build/ (asan, gcstress, ...); set by the targets that need one
#   CC=gcc|clang   READLINE=0 (program without readline)   V=1 (show commands)   PREFIX= DESTDIR= (install)

CC ?= gcc
ifeq ($(origin CC),default)
CC = gcc
endif
AR ?= ar
PREFIX ?= /usr/local
VERSION := $(shell sed -n 's/^\#define TINY_VERSION "\(.*\)"/\1/p' include/tiny.h)
VARIANT ?=
B := build$(if $(VARIANT),/$(VARIANT))
Q := $(if $(V),,@)
PYTHON3 ?= python3
PKG_CONFIG ?= pkg-config

# As many jobs as processors, where the user names no number
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

# ---- Debian packages that are needed for these goals and not there are installed first (DEPS=0: they are not looked for). make reads a makefile again, and so
# asks pkg-config again, after it has made a file that it includes. What a build can do without (modules with an outside library) is installed where that is
# possible, and left out with a word where it is not.
DEPS ?= 1
export PKG_CONFIG PYTHON3
ifeq ($(MAKELEVEL)$(DEPS)$(findstring n,$(firstword -$(MAKEFLAGS))),01)
ASK_DEPS = $(strip $(shell PKG_CONFIG='$(PKG_CONFIG)' PYTHON3='$(PYTHON3)' READLINE='$(READLINE)' sh scripts/dev/deps.sh $(1) $(or $(MAKECMDGOALS),all)))
MISSING := $(call ASK_DEPS,missing)
WANTED := $(if $(MAKE_RESTARTS),,$(call ASK_DEPS,wanted))
ifneq ($(MISSING)$(WANTED),)
ifneq ($(MAKE_RESTARTS),)
$(error installed, but $(PKG_CONFIG) does not find them: $(MISSING))
endif
.PHONY: FORCE
build/packages.mk: FORCE
	@sh scripts/dev/deps.sh install $(MISSING) -- $(WANTED)
	@mkdir -p build && echo '# asked for: $(MISSING) $(WANTED)' > $@
include build/packages.mk
endif
endif

# ---- flags
OPT ?= -O2
WARN := -Wall -Wextra -Wshadow -Werror=implicit-function-declaration -Werror=int-conversion -Werror=incompatible-pointer-types
PKG_CORE := libtommath libutf8proc
CFLAGS_BASE := -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -I. -Iinclude -g $(WARN) -fPIE -fvisibility=hidden -fno-math-errno -ffp-contract=off -fno-asynchronous-unwind-tables -fno-unwind-tables
ifneq ($(findstring clang,$(CC)),clang)
CFLAGS_BASE += -fno-semantic-interposition
endif
CORE_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKG_CORE) 2>/dev/null)
CORE_LIBS := $(shell $(PKG_CONFIG) --libs $(PKG_CORE) 2>/dev/null) -lm
SAN :=
ifneq (,$(findstring asan,$(VARIANT)))
SAN := -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
OPT := -O1
endif
ifneq (,$(findstring tsan,$(VARIANT)))
SAN := -fsanitize=thread
OPT := -O1
endif
ifneq (,$(findstring debug,$(VARIANT)))
OPT := -O0
endif
ifneq (,$(findstring gcstress,$(VARIANT)))
CFLAGS_BASE += -DTINY_GC_STRESS=1
endif
ifneq (,$(findstring fuzz,$(VARIANT)))
SAN := -fsanitize=address,undefined,fuzzer-no-link -fno-omit-frame-pointer -fno-sanitize-recover=undefined
OPT := -O1
endif
ALL_CFLAGS = $(CFLAGS_BASE) $(OPT) $(SAN) $(CORE_CFLAGS) $(CFLAGS)
# What a profile shows is compiled for speed; the rest for size (it is two thirds of the code and takes no time). Only the dispatch loop has its jump targets aligned:
# elsewhere that is 5 % more code and no difference.
HOT := vm/eval% vm/call% vm/api.c vm/api_native% vm/api_values% vm/vm.c vm/ops% vm/attr% vm/gc% vm/frame% vm/types% vm/frozen_load% vm/base/mem% vm/base/siphash% vm/base/dtoa% \
  vm/objects/str% vm/objects/dict% $(patsubst %,vm/objects/%.c,list list_sort list_methods int int_ops int_big int_text format float set tuple set_methods generator iter iter_combine itertools itertools_combi operator_types partial lru_cache range shape native signature function bytes class) \
  vm/objects/datetime.c vm/objects/date_calendar.c vm/instance_check% stdlib/builtins.c stdlib/builtins_attr% stdlib/builtins_csv% stdlib/builtins_iter% stdlib/builtins_order% stdlib/builtins_stringio% stdlib/io_text% stdlib/aio% stdlib/random% stdlib/full/aio% lexer/lexer%
PACKED := -falign-functions=8 -falign-loops=1 $(if $(findstring clang,$(CC)),,-falign-jumps=1 -falign-labels=1)
SMALL = $(if $(filter -O2,$(OPT)),$(if $(filter $(HOT),$<),$(if $(filter vm/eval.c,$<),,$(PACKED)),-Os))

# ---- sources
LAYERS := lexer parser vm/base vm vm/objects stdlib
LIB_SRC := $(wildcard $(addsuffix /*.c,$(LAYERS))) tiny.c
FULL_SRC := $(wildcard stdlib/full/*.c)
REPL_SRC := $(wildcard repl/*.c)
# Library code written in tiny: a first-stage build holds its text and compiles it; the final one holds the result. FREEZE=0: text only.
FREEZE ?= 1
BASE_OBJ := $(LIB_SRC:%.c=$(B)/obj/%.o) $(B)/obj/gen/stdlib_table.o
ifeq ($(FREEZE),1)
LIB_OBJ := $(BASE_OBJ) $(B)/obj/gen/frozen_data.o $(B)/obj/gen/frozen_code.o
else
LIB_OBJ := $(BASE_OBJ) $(B)/obj/gen/frozen_stage1.o
endif
REPL_OBJ := $(REPL_SRC:%.c=$(B)/obj/%.o)

# ---- modules with an outside library: stdlib/full/*.c, each naming its pkg-config package in a line `needs: name`; left out where it is missing
FULL_PKG := $(sort $(shell sed -n 's/.*needs: *\([a-z0-9-]*\).*/\1/p' $(FULL_SRC) /dev/null))
FULL_HAVE := $(foreach p,$(FULL_PKG),$(if $(shell $(PKG_CONFIG) --exists $(p) && echo y),$(p)))
FULL_USE := $(foreach f,$(FULL_SRC),$(if $(filter-out $(FULL_HAVE),$(shell sed -n 's/.*needs: *\([a-z0-9-]*\).*/\1/p' $(f))),,$(f)))
FULL_OBJ := $(FULL_USE:%.c=$(B)/obj/%.o) $(if $(FULL_USE),$(B)/obj/gen/full_table.o)
FULL_LIBS := $(if $(FULL_HAVE),$(shell $(PKG_CONFIG) --libs $(FULL_HAVE)))
FULL_CFLAGS := $(if $(FULL_HAVE),$(shell $(PKG_CONFIG) --cflags $(FULL_HAVE)))

# What is made from the list of these modules is made again when the list changes: a library was installed, or is gone
FULL_STAMP := $(B)/gen/full_use
$(shell mkdir -p $(B)/gen; echo '$(FULL_USE)' | cmp -s - $(FULL_STAMP) || echo '$(FULL_USE)' > $(FULL_STAMP))

# relocations in packed form, where the linker knows it
LD_PACK := $(shell echo 'int main(void) { return 0; }' | $(CC) -x c - -pie -Wl,-z,pack-relative-relocs -o /dev/null 2>/dev/null && echo -Wl,-z,pack-relative-relocs)

ifeq ($(origin READLINE),undefined)
READLINE := $(shell $(PKG_CONFIG) --exists readline && echo 1 || echo 0)
endif
ifeq ($(READLINE),1)
REPL_LIBS := $(shell $(PKG_CONFIG) --libs readline)
REPL_CFLAGS := -DTINY_READLINE=1 $(shell $(PKG_CONFIG) --cflags readline)
endif

ifneq ($(FULL_USE),)
REPL_CFLAGS += -DTINY_FULL=1
endif
# The program opens its libraries when it first needs them (x86-64; LAZY=0: at its start). Hosts link libtiny as they link anything.
LAZY ?= $(if $(SAN),0,$(if $(filter Linux-x86_64,$(shell uname -sm | tr ' ' -)),1,0))
ifeq ($(LAZY),1)
REPL_CFLAGS += -DTINY_LAZY=1
LAZY_OBJ := $(B)/obj/gen/lazy_libs.o
endif

.PHONY: all help clean install uninstall test run test-embed test-examples test-tsan test-asan test-oom test-gcstress test-unit test-link test-program test-net soak fuzz bench lint lint-headers dist deps check-link
## all            build/tiny, build/libtiny.a, build/libtiny.so (and libtiny-full.a when there are modules with outside libraries)
all: $(B)/tiny $(B)/libtiny.a $(if $(SAN),,$(B)/libtiny.so) $(if $(FULL_USE),$(B)/libtiny-full.a)

help:
	@sed -n 's/^## //p' Makefile

# environ is data of libc: libtiny.so has to reach it through its table
$(B)/obj/stdlib/os_system.o $(B)/obj/stdlib/os_process.o $(B)/obj/stdlib/os_spawn.o: CFLAGS_BASE += -fPIC

# ---- generated sources: library code written in tiny, as text
# MODULES="json csv": only these of the modules written in tiny (and what they import: name it too); none: no such module. With a VARIANT= of its own.
MODULES ?= all
TINY_SRC := $(if $(filter all,$(MODULES)),$(filter-out stdlib/frozen/%,$(wildcard stdlib/*.tiny stdlib/*/*.tiny)),$(foreach m,$(MODULES),$(wildcard stdlib/$m.tiny stdlib/$m/*.tiny)))
$(B)/gen/frozen_data.c: scripts/dev/embed.py $(wildcard stdlib/frozen/*.tiny) $(TINY_SRC)
	@mkdir -p $(@D)
	$(Q)$(PYTHON3) scripts/dev/embed.py frozen $@ $(filter %.tiny,$^)
$(B)/gen/stdlib_table.c: scripts/dev/embed.py $(wildcard stdlib/*.c)
	@mkdir -p $(@D)
	$(Q)$(PYTHON3) scripts/dev/embed.py table $@ $(filter %.c,$^)

$(B)/gen/full_table.c: scripts/dev/embed.py Makefile $(FULL_STAMP) $(FULL_USE)
	@mkdir -p $(@D)
	$(Q)$(PYTHON3) scripts/dev/embed.py full $@ $(filter %.c,$^)

$(B)/obj/gen/frozen_stage1.o: $(B)/gen/frozen_data.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -DTINY_STAGE1=1 -MMD -MP -c $< -o $@
$(B)/freeze: scripts/dev/freeze.c $(BASE_OBJ) $(B)/obj/gen/frozen_stage1.o
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(CORE_LIBS)
$(B)/gen/frozen_code.c: $(B)/freeze
	@mkdir -p $(@D)
	$(Q)ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0 $(B)/freeze $@.tmp && { cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@; }
$(B)/obj/gen/frozen_code.o: $(B)/gen/frozen_code.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(B)/obj/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(B)/obj/repl/%.o: repl/%.c $(FULL_STAMP)
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(SMALL) $(REPL_CFLAGS) -MMD -MP -c $< -o $@
$(B)/obj/stdlib/full/%.o: stdlib/full/%.c
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(SMALL) $(FULL_CFLAGS) -MMD -MP -c $< -o $@
$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(SMALL) -MMD -MP -c $< -o $@

# ---- the library: one object whose only global names are tiny_*, so that a host's own names cannot meet ours
# What few programs need stands together at the end, so that its pages stay out of the memory of the others.
SELDOM := stdlib/builtins_array stdlib/builtins_b% stdlib/builtins_cmath stdlib/builtins_csv stdlib/builtins_datetime stdlib/builtins_h% stdlib/builtins_imp stdlib/builtins_itertools stdlib/builtins_json \
  stdlib/builtins_pickle stdlib/builtins_s% stdlib/builtins_un% stdlib/deque stdlib/hash% stdlib/math stdlib/os_% stdlib/random stdlib/time% vm/error_% vm/objects/array vm/objects/complex% \
  vm/objects/date% vm/objects/exception_group vm/objects/float_methods vm/objects/format vm/objects/generic_alias vm/objects/iter_combine vm/objects/itertools% vm/objects/list_sort vm/objects/lru_cache \
  vm/objects/memoryview vm/objects/operator_types vm/objects/partial vm/objects/range vm/objects/set_methods vm/objects/str_format vm/objects/str_percent vm/objects/str_search vm/objects/time% \
  vm/objects/tzinfo parser/compile_match parser/parse_pattern
SELDOM_OBJ := $(filter $(SELDOM:%=$(B)/obj/%.o),$(LIB_OBJ))
$(B)/libtiny.o: $(LIB_OBJ)
	$(Q)ld -r -o $@.tmp $(filter-out $(SELDOM_OBJ),$(LIB_OBJ)) $(SELDOM_OBJ)
	$(Q)objcopy --wildcard --keep-global-symbol='tiny_*' $@.tmp
	$(Q)mv $@.tmp $@
$(B)/libtiny.a: $(B)/libtiny.o
	$(Q)rm -f $@ && $(AR) rcs $@ $<
$(B)/libtiny.so: $(B)/libtiny.o
	$(Q)$(CC) -shared $(SAN) -Wl,-Bsymbolic,-soname,libtiny.so.0 -o $@ $< $(CORE_LIBS)
$(B)/libtiny-full.a: $(FULL_OBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $(FULL_OBJ)
ifneq (,$(SAN))
# a sanitized program links the objects themselves: objcopy would hide the sanitizer's own symbols
$(B)/tiny: $(LIB_OBJ) $(REPL_OBJ) $(FULL_OBJ)
	@echo "  ld $@"
	$(Q)$(CC) $(SAN) -o $@ $^ $(REPL_LIBS) $(FULL_LIBS) $(CORE_LIBS) $(LDFLAGS)
else
$(B)/tiny: $(REPL_OBJ) $(FULL_OBJ) $(B)/libtiny.o $(LAZY_OBJ)
	@echo "  ld $@"
	$(Q)$(CC) -pie $(LD_PACK) -Wl,--gc-sections -o $@ $^ $(if $(LAZY_OBJ),$$(cat $(B)/gen/lazy_libs.rest),$(REPL_LIBS) $(FULL_LIBS) $(CORE_LIBS)) $(LDFLAGS)
$(B)/gen/lazy_libs.S: scripts/dev/lazy_libs.py $(REPL_OBJ) $(FULL_OBJ) $(B)/libtiny.o
	@mkdir -p $(@D)
	$(Q)$(PYTHON3) $< $@.tmp $(CC) $(filter %.o,$^) -- $(REPL_LIBS) $(FULL_LIBS) $(CORE_LIBS) > $(@:.S=.rest)
	$(Q)cmp -s $@.tmp $@ || cp $@.tmp $@; rm $@.tmp; touch $@
$(B)/obj/gen/lazy_libs.o: $(B)/gen/lazy_libs.S
	@mkdir -p $(@D)
	$(Q)$(CC) -c $< -o $@
endif

# names that some file uses and none defines (while the tree is growing)
check-link: $(LIB_OBJ)
	@nm -u $(LIB_OBJ) | awk '/ U /{print $$2}' | sort -u > $(B)/undef.txt; nm --defined-only $(LIB_OBJ) | awk 'NF==3{print $$3}' | sort -u > $(B)/def.txt; \
	  comm -23 $(B)/undef.txt $(B)/def.txt | grep -vE '^(mp_|utf8proc_)' | tr '\n' ' '; echo

-include $(LIB_OBJ:.o=.d) $(REPL_OBJ:.o=.d) $(FULL_OBJ:.o=.d)

## deps           install what a build, the program and its modules need (make run and make test do it too); DEPS=0: leave packages alone
deps:
	@echo "all packages are there"

## run            build, and show the language on scripts/tour.tiny
run: $(B)/tiny
	@$(B)/tiny scripts/tour.tiny

## test           everything a change has to pass: unit tests, scripts, hosts, layers, symbols; scripts and hosts again under sanitizers
# (a part that fails does not keep the others from running: what they say is worth having in the same report)
FAILED = $(B)/failed-parts
PART = @echo '== $(1)'; start=$$(date +%s); { $(2); } || { echo 'FAIL: $(1)' | tee -a $(FAILED); }; echo "   $(1): $$(($$(date +%s) - start)) s"
test: all
	@rm -f $(FAILED)
	$(call PART,unit,$(MAKE) --no-print-directory test-unit)
	$(call PART,scripts,$(PYTHON3) scripts/dev/run_tests.py --tiny $(B)/tiny)
	$(call PART,program,$(MAKE) --no-print-directory test-program)
	$(call PART,network,$(MAKE) --no-print-directory test-net)
	$(call PART,hosts,$(MAKE) --no-print-directory test-embed test-examples)
	$(call PART,layers and symbols,$(PYTHON3) scripts/dev/check_includes.py && $(PYTHON3) scripts/dev/check_symbols.py $(B)/libtiny.a && $(MAKE) --no-print-directory test-link)
	$(call PART,threads,$(MAKE) --no-print-directory test-tsan)
	$(call PART,sanitizers,$(MAKE) --no-print-directory test-asan)
	@if [ -s $(FAILED) ]; then cat $(FAILED); exit 1; fi; echo "all tests passed"

# ---- unit tests (Check): tests/unit/test_*.c, linked against the objects (they see internal names)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)
CHECK_LIBS := $(shell $(PKG_CONFIG) --libs check 2>/dev/null)
$(B)/unit/%: tests/unit/%.c $(LIB_OBJ)
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(shell $(PKG_CONFIG) --cflags check 2>/dev/null) -MMD -MP -o $@ $< $(LIB_OBJ) $(CHECK_LIBS) $(CORE_LIBS)
## test-unit      the unit tests alone (needs the package check)
test-unit:
	@if [ -n "$(CHECK_LIBS)" ] && [ -n "$(UNIT_SRC)" ]; then $(MAKE) --no-print-directory $(UNIT_BIN) && for t in $(UNIT_BIN); do $$t || exit 1; done; \
	 elif [ -n "$(UNIT_SRC)" ]; then echo "unit tests left out: apt-get install check"; fi
-include $(UNIT_BIN:=.d)

## test-program   the command line and the prompt in a terminal, compared with python3 (tests/cli, tests/repl)
test-program: all
	@$(B)/tiny scripts/tour.tiny >/dev/null
	@for t in $(wildcard tests/cli/test_*.py tests/repl/test_*.py); do $(PYTHON3) $$t --tiny $(B)/tiny || exit 1; done

## test-net       servers and clients made by scripts: asked by curl, wrk and socat, without descriptors, under some load (tests/net)
test-net: all
	@for t in $(wildcard tests/net/test_*.py); do $(PYTHON3) $$t --tiny $(B)/tiny || exit 1; done

## soak           10,000 idle and 1000 busy connections to an echo server for 30 s, then connections that end in every way: replies, memory and descriptors are checked.
##                SOAK='--idle 100 --active 10 --seconds 5 --churn 100 --server "python3 {script} {port}"': scripts/dev/soak.py --help
soak: all
	@$(PYTHON3) scripts/dev/soak.py --tiny $(B)/tiny $(SOAK)

## test-embed     programs that embed the VM (tests/embed/*.c; full_*.c: with modules that need libuv)
EMBED_SRC := $(filter-out $(if $(filter libuv,$(FULL_HAVE)),,tests/embed/full_%),$(wildcard tests/embed/*.c))
EMBED_BIN := $(EMBED_SRC:tests/embed/%.c=$(B)/embed/%)
test-embed: $(EMBED_BIN)
	@for t in $(EMBED_BIN); do $$t || { echo "FAIL $$t"; exit 1; }; done
$(B)/embed/%: tests/embed/%.c $(LIB_OBJ)
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $< $(LIB_OBJ) $(CORE_LIBS) -lpthread
$(B)/embed/full_%: tests/embed/full_%.c $(LIB_OBJ) $(FULL_OBJ)
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $< $(FULL_OBJ) $(LIB_OBJ) $(FULL_LIBS) $(CORE_LIBS) -lpthread
-include $(EMBED_BIN:=.d)

## test-examples  examples/*.c, built as a stranger would: against an installed header and library, by pkg-config
test-examples: all
	@rm -rf $(B)/stage && $(MAKE) --no-print-directory install PREFIX=$(abspath $(B)/stage) >/dev/null
	@$(PYTHON3) scripts/dev/run_examples.py --stage $(B)/stage --cc $(CC)

## test-tsan      VMs in several threads under ThreadSanitizer
test-tsan:
	@$(MAKE) --no-print-directory VARIANT=tsan build/tsan/embed/threads build/tsan/embed/operations build/tsan/embed/pauses
	@build/tsan/embed/threads && build/tsan/embed/operations && build/tsan/embed/pauses

## test-asan      the language tests with address and undefined-behaviour sanitizers
test-asan:
	@$(MAKE) --no-print-directory VARIANT=asan build/asan/tiny
	@ASAN_OPTIONS=detect_stack_use_after_return=0 $(MAKE) --no-print-directory VARIANT=asan test-embed
	@ASAN_OPTIONS=detect_stack_use_after_return=0 $(PYTHON3) scripts/dev/run_tests.py --tiny build/asan/tiny
	@for t in $(wildcard tests/net/test_*.py); do ASAN_OPTIONS=detect_stack_use_after_return=0 $(PYTHON3) $$t --tiny build/asan/tiny || exit 1; done

## test-gcstress  the language tests with a collection at every safe point, sanitized
test-gcstress:
	@$(MAKE) --no-print-directory VARIANT=gcstress-asan build/gcstress-asan/tiny
	@ASAN_OPTIONS=detect_stack_use_after_return=0 $(PYTHON3) scripts/dev/run_tests.py --tiny build/gcstress-asan/tiny --slow

## test-oom       every allocation of some scripts fails once, and from some point on; nothing may crash or leak
test-oom:
	@$(MAKE) --no-print-directory VARIANT=asan build/asan/oom
	@build/asan/oom $(wildcard tests/oom/*.tiny)
$(B)/oom: tests/oom/oom.c $(LIB_OBJ)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(LIB_OBJ) $(CORE_LIBS)

## test-link      a program links the VM without the compiler
test-link: $(LIB_OBJ)
	@mkdir -p $(B)/link
	@rm -f $(B)/link/libvm.a && $(AR) rcs $(B)/link/libvm.a $(filter-out $(B)/obj/lexer/% $(B)/obj/parser/% $(B)/obj/tiny.o $(B)/obj/stdlib/%,$(LIB_OBJ))
	@$(CC) $(ALL_CFLAGS) -o $(B)/link/vm_alone tests/link/vm_alone.c $(B)/link/libvm.a $(CORE_LIBS) && $(B)/link/vm_alone

## fuzz           build/fuzz/fuzz_*: libFuzzer programs from tests/fuzz/*.c (clang)
FUZZ_SRC := $(wildcard tests/fuzz/*.c)
fuzz:
	@$(MAKE) --no-print-directory CC=clang VARIANT=fuzz $(FUZZ_SRC:tests/fuzz/%.c=build/fuzz/%)
build/fuzz/%: tests/fuzz/%.c $(LIB_OBJ)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $< $(LIB_OBJ) $(CORE_LIBS)

## bench          the benchmark programs against python3
bench: all
	@$(PYTHON3) scripts/dev/bench.py --tiny $(B)/tiny

## lint           warnings as errors under gcc and clang, include layers, headers alone, symbols of the library
lint: lint-headers
	@$(PYTHON3) scripts/dev/check_includes.py
	@$(MAKE) --no-print-directory CC=gcc VARIANT=lint-gcc CFLAGS="-Werror" build/lint-gcc/libtiny.a build/lint-gcc/tiny
	@if command -v clang >/dev/null; then $(MAKE) --no-print-directory CC=clang VARIANT=lint-clang CFLAGS="-Werror" build/lint-clang/libtiny.a build/lint-clang/tiny; fi
	@$(PYTHON3) scripts/dev/check_symbols.py build/lint-gcc/libtiny.a
lint-headers:
	@for h in include/*.h $(wildcard $(addsuffix /*.h,$(LAYERS))); do case $$h in vm/opcodes.h) ;; *) $(CC) $(ALL_CFLAGS) -fsyntax-only -x c $$h || exit 1;; esac; done

## install        PREFIX=/usr/local DESTDIR=: program, library, tiny.h, tiny.pc
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -s -m 755 $(B)/tiny $(DESTDIR)$(PREFIX)/bin/tiny
	install -m 644 include/tiny.h $(DESTDIR)$(PREFIX)/include/tiny.h
	install -m 644 $(B)/libtiny.a $(DESTDIR)$(PREFIX)/lib/libtiny.a
	strip -S $(DESTDIR)$(PREFIX)/lib/libtiny.a
	install -s -m 755 $(B)/libtiny.so $(DESTDIR)$(PREFIX)/lib/libtiny.so.$(VERSION)
	ln -sf libtiny.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libtiny.so.0
	ln -sf libtiny.so.0 $(DESTDIR)$(PREFIX)/lib/libtiny.so
	printf 'prefix=$(PREFIX)\nlibdir=$${prefix}/lib\nincludedir=$${prefix}/include\n\nName: tiny\nDescription: the tiny scripting language\nVersion: $(VERSION)\nRequires.private: $(PKG_CORE)\nLibs: -L$${libdir} -ltiny\nLibs.private: -lm\nCflags: -I$${includedir}\n' > $(DESTDIR)$(PREFIX)/lib/pkgconfig/tiny.pc
	$(if $(FULL_USE),install -m 644 $(B)/libtiny-full.a $(DESTDIR)$(PREFIX)/lib/libtiny-full.a)
	$(if $(FULL_USE),printf 'prefix=$(PREFIX)\nlibdir=$${prefix}/lib\n\nName: tiny-full\nDescription: modules of tiny that need other libraries\nVersion: $(VERSION)\nRequires: tiny $(FULL_HAVE)\nLibs: -L$${libdir} -ltiny-full\n' > $(DESTDIR)$(PREFIX)/lib/pkgconfig/tiny-full.pc)
## uninstall      what install installed, with the same PREFIX= DESTDIR=
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/tiny $(DESTDIR)$(PREFIX)/include/tiny.h $(DESTDIR)$(PREFIX)/lib/libtiny.* $(DESTDIR)$(PREFIX)/lib/libtiny-full.a $(DESTDIR)$(PREFIX)/lib/pkgconfig/tiny.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/tiny-full.pc

## dist           build/tiny-VERSION.tar.gz from the committed files
dist:
	@mkdir -p build
	git archive --prefix=tiny-$(VERSION)/ -o build/tiny-$(VERSION).tar.gz HEAD

## clean          remove build/
clean:
	rm -rf build
