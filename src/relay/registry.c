/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.calls"
#include "relay/registry.h"

#include "base/clock.h"
#include "base/log.h"
#include "relay/registry_private.h"
#include "store/recordings.h"

#define TOUCH_US  (5 * BL_SECOND)
#define ACCESS_US (5 * BL_SECOND)

G_DEFINE_QUARK (bl_registry_error, bl_registry_error)

void
bl_registry_take_error (GError **error, GError *taken, const char *what)
{
  bl_warning ("%s: %s", what, taken ? taken->message : "unknown error");
  g_clear_error (&taken);
  g_set_error (error, BL_REGISTRY_ERROR, BL_REGISTRY_ERROR_FAILED,
               "%s failed at the relay; its log says why", what);
}

static void
free_call (BlLiveCall *call)
{
  g_free (call->id);
  g_free (call->ed);
  g_free (call->unit);
  g_free (call->publisher);
  g_free (call->last_session);
  g_free (call->last_owner);
  g_ptr_array_unref (call->publishers);
  g_ptr_array_unref (call->viewers);
  g_free (call->recording_message);
  g_free (call);
}

static BlLiveCall *
add_call (BlRegistry *registry, const BlCall *stored, const char *publisher)
{
  BlLiveCall *call = g_new0 (BlLiveCall, 1);
  call->number = ++registry->last_number;
  call->id = g_strdup (stored->id);
  call->ed = g_strdup (stored->ed);
  call->unit = g_strdup (stored->unit);
  call->token = stored->token;
  call->publisher = g_strdup (publisher);
  call->started_us = stored->started_us;
  call->gone_since_us = bl_clock_unix_us ();
  call->interrupted = stored->state == BL_CALL_INTERRUPTED;
  call->publishers = g_ptr_array_new ();
  call->viewers = g_ptr_array_new ();
  g_hash_table_insert (registry->calls, call->id, call);
  return call;
}

/* The last run's open calls, which may come back within the grace time. */
static gboolean
take_in_interrupted (BlRegistry *registry, GError **error)
{
  guint count;
  if (!bl_calls_mark_interrupted (registry->db, &count, error))
    return FALSE;
  g_autoptr (GPtrArray) calls = bl_calls_list_unfinished (registry->db, error);
  if (!calls)
    return FALSE;
  for (guint i = 0; i < calls->len; i++) {
    const BlCall *stored = g_ptr_array_index (calls, i);
    BlLiveCall *call
        = add_call (registry, stored, stored->unit ? stored->unit : "token");
    call->had_media = TRUE;
    bl_info ("call %s of %s was interrupted by the relay's stop; it can come "
             "back within %u s",
             call->id, call->publisher, registry->options->grace_s);
  }
  return TRUE;
}

BlRegistry *
bl_registry_new (const BlRegistryOptions *options, GError **error)
{
  g_autoptr (BlRegistry) registry = g_new0 (BlRegistry, 1);
  registry->db = options->db;
  registry->options = options->options;
  registry->edition = g_random_int ();
  registry->calls = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                           (GDestroyNotify)free_call);
  registry->peers = g_hash_table_new (g_str_hash, g_str_equal);
  registry->sessions = g_hash_table_new (g_int64_hash, g_int64_equal);
  registry->sources = g_hash_table_new (g_int64_hash, g_int64_equal);
  if (!take_in_interrupted (registry, error))
    return NULL;
  return g_steal_pointer (&registry);
}

void
bl_registry_free (BlRegistry *registry)
{
  if (!registry)
    return;
  g_autoptr (GList) peers = g_hash_table_get_values (registry->peers);
  for (GList *l = peers; l; l = l->next)
    bl_registry_drop_peer (registry, l->data, "the relay stopped");
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, registry->calls);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    BlLiveCall *call = value;
    if (call->source)
      bl_worker_remove_source (call->worker, call->source);
  }
  for (guint i = 0; i < BL_REGISTRY_GONE; i++) {
    g_free (registry->gone[i].id);
    g_free (registry->gone[i].owner);
  }
  g_hash_table_unref (registry->sources);
  g_hash_table_unref (registry->sessions);
  g_hash_table_unref (registry->peers);
  g_hash_table_unref (registry->calls);
  g_free (registry);
}

void
bl_registry_attach (BlRegistry *registry, BlMedia *media)
{
  registry->media = media;
  registry->attached_us = bl_clock_now ();
}

BlTime
bl_registry_attached_us (const BlRegistry *registry)
{
  return registry->attached_us;
}

BlMedia *
bl_registry_media (BlRegistry *registry)
{
  return registry->media;
}

BlLiveCall *
bl_registry_find (BlRegistry *registry, const char *id)
{
  return g_hash_table_lookup (registry->calls, id);
}

gint64
bl_registry_edition (const BlRegistry *registry)
{
  return registry->edition;
}

void
bl_registry_watch (BlRegistry *registry, void (*changed) (gpointer user_data),
                   gpointer user_data)
{
  registry->changed = changed;
  registry->changed_data = user_data;
}

static void
tell_change (BlRegistry *registry)
{
  registry->edition++;
  if (registry->changed)
    registry->changed (registry->changed_data);
}

static gint
newest_first (gconstpointer a, gconstpointer b)
{
  const BlLiveCall *left = *(BlLiveCall *const *)a;
  const BlLiveCall *right = *(BlLiveCall *const *)b;
  return (left->started_us < right->started_us)
         - (left->started_us > right->started_us);
}

GPtrArray *
bl_registry_list (BlRegistry *registry)
{
  GPtrArray *list = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, registry->calls);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    g_ptr_array_add (list, value);
  g_ptr_array_sort (list, newest_first);
  return list;
}

BlLiveState
bl_live_call_state (const BlLiveCall *call)
{
  if (call->gone_since_us == 0 && call->media_live)
    return BL_LIVE_LIVE;
  return call->had_media ? BL_LIVE_LOST : BL_LIVE_WAITING;
}

guint
bl_live_call_n_viewers (const BlLiveCall *call)
{
  guint count = 0;
  for (guint i = 0; i < call->viewers->len; i++) {
    const BlPeer *peer = g_ptr_array_index (call->viewers, i);
    count += peer->connected;
  }
  return count;
}

/* A call without its recording is better than no call: what went wrong is
 * kept for health and the page. */
static void
open_recording (BlRegistry *registry, BlLiveCall *call)
{
  g_autoptr (GError) why = NULL;
  g_clear_pointer (&call->recording_message, g_free);
  call->recording_ok = bl_recordings_open (
      registry->db, call->id, bl_clock_unix_us (), &call->recording, &why);
  if (call->recording_ok)
    return;
  call->recording = 0;
  call->recording_message = g_strdup (why->message);
  bl_error ("call %s is not recorded: %s", call->id, why->message);
}

gboolean
bl_registry_place (BlRegistry *registry, BlLiveCall *call, BlWorker *worker,
                   GError **error)
{
  g_autoptr (GError) why = NULL;

  if (call->source)
    return TRUE;
  open_recording (registry, call);
  call->source = bl_worker_add_source (worker, (guint64)call->recording,
                                       call->recording != 0, &why);
  if (!call->source) {
    bl_warning ("call %s: %s", call->id, why->message);
    g_set_error (error, BL_REGISTRY_ERROR, BL_REGISTRY_ERROR_FULL,
                 "the relay has no room for another call now: %s; try again",
                 why->message);
    return FALSE;
  }
  call->worker = worker;
  g_hash_table_insert (registry->sources, &call->source, call);
  return TRUE;
}

void
bl_registry_end_call (BlRegistry *registry, BlLiveCall *call,
                      const char *reason)
{
  g_autoptr (GError) error = NULL;
  gint64 now_us = bl_clock_unix_us ();

  while (call->viewers->len > 0)
    bl_registry_drop_peer (registry, g_ptr_array_index (call->viewers, 0),
                           "the call ended");
  while (call->publishers->len > 0)
    bl_registry_drop_peer (registry, g_ptr_array_index (call->publishers, 0),
                           reason);
  if (call->source) {
    g_hash_table_remove (registry->sources, &call->source);
    bl_worker_remove_source (call->worker, call->source);
  }
  if (!bl_calls_end (registry->db, call->id, reason, now_us, &error))
    bl_error ("call %s: its end is not stored: %s", call->id, error->message);
  g_clear_error (&error);
  if (!bl_audit_add (
          registry->db, now_us, call->unit ? BL_ACTOR_UNIT : BL_ACTOR_TOKEN,
          call->publisher, BL_AUDIT_CALL_END, call->id, reason, &error))
    bl_error ("call %s: its end is not in the audit: %s", call->id,
              error->message);
  bl_info ("call %s of %s to %s ended: %s", call->id, call->publisher, call->ed,
           reason);
  g_hash_table_remove (registry->calls, call->id);
  tell_change (registry);
}

static void
tick_call (BlRegistry *registry, BlLiveCall *call, gint64 now_us)
{
  g_autoptr (GError) error = NULL;
  gint64 grace_us = registry->options->grace_s * BL_SECOND;

  if (call->gone_since_us != 0 && now_us - call->gone_since_us > grace_us) {
    g_autofree char *reason = g_strdup_printf (
        "out of reach for more than %u s", registry->options->grace_s);
    bl_registry_end_call (registry, call, reason);
    return;
  }
  if (call->gone_since_us != 0 || now_us - call->touched_us < TOUCH_US)
    return;
  call->touched_us = now_us;
  if (!bl_calls_touch (registry->db, call->id, now_us, &error))
    bl_warning ("call %s: %s", call->id, error->message);
}

void
bl_registry_tick (BlRegistry *registry, gint64 now_us)
{
  g_autoptr (GPtrArray) calls = bl_registry_list (registry);
  for (guint i = 0; i < calls->len; i++)
    tick_call (registry, g_ptr_array_index (calls, i), now_us);
  if (now_us - registry->access_checked_us >= ACCESS_US) {
    registry->access_checked_us = now_us;
    bl_registry_check_access (registry);
  }
  for (guint i = 0; i < bl_media_n_workers (registry->media); i++)
    bl_worker_request_stats (bl_media_worker (registry->media, i));
}

/* ---- opening, for bl_registry_publish() ---- */

static gboolean
store_call (BlRegistry *registry, const BlWho *who, const char *id,
            const char *ed, gint64 now_us, GError **error)
{
  g_autoptr (GError) why = NULL;
  if (!bl_db_begin (registry->db, &why)) {
    bl_registry_take_error (error, g_steal_pointer (&why), "opening the call");
    return FALSE;
  }
  gboolean done
      = bl_calls_add (registry->db, id, ed, who->unit, who->token, now_us, &why)
        && bl_audit_add (registry->db, now_us, who->actor, who->name,
                         BL_AUDIT_CALL_START, id, ed, &why);
  done = bl_db_end (registry->db, done, why ? NULL : &why) && done;
  if (!done)
    bl_registry_take_error (error, g_steal_pointer (&why), "opening the call");
  return done;
}

BlLiveCall *
bl_registry_open_call (BlRegistry *registry, const BlWho *who, const char *id,
                       const char *ed, GError **error)
{
  gint64 now_us = bl_clock_unix_us ();
  if (!store_call (registry, who, id, ed, now_us, error))
    return NULL;
  const BlCall stored = {
    .id = (char *)id,
    .ed = (char *)ed,
    .unit = who->unit,
    .token = who->token,
    .state = BL_CALL_OPEN,
    .started_us = now_us,
  };
  bl_info ("call %s: %s calls %s", id, who->name, ed);
  BlLiveCall *call = add_call (registry, &stored, who->display_name);
  tell_change (registry);
  return call;
}

gboolean
bl_registry_reopen_call (BlRegistry *registry, const BlWho *who,
                         BlLiveCall *call, GError **error)
{
  g_autoptr (GError) why = NULL;
  gint64 now_us = bl_clock_unix_us ();
  if (!bl_calls_reopen (registry->db, call->id, now_us, &why)
      || !bl_audit_add (registry->db, now_us, who->actor, who->name,
                        BL_AUDIT_CALL_START, call->id,
                        "goes on after the relay's restart", &why)) {
    bl_registry_take_error (error, g_steal_pointer (&why),
                            "going on with the call");
    return FALSE;
  }
  call->interrupted = FALSE;
  g_free (call->publisher);
  call->publisher = g_strdup (who->display_name);
  bl_info ("call %s: %s is back after the relay's restart", call->id,
           who->name);
  return TRUE;
}
