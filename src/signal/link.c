/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/link.h"

#include <stdbool.h>
#include <string.h>

BlIceServer *
bl_ice_server_new (const char *url, const char *username,
                   const char *credential)
{
  BlIceServer *server = g_new0 (BlIceServer, 1);
  server->url = g_strdup (url);
  server->username = g_strdup (username);
  server->credential = g_strdup (credential);
  return server;
}

void
bl_ice_server_free (BlIceServer *server)
{
  if (!server)
    return;
  g_free (server->url);
  g_free (server->username);
  g_free (server->credential);
  g_free (server);
}

static void
append_quoted (GString *text, const char *name, const char *value)
{
  g_string_append_printf (text, "; %s=\"", name);
  for (const char *c = value; *c; c++) {
    if (*c == '"' || *c == '\\')
      g_string_append_c (text, '\\');
    g_string_append_c (text, *c);
  }
  g_string_append_c (text, '"');
}

char *
bl_link_build (const BlIceServer *server)
{
  GString *text = g_string_new (NULL);
  g_string_append_printf (text, "<%s>; rel=\"ice-server\"", server->url);
  if (server->username && server->credential) {
    append_quoted (text, "username", server->username);
    append_quoted (text, "credential", server->credential);
    append_quoted (text, "credential-type", "password");
  }
  return g_string_free (text, FALSE);
}

static const char *
skip_space (const char *at)
{
  return at + strspn (at, " \t");
}

static bool
is_token_char (char c)
{
  return g_ascii_isalnum (c) || (c && strchr ("!#$%&'*+-.^_`|~", c));
}

/* A token, or a string in quotes without its escapes; NULL if it is neither.
 * Moves `*inout_at` behind it. */
static char *
read_value (const char **inout_at)
{
  const char *at = *inout_at;
  g_autoptr (GString) value = g_string_new (NULL);
  if (*at != '"') {
    for (; is_token_char (*at); at++)
      g_string_append_c (value, *at);
    if (at == *inout_at)
      return NULL;
  } else {
    for (at++; *at != '"'; at++) {
      if (*at == '\\')
        at++;
      if (g_ascii_iscntrl (*at)) /* NUL too */
        return NULL;
      g_string_append_c (value, *at);
    }
    at++;
  }
  *inout_at = at;
  return g_strdup (value->str);
}

typedef struct {
  char *rel;
  char *username;
  char *credential;
  char *credential_type;
} Params;

static void
params_clear (Params *params)
{
  g_free (params->rel);
  g_free (params->username);
  g_free (params->credential);
  g_free (params->credential_type);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Params, params_clear)

/* One `; name[=value]`. Of a name that stands twice the first counts (RFC 8288
 * section 3.3). */
static bool
read_param (const char **inout_at, Params *params)
{
  const struct {
    const char *name;
    char **slot;
  } known[] = {
    { "rel", &params->rel },
    { "username", &params->username },
    { "credential", &params->credential },
    { "credential-type", &params->credential_type },
  };
  const char *at = skip_space (*inout_at), *name = at;
  while (is_token_char (*at))
    at++;
  gsize length = (gsize)(at - name);
  if (length == 0)
    return false;
  g_autofree char *value = NULL;
  at = skip_space (at);
  if (*at == '=') {
    at = skip_space (at + 1);
    value = read_value (&at);
    if (!value)
      return false;
  }
  for (guint i = 0; i < G_N_ELEMENTS (known); i++) {
    if (strlen (known[i].name) == length
        && g_ascii_strncasecmp (known[i].name, name, length) == 0
        && !*known[i].slot)
      *known[i].slot = g_steal_pointer (&value);
  }
  *inout_at = skip_space (at);
  return true;
}

static bool
is_ice_url (const char *url)
{
  static const char *const schemes[] = { "stun:", "stuns:", "turn:", "turns:" };
  for (const char *c = url; *c; c++) {
    if (!g_ascii_isgraph (*c))
      return false;
  }
  for (guint i = 0; i < G_N_ELEMENTS (schemes); i++) {
    gsize length = strlen (schemes[i]);
    if (g_ascii_strncasecmp (url, schemes[i], length) == 0 && url[length])
      return true;
  }
  return false;
}

/* rel may name several relations. */
static bool
has_relation (const char *rel)
{
  g_auto (GStrv) words = g_strsplit (rel ? rel : "", " ", -1);
  for (char **word = words; *word; word++) {
    if (g_ascii_strcasecmp (*word, "ice-server") == 0)
      return true;
  }
  return false;
}

/* One link; moves behind it. False if it is malformed: then the rest can't be
 * trusted either, since nobody knows where the next link starts. */
static bool
read_link (const char **inout_at, GPtrArray *servers)
{
  const char *at = *inout_at;
  const char *end = *at == '<' ? strchr (at, '>') : NULL;
  if (!end)
    return false;
  g_autofree char *url = g_strndup (at + 1, (gsize)(end - at - 1));
  g_auto (Params) params = { 0 };
  at = skip_space (end + 1);
  while (*at == ';') {
    at = skip_space (at + 1);
    if (*at && *at != ';' && *at != ',' && !read_param (&at, &params))
      return false;
  }
  if (*at && *at != ',')
    return false;
  bool password
      = !params.credential_type
        || g_ascii_strcasecmp (params.credential_type, "password") == 0;
  if (has_relation (params.rel) && is_ice_url (url) && password
      && servers->len < BL_LINK_MAX_SERVERS)
    g_ptr_array_add (
        servers, bl_ice_server_new (url, params.username, params.credential));
  *inout_at = at;
  return true;
}

GPtrArray *
bl_link_parse (const char *value)
{
  GPtrArray *servers
      = g_ptr_array_new_with_free_func ((GDestroyNotify)bl_ice_server_free);
  if (!value || strlen (value) > BL_LINK_MAX_BYTES)
    return servers;
  const char *at = value;
  for (;;) {
    at += strspn (at, " \t,");
    if (!*at || !read_link (&at, servers))
      return servers;
  }
}

/* entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE. Gives where the tag between the
 * quotes starts and its length, and moves behind it. */
static const char *
read_tag (const char **inout_at, gsize *out_length, bool *out_weak)
{
  const char *at = *inout_at;
  *out_weak = strncmp (at, "W/", 2) == 0;
  if (*out_weak)
    at += 2;
  if (*at != '"')
    return NULL;
  const char *start = ++at;
  while (*at != '"') {
    if ((guchar)*at <= 0x20 || *at == 0x7f)
      return NULL;
    at++;
  }
  *out_length = (gsize)(at - start);
  *inout_at = at + 1;
  return start;
}

BlIfMatch
bl_etag_if_match (const char *value, const char *tag)
{
  if (!value)
    return BL_IF_MATCH_MISSING;
  const char *at = skip_space (value);
  if (*at == '*')
    return *skip_space (at + 1) ? BL_IF_MATCH_MALFORMED : BL_IF_MATCH_ANY;
  bool any = false, same = false;
  for (;;) {
    at += strspn (at, " \t,");
    if (!*at)
      break;
    gsize length;
    bool weak;
    const char *start = read_tag (&at, &length, &weak);
    at = start ? skip_space (at) : at;
    if (!start || (*at && *at != ','))
      return BL_IF_MATCH_MALFORMED;
    any = true;
    if (!weak && length == strlen (tag) && memcmp (start, tag, length) == 0)
      same = true;
  }
  if (!any)
    return BL_IF_MATCH_MALFORMED;
  return same ? BL_IF_MATCH_SAME : BL_IF_MATCH_DIFFERENT;
}

char *
bl_etag_quote (const char *tag)
{
  return g_strdup_printf ("\"%s\"", tag);
}

char *
bl_etag_unquote (const char *value)
{
  if (!value)
    return NULL;
  const char *at = skip_space (value);
  gsize length;
  bool weak;
  const char *start = read_tag (&at, &length, &weak);
  if (!start || weak || *skip_space (at))
    return NULL;
  return g_strndup (start, length);
}
