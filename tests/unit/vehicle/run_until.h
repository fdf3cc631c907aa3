/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: waiting in the default main context.
 */
#pragma once

#include <check.h>
#include <glib.h>
#include <stdbool.h>

static inline gboolean
run_until_expired (gpointer data)
{
  *(bool *)data = true;
  return G_SOURCE_REMOVE;
}

/* Runs the main context until the condition holds; 20 s are a failure, which
 * says `message` too. */
#define RUN_UNTIL(condition, message)                                          \
  do {                                                                         \
    bool expired_ = false;                                                     \
    guint timer_ = g_timeout_add_seconds (20, run_until_expired, &expired_);   \
    while (!(condition) && !expired_)                                          \
      g_main_context_iteration (NULL, TRUE);                                   \
    ck_assert_msg (!expired_, "waited in vain for %s; %s", #condition,         \
                   message);                                                   \
    g_source_remove (timer_);                                                  \
  } while (0)
