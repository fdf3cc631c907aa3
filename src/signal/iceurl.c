/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/iceurl.h"

#include <string.h>

#define PORT     3478
#define PORT_TLS 5349

static const struct {
  const char *scheme;
  const char *transport; /* "": not given */
  BlIceUrlKind kind;
} kinds[] = {
  { "stun", "", BL_ICE_STUN },        { "turn", "", BL_ICE_TURN_UDP },
  { "turn", "udp", BL_ICE_TURN_UDP }, { "turn", "tcp", BL_ICE_TURN_TCP },
  { "turns", "", BL_ICE_TURN_TLS },   { "turns", "tcp", BL_ICE_TURN_TLS },
};

static bool
find_kind (const char *scheme, const char *transport, BlIceUrlKind *out_kind)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    if (g_ascii_strcasecmp (kinds[i].scheme, scheme) == 0
        && g_ascii_strcasecmp (kinds[i].transport, transport) == 0) {
      *out_kind = kinds[i].kind;
      return true;
    }
  }
  return false;
}

/* host, host:port, [address] or [address]:port; cut up in place. */
static bool
split_host (char *text, char **out_host, char **out_port)
{
  char *after = text;
  *out_host = text;
  *out_port = NULL;
  if (*text == '[') {
    *out_host = text + 1;
    after = strchr (text, ']');
    if (!after)
      return false;
    *after++ = '\0';
    if (*after != ':' && *after != '\0')
      return false;
  }
  char *colon = strchr (after, ':');
  if (colon) {
    *colon = '\0';
    *out_port = colon + 1;
  }
  return **out_host != '\0' && strlen (*out_host) < BL_ICE_HOST_SIZE;
}

bool
bl_ice_url_parse (const char *url, BlIceUrl *out_url)
{
  g_autofree char *copy = g_strdup (url);
  char *rest = strchr (copy, ':');
  if (!rest)
    return false;
  *rest++ = '\0';
  char *query = strchr (rest, '?');
  const char *transport = "";
  if (query) {
    *query++ = '\0';
    if (!g_str_has_prefix (query, "transport="))
      return false;
    transport = query + strlen ("transport=");
  }
  BlIceUrl parsed = { 0 };
  char *host, *port;
  if (!find_kind (copy, transport, &parsed.kind)
      || !split_host (rest, &host, &port))
    return false;
  guint64 number = parsed.kind == BL_ICE_TURN_TLS ? PORT_TLS : PORT;
  if (port && !g_ascii_string_to_unsigned (port, 10, 1, 65535, &number, NULL))
    return false;
  parsed.port = (guint16)number;
  g_strlcpy (parsed.host, host, sizeof parsed.host);
  *out_url = parsed;
  return true;
}
