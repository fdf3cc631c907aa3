/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls of now and their sessions, in control's thread. A call outlives
 * its connections: it keeps its source on a worker, its viewers and its
 * recording while publishers come and go (docs/architecture.md, Identity of a
 * call).
 *
 * Invariants:
 * - A call that has not ended is here and in the database; once ended it is
 *   only in the database.
 * - Each session here (BlPeer) is one session of the call's worker.
 * - What can't be audited is refused: a call or view begins with its row.
 *
 * Everything returned is borrowed and lives until the main loop runs again.
 */
#pragma once

#include "relay/media.h"
#include "relay/who.h"
#include "store/calls.h"

#define BL_REGISTRY_ERROR (bl_registry_error_quark ())
GQuark bl_registry_error_quark (void);

typedef enum {
  BL_REGISTRY_ERROR_UNKNOWN_ED,   /* 404 */
  BL_REGISTRY_ERROR_UNKNOWN_CALL, /* 404 */
  BL_REGISTRY_ERROR_BUSY,         /* 409: a live publisher that stays */
  BL_REGISTRY_ERROR_CONFLICT,     /* 409: another unit's, or another ED's */
  BL_REGISTRY_ERROR_OVER,         /* 410 */
  BL_REGISTRY_ERROR_FULL,         /* 503, Retry-After */
  BL_REGISTRY_ERROR_FAILED,       /* 500: the database or the like */
} BlRegistryError;

typedef struct BlRegistry BlRegistry;
typedef struct BlLiveCall BlLiveCall;

/* One session of media: the resource /session/{id} of WHIP and WHEP. */
typedef struct {
  char *id; /* unguessable */
  char *etag;
  BlLiveCall *call;
  BlSessionRole role;
  BlSessionId session;
  BlActorKind actor;
  char *name, *display_name, *owner; /* of who made it */
  gboolean by_unit;
  gint64 user, token; /* of who made it; 0: none */
  gboolean connected;
  BlPictures pictures; /* a viewer's, about a second ago */
  gint64 since_us;
  BlGate *gate; /* NULL: ICE-lite alone */
  char *local_ufrag, *local_pwd;
  char *remote_ufrag, *remote_pwd;
} BlPeer;

typedef enum {
  BL_LIVE_WAITING, /* no media yet */
  BL_LIVE_LIVE,
  BL_LIVE_LOST, /* media stopped, or the publisher is gone */
} BlLiveState;

/* Derived from two snapshots of the worker's counters. */
typedef struct {
  gboolean known;
  guint32 bitrate_bps; /* both tracks */
  double fps;
  double loss;                 /* of packets expected, 0 to 1, after repair */
  gboolean flows[BL_N_TRACKS]; /* packets came since the last snapshot */
} BlLiveRates;

struct BlLiveCall {
  guint number; /* 1 for the first since the relay was started, and so on */
  char *id, *ed;
  char *unit;      /* NULL: by token */
  gint64 token;    /* 0: by unit */
  char *publisher; /* for people: the unit, or the token's label */
  gint64 started_us;
  BlWorker *worker;      /* NULL: interrupted, nobody has come yet */
  BlSourceId source;     /* 0: likewise */
  GPtrArray *publishers; /* BlPeer; one, or two during a handover */
  GPtrArray *viewers;    /* BlPeer */
  /* The unit's session that ended last, and who made it; NULL: none has. */
  char *last_session, *last_owner;
  gint64 gone_since_us; /* no publisher has been connected since; 0: one is */
  gboolean interrupted; /* in the database; the publisher must reopen it */
  gboolean had_media;
  gboolean media_live;
  gint64 recording; /* 0: there is none */
  gboolean recording_ok;
  char *recording_message;  /* why not; NULL */
  guint32 profile_level_id; /* 0: not known yet */
  guint width, height;
  gboolean has_stats;
  BlSourceStats stats, last_stats; /* valid if has_stats */
  BlTime stats_at_us;
  BlLiveRates rates;
  gint64 touched_us;
};

typedef struct {
  BlDb *db; /* these two are borrowed for the object's life */
  const BlOptions *options;
} BlRegistryOptions;

/* Marks the calls that the last run left open as interrupted, and takes them
 * in. Attach the media before anything else. */
BlRegistry *bl_registry_new (const BlRegistryOptions *options, GError **error);

/* Ends all views in the audit; the calls stay open in the database, so that
 * the next run can go on with them. Free it before the media. Accepts NULL. */
void bl_registry_free (BlRegistry *registry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlRegistry, bl_registry_free)

/* `media` is borrowed for the object's life. */
void bl_registry_attach (BlRegistry *registry, BlMedia *media);

/* For BlMediaOptions, with the registry as user_data. */
void bl_registry_on_worker (BlWorker *worker, const BlWorkerEvent *event,
                            gpointer registry);
void bl_registry_on_recorder (const BlRecorderEvent *event, gpointer registry);

/* Once a second: grace times, statistics, the database's "last seen", and the
 * end of sessions whose token was revoked or whose user was disabled. A token
 * that merely expires ends nothing: a patient may be on the other end. */
void bl_registry_tick (BlRegistry *registry, gint64 now_us);

/* What comes by WHIP or WHEP. */
typedef struct {
  const char *sdp;
  gsize length;
  BlGate *gate; /* taken, and NULL then, if need be; NULL: ICE-lite */
} BlRegistryOffer;

/* A WHIP offer. `call_id` is what the vehicle calls its call; NULL for tokens.
 * Gives the answer's SDP (free with g_free), or NULL and an error of
 * BL_REGISTRY_ERROR or BL_SDP_ERROR whose message may be sent. */
char *bl_registry_publish (BlRegistry *registry, const BlWho *who,
                           const char *ed, const char *call_id,
                           BlRegistryOffer *offer, BlPeer **out_peer,
                           GError **error);

/* A WHEP offer; the same. */
char *bl_registry_view (BlRegistry *registry, const BlWho *who,
                        const char *call_id, BlRegistryOffer *offer,
                        BlPeer **out_peer, GError **error);

/* Would the offer be taken now? Nothing is done yet: for what has to be got
 * first, such as a gate, that a refused offer shall not cost. The same
 * errors. */
gboolean bl_registry_may_publish (BlRegistry *registry, const BlWho *who,
                                  const char *ed, const char *call_id,
                                  const char *sdp, gsize length,
                                  GError **error);
gboolean bl_registry_may_view (BlRegistry *registry, const BlWho *who,
                               const char *call_id, const char *sdp,
                               gsize length, GError **error);

BlPeer *bl_registry_find_peer (BlRegistry *registry, const char *id);

/* A PATCH's body. Gives the body to answer an ICE restart with (free with
 * g_free) and makes a new tag, or NULL in `out_body` for candidates, which only
 * full ICE needs to know. FALSE and an error of BL_SDP_ERROR. */
gboolean bl_registry_patch (BlRegistry *registry, BlPeer *peer,
                            const char *text, gsize length, char **out_body,
                            GError **error);

/* DELETE: a unit's publisher ends its call; anyone else only the session. */
void bl_registry_hang_up (BlRegistry *registry, BlPeer *peer);

/* The same for a session that is gone: its BYE or close_notify may overtake the
 * DELETE (OBS closes before it deletes), and so may a vehicle's outage. FALSE
 * if this one is not waited for, or no longer. */
gboolean bl_registry_hang_up_gone (BlRegistry *registry, const char *session,
                                   const char *owner);

BlLiveCall *bl_registry_find (BlRegistry *registry, const char *id);

/* Which list of calls this is: grows when a call opens or ends, and begins at a
 * random number, so that one of the last run names none of this one. */
gint64 bl_registry_edition (const BlRegistry *registry);

/* `changed` is called when it has grown; NULL: nobody is. */
void bl_registry_watch (BlRegistry *registry,
                        void (*changed) (gpointer user_data),
                        gpointer user_data);

/* (element-type BlLiveCall) newest first; free with g_ptr_array_unref(). */
GPtrArray *bl_registry_list (BlRegistry *registry);

BlLiveState bl_live_call_state (const BlLiveCall *call);

/* How many viewers are connected. */
guint bl_live_call_n_viewers (const BlLiveCall *call);

BlMedia *bl_registry_media (BlRegistry *registry);

/* When the media was attached, by bl_clock_now(). */
BlTime bl_registry_attached_us (const BlRegistry *registry);

/* The worker's last snapshot without its sources and viewers; NULL before the
 * first. */
const BlWorkerStats *bl_registry_worker_stats (BlRegistry *registry,
                                               guint index);
