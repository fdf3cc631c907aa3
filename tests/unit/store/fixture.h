/* SPDX-License-Identifier: Apache-2.0
 *
 * A store in a folder of its own that goes away with the test.
 */
#pragma once

#include <ftw.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../run_suite.h"
#include "store/db.h"

static char *folder;
static BlDb *db;

static int
remove_one (const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
  (void)st, (void)kind, (void)ftw;
  return remove (path);
}

static inline void
folder_setup (void)
{
  GError *error = NULL;
  folder = g_dir_make_tmp ("bluelight-test-XXXXXX", &error);
  ck_assert_msg (folder != NULL, "%s", error ? error->message : "");
}

static inline void
folder_teardown (void)
{
  nftw (folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  g_clear_pointer (&folder, g_free);
}

static inline void
db_setup (void)
{
  folder_setup ();
  GError *error = NULL;
  db = bl_db_open (folder, BL_DB_RELAXED, &error);
  ck_assert_msg (db != NULL, "%s", error ? error->message : "");
}

static inline void
db_teardown (void)
{
  g_clear_pointer (&db, bl_db_close);
  folder_teardown ();
}

/* The call failed in this way, and said so. Clears the error. */
#define assert_error(error, code)                                              \
  do {                                                                         \
    ck_assert_msg ((error) != NULL, "no error was set");                       \
    ck_assert_msg (g_error_matches ((error), BL_DB_ERROR, (code)),             \
                   "another error: %s", (error)->message);                     \
    ck_assert_uint_gt (strlen ((error)->message), 0);                          \
    g_clear_error (&(error));                                                  \
  } while (0)

#define assert_ok(call, error)                                                 \
  ck_assert_msg ((call), "%s", (error) ? (error)->message : "no error")
