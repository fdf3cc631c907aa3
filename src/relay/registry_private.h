/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the registry share: registry.c (calls), registry_peer.c
 * (sessions), registry_access.c (rights that were withdrawn) and
 * registry_stats.c (events and rates).
 */
#pragma once

#include "relay/registry.h"

/* Sessions that said goodbye, whose DELETE may be on its way. */
#define BL_REGISTRY_GONE 64

struct BlRegistry {
  BlDb *db;
  const BlOptions *options;
  BlMedia *media;
  BlTime attached_us;
  guint last_number;    /* of a call */
  GHashTable *calls;    /* id → BlLiveCall, owned */
  GHashTable *peers;    /* id → BlPeer, owned */
  GHashTable *sessions; /* &BlSessionId → BlPeer */
  GHashTable *sources;  /* &BlSourceId → BlLiveCall */
  struct {
    char *id, *owner; /* NULL: free */
  } gone[BL_REGISTRY_GONE];
  guint next_gone;
  gint64 access_checked_us;
  gint64 edition; /* of the table of calls */
  void (*changed) (gpointer user_data);
  gpointer changed_data;
  gboolean has_worker_stats[BL_OPTIONS_MAX_WORKERS];
  BlWorkerStats worker_stats[BL_OPTIONS_MAX_WORKERS];
};

/* A new call in the database, the audit and the table. FAILED. */
BlLiveCall *bl_registry_open_call (BlRegistry *registry, const BlWho *who,
                                   const char *id, const char *ed,
                                   GError **error);

/* Goes on with an interrupted call. FAILED. */
gboolean bl_registry_reopen_call (BlRegistry *registry, const BlWho *who,
                                  BlLiveCall *call, GError **error);

/* Gives the call a source and a recording if it has none. FULL. */
gboolean bl_registry_place (BlRegistry *registry, BlLiveCall *call,
                            BlWorker *worker, GError **error);

/* Ends a call: sessions, source, database, audit. Frees it. */
void bl_registry_end_call (BlRegistry *registry, BlLiveCall *call,
                           const char *reason);

/* Forgets a session: worker, tables, audit of a view. Frees it. */
void bl_registry_drop_peer (BlRegistry *registry, BlPeer *peer,
                            const char *reason);

/* Notes that the other end said goodbye, for bl_registry_hang_up_gone(). */
void bl_registry_note_gone (BlRegistry *registry, const BlPeer *peer);

/* Drops the sessions whose maker may no longer have them. */
void bl_registry_check_access (BlRegistry *registry);

void bl_registry_on_stats (BlRegistry *registry, BlWorker *worker,
                           const BlWorkerStats *stats);

/* Passes a database's error on as FAILED. */
void bl_registry_take_error (GError **error, GError *taken, const char *what);
