/* SPDX-License-Identifier: Apache-2.0
 *
 * Recordings as whole: joined into a file for somebody else, or compared with
 * what the database says of them. Errors are BL_DB_ERROR or G_IO_ERROR.
 */
#pragma once

#include "store/db.h"

/* Writes the recording to `path`. Parts that one file can hold are joined in
 * it, each in its place on the timeline, with silence where there is no sound.
 * Others go to files beside it: "out.mp4", "out-2.mp4", … Never writes over a
 * file. Gives the paths written, with free function; on failure NULL, and
 * nothing is left. */
GPtrArray *bl_export_run (BlDb *db, gint64 recording, const char *path,
                          GError **error);

/* Reads every byte of the recording. Gives a list of what is wrong, a line
 * each, with free function: empty if all is well. NULL only if that can't be
 * found out. */
GPtrArray *bl_export_verify (BlDb *db, gint64 recording, GError **error);
