# SPDX-License-Identifier: MIT
# Hospes. Everything is built below $(BUILD); `make help` lists what there is.
# Targets that need more than a compiler run scripts/setup first and then this file again, as what is read here
# (installed libraries, headers) changes with what setup installs.
#
#   make               build/hospes.elf, the hypervisor
#   make run           boot it with a Debian domain 0 in QEMU, console on this terminal
#   make test          every test; ends with "N passed, N failed"

BUILD  ?= build
CC     := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
LD     ?= ld
HOSTCC ?= gcc
PYTHON ?= python3
V      ?= 0
Q      := $(if $(filter 0,$(V)),@)

.PHONY: all exercise fuzz run test test-full test-host host-tests fuzz-replay host-lib iso bench gdb guests lint coverage clean help
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

FOLDERS  := lib x86 machine core mm irq sched ipc dom pv hcall init
GEN      := $(BUILD)/gen
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unused-parameter

# ---- the hypervisor ----------------------------------------------------------------------------------------------
HV_CFLAGS := -std=gnu17 -O2 -g $(WARNINGS) -ffreestanding -fno-common -fno-stack-protector -fno-strict-aliasing \
    -mno-red-zone -mgeneral-regs-only -fpie -fno-asynchronous-unwind-tables -fno-omit-frame-pointer \
    -ffunction-sections -fdata-sections -fno-tree-loop-distribute-patterns -fno-jump-tables \
    -Ihypervisor -I$(GEN) -include hypervisor/lib/hidden.h -D__XEN_TOOLS__ -D__XEN_INTERFACE_VERSION__=0x00041100 -MMD -MP
ifeq ($(findstring clang,$(CC)),clang)
HV_CFLAGS := $(filter-out -fno-tree-loop-distribute-patterns,$(HV_CFLAGS)) -fno-builtin
endif
HV_CFLAGS += $(if $(DEBUG),,-DNDEBUG)
# One program to the optimizer: small functions of one layer, called a million times by another, are worth a sixth of
# all instructions. The objects are complete without it too, for those who look at symbols.
LTO := $(if $(findstring clang,$(CC)),,-flto=auto -ffat-lto-objects)

HV_C   := $(foreach d,$(FOLDERS),$(wildcard hypervisor/$(d)/*.c hypervisor/$(d)/*/*.c))
HV_S   := $(filter-out %/wrap.S,$(wildcard hypervisor/machine/*.S))
HV_OBJ := $(HV_C:%.c=$(BUILD)/%.o) $(HV_S:%.S=$(BUILD)/%.o)
GENERATED := $(GEN)/hypercalls.gen.h $(GEN)/hypercall-names.gen.h $(GEN)/asm-offsets.gen.h
# The decoders that boot needs; the linker takes only what is called.
BOOT_LIBS := $(foreach l,lzma zstd z lz4,$(firstword $(wildcard /usr/lib/x86_64-linux-gnu/lib$(l).a /usr/lib/lib$(l).a)))

all: $(BUILD)/hospes.elf ## the hypervisor, $(BUILD)/hospes.elf (the default; DEBUG=1: with assertions, CC=clang)

HCALL_GEN = $(Q)mkdir -p $(@D) && $(PYTHON) scripts/gen-hypercalls.py hypervisor/hcall/hypercalls.tbl $(1) > $@
HCALL_DEPS := hypervisor/hcall/hypercalls.tbl scripts/gen-hypercalls.py
$(GEN)/hypercalls.gen.h: $(HCALL_DEPS)
	$(call HCALL_GEN,dispatch)
$(GEN)/hypercall-names.gen.h: $(HCALL_DEPS)
	$(call HCALL_GEN,names)
$(GEN)/guest-stubs.gen.h: $(HCALL_DEPS)
	$(call HCALL_GEN,stubs)

$(GEN)/asm-offsets.gen.h: hypervisor/machine/asm-offsets.c $(wildcard hypervisor/*/*.h) | $(GEN)/hypercalls.gen.h $(GEN)/hypercall-names.gen.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(HV_CFLAGS)) -S -o - $< | \
	    sed -n 's/^[^"]*"->\([A-Za-z0-9_]*\) [$$]*\(-*[0-9]*\)".*/#define \1 \2/p' > $@

$(BUILD)/hypervisor/%.o: hypervisor/%.c $(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC  $*"
	$(Q)$(CC) $(LTO) $(HV_CFLAGS) $(CFLAGS_$(subst /,_,$*)) -c -o $@ $<

$(BUILD)/hypervisor/%.o: hypervisor/%.S $(GENERATED)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HV_CFLAGS) -D__ASSEMBLY__ -c -o $@ $<

HV_LINK = $(CC) $(LTO) $(filter-out -MMD -MP -include hypervisor/lib/hidden.h,$(HV_CFLAGS)) -nostdlib -static -no-pie \
    $(if $(LTO),,-Wno-unused-command-line-argument) -Wl,--no-dynamic-linker,-z,noexecstack \
    -Wl,-z,max-page-size=4096,--gc-sections,--build-id=none,-T,hypervisor/hospes.lds

$(BUILD)/symbols0.o: | $(BUILD)
	$(Q)$(PYTHON) scripts/gen-symbols.py --empty > $(BUILD)/symbols0.S && $(CC) -c -o $@ $(BUILD)/symbols0.S
$(BUILD):
	@mkdir -p $@

$(BUILD)/hospes.pass1: $(HV_OBJ) $(BUILD)/symbols0.o hypervisor/hospes.lds
	$(Q)$(HV_LINK) -o $@ $(HV_OBJ) $(BUILD)/symbols0.o -Wl,--start-group $(BOOT_LIBS) -Wl,--end-group

$(BUILD)/symbols1.o: $(BUILD)/hospes.pass1 scripts/gen-symbols.py
	$(Q)nm -n $< | $(PYTHON) scripts/gen-symbols.py > $(BUILD)/symbols1.S && $(CC) -c -o $@ $(BUILD)/symbols1.S

# With symbols, for gdb and addr2line.
$(BUILD)/hospes.syms: $(HV_OBJ) $(BUILD)/symbols1.o hypervisor/hospes.lds
	$(Q)$(HV_LINK) -o $@ $(HV_OBJ) $(BUILD)/symbols1.o -Wl,--start-group $(BOOT_LIBS) -Wl,--end-group

$(BUILD)/%.bin: $(BUILD)/%.syms
	$(Q)objcopy -O binary $< $@

# Loaders want a 32-bit ELF file with physical addresses: the 64-bit image is wrapped as data.
$(BUILD)/%.elf: $(BUILD)/%.bin $(BUILD)/%.syms hypervisor/machine/wrap.S
	$(Q)bss=$$(nm $(BUILD)/$*.syms | awk '$$3 == "image_end_phys" { print "0x" $$1 }'); \
	$(CC) -m32 -DIMAGE='"$(BUILD)/$*.bin"' -DIMAGE_END_PHYS=$$bss -c -o $(BUILD)/$*-wrap.o hypervisor/machine/wrap.S && \
	$(LD) -m elf_i386 -N --no-warn-rwx-segments -Ttext=0x200000 -e 0x$$(nm $(BUILD)/$*.syms | awk '$$3 == "boot_entry_phys" { print $$1 }') \
	    --build-id=none -o $@ $(BUILD)/$*-wrap.o
	@echo "  ELF $@ ($$(stat -c %s $@) bytes)"

# ---- the conformance suite in place of domain 0 --------------------------------------------------------------------
CONFORMANCE     := $(patsubst %.c,$(BUILD)/%.o,tests/conformance/checks.c tests/conformance/image.c)
CONFORMANCE_OBJ := $(filter-out %/init/main.o,$(HV_OBJ)) $(CONFORMANCE)

$(BUILD)/tests/conformance/%.o: tests/conformance/%.c $(GENERATED)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LTO) $(HV_CFLAGS) -c -o $@ $<

$(BUILD)/conformance.syms: $(CONFORMANCE_OBJ) $(BUILD)/symbols0.o hypervisor/hospes.lds
	$(Q)$(HV_LINK) -o $@ $(CONFORMANCE_OBJ) $(BUILD)/symbols0.o -Wl,--start-group $(BOOT_LIBS) -Wl,--end-group

# ---- host tests --------------------------------------------------------------------------------------------------
HOST_SAN    := -fsanitize=address,undefined -fno-sanitize-recover=all $(if $(FUZZER),-fsanitize=fuzzer-no-link)
HOST_CFLAGS := -std=gnu17 -O1 -g $(WARNINGS) -fno-strict-aliasing -fno-omit-frame-pointer $(HOST_SAN) $(if $(COVERAGE),--coverage) \
    -Itests/fake -Ihypervisor -I$(GEN) -Itests -DHOSPES_HOST -D__XEN_TOOLS__ -D__XEN_INTERFACE_VERSION__=0x00041100 -MMD -MP
HOST_LAYERS := $(filter-out machine,$(FOLDERS))
HOST_C      := $(filter-out %/lib/freestanding.c %/image/shim.c %/init/main.c,$(foreach d,$(HOST_LAYERS),$(wildcard hypervisor/$(d)/*.c hypervisor/$(d)/*/*.c)))
FAKE_C      := $(wildcard tests/fake/*.c)
HOST_LIB    := $(BUILD)/host/libhospes.a
UNIT        := $(patsubst tests/%.c,$(BUILD)/host/%,$(wildcard tests/unit/*_test.c tests/property/*_prop.c)) \
    $(BUILD)/host/unit/conformance_test
HOST_LIBS   := -lcmocka -llzma -lzstd -lz -llz4

# Fuzzers are not led by what only watches: the audits and the fake machine (twice the speed).
WATCHERS := hypervisor/%audit tests/fake/%
$(BUILD)/host/%.o: %.c $(GENERATED)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $(if $(FUZZER),$(if $(filter $(WATCHERS),$*),-fno-sanitize=fuzzer-no-link)) -c -o $@ $<

$(HOST_LIB): $(HOST_C:%.c=$(BUILD)/host/%.o) $(FAKE_C:%.c=$(BUILD)/host/%.o)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/host/unit/conformance_test: $(BUILD)/host/tests/conformance/host.o $(BUILD)/host/tests/conformance/checks.o $(HOST_LIB)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) -o $@ $^ $(HOST_LIBS)
$(BUILD)/host/unit/%: $(BUILD)/host/tests/unit/%.o $(HOST_LIB)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) -o $@ $< $(HOST_LIB) $(HOST_LIBS)
$(BUILD)/host/property/%: $(BUILD)/host/tests/property/%.o $(HOST_LIB)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) -o $@ $< $(HOST_LIB) $(HOST_LIBS)

# Programs that replay files; with FUZZER=1 (and clang) the fuzzers themselves.
$(BUILD)/host/fuzz/%_fuzz: $(BUILD)/host/tests/fuzz/%_fuzz.o $(if $(FUZZER),,$(BUILD)/host/tests/fuzz/replay.o) $(HOST_LIB)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $(if $(FUZZER),-fsanitize=fuzzer) -o $@ $(filter %.o,$^) $(HOST_LIB) $(HOST_LIBS)

# Seeds that a script writes; those worth keeping as they are lie in tests/fuzz/corpus/NAME.
FUZZ := $(patsubst tests/%.c,$(BUILD)/host/%,$(wildcard tests/fuzz/*_fuzz.c))
$(BUILD)/host/fuzz/corpus/made: tests/fuzz/make-image-corpora.py
	$(Q)mkdir -p $(@D) && $(PYTHON) $< $(@D) && touch $@

host-lib: $(HOST_LIB)
host-tests: $(UNIT) ## the programs of tests/unit and tests/property, not run
fuzz-replay: $(FUZZ) $(BUILD)/host/fuzz/corpus/made ## the fuzz targets as programs that replay files, not run

-include $(HV_OBJ:.o=.d) $(HOST_C:%.c=$(BUILD)/host/%.d) $(FAKE_C:%.c=$(BUILD)/host/%.d)
-include $(patsubst tests/%.c,$(BUILD)/host/tests/%.d,$(wildcard tests/unit/*.c tests/property/*.c tests/fuzz/*.c))

# ---- guests, runs, tests -----------------------------------------------------------------------------------------
guests: ## the test guests, $(BUILD)/guests
	@+$(MAKE) --no-print-directory -C guests BUILD=$(abspath $(BUILD))

# scripts/run's options by name. CMD keeps its dollar signs and reaches scripts/run in the environment.
ifdef CMD
override CMD := $(value CMD)
export CMD
endif
given = $(if $(filter command,$(firstword $(origin $(1)))),$(2) '$($(1))')
RUN_OPTIONS = $(call given,KERNEL,--kernel) $(call given,ROOT,--root) $(call given,CPU,--cpu) \
    $(call given,MACHINE,--machine) $(call given,MEM,--mem) $(call given,SMP,--smp) $(call given,BOOT,--boot) \
    $(call given,QEMU,--qemu) $(call given,ACCEL,--accel) $(call given,NET,--net) $(call given,TIME,--time) \
    $(call given,HV,--hv) $(if $(HV_OPTIONS),--hv-options '$(HV_OPTIONS)') $(ARGS)
AGAIN := +$(MAKE) --no-print-directory

run: ## boot with a Debian domain 0 here: CMD='...' (run it and end), SMP= MEM= KERNEL= BOOT= HV_OPTIONS= ...
	@scripts/setup run
	@$(AGAIN) all >&2
	@scripts/run $(RUN_OPTIONS)

test: ## every test; ends with "N passed, N failed"
	@scripts/setup
	@tests/run

test-full: ## test, and the long ones: all boots, Debian's Xen under the same guests, deleted checks, coverage
	@scripts/setup
	@tests/run --full

test-host: ## only the tests that need no QEMU: unit, property, fuzz corpora
	@scripts/setup test
	@tests/run host fuzz

fuzz: ## let libFuzzer run: TARGET=name (default: each), TIME=seconds for each (60)
	@scripts/setup test
	@scripts/fuzz $(if $(TIME),--time $(TIME)) $(TARGET)

lint: ## only the static checks
	@scripts/setup test
	@tests/run static

coverage: ## line and branch coverage of the host tests by folder, $(BUILD)/coverage
	@scripts/setup test
	@scripts/coverage

iso: ## $(BUILD)/hospes.iso, for BIOS and UEFI
	@scripts/setup run
	@$(AGAIN) all
	@scripts/iso

bench: ## measure operations and a boot against Debian's Xen, $(BUILD)/bench.tsv
	@scripts/setup run
	@$(AGAIN) all
	@bench/run

exercise: ## run an exercise of the book in a guest: N=03 (default: list them)
	@scripts/setup run
	@scripts/exercise $(N)

gdb: ## boot under gdb, with symbols and commands that know domains (help hospes)
	@scripts/setup run
	@$(AGAIN) all
	@scripts/gdb $(RUN_OPTIONS)

clean: ## remove $(BUILD)
	rm -rf $(BUILD)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { gsub(/\$$\(BUILD\)/, "$(BUILD)"); printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "  Variables: BUILD=DIR, CC=, HOSTCC=, DEBUG=1 (assertions), V=1 (print commands)."
	@echo "  Options of scripts/run go to run and gdb as ARGS='...' or by name: SMP=4 KERNEL=6.12 BOOT=uefi."
