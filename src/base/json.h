/* SPDX-License-Identifier: Apache-2.0
 *
 * One line for one member of a JSON object.
 */
#pragma once

#include <json-glib/json-glib.h>

static inline void
bl_json_int (JsonBuilder *json, const char *name, gint64 value)
{
  json_builder_set_member_name (json, name);
  json_builder_add_int_value (json, value);
}

static inline void
bl_json_null (JsonBuilder *json, const char *name)
{
  json_builder_set_member_name (json, name);
  json_builder_add_null_value (json);
}

/* null unless `known`. */
static inline void
bl_json_known (JsonBuilder *json, const char *name, gboolean known,
               gint64 value)
{
  if (known)
    bl_json_int (json, name, value);
  else
    bl_json_null (json, name);
}

static inline void
bl_json_double (JsonBuilder *json, const char *name, double value)
{
  json_builder_set_member_name (json, name);
  json_builder_add_double_value (json, value);
}

static inline void
bl_json_known_double (JsonBuilder *json, const char *name, gboolean known,
                      double value)
{
  if (known)
    bl_json_double (json, name, value);
  else
    bl_json_null (json, name);
}

/* NULL becomes null. */
static inline void
bl_json_string (JsonBuilder *json, const char *name, const char *value)
{
  json_builder_set_member_name (json, name);
  json_builder_add_string_value (json, value);
}

static inline void
bl_json_bool (JsonBuilder *json, const char *name, gboolean value)
{
  json_builder_set_member_name (json, name);
  json_builder_add_boolean_value (json, value);
}

/* Its end is json_builder_end_object(). */
static inline void
bl_json_begin_object (JsonBuilder *json, const char *name)
{
  json_builder_set_member_name (json, name);
  json_builder_begin_object (json);
}

/* The same with json_builder_end_array(). */
static inline void
bl_json_begin_array (JsonBuilder *json, const char *name)
{
  json_builder_set_member_name (json, name);
  json_builder_begin_array (json);
}
