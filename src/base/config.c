/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <string.h>

G_DEFINE_QUARK (bl_config_error, bl_config_error)

typedef struct {
  char *text;
  char **list;   /* BL_CONFIG_LIST */
  gint64 number; /* BL_CONFIG_INT, BL_CONFIG_BOOL */
  guint line;    /* 0: not in the file */
} Value;

struct BlConfig {
  char *name;
  char *folder;
  const BlConfigKey *keys;
  gsize n_keys;
  Value *values; /* one for each key, in the table's order */
};

static const BlConfigKey *
find_key (const BlConfig *config, const char *section, const char *key)
{
  for (gsize i = 0; i < config->n_keys; i++) {
    const BlConfigKey *k = &config->keys[i];
    if (g_str_equal (k->section, section) && g_str_equal (k->key, key))
      return k;
  }
  return NULL;
}

static gboolean fail (const BlConfig *config, guint line, GError **error,
                      BlConfigError code, const char *format, ...)
    G_GNUC_PRINTF (5, 6);

static gboolean
fail (const BlConfig *config, guint line, GError **error, BlConfigError code,
      const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *why = g_strdup_vprintf (format, args);
  va_end (args);
  if (line > 0)
    g_set_error (error, BL_CONFIG_ERROR, code, "%s:%u: %s", config->name, line,
                 why);
  else
    g_set_error (error, BL_CONFIG_ERROR, code, "%s: %s", config->name, why);
  return FALSE;
}

static gboolean
is_choice (const char *choices, const char *text)
{
  g_auto (GStrv) all = g_strsplit (choices, "|", -1);
  return g_strv_contains ((const char *const *)all, text);
}

static char **
split_list (const char *text)
{
  g_autoptr (GStrvBuilder) items = g_strv_builder_new ();
  g_auto (GStrv) parts = g_strsplit (text, ",", -1);
  for (char **part = parts; *part; part++) {
    if (*g_strstrip (*part))
      g_strv_builder_add (items, *part);
  }
  return g_strv_builder_end (items);
}

/* Takes `text`. */
static gboolean
set_value (BlConfig *config, const BlConfigKey *key, char *text, guint line,
           GError **error)
{
  Value *value = &config->values[key - config->keys];
  g_free (value->text);
  g_clear_pointer (&value->list, g_strfreev);
  value->text = text;
  value->line = line;

  switch (key->kind) {
  case BL_CONFIG_STRING:
    return TRUE;
  case BL_CONFIG_PATH:
    if (*text && !g_path_is_absolute (text)) {
      value->text = g_build_filename (config->folder, text, NULL);
      g_free (text);
    }
    return TRUE;
  case BL_CONFIG_INT:
    if (g_ascii_string_to_signed (text, 10, key->minimum, key->maximum,
                                  &value->number, NULL))
      return TRUE;
    return fail (config, line, error, BL_CONFIG_ERROR_VALUE,
                 "[%s] %s: “%s” is not a whole number from %" G_GINT64_FORMAT
                 " to %" G_GINT64_FORMAT,
                 key->section, key->key, text, key->minimum, key->maximum);
  case BL_CONFIG_BOOL:
    value->number = g_str_equal (text, "true");
    if (value->number || g_str_equal (text, "false"))
      return TRUE;
    return fail (config, line, error, BL_CONFIG_ERROR_VALUE,
                 "[%s] %s: “%s” is neither true nor false", key->section,
                 key->key, text);
  case BL_CONFIG_LIST:
    value->list = split_list (text);
    return TRUE;
  case BL_CONFIG_CHOICE:
    if (is_choice (key->choices, text))
      return TRUE;
    return fail (config, line, error, BL_CONFIG_ERROR_VALUE,
                 "[%s] %s: “%s” is none of %s", key->section, key->key, text,
                 key->choices);
  }
  g_assert_not_reached ();
}

/* Cuts a comment that starts the line or follows white space. */
static void
cut_comment (char *line)
{
  for (char *c = line; *c; c++) {
    if ((*c == '#' || *c == ';') && (c == line || g_ascii_isspace (c[-1]))) {
      *c = '\0';
      return;
    }
  }
}

static gboolean
parse_pair (BlConfig *config, const char *section, char *text, guint line,
            GError **error)
{
  char *equals = strchr (text, '=');
  if (!equals)
    return fail (config, line, error, BL_CONFIG_ERROR_SYNTAX,
                 "expected “[section]” or “key = value”, found “%s”", text);
  *equals = '\0';
  const char *name = g_strstrip (text);
  if (!section)
    return fail (config, line, error, BL_CONFIG_ERROR_SYNTAX,
                 "“%s” stands before any “[section]”", name);
  const BlConfigKey *key = find_key (config, section, name);
  if (!key)
    return fail (config, line, error, BL_CONFIG_ERROR_KEY,
                 "[%s] has no key “%s”; --help-config lists all keys", section,
                 name);
  guint before = config->values[key - config->keys].line;
  if (before > 0)
    return fail (config, line, error, BL_CONFIG_ERROR_KEY,
                 "[%s] %s is given twice; the first is on line %u", section,
                 name, before);
  return set_value (config, key, g_strdup (g_strstrip (equals + 1)), line,
                    error);
}

static gboolean
parse_lines (BlConfig *config, const char *text, gsize length, GError **error)
{
  g_autofree char *copy = g_strndup (text, length);
  g_autofree char *section = NULL;
  if (strlen (copy) != length || !g_utf8_validate (copy, (gssize)length, NULL))
    return fail (config, 0, error, BL_CONFIG_ERROR_SYNTAX,
                 "is not UTF-8 text; is it the right file?");

  g_auto (GStrv) lines = g_strsplit (copy, "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    cut_comment (lines[i]);
    char *line = g_strstrip (lines[i]);
    gsize end = strlen (line);
    if (end == 0)
      continue;
    if (line[0] == '[' && line[end - 1] == ']') {
      g_free (section);
      section = g_strndup (line + 1, end - 2);
      g_strstrip (section);
    } else if (!parse_pair (config, section, line, i + 1, error)) {
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
set_fallbacks (BlConfig *config, GError **error)
{
  for (gsize i = 0; i < config->n_keys; i++) {
    const BlConfigKey *key = &config->keys[i];
    if (config->values[i].line > 0)
      continue;
    if (!key->fallback)
      return fail (config, 0, error, BL_CONFIG_ERROR_KEY,
                   "[%s] %s is missing: %s", key->section, key->key, key->help);
    if (!set_value (config, key, g_strdup (key->fallback), 0, error))
      return FALSE;
  }
  return TRUE;
}

BlConfig *
bl_config_parse (const char *text, gsize length, const char *name,
                 const BlConfigKey *keys, gsize n_keys, GError **error)
{
  g_autoptr (BlConfig) config = g_new0 (BlConfig, 1);
  config->name = g_strdup (name);
  g_autofree char *folder = g_path_get_dirname (name);
  config->folder = g_canonicalize_filename (folder, NULL);
  config->keys = keys;
  config->n_keys = n_keys;
  config->values = g_new0 (Value, n_keys);
  if (!parse_lines (config, text, length, error)
      || !set_fallbacks (config, error))
    return NULL;
  return g_steal_pointer (&config);
}

BlConfig *
bl_config_load (const char *path, const BlConfigKey *keys, gsize n_keys,
                GError **error)
{
  g_autofree char *text = NULL;
  gsize length;
  g_autoptr (GError) why = NULL;
  if (!g_file_get_contents (path, &text, &length, &why)) {
    g_set_error (error, BL_CONFIG_ERROR, BL_CONFIG_ERROR_READ,
                 "can't read the configuration: %s", why->message);
    return NULL;
  }
  return bl_config_parse (text, length, path, keys, n_keys, error);
}

void
bl_config_free (BlConfig *config)
{
  if (!config)
    return;
  for (gsize i = 0; i < config->n_keys; i++) {
    g_free (config->values[i].text);
    g_strfreev (config->values[i].list);
  }
  g_free (config->values);
  g_free (config->folder);
  g_free (config->name);
  g_free (config);
}

static const Value *
get (const BlConfig *config, const char *section, const char *key)
{
  const BlConfigKey *k = find_key (config, section, key);
  g_assert (k);
  return &config->values[k - config->keys];
}

const char *
bl_config_string (const BlConfig *config, const char *section, const char *key)
{
  return get (config, section, key)->text;
}

gint64
bl_config_int (const BlConfig *config, const char *section, const char *key)
{
  g_assert (find_key (config, section, key)->kind == BL_CONFIG_INT);
  return get (config, section, key)->number;
}

gboolean
bl_config_bool (const BlConfig *config, const char *section, const char *key)
{
  g_assert (find_key (config, section, key)->kind == BL_CONFIG_BOOL);
  return get (config, section, key)->number != 0;
}

const char *const *
bl_config_list (const BlConfig *config, const char *section, const char *key)
{
  g_assert (find_key (config, section, key)->kind == BL_CONFIG_LIST);
  return (const char *const *)get (config, section, key)->list;
}

guint
bl_config_line (const BlConfig *config, const char *section, const char *key)
{
  return get (config, section, key)->line;
}

void
bl_config_set_error (const BlConfig *config, const char *section,
                     const char *key, GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *why = g_strdup_vprintf (format, args);
  va_end (args);
  fail (config, bl_config_line (config, section, key), error,
        BL_CONFIG_ERROR_VALUE, "[%s] %s: %s", section, key, why);
}

char *
bl_config_describe (const BlConfigKey *keys, gsize n_keys)
{
  GString *text = g_string_new (NULL);
  const char *section = NULL;
  for (gsize i = 0; i < n_keys; i++) {
    const BlConfigKey *key = &keys[i];
    if (!section || !g_str_equal (section, key->section))
      g_string_append_printf (text, "%s[%s]\n", section ? "\n" : "",
                              key->section);
    section = key->section;
    g_string_append_printf (text, "# %s", key->help);
    if (key->kind == BL_CONFIG_INT)
      g_string_append_printf (text,
                              " (%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ")",
                              key->minimum, key->maximum);
    else if (key->kind == BL_CONFIG_CHOICE)
      g_string_append_printf (text, " (%s)", key->choices);
    if (key->fallback)
      g_string_append_printf (text, "\n%s%s = %s\n", *key->fallback ? "" : "# ",
                              key->key, key->fallback);
    else
      g_string_append_printf (text, "\n%s = (must be given)\n", key->key);
  }
  return g_string_free (text, FALSE);
}
