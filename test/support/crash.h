/* test/support/crash.h - processes that the kernel ends, or lets fail, at a chosen system call: what kill -9 and full
 * disks do to those who write files.
 *
 * Only for children made by fork, which must not come back to the test: the choice holds until they end. */
#pragma once
#include <sys/types.h>

/* This process ends inside the first such call. */
void test_kill_at(int syscall_number);
/* Every such call answers with this error. */
void test_fail_at(int syscall_number, int error);

/* Waits for the child, which must have been killed so. */
void test_await_kill(pid_t child);
