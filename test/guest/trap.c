/* trap KIND: ends in the trap of that name; each stands in a function of its own, so that a
 * backtrace has something to show. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile int zero;

__attribute__((noinline)) static void reach_unreachable(void)
{
    __builtin_trap();
}

__attribute__((noinline)) static void divide_by_zero(void)
{
    zero = 1 / zero;
}

__attribute__((noinline)) static void read_out_of_bounds(void)
{
    zero = *(volatile int *)(uintptr_t)0xfffffff0u;
}

__attribute__((noinline)) static int recurse(volatile int *above)
{
    volatile int here[64] = {*above};
    return here[0] < 0 ? 0
                       : recurse(here) + here[1]; /* never below 0: the compiler does not know */
}

static void overflow_stack(void)
{
    zero = recurse(&zero);
}

__attribute__((noinline)) static void call_null(void)
{
    void (*volatile func)(void) = NULL;
    func();
}

static const struct {
    const char *name;
    void (*run)(void);
} kinds[] = {
    {"unreachable", reach_unreachable}, {"divide", divide_by_zero}, {"memory", read_out_of_bounds},
    {"stack", overflow_stack},          {"call", call_null},        {"abort", abort},
};

int main(int argc, char **argv)
{
    static const char before[] = "before\n";
    if (write(STDOUT_FILENO, before, sizeof before - 1) < 0) return 1;
    for (size_t i = 0; argc == 2 && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(argv[1], kinds[i].name) == 0) kinds[i].run();
    fputs("usage: trap unreachable|divide|memory|stack|call|abort\n", stderr);
    return 2;
}
