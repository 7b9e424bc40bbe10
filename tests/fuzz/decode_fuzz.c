/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as an instruction: nothing behind them is read, what decodes is complete, the same bytes cut short are
 * recognised as cut short, and more bytes behind them change nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <x86/decode.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void check(const uint8_t *data, size_t size, bool long_mode)
{
    struct insn insn, other;
    struct regs regs;
    bool ok = insn_decode(data, (unsigned)size, long_mode, &insn);

    if (!ok) {
        require(insn.len == 0 || insn.len > size);
        return;
    }
    require(insn.len > 0 && insn.len <= size && insn.len <= INSN_MAX_BYTES);
    require(insn.op > INSN_UNKNOWN && insn.op < INSN_COUNT && insn.op != INSN_PRIVILEGED_END && insn.op != INSN_CMP);
    require(insn.op_bytes == 1 || insn.op_bytes == 2 || insn.op_bytes == 4 || insn.op_bytes == 8);
    require(insn.op < INSN_ADD || insn.mem);
    require(insn.reg < 16 && insn.rm < 16 && insn.seg <= INSN_GS);
    for (unsigned n = 0; n < insn.len; n++) {
        uint8_t *cut = malloc(n ? n : 1);           /* exact, so that the sanitizer sees a read too far */

        memcpy(cut, data, n);
        require(!insn_decode(cut, n, long_mode, &other) && other.len > n);
        free(cut);
    }
    require(insn_decode(data, insn.len, long_mode, &other) && !memcmp(&insn, &other, sizeof(insn)));
    memset(&regs, 0x5a, sizeof(regs));
    if (insn.mem)
        require(insn.addr_bytes == 8 || insn_mem_offset(&insn, &regs) <= 0xffffffff);
    insn_reg_write(&insn, &regs, insn.reg, insn_reg_read(&insn, &regs, insn.reg));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 64)
        return 0;
    check(data, size, true);
    check(data, size, false);
    return 0;
}
