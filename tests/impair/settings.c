/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

const char impair_settings_help[]
    = "  rate=N[k|M]      bits a second; 0: no limit\n"
      "  trace=FILE       mahimahi's format, in the rate's place; from"
      " when it is set\n"
      "  offset=S         begin so many seconds behind the trace's beginning\n"
      "  delay=MS         each packet, behind the queue\n"
      "  jitter=MS        besides, evenly between 0 and so much\n"
      "  reorder=yes|no   whether jitter may change the order (no)\n"
      "  queue=N          drop-tail limit: 300ms, 64000 or 64k (bytes), 3p\n"
      "                   (packets); 0: none. ms: at the rate, or the trace's "
      "mean\n"
      "  loss=SHARE       of packets, each for itself, once sent\n"
      "  ge=P:R[:B[:G]]   Gilbert-Elliott: chance a packet to turn bad, to "
      "turn\n"
      "                   good, loss when bad (1), loss when good (0); 0: "
      "none\n"
      "  mark=MS|no       CE on ECT packets that waited so long\n"
      "  ce=SHARE         CE on ECT packets by chance\n"
      "  outages=A-B[:…]  seconds from the beginning; no: none\n"
      "  in-outage=hold|drop  what the queue does then (hold)\n";

/* A number at `*at`, which moves behind it; false: none, or less than 0. */
static bool
read_number (const char **at, double *out)
{
  char *end;
  double value = g_ascii_strtod (*at, &end);
  if (end == *at || !isfinite (value) || value < 0 || value > 1e12)
    return false;
  *at = end;
  *out = value;
  return true;
}

static bool
read_whole (const char *text, double *out)
{
  return read_number (&text, out) && *text == '\0';
}

static bool
read_scaled (const char *text, uint64_t *out)
{
  double value;
  if (!read_number (&text, &value))
    return false;
  if (*text == 'k' || *text == 'M')
    value *= *text++ == 'k' ? 1e3 : 1e6;
  *out = (uint64_t)llround (value);
  return *text == '\0';
}

static bool
read_time (const char *text, double unit_us, BlTime *out)
{
  double value;
  if (!read_whole (text, &value))
    return false;
  *out = (BlTime)llround (value * unit_us);
  return true;
}

static bool
read_share (const char *text, double *out)
{
  double value;
  if (!read_whole (text, &value) || value > 1)
    return false;
  *out = value;
  return true;
}

static bool
read_word (const char *text, const char *no, const char *yes, bool *out)
{
  *out = strcmp (text, yes) == 0;
  return *out || strcmp (text, no) == 0;
}

static bool
set_rate (ImpairSettings *s, const char *value)
{
  s->trace = NULL;
  s->trace_path[0] = '\0';
  return read_scaled (value, &s->rate_bps);
}

static bool
set_trace (ImpairSettings *s, const char *value)
{
  s->trace = NULL;
  return value[0] != '\0'
         && g_strlcpy (s->trace_path, value, sizeof s->trace_path)
                < sizeof s->trace_path;
}

static bool
set_offset (ImpairSettings *s, const char *value)
{
  return read_time (value, BL_SECOND, &s->trace_offset_us);
}

static bool
set_delay (ImpairSettings *s, const char *value)
{
  return read_time (value, BL_MS, &s->delay_us);
}

static bool
set_jitter (ImpairSettings *s, const char *value)
{
  return read_time (value, BL_MS, &s->jitter_us);
}

static bool
set_reorder (ImpairSettings *s, const char *value)
{
  return read_word (value, "no", "yes", &s->reorder);
}

static bool
set_queue (ImpairSettings *s, const char *value)
{
  s->queue_bytes = s->queue_packets = 0;
  s->queue_us = 0;
  g_autofree char *number = g_strdup (value);
  if (g_str_has_suffix (number, "ms")) {
    number[strlen (number) - 2] = '\0';
    return read_time (number, BL_MS, &s->queue_us);
  }
  if (g_str_has_suffix (number, "p")) {
    number[strlen (number) - 1] = '\0';
    return read_scaled (number, &s->queue_packets);
  }
  return read_scaled (number, &s->queue_bytes);
}

static bool
set_loss (ImpairSettings *s, const char *value)
{
  return read_share (value, &s->loss);
}

static bool
set_ge (ImpairSettings *s, const char *value)
{
  double shares[4] = { 0, 1, 1, 0 };
  g_auto (GStrv) parts = g_strsplit (value, ":", 0);
  unsigned count = g_strv_length (parts);
  bool good = count <= 4 && (count >= 2 || strcmp (value, "0") == 0);
  for (unsigned i = 0; good && i < count; i++)
    good = read_share (parts[i], &shares[i]);
  s->ge_to_bad = shares[0];
  s->ge_to_good = shares[1];
  s->ge_loss_in_bad = shares[2];
  s->ge_loss_in_good = shares[3];
  return good;
}

static bool
set_mark (ImpairSettings *s, const char *value)
{
  s->mark = strcmp (value, "no") != 0;
  return !s->mark || read_time (value, BL_MS, &s->mark_us);
}

static bool
set_ce (ImpairSettings *s, const char *value)
{
  return read_share (value, &s->mark_share);
}

static bool
set_outages (ImpairSettings *s, const char *value)
{
  s->n_outages = 0;
  if (strcmp (value, "no") == 0)
    return true;
  g_auto (GStrv) parts = g_strsplit (value, ":", 0);
  for (char **part = parts; *part; part++) {
    double from, to;
    const char *at = *part;
    if (s->n_outages == IMPAIR_MAX_OUTAGES || !read_number (&at, &from)
        || *at++ != '-' || !read_whole (at, &to) || to <= from)
      return false;
    s->outages[s->n_outages++] = (ImpairOutage){ (BlTime)(from * BL_SECOND),
                                                 (BlTime)(to * BL_SECOND) };
  }
  return true;
}

static bool
set_in_outage (ImpairSettings *s, const char *value)
{
  return read_word (value, "hold", "drop", &s->drops_in_outage);
}

static const struct {
  const char *key;
  bool (*set) (ImpairSettings *, const char *);
} keys[] = {
  { "rate", set_rate },
  { "trace", set_trace },
  { "offset", set_offset },
  { "delay", set_delay },
  { "jitter", set_jitter },
  { "reorder", set_reorder },
  { "queue", set_queue },
  { "loss", set_loss },
  { "ge", set_ge },
  { "mark", set_mark },
  { "ce", set_ce },
  { "outages", set_outages },
  { "in-outage", set_in_outage },
};

static bool
set_one (ImpairSettings *s, const char *word, GError **error)
{
  const char *equals = strchr (word, '=');
  for (size_t i = 0; equals && i < G_N_ELEMENTS (keys); i++) {
    size_t length = strlen (keys[i].key);
    if (length != (size_t)(equals - word) || memcmp (word, keys[i].key, length))
      continue;
    if (keys[i].set (s, equals + 1))
      return true;
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "“%s”: not a value for %s", equals + 1, keys[i].key);
    return false;
  }
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "“%s”: no such setting", word);
  return false;
}

bool
impair_settings_parse (ImpairSettings *settings, const char *text,
                       GError **error)
{
  ImpairSettings changed = *settings;
  g_auto (GStrv) words = g_strsplit_set (text, " ,\t", 0);
  for (char **word = words; *word; word++)
    if (**word && !set_one (&changed, *word, error))
      return false;
  *settings = changed;
  return true;
}
