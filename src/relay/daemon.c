/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay"
#include "relay/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "secure/openssl.h"
#include "store/recovery.h"

#define EXPIRE_S 600

struct BlDaemon {
  const BlOptions *options;
  int lock; /* -1: not taken */
  BlDb *db;
  BlAuth *auth;
  BlRegistry *registry;
  BlMedia *media;
  BlHttp *http;
  guint tick_timer, expire_timer;
};

static gboolean
prepare_folder (const char *folder, GError **error)
{
  if (g_mkdir_with_parents (folder, 0750) != 0
      || g_access (folder, R_OK | W_OK | X_OK) != 0) {
    int why = errno;
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (why),
                 "[store] folder: can't write to %s: %s; make it the relay's "
                 "own, or choose another",
                 folder, g_strerror (why));
    return FALSE;
  }
  return TRUE;
}

/* Recovery closes the parts it finds open, and calls become interrupted: a
 * second relay, started by mistake, must not do that to the first one's. */
static gboolean
lock_folder (BlDaemon *daemon, GError **error)
{
  const char *folder = daemon->options->folder;
  g_autofree char *path = g_build_filename (folder, "relay.lock", NULL);
  daemon->lock = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (daemon->lock >= 0 && flock (daemon->lock, LOCK_EX | LOCK_NB) == 0)
    return TRUE;
  int why = errno;
  if (daemon->lock >= 0 && why == EWOULDBLOCK)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                 "[store] folder: another relay is running on %s; end it, or "
                 "choose another folder",
                 folder);
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (why),
                 "[store] folder: can't lock %s: %s", path, g_strerror (why));
  return FALSE;
}

static gboolean
open_store (BlDaemon *daemon, GError **error)
{
  BlRecoverySummary summary;
  if (!prepare_folder (daemon->options->folder, error)
      || !lock_folder (daemon, error))
    return FALSE;
  daemon->db = bl_db_open (daemon->options->folder, BL_DB_DURABLE, error);
  if (!daemon->db || !bl_recovery_run (daemon->db, &summary, error))
    return FALSE;
  if (summary.parts > 0 || summary.failed > 0)
    bl_info ("recordings of the last run: %u parts closed, %u fragments found "
             "again, %u parts can't be mended",
             summary.parts, summary.fragments, summary.failed);
  return TRUE;
}

static gboolean
on_tick (gpointer user_data)
{
  BlDaemon *daemon = user_data;
  bl_registry_tick (daemon->registry, bl_clock_unix_us ());
  return G_SOURCE_CONTINUE;
}

static gboolean
on_expire (gpointer user_data)
{
  BlDaemon *daemon = user_data;
  g_autoptr (GError) error = NULL;
  if (!bl_users_expire (daemon->db, bl_clock_unix_us (), &error))
    bl_warning ("old sign-ins stay: %s", error->message);
  return G_SOURCE_CONTINUE;
}

static gboolean
start_media (BlDaemon *daemon, GError **error)
{
  BlMediaOptions media = {
    .options = daemon->options,
    .on_worker = bl_registry_on_worker,
    .on_recorder = bl_registry_on_recorder,
    .user_data = daemon->registry,
  };
  daemon->media = bl_media_new (&media, error);
  if (!daemon->media)
    return FALSE;
  bl_registry_attach (daemon->registry, daemon->media);
  return TRUE;
}

static gboolean
start_http (BlDaemon *daemon, GError **error)
{
  BlHttpOptions http = {
    .options = daemon->options,
    .db = daemon->db,
    .auth = daemon->auth,
    .registry = daemon->registry,
  };
  daemon->http = bl_http_new (&http, error);
  return daemon->http != NULL;
}

BlDaemon *
bl_daemon_new (const BlOptions *options, GError **error)
{
  g_autoptr (BlDaemon) daemon = g_new0 (BlDaemon, 1);
  daemon->options = options;
  daemon->lock = -1;
  if (!bl_openssl_check (error) || !open_store (daemon, error))
    return NULL;
  daemon->auth = bl_auth_new (daemon->db, options, error);
  if (!daemon->auth)
    return NULL;
  BlRegistryOptions registry = { .db = daemon->db, .options = options };
  daemon->registry = bl_registry_new (&registry, error);
  if (!daemon->registry || !start_media (daemon, error)
      || !start_http (daemon, error))
    return NULL;
  daemon->tick_timer = g_timeout_add_seconds (1, on_tick, daemon);
  daemon->expire_timer = g_timeout_add_seconds (EXPIRE_S, on_expire, daemon);
  return g_steal_pointer (&daemon);
}

/* Does a request wait for what runs elsewhere? */
static gboolean
is_busy (const BlDaemon *daemon)
{
  const BlGateway *gateway
      = daemon->media ? bl_media_gateway (daemon->media) : NULL;
  return (daemon->auth && !bl_auth_is_idle (daemon->auth))
         || (gateway && !bl_gateway_is_idle (gateway));
}

void
bl_daemon_free (BlDaemon *daemon)
{
  if (!daemon)
    return;
  g_clear_handle_id (&daemon->tick_timer, g_source_remove);
  g_clear_handle_id (&daemon->expire_timer, g_source_remove);
  if (daemon->http)
    bl_http_stop (daemon->http);
  while (is_busy (daemon))
    g_main_context_iteration (NULL, TRUE);
  bl_http_free (daemon->http);
  bl_registry_free (daemon->registry);
  bl_media_free (daemon->media);
  bl_auth_free (daemon->auth);
  bl_db_close (daemon->db);
  if (daemon->lock >= 0)
    close (daemon->lock);
  g_free (daemon);
}

static void
add_port (GString *line, const BlHttp *http, BlDoor door, const char *name)
{
  guint16 port = bl_http_port (http, door);
  if (port)
    g_string_append_printf (line, " %s=%u", name, port);
}

char *
bl_daemon_describe (const BlDaemon *daemon)
{
  GString *line = g_string_new ("ready");
  add_port (line, daemon->http, BL_DOOR_MAIN, "https");
  add_port (line, daemon->http, BL_DOOR_VEHICLE, "vehicle");
  add_port (line, daemon->http, BL_DOOR_LOOPBACK, "loopback");
  g_string_append (line, " media=");
  for (guint i = 0; i < bl_media_n_workers (daemon->media); i++)
    g_string_append_printf (
        line, "%s%u", i > 0 ? "," : "",
        bl_worker_port (bl_media_worker (daemon->media, i)));
  g_autofree char *addresses
      = g_strjoinv (",", (char **)bl_media_addresses (daemon->media));
  g_string_append_printf (line, " advertise=%s", addresses);
  return g_string_free (line, FALSE);
}

BlHttp *
bl_daemon_http (BlDaemon *daemon)
{
  return daemon->http;
}

BlRegistry *
bl_daemon_registry (BlDaemon *daemon)
{
  return daemon->registry;
}
