# SPDX-License-Identifier: Apache-2.0
#
# boringssl.mk - BoringSSL as two static libraries, from the file lists of Debian's source package.
# make -f boringssl.mk SOURCE=<unpacked source> ARCH=<Debian architecture> OUT=<folder>
# Debian's own rules build shared libraries with OPENSSL_SMALL, which swaps the P-256 assembly for small tables.
include $(SOURCE)/debian/sources.mk

assembly_amd64 := $(linux_x86_64_sources)
assembly_arm64 := $(linux_aarch64_sources)
assembly_armhf := $(linux_arm_sources)
assembly_i386 := $(linux_x86_sources)
assembly_ppc64el := $(linux_ppc64le_sources)

crypto_objects := $(patsubst %,$(OUT)/obj/%.o,$(crypto_sources) $(assembly_$(ARCH)))
ssl_objects := $(patsubst %,$(OUT)/obj/%.o,$(ssl_sources))

COMMON := -O2 -DNDEBUG -fPIC -fvisibility=hidden -fstack-protector-strong -D_FORTIFY_SOURCE=2 -w \
  -I$(SOURCE)/src/include -I$(SOURCE)/src/crypto

all: $(OUT)/libcrypto.a $(OUT)/libssl.a

$(OUT)/libcrypto.a: $(crypto_objects)
	rm -f $@ && ar rcs $@ $^

$(OUT)/libssl.a: $(ssl_objects)
	rm -f $@ && ar rcs $@ $^

$(OUT)/obj/%.c.o: $(SOURCE)/%.c
	@mkdir -p $(dir $@)
	cc -std=gnu11 $(COMMON) -c $< -o $@

$(OUT)/obj/%.S.o: $(SOURCE)/%.S
	@mkdir -p $(dir $@)
	cc $(COMMON) -Wa,--noexecstack -c $< -o $@

$(OUT)/obj/%.cc.o: $(SOURCE)/%.cc
	@mkdir -p $(dir $@)
	c++ -std=gnu++17 -fno-exceptions -fno-rtti $(COMMON) -c $< -o $@
