/* SPDX-License-Identifier: Apache-2.0
 *
 * A part's file: appended to by the recorder, mended by recovery, read by
 * export. Errors are G_IO_ERROR (NO_SPACE for a full disk) and name the file.
 *
 * Invariant of writing: what bl_part_file_append() has returned TRUE for is on
 * the disk; after FALSE the file is as it was before.
 */
#pragma once

#include <glib.h>

#include "store/cmaf.h"

typedef struct {
  int fd; /* -1: closed */
  char *path;
  gint64 bytes; /* length of what is good */
  gint64 init_bytes;
  guint8 *init;  /* its init segment, once needed */
  gboolean lazy; /* appending doesn't wait for the disk: set_duration does */
} BlPartFile;

/* Makes the file and its folder, which must not hold it yet, with `init`. */
gboolean bl_part_file_create (BlPartFile *file, const char *path,
                              const guint8 *init, gsize length, GError **error);

/* One write at the end and the duration so far in place, then fdatasync. On
 * failure the file is cut back. */
gboolean bl_part_file_append (BlPartFile *file, const guint8 *data,
                              gsize length, gint64 duration_us, GError **error);

/* Writes the duration into the init segment, in place. */
gboolean bl_part_file_set_duration (BlPartFile *file, gint64 duration_us,
                                    GError **error);

/* Opens an existing file to be read, and with `mend` to be mended, and finds
 * the end of its init segment. */
gboolean bl_part_file_open (BlPartFile *file, const char *path, gboolean mend,
                            GError **error);

/* Its init segment (replaces what is in `out`). */
gboolean bl_part_file_read_init (const BlPartFile *file, GByteArray *out,
                                 GError **error);

typedef enum {
  BL_PART_FRAGMENT, /* a whole one */
  BL_PART_END,      /* the file ends here */
  BL_PART_TORN,     /* what follows is cut off, or not as written here */
  BL_PART_ERROR,    /* it can't be read */
} BlPartNext;

/* Reads the fragment at `offset`. `out_bytes` gets moof and mdat (replaced),
 * `out_moof_bytes` how many of them are the moof's. */
BlPartNext bl_part_file_read (const BlPartFile *file, gint64 offset,
                              GByteArray *out_bytes, gsize *out_moof_bytes,
                              BlCmafFragment *out_fragment, GError **error);

/* Cuts the file off. */
gboolean bl_part_file_truncate (BlPartFile *file, gint64 bytes, GError **error);

/* Accepts one that was never opened, if zeroed with fd -1, and a closed one. */
void bl_part_file_close (BlPartFile *file);

#define BL_PART_FILE_INIT                                                      \
  {                                                                            \
    .fd = -1                                                                   \
  }
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BlPartFile, bl_part_file_close)
