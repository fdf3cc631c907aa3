/* SPDX-License-Identifier: Apache-2.0
 *
 * Configuration from an INI file, described by a table of keys: a key that is
 * not in the table, a value of the wrong kind, or a missing one is an error
 * that names file, line, section and key and says what would be right. The
 * same table prints the reference for --help-config.
 *
 *   [media]
 *   port = 50000        ; a comment
 */
#pragma once

#include <glib.h>

typedef enum {
  BL_CONFIG_STRING,
  BL_CONFIG_PATH,   /* made absolute, relative to the file's own folder */
  BL_CONFIG_INT,    /* within minimum..maximum */
  BL_CONFIG_BOOL,   /* true or false */
  BL_CONFIG_LIST,   /* strings separated by commas */
  BL_CONFIG_CHOICE, /* one of `choices`, separated by | */
} BlConfigKind;

typedef struct {
  const char *section;
  const char *key;
  BlConfigKind kind;
  const char *fallback; /* NULL: the key must be given */
  const char *help;
  gint64 minimum, maximum; /* for BL_CONFIG_INT */
  const char *choices;     /* for BL_CONFIG_CHOICE: "one|two" */
} BlConfigKey;

#define BL_CONFIG_ERROR (bl_config_error_quark ())
GQuark bl_config_error_quark (void);

typedef enum {
  BL_CONFIG_ERROR_READ,   /* the file can't be read */
  BL_CONFIG_ERROR_SYNTAX, /* a line is neither section, key nor comment */
  BL_CONFIG_ERROR_KEY,    /* unknown, double or missing key */
  BL_CONFIG_ERROR_VALUE,  /* not of the key's kind */
} BlConfigError;

typedef struct BlConfig BlConfig;

/* Reads `path` by the table of `n_keys` keys (borrowed for the object's life).
 * NULL and `error` on the first thing wrong. */
BlConfig *bl_config_load (const char *path, const BlConfigKey *keys,
                          gsize n_keys, GError **error);

/* The same from text; `name` stands for the file in messages and its folder
 * is what relative paths start from. */
BlConfig *bl_config_parse (const char *text, gsize length, const char *name,
                           const BlConfigKey *keys, gsize n_keys,
                           GError **error);
void bl_config_free (BlConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlConfig, bl_config_free)

/* The value, or the key's fallback. Asking for a key that is not in the table,
 * or as another kind, is a programmer error. Strings are borrowed. */
const char *bl_config_string (const BlConfig *config, const char *section,
                              const char *key);
gint64 bl_config_int (const BlConfig *config, const char *section,
                      const char *key);
gboolean bl_config_bool (const BlConfig *config, const char *section,
                         const char *key);
const char *const *bl_config_list (const BlConfig *config, const char *section,
                                   const char *key);

/* The line on which the key stands, 0 if it is the fallback; for messages
 * about values that only the caller can judge. */
guint bl_config_line (const BlConfig *config, const char *section,
                      const char *key);

/* Sets `error` (BL_CONFIG_ERROR_VALUE) to "file:line: [section] key: why". */
void bl_config_set_error (const BlConfig *config, const char *section,
                          const char *key, GError **error, const char *format,
                          ...) G_GNUC_PRINTF (5, 6);

/* The table as an INI file with every key, its help and its fallback. */
char *bl_config_describe (const BlConfigKey *keys, gsize n_keys);
