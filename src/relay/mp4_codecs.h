/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs parameter (RFC 6381) of one of our MP4 files, out of its init
 * segment. Bounded; a file that is not ours gives NULL.
 */
#pragma once

#include <glib.h>

/* "avc1.42e01f,opus", or NULL; free with g_free. */
char *bl_mp4_codecs (const guint8 *init, gsize length);

/* Of the first `init_bytes` of the file. */
char *bl_mp4_codecs_of_file (const char *path, guint64 init_bytes);
