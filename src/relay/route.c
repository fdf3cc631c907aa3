/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/route.h"

#include <string.h>

typedef struct {
  char args[BL_ROUTE_ARGS][BL_ROUTE_ARG_BYTES];
  guint n_args;
} Args;

static gboolean
take_arg (Args *args, const char *start, gsize length)
{
  g_assert (args->n_args < BL_ROUTE_ARGS); /* a wrong table */
  if (length == 0 || length >= BL_ROUTE_ARG_BYTES)
    return FALSE;
  memcpy (args->args[args->n_args], start, length);
  args->args[args->n_args++][length] = '\0';
  return TRUE;
}

static gboolean
path_matches (const char *pattern, const char *path, Args *args)
{
  for (;;) {
    if (*pattern == '*')
      return take_arg (args, path, strlen (path));
    if (*pattern == '{') {
      gsize length = strcspn (path, "/");
      if (!take_arg (args, path, length))
        return FALSE;
      path += length;
      pattern += strcspn (pattern, "/");
      continue;
    }
    /* People paste addresses with a slash at the end. */
    if (!*pattern && g_str_equal (path, "/"))
      return TRUE;
    if (*pattern != *path)
      return FALSE;
    if (!*pattern)
      return TRUE;
    pattern++;
    path++;
  }
}

static void
add_method (BlRouteMatch *match, const char *method)
{
  if (*match->allow)
    g_strlcat (match->allow, ", ", sizeof match->allow);
  g_strlcat (match->allow, method, sizeof match->allow);
  if (g_str_equal (method, "GET"))
    g_strlcat (match->allow, ", HEAD", sizeof match->allow);
}

BlRouteResult
bl_route_find (const BlRoute *routes, gsize n_routes, BlDoor door,
               const char *method, const char *path, BlRouteMatch *out)
{
  BlRouteMatch match = { 0 };
  const char *wanted = g_str_equal (method, "HEAD") ? "GET" : method;

  for (gsize i = 0; i < n_routes; i++) {
    const BlRoute *route = &routes[i];
    Args args = { 0 };
    if (!(route->doors & door) || !path_matches (route->path, path, &args))
      continue;
    add_method (&match, route->method);
    match.cors |= route->cors;
    if (!match.route && g_str_equal (route->method, wanted)) {
      match.route = route;
      memcpy (match.args, args.args, sizeof match.args);
    }
  }
  if (match.cors)
    add_method (&match, "OPTIONS");
  *out = match;
  if (match.route)
    return BL_ROUTE_FOUND;
  return *match.allow ? BL_ROUTE_NO_METHOD : BL_ROUTE_NO_PATH;
}
