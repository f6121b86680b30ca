# tiny: build, test, install. `make help` lists the targets. No file lists are kept by hand: every .c of a layer's directory belongs to it.
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

# ---- flags
OPT ?= -O2
WARN := -Wall -Wextra -Wshadow
PKG_CORE := libtommath libutf8proc
CFLAGS_BASE := -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -I. -Iinclude -g $(WARN) -fPIE -fvisibility=hidden -fno-math-errno -ffp-contract=off
ifneq ($(findstring clang,$(CC)),clang)
CFLAGS_BASE += -fno-semantic-interposition
endif
CORE_CFLAGS := $(shell pkg-config --cflags $(PKG_CORE) 2>/dev/null)
CORE_LIBS := $(shell pkg-config --libs $(PKG_CORE) 2>/dev/null) -lm
SAN :=
ifneq (,$(findstring asan,$(VARIANT)))
SAN := -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
OPT := -O1
endif
ifneq (,$(findstring debug,$(VARIANT)))
OPT := -O0
endif
ALL_CFLAGS = $(CFLAGS_BASE) $(OPT) $(SAN) $(CORE_CFLAGS) $(CFLAGS)

# ---- sources
LAYERS := lexer parser vm/base vm vm/objects stdlib
LIB_SRC := $(wildcard $(addsuffix /*.c,$(LAYERS))) tiny.c
FULL_SRC := $(wildcard stdlib/full/*.c)
REPL_SRC := $(wildcard repl/*.c)
GEN_SRC := build/gen/frozen_data.c build/gen/stdlib_table.c
LIB_OBJ := $(LIB_SRC:%.c=$(B)/obj/%.o) $(GEN_SRC:build/%.c=$(B)/obj/%.o)
REPL_OBJ := $(REPL_SRC:%.c=$(B)/obj/%.o)

# ---- modules with an outside library: stdlib/full/*.c, each naming its pkg-config package in a line `needs: name`; left out where it is missing
FULL_PKG := $(sort $(shell sed -n 's/.*needs: *\([a-z0-9-]*\).*/\1/p' $(FULL_SRC) /dev/null))
FULL_HAVE := $(foreach p,$(FULL_PKG),$(if $(shell pkg-config --exists $(p) && echo y),$(p)))
FULL_USE := $(foreach f,$(FULL_SRC),$(if $(filter-out $(FULL_HAVE),$(shell sed -n 's/.*needs: *\([a-z0-9-]*\).*/\1/p' $(f))),,$(f)))
FULL_OBJ := $(FULL_USE:%.c=$(B)/obj/%.o)
FULL_LIBS := $(if $(FULL_HAVE),$(shell pkg-config --libs $(FULL_HAVE)))
FULL_CFLAGS := $(if $(FULL_HAVE),$(shell pkg-config --cflags $(FULL_HAVE)))

READLINE ?= $(shell pkg-config --exists readline && echo 1 || echo 0)
ifeq ($(READLINE),1)
REPL_LIBS := $(shell pkg-config --libs readline)
REPL_CFLAGS := -DTINY_READLINE=1 $(shell pkg-config --cflags readline)
endif

.PHONY: all help clean install uninstall test run test-asan test-oom test-gcstress test-unit fuzz bench lint dist deps check-link tidy
all: $(B)/tiny $(B)/libtiny.a $(B)/libtiny.so

help:
	@sed -n 's/^## //p' Makefile

# ---- generated sources: library code written in tiny, as text
build/gen/frozen_data.c: scripts/dev/embed.py $(wildcard stdlib/frozen/*.tiny) $(wildcard stdlib/*.tiny)
	@mkdir -p build/gen
	$(Q)$(PYTHON3) scripts/dev/embed.py frozen $@ $(filter %.tiny,$^)
build/gen/stdlib_table.c: scripts/dev/embed.py $(wildcard stdlib/*.c)
	@mkdir -p build/gen
	$(Q)$(PYTHON3) scripts/dev/embed.py table $@ $(filter %.c,$^)

$(B)/obj/gen/%.o: build/gen/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(B)/obj/repl/%.o: repl/%.c
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(REPL_CFLAGS) -MMD -MP -c $< -o $@
$(B)/obj/stdlib/full/%.o: stdlib/full/%.c
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(FULL_CFLAGS) -MMD -MP -c $< -o $@
$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# ---- the library: one object whose only global names are tiny_*, so that a host's own names cannot meet ours
$(B)/libtiny.o: $(LIB_OBJ)
	$(Q)ld -r -o $@.tmp $(LIB_OBJ)
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
$(B)/tiny: $(REPL_OBJ) $(FULL_OBJ) $(B)/libtiny.o
	@echo "  ld $@"
	$(Q)$(CC) -pie -o $@ $^ $(REPL_LIBS) $(FULL_LIBS) $(CORE_LIBS) $(LDFLAGS)
endif

# names that some file uses and none defines (while the tree is growing)
check-link: $(LIB_OBJ)
	@nm -u $(LIB_OBJ) | awk '/ U /{print $$2}' | sort -u > $(B)/undef.txt; nm --defined-only $(LIB_OBJ) | awk 'NF==3{print $$3}' | sort -u > $(B)/def.txt; \
	  comm -23 $(B)/undef.txt $(B)/def.txt | grep -vE '^(mp_|utf8proc_)' | tr '\n' ' '; echo

-include $(LIB_OBJ:.o=.d) $(REPL_OBJ:.o=.d) $(FULL_OBJ:.o=.d)

## clean          remove build/
clean:
	rm -rf build

## test           unit tests, language tests, embedding tests
test: all
	@if [ -f scripts/dev/run_tests.py ]; then $(PYTHON3) scripts/dev/run_tests.py --tiny $(B)/tiny; else echo "no tests yet"; fi
