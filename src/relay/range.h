/* SPDX-License-Identifier: Apache-2.0
 *
 * The Range header (RFC 9110 section 14.2), one range of bytes. Several ranges
 * in one request are answered with the whole, as the RFC allows.
 */
#pragma once

#include <glib.h>

typedef enum {
  BL_RANGE_WHOLE, /* no range, or one that may be ignored: 200 */
  BL_RANGE_PART,  /* 206 */
  BL_RANGE_NONE,  /* nothing of it is there: 416 */
} BlRangeKind;

/* `header` may be NULL. For PART, `out_first` and `out_last` are the first and
 * last byte, both within `size`. */
BlRangeKind bl_range_parse (const char *header, guint64 size,
                            guint64 *out_first, guint64 *out_last);
