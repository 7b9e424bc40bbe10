/* SPDX-License-Identifier: MIT */
/*
 * Basic types. Frame numbers and machine addresses are one-field structs, so that the compiler refuses to
 * mix them: mfn_t (machine frame), gfn_t (the guest's own frame number; equal to the mfn for PV guests),
 * maddr_t (machine byte address).
 */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef struct { u64 n; } mfn_t;
typedef struct { u64 n; } gfn_t;
typedef struct { u64 a; } maddr_t;

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define MFN_INVALID ((mfn_t){ ~0UL })
#define GFN_INVALID ((gfn_t){ ~0UL })

static inline mfn_t mfn(u64 n) { return (mfn_t){ n }; }
static inline gfn_t gfn(u64 n) { return (gfn_t){ n }; }
static inline bool mfn_eq(mfn_t a, mfn_t b) { return a.n == b.n; }
static inline bool mfn_is_invalid(mfn_t m) { return m.n == ~0UL; }
static inline mfn_t mfn_add(mfn_t m, u64 i) { return (mfn_t){ m.n + i }; }
static inline maddr_t mfn_to_maddr(mfn_t m) { return (maddr_t){ m.n << PAGE_SHIFT }; }
static inline mfn_t maddr_to_mfn(u64 maddr) { return (mfn_t){ maddr >> PAGE_SHIFT }; }

#define ARRAY_SIZE(a)         (sizeof(a) / sizeof((a)[0]))
#define container_of(p, t, m) ((t *)((char *)(p) - offsetof(t, m)))
#define min(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })
#define round_up(x, a)   (((x) + ((a) - 1)) & ~((__typeof__(x))(a) - 1))
#define round_down(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define BIT(n) (1UL << (n))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define must_check __attribute__((warn_unused_result))
#define noreturn   __attribute__((noreturn))
#define packed     __attribute__((packed))
#define aligned(n) __attribute__((aligned(n)))
#define cold       __attribute__((cold))
#define format_printf(f, a) __attribute__((format(printf, f, a)))

/* Code and data that only boot needs; the pages are given to the heap once domain 0 runs. */
#define boot_text __attribute__((section(".init.text"), __cold__))
#define boot_data __attribute__((section(".init.data")))

#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#endif
