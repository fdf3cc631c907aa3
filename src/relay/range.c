/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/range.h"

/* Reads digits; FALSE if there are none or too many. */
static gboolean
parse_number (const char **text, guint64 *out)
{
  guint64 value = 0;
  const char *c = *text;
  for (; g_ascii_isdigit (*c); c++) {
    if (value > (G_MAXUINT64 - 9) / 10)
      return FALSE;
    value = value * 10 + (guint64)(*c - '0');
  }
  if (c == *text)
    return FALSE;
  *text = c;
  *out = value;
  return TRUE;
}

BlRangeKind
bl_range_parse (const char *header, guint64 size, guint64 *out_first,
                guint64 *out_last)
{
  static const char unit[] = "bytes=";
  guint64 first = 0, last = G_MAXUINT64;

  if (!header || g_ascii_strncasecmp (header, unit, sizeof unit - 1) != 0)
    return BL_RANGE_WHOLE;
  const char *at = header + sizeof unit - 1;
  gboolean suffix = *at == '-';
  if (!suffix && !parse_number (&at, &first))
    return BL_RANGE_WHOLE;
  if (*at++ != '-')
    return BL_RANGE_WHOLE;
  if ((suffix || *at) && !parse_number (&at, &last))
    return BL_RANGE_WHOLE;
  if (*at || (!suffix && last < first))
    return BL_RANGE_WHOLE;

  if (suffix) {
    if (last == 0 || size == 0)
      return BL_RANGE_NONE;
    first = last < size ? size - last : 0;
    last = size - 1;
  }
  if (first >= size)
    return BL_RANGE_NONE;
  *out_first = first;
  *out_last = MIN (last, size - 1);
  return BL_RANGE_PART;
}
