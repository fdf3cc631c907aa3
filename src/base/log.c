/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "base.log"
#include "base/log.h"

#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {
  [BL_LOG_ERROR] = "error",
  [BL_LOG_WARNING] = "warning",
  [BL_LOG_INFO] = "info",
  [BL_LOG_DEBUG] = "debug",
};

static BlLogLevel max_level = BL_LOG_INFO;

void
bl_log_init (BlLogLevel level)
{
  max_level = level;
}

gboolean
bl_log_level_from_string (const char *name, BlLogLevel *out_level)
{
  for (guint i = 0; i < G_N_ELEMENTS (level_names); i++) {
    if (g_str_equal (name, level_names[i])) {
      *out_level = (BlLogLevel)i;
      return TRUE;
    }
  }
  return FALSE;
}

void
bl_log (BlLogLevel level, const char *topic, const char *format, ...)
{
  if (level > max_level)
    return;
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  /* What a peer sent may be quoted in a message: it must not forge a line. */
  for (char *c = message; *c; c++) {
    if ((guchar)*c < 0x20 || *c == 0x7f)
      *c = ' ';
  }
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *stamp = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S");
  g_autofree char *line = g_strdup_printf (
      "%s.%03dZ %-7s %s: %s\n", stamp, g_date_time_get_microsecond (now) / 1000,
      level_names[level], topic, message);
  /* One write, so that lines of two threads do not mix. A full pipe loses the
   * line rather than stalling the caller for good. */
  if (write (STDERR_FILENO, line, strlen (line)) < 0)
    return;
}
