/* SPDX-License-Identifier: Apache-2.0
 *
 * After a crash: what the files hold and the database does not know. For each
 * part that was not closed: cut a torn last fragment off the file, list the
 * fragments that are whole but not listed, set the file's duration, close it.
 * Running it twice changes nothing.
 */
#pragma once

#include "store/db.h"

typedef struct {
  guint parts;     /* were open, now closed */
  guint fragments; /* listed anew */
  guint64 cut_bytes;
  guint failed; /* parts that could not be mended; each was logged */
} BlRecoverySummary;

/* At the relay's start, before any recorder. FALSE only when the database
 * can't be read or written; a file that can't be mended is counted. */
gboolean bl_recovery_run (BlDb *db, BlRecoverySummary *out_summary,
                          GError **error);
