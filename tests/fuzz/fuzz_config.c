/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "base/blassert.h"
#include "base/config.h"

static const BlConfigKey keys[] = {
  { "media", "port", BL_CONFIG_INT, "50000", "a port", 1, 65535, NULL },
  { "media", "on", BL_CONFIG_BOOL, "true", "a switch", 0, 0, NULL },
  { "media", "names", BL_CONFIG_LIST, "", "a list", 0, 0, NULL },
  { "files", "folder", BL_CONFIG_PATH, "here", "a path", 0, 0, NULL },
  { "files", "kind", BL_CONFIG_CHOICE, "one", "a choice", 0, 0, "one|two" },
  { "files", "title", BL_CONFIG_STRING, "", "a text", 0, 0, NULL },
};

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BlConfig) config
      = bl_config_parse ((const char *)data, size, "/etc/bluelight/fuzz.ini",
                         keys, G_N_ELEMENTS (keys), &error);
  bl_assert (!config == (error != NULL));
  if (!config)
    return 0;
  gint64 port = bl_config_int (config, "media", "port");
  bl_assert (port >= 1 && port <= 65535);
  bl_assert (bl_config_list (config, "media", "names"));
  const char *folder = bl_config_string (config, "files", "folder");
  bl_assert (!*folder || g_path_is_absolute (folder));
  return 0;
}
