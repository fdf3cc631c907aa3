/* SPDX-License-Identifier: Apache-2.0
 *
 * Shorthand for tests of the JSON that pages read.
 */
#pragma once

#include <json-glib/json-glib.h>
#include <string.h>

#include "base/clock.h"
#include "http_fixture.h"
#include "suite.h"

#define HOUR_US (3600 * BL_SECOND)

/* The reply's JSON object, owned by the parser. */
static inline JsonObject *
parse (JsonParser *parser, const Reply *reply)
{
  ck_assert (json_parser_load_from_data (parser, reply->body, -1, NULL));
  return json_node_get_object (json_parser_get_root (parser));
}

static inline void
get (const char *path, const char *cookie, Reply *out)
{
  const Ask ask = { .method = "GET", .path = path, .cookie = cookie };
  site_ask (&ask, out);
}

static inline guint
count_audit (BlAuditAction action)
{
  guint count = 0;
  g_autoptr (GPtrArray) rows = bl_audit_list (site.db, 0, 1000, NULL);
  for (guint i = 0; i < rows->len; i++) {
    const BlAuditRow *row = g_ptr_array_index (rows, i);
    count += row->action == action;
  }
  return count;
}
