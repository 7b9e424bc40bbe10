/* SPDX-License-Identifier: MIT */
/*
 * guestcheck: small checks that run inside dom0's stress root (scripts/mkroot) and in guests (scripts/mkdom0), linked
 * statically.
 *   guestcheck avx PROCESSES SECONDS   each process keeps its own pattern in the vector registers across
 *                                      preemption, and fails when one changes; 77 without AVX
 *   guestcheck clock                   the clock moves and never goes back, also from one CPU to another, and no
 *                                      system call reads it
 *   guestcheck hog                     takes memory until the OOM killer ends it
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
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

static int worst_of_children(void)
{
    int status, worst = EXIT_SUCCESS;

    while (wait(&status) > 0) {
        if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
            worst = EXIT_FAILURE;
    }
    return worst;
}

static int check_avx(int processes, int seconds)
{
    int64_t end_ns = now_ns() + seconds * 1000000000LL;
    int worst;

    if (!__builtin_cpu_supports("avx")) {
        puts("no avx");
        return EXIT_SKIP;
    }
    for (int i = 0; i < processes; i++) {
        if (fork() == 0)
            exit(vector_process(i + 1, end_ns));
    }
    worst = worst_of_children();
    puts(worst == EXIT_SUCCESS ? "avx ok" : "avx failed");
    return worst;
}

/* From now on this process dies when it asks the kernel for the time. */
static void forbid_clock_calls(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_gettimeofday, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        perror("guestcheck: no filter of system calls");
        exit(EXIT_FAILURE);
    }
}

/* No time may be before one that another CPU has read already: `latest` is the last of all. */
static int clock_process(int cpu, _Atomic int64_t *latest)
{
    cpu_set_t set;
    int64_t first = now_ns(), last = first;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0) {
        perror("guestcheck: a CPU of its own");
        return EXIT_FAILURE;
    }
    forbid_clock_calls();
    for (int i = 0; i < CLOCK_ROUNDS; i++) {
        int64_t seen = atomic_load(latest), now = now_ns();
        if (now < seen || now < last) {
            printf("the clock of CPU %d went back by %lld ns\n", cpu, (long long)((seen > last ? seen : last) - now));
            return EXIT_FAILURE;
        }
        while (seen < now && !atomic_compare_exchange_weak(latest, &seen, now))
            ;
        last = now;
    }
    return last > first ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int check_clock(void)
{
    _Atomic int64_t *latest = mmap(NULL, sizeof(*latest), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);

    if (latest == MAP_FAILED)
        return EXIT_FAILURE;
    for (int cpu = 0; cpu < cpus; cpu++) {
        if (fork() == 0)
            exit(clock_process(cpu, latest));
    }
    return worst_of_children();
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
