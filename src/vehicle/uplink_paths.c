/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "vehicle.uplink"
#include "vehicle/uplink_paths.h"

#include <gio/gio.h>

#include "base/clock.h"
#include "base/log.h"
#include "secure/token.h"
#include "signal/link.h"
#include "vehicle/interfaces.h"
#include "vehicle/uplink_path.h"

#define UFRAG_LENGTH 8
#define PWD_LENGTH   32

/* Nothing came for so long: knock, often at first, so that an outage is over as
 * soon as it is over. */
#define SILENT_US      (200 * BL_MS)
#define KNOCK_US       (100 * BL_MS)
#define KNOCK_LATER_US (250 * BL_MS)
#define LATER_US       (5 * BL_SECOND)

/* Knocking does not help where an address that a STUN or TURN server gave has
 * become void: then a new agent is tried, and after twice the time another. */
#define RENEW_US      (10 * BL_SECOND)
#define RENEW_DOUBLED 4

/* A path that was heard within this time is there. */
#define FRESH_US BL_SECOND

typedef struct {
  char *name; /* NULL: no interface has this number */
  GPtrArray *addresses;
  BlUplinkPath *path; /* works, or did */
  BlUplinkPath *next; /* being set up */
  bool next_failed;
  BlTime heard_us, knocked_us, renewed_us;
  unsigned renewals; /* since it was heard */
} Interface;

struct BlUplinkPaths {
  const BlUplinkOptions *options;
  const BlUplinkPathsCallbacks *callbacks;
  gpointer user_data;

  Interface interfaces[BL_UPLINK_MAX_PATHS];
  char *ufrag, *pwd;
  gsize n_candidates;
  BlCandidate candidates[BL_UPLINK_MAX_CANDIDATES];
  GPtrArray *servers;

  /* The relay's, from bl_uplink_paths_connect() on. */
  char *remote_ufrag, *remote_pwd;
  gsize n_remote;
  BlCandidate remote[BL_UPLINK_MAX_CANDIDATES];
};

/* --- what the paths tell
 * ----------------------------------------------------- */

/* NULL: the agent is one that is just being made. */
static Interface *
find (BlUplinkPaths *p, const BlUplinkPath *path)
{
  for (unsigned i = 0; i < BL_UPLINK_MAX_PATHS; i++)
    if (p->interfaces[i].path == path || p->interfaces[i].next == path)
      return &p->interfaces[i];
  return NULL;
}

static void
on_packet (BlUplinkPath *path, guint8 *data, gsize length, gpointer user_data)
{
  BlUplinkPaths *p = user_data;
  Interface *interface = find (p, path);
  if (interface)
    p->callbacks->packet ((unsigned)(interface - p->interfaces), data, length,
                          p->user_data);
}

static void
on_ready (BlUplinkPath *path, gpointer user_data)
{
  BlUplinkPaths *p = user_data;
  Interface *interface = find (p, path);
  if (!interface)
    return;
  if (path == interface->next) {
    bl_uplink_path_free (interface->path);
    interface->path = g_steal_pointer (&interface->next);
  }
  interface->heard_us = bl_clock_now ();
  p->callbacks->ready ((unsigned)(interface - p->interfaces), p->user_data);
}

static void
on_failed (BlUplinkPath *path, gpointer user_data)
{
  BlUplinkPaths *p = user_data;
  Interface *interface = find (p, path);
  bool all = true;
  if (!interface || path != interface->next)
    return;
  interface->next_failed = true;
  for (unsigned i = 0; i < BL_UPLINK_MAX_PATHS; i++)
    all &= !p->interfaces[i].next || p->interfaces[i].next_failed;
  if (all)
    p->callbacks->failed (p->user_data);
}

static void
add_candidate (BlUplinkPaths *p, const BlCandidate *candidate)
{
  if (p->n_candidates < BL_UPLINK_MAX_CANDIDATES)
    p->candidates[p->n_candidates++] = *candidate;
}

static void
on_candidate (BlUplinkPath *path, const BlCandidate *candidate,
              gpointer user_data)
{
  BlUplinkPaths *p = user_data;
  add_candidate (p, candidate);
  p->callbacks->candidate (candidate, p->user_data);
}

static void
on_gathered (BlUplinkPath *path, gpointer user_data)
{
  BlUplinkPaths *p = user_data;
  if (bl_uplink_paths_is_gathered (p))
    p->callbacks->gathered (p->user_data);
}

static const BlUplinkPathCallbacks path_callbacks = {
  .packet = on_packet,
  .ready = on_ready,
  .failed = on_failed,
  .candidate = on_candidate,
  .gathered = on_gathered,
};

/* --- interfaces
 * --------------------------------------------------------------- */

static GPtrArray *
wanted_interfaces (const BlUplinkPaths *p)
{
  g_autoptr (GPtrArray) all = bl_interfaces_list (p->options->loopback);
  return bl_interfaces_choose (all, p->options->interfaces);
}

static bool
same_addresses (const GPtrArray *a, const GPtrArray *b)
{
  if (a->len != b->len)
    return false;
  for (guint i = 0; i < a->len; i++)
    if (!g_str_equal (g_ptr_array_index (a, i), g_ptr_array_index (b, i)))
      return false;
  return true;
}

static const BlInterface *
find_listed (const GPtrArray *list, const char *name)
{
  for (guint i = 0; i < list->len; i++) {
    const BlInterface *listed = g_ptr_array_index (list, i);
    if (g_str_equal (listed->name, name))
      return listed;
  }
  return NULL;
}

static void
clear_interface (Interface *interface)
{
  bl_uplink_path_free (interface->next);
  bl_uplink_path_free (interface->path);
  g_clear_pointer (&interface->addresses, g_ptr_array_unref);
  g_free (interface->name);
  *interface = (Interface){ 0 };
}

static void
drop (BlUplinkPaths *p, Interface *interface)
{
  bool had_path = interface->path != NULL;
  bl_debug ("%s is gone", interface->name);
  clear_interface (interface);
  if (had_path)
    p->callbacks->gone ((unsigned)(interface - p->interfaces), p->user_data);
}

static void
drop_all_but (BlUplinkPaths *p, const GPtrArray *list)
{
  for (unsigned i = 0; i < BL_UPLINK_MAX_PATHS; i++)
    if (p->interfaces[i].name && !find_listed (list, p->interfaces[i].name))
      drop (p, &p->interfaces[i]);
}

/* The one with this name, or a new one; NULL if there are enough. */
static Interface *
take (BlUplinkPaths *p, const BlInterface *listed)
{
  Interface *unused = NULL;
  for (unsigned i = 0; i < BL_UPLINK_MAX_PATHS; i++) {
    Interface *interface = &p->interfaces[i];
    if (interface->name && g_str_equal (interface->name, listed->name))
      return interface;
    if (!interface->name && !unused)
      unused = interface;
  }
  if (unused)
    unused->name = g_strdup (listed->name);
  return unused;
}

static bool
set_up (BlUplinkPaths *p, Interface *interface, GError **error)
{
  gsize count;
  /* On a machine of its own the relay is reached by way of loopback, whatever
   * the interface. */
  BlUplinkPathOptions options = {
    .servers = p->servers,
    .turn_trust = p->options->turn_trust,
    .addresses = interface->addresses,
    .device = p->options->loopback ? NULL : interface->name,
    .ufrag = p->ufrag,
    .pwd = p->pwd,
  };
  bl_uplink_path_free (interface->next);
  interface->next_failed = false;
  interface->renewed_us = bl_clock_now ();
  interface->next = bl_uplink_path_new (&options, &path_callbacks, p, error);
  if (!interface->next)
    return false;
  const BlCandidate *candidates
      = bl_uplink_path_candidates (interface->next, &count);
  for (gsize i = 0; i < count; i++)
    add_candidate (p, &candidates[i]);
  return true;
}

static void
set_addresses (Interface *interface, const BlInterface *listed)
{
  g_clear_pointer (&interface->addresses, g_ptr_array_unref);
  interface->addresses = g_ptr_array_ref (listed->addresses);
}

static void
set_error_none (const BlUplinkPaths *p, GError **error)
{
  const char *const *wanted = p->options->interfaces;
  g_autofree char *names
      = wanted && *wanted ? g_strjoinv ("”, “", (char **)wanted) : NULL;
  if (names)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 "[ice] interfaces: “%s” is neither an interface that is up"
                 " nor an address of one",
                 names);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NETWORK_UNREACHABLE,
                 "no network interface is up: is there a network?");
}

gboolean
bl_uplink_paths_gather (BlUplinkPaths *paths, GError **error)
{
  BlUplinkPaths *p = paths;
  g_autoptr (GPtrArray) list = wanted_interfaces (p);
  g_autoptr (GError) why = NULL;
  bool any = false;
  g_free (p->ufrag);
  g_free (p->pwd);
  p->ufrag = bl_ice_chars_new (UFRAG_LENGTH);
  p->pwd = bl_ice_chars_new (PWD_LENGTH);
  p->n_candidates = 0;
  drop_all_but (p, list);
  for (guint i = 0; i < list->len; i++) {
    const BlInterface *listed = g_ptr_array_index (list, i);
    Interface *interface = take (p, listed);
    if (!interface)
      break;
    set_addresses (interface, listed);
    g_clear_error (&why);
    any |= set_up (p, interface, &why);
  }
  if (!any && why)
    g_propagate_error (error, g_steal_pointer (&why));
  else if (!any)
    set_error_none (p, error);
  return any;
}

/* --- the checks
 * -------------------------------------------------------------- */

static bool
connect_next (BlUplinkPaths *p, Interface *interface)
{
  return interface->next
         && bl_uplink_path_connect (interface->next, p->remote_ufrag,
                                    p->remote_pwd, p->remote, p->n_remote);
}

bool
bl_uplink_paths_connect (BlUplinkPaths *paths, const char *ufrag,
                         const char *pwd, const BlCandidate *candidates,
                         gsize n_candidates)
{
  BlUplinkPaths *p = paths;
  bool any = false;
  g_free (p->remote_ufrag);
  g_free (p->remote_pwd);
  p->remote_ufrag = g_strdup (ufrag);
  p->remote_pwd = g_strdup (pwd);
  p->n_remote = MIN (n_candidates, BL_UPLINK_MAX_CANDIDATES);
  for (gsize i = 0; i < p->n_remote; i++)
    p->remote[i] = candidates[i];
  for (unsigned i = 0; i < BL_UPLINK_MAX_PATHS; i++)
    any |= connect_next (p, &p->interfaces[i]);
  return any;
}

void
bl_uplink_paths_cancel (BlUplinkPaths *paths)
{
  for (unsigned i = 0; i < BL_UPLINK_MAX_PATHS; i++)
    g_clear_pointer (&paths->interfaces[i].next, bl_uplink_path_free);
}

/* An agent beside the path that there is, if any. */
static void
renew (BlUplinkPaths *p, Interface *interface)
{
  g_autoptr (GError) error = NULL;
  if (!p->remote_ufrag)
    return;
  if (!set_up (p, interface, &error))
    bl_debug ("%s: %s", interface->name, error->message);
  else
    connect_next (p, interface);
}

void
bl_uplink_paths_follow_interfaces (BlUplinkPaths *paths)
{
  BlUplinkPaths *p = paths;
  g_autoptr (GPtrArray) list = wanted_interfaces (p);
  drop_all_but (p, list);
  for (guint i = 0; i < list->len; i++) {
    const BlInterface *listed = g_ptr_array_index (list, i);
    Interface *interface = take (p, listed);
    if (!interface)
      break;
    if (interface->addresses
        && same_addresses (interface->addresses, listed->addresses))
      continue;
    set_addresses (interface, listed);
    renew (p, interface);
  }
}

static void
tend (BlUplinkPaths *p, Interface *interface, BlTime now)
{
  BlTime silent_us = now - interface->heard_us;
  if (interface->path && silent_us < SILENT_US)
    return;
  BlTime pause_us = silent_us < LATER_US ? KNOCK_US : KNOCK_LATER_US;
  if (interface->path && now - interface->knocked_us >= pause_us) {
    interface->knocked_us = now;
    bl_uplink_path_check (interface->path);
  }
  BlTime renew_us = RENEW_US << MIN (interface->renewals, RENEW_DOUBLED);
  if (silent_us >= RENEW_US && now - interface->renewed_us >= renew_us) {
    interface->renewals++;
    renew (p, interface);
  }
}

void
bl_uplink_paths_on_time (BlUplinkPaths *paths, BlTime now)
{
  for (unsigned i = 0; i < BL_UPLINK_MAX_PATHS; i++)
    if (paths->interfaces[i].name)
      tend (paths, &paths->interfaces[i], now);
}

/* --- the object
 * ------------------------------------------------------------- */

static void
keep_servers (BlUplinkPaths *p, const GPtrArray *servers)
{
  for (guint i = 0; i < servers->len; i++) {
    const BlIceServer *server = g_ptr_array_index (servers, i);
    g_ptr_array_add (
        p->servers,
        bl_ice_server_new (server->url, server->username, server->credential));
  }
}

BlUplinkPaths *
bl_uplink_paths_new (const BlUplinkOptions *options,
                     const BlUplinkPathsCallbacks *callbacks,
                     gpointer user_data)
{
  BlUplinkPaths *p = g_new0 (BlUplinkPaths, 1);
  p->options = options;
  p->callbacks = callbacks;
  p->user_data = user_data;
  p->servers
      = g_ptr_array_new_with_free_func ((GDestroyNotify)bl_ice_server_free);
  if (options->servers)
    keep_servers (p, options->servers);
  return p;
}

void
bl_uplink_paths_free (BlUplinkPaths *paths)
{
  if (!paths)
    return;
  for (unsigned i = 0; i < BL_UPLINK_MAX_PATHS; i++)
    clear_interface (&paths->interfaces[i]);
  g_ptr_array_unref (paths->servers);
  g_free (paths->ufrag);
  g_free (paths->pwd);
  g_free (paths->remote_ufrag);
  g_free (paths->remote_pwd);
  g_free (paths);
}

const char *
bl_uplink_paths_ufrag (const BlUplinkPaths *paths)
{
  return paths->ufrag;
}

const char *
bl_uplink_paths_pwd (const BlUplinkPaths *paths)
{
  return paths->pwd;
}

const BlCandidate *
bl_uplink_paths_candidates (const BlUplinkPaths *paths, gsize *out_count)
{
  *out_count = paths->n_candidates;
  return paths->candidates;
}

bool
bl_uplink_paths_is_gathered (const BlUplinkPaths *paths)
{
  for (unsigned i = 0; i < BL_UPLINK_MAX_PATHS; i++) {
    const BlUplinkPath *next = paths->interfaces[i].next;
    if (next && !bl_uplink_path_is_gathered (next))
      return false;
  }
  return true;
}

void
bl_uplink_paths_add_servers (BlUplinkPaths *paths, const GPtrArray *servers)
{
  keep_servers (paths, servers);
  for (unsigned i = 0; i < BL_UPLINK_MAX_PATHS; i++)
    if (paths->interfaces[i].next)
      bl_uplink_path_add_servers (paths->interfaces[i].next, servers);
}

void
bl_uplink_paths_hear (BlUplinkPaths *paths, unsigned path, BlTime now)
{
  paths->interfaces[path].heard_us = now;
  paths->interfaces[path].renewals = 0;
}

unsigned
bl_uplink_paths_freshest (const BlUplinkPaths *paths)
{
  const Interface *all = paths->interfaces;
  unsigned freshest = 0;
  for (unsigned i = 1; i < BL_UPLINK_MAX_PATHS; i++)
    if (all[i].path
        && (!all[freshest].path || all[i].heard_us > all[freshest].heard_us))
      freshest = i;
  return freshest;
}

BlTime
bl_uplink_paths_heard_us (const BlUplinkPaths *paths)
{
  return paths->interfaces[bl_uplink_paths_freshest (paths)].heard_us;
}

unsigned
bl_uplink_paths_consenting (const BlUplinkPaths *paths, BlTime now)
{
  unsigned mask = 0;
  for (unsigned i = 0; i < BL_UPLINK_MAX_PATHS; i++)
    if (paths->interfaces[i].path
        && now - paths->interfaces[i].heard_us <= BL_UPLINK_CONSENT_US)
      mask |= 1u << i;
  return mask;
}

void
bl_uplink_paths_mark (BlUplinkPaths *paths, unsigned path, bool mark)
{
  if (paths->interfaces[path].path)
    bl_uplink_path_mark (paths->interfaces[path].path, mark);
}

bool
bl_uplink_paths_send (BlUplinkPaths *paths, unsigned path, const guint8 *data,
                      gsize length)
{
  BlUplinkPath *at = paths->interfaces[path].path;
  return at && bl_uplink_path_send (at, data, length);
}

static bool
is_fresh (const Interface *interface, BlTime now)
{
  return interface->path && now - interface->heard_us <= FRESH_US;
}

static int
compare_heard (gconstpointer a, gconstpointer b)
{
  const Interface *x = *(Interface *const *)a, *y = *(Interface *const *)b;
  return (x->heard_us < y->heard_us) - (x->heard_us > y->heard_us);
}

char **
bl_uplink_paths_networks (const BlUplinkPaths *paths, BlTime now)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();
  guint i = 0;
  for (unsigned at = 0; at < BL_UPLINK_MAX_PATHS; at++)
    if (paths->interfaces[at].name && !paths->options->loopback)
      g_ptr_array_add (sorted, (gpointer)&paths->interfaces[at]);
  if (sorted->len < 2)
    g_ptr_array_set_size (sorted, 0);
  g_ptr_array_sort (sorted, compare_heard);
  for (; i < sorted->len && is_fresh (sorted->pdata[i], now); i++)
    g_strv_builder_add (names, ((Interface *)sorted->pdata[i])->name);
  g_strv_builder_add (names, "");
  for (; i < sorted->len; i++)
    g_strv_builder_add (names, ((Interface *)sorted->pdata[i])->name);
  return g_strv_builder_end (names);
}

const char *
bl_uplink_paths_interface (const BlUplinkPaths *paths, unsigned path)
{
  return paths->interfaces[path].name;
}

char *
bl_uplink_paths_describe (const BlUplinkPaths *paths)
{
  GString *text = g_string_new (NULL);
  for (unsigned i = 0; i < BL_UPLINK_MAX_PATHS; i++) {
    const Interface *interface = &paths->interfaces[i];
    g_autofree char *pair
        = interface->path ? bl_uplink_path_describe (interface->path) : NULL;
    if (pair)
      g_string_append_printf (text, "%s%s: %s", text->len > 0 ? "; " : "",
                              interface->name, pair);
  }
  if (text->len == 0)
    g_string_append (text, "no path");
  return g_string_free (text, FALSE);
}
