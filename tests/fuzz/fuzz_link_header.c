/* SPDX-License-Identifier: Apache-2.0
 *
 * Link and If-Match headers: a server that was read and is written again reads
 * the same.
 */
#include <stdint.h>

#include "base/blassert.h"
#include "signal/link.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *value = g_strndup ((const char *)data, size);
  g_autoptr (GPtrArray) servers = bl_link_parse (value);
  for (guint i = 0; i < servers->len; i++) {
    const BlIceServer *server = servers->pdata[i];
    g_autofree char *text = bl_link_build (server);
    g_autoptr (GPtrArray) back = bl_link_parse (text);
    bl_assert (back->len == 1);
    const BlIceServer *again = back->pdata[0];
    bl_assert (g_str_equal (again->url, server->url));
    if (server->username && server->credential)
      bl_assert (g_strcmp0 (again->credential, server->credential) == 0);
  }
  (void)bl_etag_if_match (value, "tag");
  g_autofree char *tag = bl_etag_unquote (value);
  if (tag) {
    g_autofree char *quoted = bl_etag_quote (tag);
    bl_assert (bl_etag_if_match (quoted, tag) == BL_IF_MATCH_SAME);
  }
  return 0;
}
