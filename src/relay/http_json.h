/* SPDX-License-Identifier: Apache-2.0
 *
 * What several answers have in common.
 */
#pragma once

#include "base/json.h"

/* "recording": {"ok", "message"} */
static inline void
bl_json_recording (JsonBuilder *json, gboolean ok, const char *message)
{
  bl_json_begin_object (json, "recording");
  bl_json_bool (json, "ok", ok);
  bl_json_string (json, "message", message);
  json_builder_end_object (json);
}
