/* SPDX-License-Identifier: Apache-2.0
 *
 * A sandbox for a test: from here on the kernel refuses a socket option to this
 * process. There is no way back, so only for a test in a process of its own,
 * as Check gives each.
 */
#pragma once

#include <check.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* The lower half of an argument, which has all of an option's name. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARGUMENT(n) (offsetof (struct seccomp_data, args) + (n)*8)
#else
#define ARGUMENT(n) (offsetof (struct seccomp_data, args) + (n)*8 + 4)
#endif

static inline void
refuse_socket_option (int option)
{
  struct sock_filter rule[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 3),
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, ARGUMENT (2)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (unsigned)option, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { sizeof rule / sizeof *rule, rule };
  ck_assert_int_eq (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ck_assert_int_eq (prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}
