/* SPDX-License-Identifier: Apache-2.0
 *
 * The call's identity on disk, from its start to its hang-up, so that a daemon
 * that was restarted takes up the same call again. One file in [vehicle]
 * state_folder, written whole or not at all.
 */
#pragma once

#include <glib.h>

typedef struct {
  char *ed;
  char *id;
  gint64 started_unix_s;
} BlCallFile;

void bl_call_file_clear (BlCallFile *call);

/* Makes the folder (0700) if it is missing; the error says what to do. */
gboolean bl_call_file_prepare (const char *folder, GError **error);

gboolean bl_call_file_save (const char *folder, const BlCallFile *call,
                            GError **error);

/* FALSE without an error: there is no call to resume. FALSE with one: the file
 * makes no sense, and was put aside. Fills `out_call` (clear it) if TRUE. */
gboolean bl_call_file_load (const char *folder, BlCallFile *out_call,
                            GError **error);

/* No call is to be resumed any more. */
void bl_call_file_forget (const char *folder);
