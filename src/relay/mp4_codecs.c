/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/mp4_codecs.h"

#include <stdio.h>
#include <string.h>

#define MAX_INIT_BYTES 65536

/* The four bytes of a box's type; our own moov is small and known, so that a
 * search does where a walk through eight levels of boxes would. */
static const guint8 *
find_box (const guint8 *init, gsize length, const char *type, gsize payload)
{
  const guint8 *at = memmem (init, length, type, 4);
  if (!at || (gsize)(init + length - at) < 4 + payload)
    return NULL;
  return at + 4;
}

char *
bl_mp4_codecs (const guint8 *init, gsize length)
{
  GString *codecs = g_string_new (NULL);
  /* AVCDecoderConfigurationRecord: version, profile, compatibility, level
   * (ISO/IEC 14496-15 section 5.3.3.1). */
  const guint8 *avc = find_box (init, length, "avcC", 4);
  if (avc)
    g_string_append_printf (codecs, "avc1.%02x%02x%02x", avc[1], avc[2],
                            avc[3]);
  if (find_box (init, length, "dOps", 0))
    g_string_append (codecs, codecs->len > 0 ? ",opus" : "opus");
  return g_string_free (codecs, codecs->len == 0);
}

char *
bl_mp4_codecs_of_file (const char *path, guint64 init_bytes)
{
  gsize length = (gsize)MIN (init_bytes, MAX_INIT_BYTES);
  g_autofree guint8 *init = g_malloc (MAX (length, 1));
  FILE *file = fopen (path, "rbe");
  if (!file)
    return NULL;
  gsize got = fread (init, 1, length, file);
  fclose (file);
  return bl_mp4_codecs (init, got);
}
