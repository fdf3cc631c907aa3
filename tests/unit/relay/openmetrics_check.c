/* SPDX-License-Identifier: Apache-2.0 */
#include "openmetrics_check.h"

#include <check.h>
#include <math.h>
#include <string.h>

typedef struct {
  GPtrArray *names;   /* of all families so far */
  GHashTable *series; /* name and labels of all samples so far */
  const char *line;
  /* of the family now */
  char *name, *type, *unit;
  gboolean has_help, has_samples;
  /* of the histogram's labels now */
  char *bucket_labels;
  double bound, count;
  gboolean complete; /* the bucket of all was seen */
} Reader;

#define require(r, condition)                                                  \
  ck_assert_msg (condition, "“%s”: not %s", (r)->line, #condition)

static gboolean
is_name (const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++) {
    if (!g_ascii_isalpha (text[i]) && text[i] != '_'
        && (i == 0 || !g_ascii_isdigit (text[i])))
      return FALSE;
  }
  return length > 0;
}

static void
end_family (Reader *r)
{
  if (r->name) {
    require (r, r->has_help);
    require (r, !r->bucket_labels);
    if (r->unit) {
      g_autofree char *ending = g_strconcat ("_", r->unit, NULL);
      require (r, g_str_has_suffix (r->name, ending));
    }
  }
  g_clear_pointer (&r->type, g_free);
  g_clear_pointer (&r->unit, g_free);
  r->has_help = r->has_samples = FALSE;
}

static void
begin_family (Reader *r, const char *name, const char *type)
{
  static const char *const types[]
      = { "counter", "gauge", "histogram", "info", NULL };
  static const char *const endings[]
      = { "_total", "_info", "_bucket", "_count", "_sum", "_created" };
  end_family (r);
  require (r, is_name (name, strlen (name)));
  require (r, g_strv_contains (types, type));
  for (gsize i = 0; i < G_N_ELEMENTS (endings); i++)
    require (r, !g_str_has_suffix (name, endings[i]));
  require (
      r, !g_ptr_array_find_with_equal_func (r->names, name, g_str_equal, NULL));
  r->name = g_strdup (name);
  r->type = g_strdup (type);
  g_ptr_array_add (r->names, r->name);
}

static void
read_comment (Reader *r)
{
  g_auto (GStrv) words = g_strsplit (r->line, " ", 4);
  require (r, g_strv_length (words) == 4 && *words[3]);
  if (g_str_equal (words[1], "TYPE")) {
    begin_family (r, words[2], words[3]);
    return;
  }
  require (r, g_strcmp0 (r->name, words[2]) == 0 && !r->has_samples);
  if (g_str_equal (words[1], "UNIT")) {
    require (r, !r->unit);
    r->unit = g_strdup (words[3]);
    return;
  }
  require (r, g_str_equal (words[1], "HELP") && !r->has_help);
  require (r, !strchr (words[3], '\\'));
  r->has_help = TRUE;
}

/* Takes `le` out of the labels; "" if there is none. */
static char *
read_labels (Reader *r, const char *text, char **out_le)
{
  g_autoptr (GHashTable) seen
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GString *others = g_string_new (NULL);
  *out_le = g_strdup ("");
  while (*text) {
    gsize name = strcspn (text, "=");
    require (r, is_name (text, name) && text[name + 1] == '"');
    const char *value = text + name + 2;
    gsize length = strcspn (value, "\"\\");
    require (r, value[length] == '"');
    g_autofree char *label = g_strndup (text, name);
    if (g_str_equal (label, "le")) {
      g_free (*out_le);
      *out_le = g_strndup (value, length);
    } else {
      g_string_append_len (others, text, (gssize)(name + length + 3));
    }
    require (r, g_hash_table_add (seen, g_steal_pointer (&label)));
    text = value + length + 1;
    require (r, *text == '\0' || (*text == ',' && text[1]));
    text += *text == ',';
  }
  return g_string_free (others, FALSE);
}

static void
read_bucket (Reader *r, const char *labels, const char *le, double value)
{
  gboolean first = !r->bucket_labels;
  double bound
      = g_str_equal (le, "+Inf") ? INFINITY : g_ascii_strtod (le, NULL);
  require (r, strpbrk (le, ".eI") != NULL); /* canonical: 1.0 rather than 1 */
  if (first)
    r->bucket_labels = g_strdup (labels);
  require (r, g_str_equal (r->bucket_labels, labels) && !r->complete);
  require (r, first || (bound > r->bound && value >= r->count));
  r->bound = bound;
  r->count = value;
  r->complete = isinf (bound);
}

static void
read_histogram (Reader *r, const char *suffix, const char *labels,
                const char *le, double value)
{
  if (g_str_equal (suffix, "_bucket")) {
    read_bucket (r, labels, le, value);
    return;
  }
  require (r, r->complete && g_strcmp0 (r->bucket_labels, labels) == 0);
  if (g_str_equal (suffix, "_sum"))
    return;
  require (r, g_str_equal (suffix, "_count") && value == r->count);
  g_clear_pointer (&r->bucket_labels, g_free);
  r->complete = FALSE;
}

static void
read_sample (Reader *r)
{
  gsize length = strcspn (r->line, "{ ");
  const char *after = r->line + length;
  g_autofree char *inside = NULL, *le = NULL;
  require (r, r->name && g_str_has_prefix (r->line, r->name));
  g_autofree char *suffix
      = g_strndup (r->line + strlen (r->name), length - strlen (r->name));
  if (*after == '{') {
    const char *end = strchr (after, '}');
    require (r, end && end > after + 1);
    inside = g_strndup (after + 1, (gsize)(end - after) - 1);
    after = end + 1;
  }
  g_autofree char *labels = read_labels (r, inside ? inside : "", &le);
  char *end;
  require (r,
           after[0] == ' ' && (g_ascii_isdigit (after[1]) || after[1] == '-'));
  double value = g_ascii_strtod (after + 1, &end);
  require (r, *end == '\0' && isfinite (value));
  require (r, g_hash_table_add (r->series,
                                g_strndup (r->line, (gsize)(after - r->line))));
  r->has_samples = TRUE;
  if (g_str_equal (r->type, "histogram")) {
    read_histogram (r, suffix, labels, le, value);
    return;
  }
  require (r, *le == '\0');
  if (g_str_equal (r->type, "counter"))
    require (r, g_str_equal (suffix, "_total") && value >= 0);
  else if (g_str_equal (r->type, "info"))
    require (r, g_str_equal (suffix, "_info") && value == 1);
  else
    require (r, *suffix == '\0');
}

static gint
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *)a, *(char *const *)b);
}

GPtrArray *
openmetrics_check (const char *text)
{
  Reader r = { .names = g_ptr_array_new_with_free_func (g_free) };
  r.series = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint n = g_strv_length (lines);
  ck_assert_uint_ge (n, 2);
  ck_assert_str_eq (lines[n - 2], "# EOF");
  ck_assert_str_eq (lines[n - 1], "");
  for (guint i = 0; i < n - 2; i++) {
    r.line = lines[i];
    if (lines[i][0] == '#')
      read_comment (&r);
    else
      read_sample (&r);
  }
  end_family (&r);
  g_hash_table_unref (r.series);
  g_ptr_array_sort (r.names, by_name);
  return r.names;
}
