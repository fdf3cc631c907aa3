/* SPDX-License-Identifier: Apache-2.0
 *
 * A recorded H.264 stream: Annex B with an access unit delimiter at the start
 * of each picture (tools/bench stream makes one). Read once, then constant.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  const uint8_t *data;
  size_t length;
  bool key; /* an IDR picture */
} LgFrame;

typedef struct {
  char *bytes;
  GArray *frames; /* of LgFrame */
} LgStream;

LgStream *lg_stream_load (const char *path, GError **error);
void lg_stream_free (LgStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LgStream, lg_stream_free)
