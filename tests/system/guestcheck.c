/* SPDX-License-Identifier: MIT */
/*
 * guestcheck: small checks that run inside dom0's stress root (scripts/mkroot), linked statically.
 *   guestcheck avx PROCESSES SECONDS   each process keeps its own pattern in the vector registers across
 *                                      preemption, and fails when one changes; 77 without AVX
 *   guestcheck clock                   the clock moves and never goes back, through the vdso
 *   guestcheck hog                     takes memory until the OOM killer ends it
 */
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_SKIP = 77, REGISTERS = 16, CLOCK_ROUNDS = 200000 };

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Fills ymm0..15 from one pattern, gives the CPU away inside the same asm block, and stores them. */
__attribute__((target("avx"))) static void vector_round(const uint8_t *in, uint8_t *out, long spins)
{
    __asm__ volatile(
        ".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "vmovdqu 32*\\r(%[in]), %%ymm\\r\n"
        ".endr\n"
        "1: dec %[spins]\n"
        "jnz 1b\n"
        "mov $24, %%eax\n" /* sched_yield: the registers live through a switch in the kernel */
        "syscall\n"
        ".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "vmovdqu %%ymm\\r, 32*\\r(%[out])\n"
        ".endr\n"
        : [spins] "+r"(spins)
        : [in] "r"(in), [out] "r"(out)
        : "rax", "rcx", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
          "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static int vector_process(unsigned seed, int64_t end_ns)
{
    uint8_t in[32 * REGISTERS], out[32 * REGISTERS];
    long rounds = 0;

    srand(seed);
    do {
        for (size_t i = 0; i < sizeof(in); i++)
            in[i] = (uint8_t)rand();
        memset(out, 0, sizeof(out));
        vector_round(in, out, 20000);
        if (memcmp(in, out, sizeof(in)) != 0) {
            printf("process %u: vector registers changed in round %ld\n", seed, rounds);
            return EXIT_FAILURE;
        }
        rounds++;
    } while (now_ns() < end_ns);
    return EXIT_SUCCESS;
}

static int check_avx(int processes, int seconds)
{
    int64_t end_ns = now_ns() + seconds * 1000000000LL;
    int status, worst = EXIT_SUCCESS;

    if (!__builtin_cpu_supports("avx")) {
        puts("no avx");
        return EXIT_SKIP;
    }
    for (int i = 0; i < processes; i++) {
        if (fork() == 0)
            exit(vector_process(i + 1, end_ns));
    }
    while (wait(&status) > 0) {
        if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
            worst = EXIT_FAILURE;
    }
    puts(worst == EXIT_SUCCESS ? "avx ok" : "avx failed");
    return worst;
}

static int check_clock(void)
{
    int64_t first = now_ns(), last = first;

    for (int i = 0; i < CLOCK_ROUNDS; i++) {
        int64_t now = now_ns();
        if (now < last) {
            printf("the clock went back by %lld ns\n", (long long)(last - now));
            return EXIT_FAILURE;
        }
        last = now;
    }
    return last > first ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int hog(void)
{
    const size_t step = 1 << 20;

    for (;;) {
        char *block = malloc(step);
        if (block == NULL)
            return EXIT_FAILURE;
        memset(block, 1, step);
    }
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "avx") == 0)
        return check_avx(atoi(argv[2]), atoi(argv[3]));
    if (argc == 2 && strcmp(argv[1], "clock") == 0)
        return check_clock();
    if (argc == 2 && strcmp(argv[1], "hog") == 0)
        return hog();
    fputs("usage: guestcheck avx PROCESSES SECONDS | clock | hog\n", stderr);
    return 2;
}
