/* SPDX-License-Identifier: Apache-2.0
 *
 * For programmer errors only, kept in release builds. No byte from the network
 * may reach one. Code that has GLib uses g_assert; this is for code without.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define bl_assert(expr)                                                        \
  do {                                                                         \
    if (!(expr)) {                                                             \
      fprintf (stderr, "%s:%d: %s: assertion failed: %s\n", __FILE__,          \
               __LINE__, __func__, #expr);                                     \
      abort ();                                                                \
    }                                                                          \
  } while (0)
