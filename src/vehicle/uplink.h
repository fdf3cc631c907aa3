/* SPDX-License-Identifier: Apache-2.0
 *
 * The way to the relay over every network that there is: full ICE by libnice
 * (RFC 8445, one component, trickle, TURN) with a path for each network
 * interface (uplink_paths.h), and one DTLS 1.2 association, as client, with
 * SRTP over all of them. Packets go in in clear with the paths that they are to
 * take and leave protected, the same bytes on each; the relay's replay check
 * drops the copies. What comes back is RTCP, checked and in clear.
 *
 * The DTLS association outlives its paths. One that falls silent is knocked at
 * until it answers, for as long as the relay keeps the session. And
 * bl_uplink_gather() on a connected uplink is an ICE restart: new paths under
 * new credentials, while the old ones go on carrying packets until the new ones
 * work. So credentials are never changed under a running agent.
 *
 * Consent (RFC 7675) is what the relay reports over a path, authenticated by
 * SRTCP: without it for BL_UPLINK_CONSENT_US a path gets nothing but checks.
 *
 * Shape of use:
 *   bl_uplink_gather ();           host candidates come at once, others later
 *   bl_uplink_local_…();           into the offer, or the PATCH of a restart
 *   bl_uplink_connect ();          with what the answer says
 *   state CONNECTED:               bl_uplink_send ()
 *   state LOST:                    bl_uplink_gather () again, or free it
 *
 * Everything, callbacks too, happens in the main context that was the thread's
 * default at bl_uplink_new(). A callback may not free the uplink.
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "base/bltime.h"
#include "secure/dtls.h"
#include "signal/candidate.h"

typedef struct BlUplink BlUplink;

typedef enum {
  BL_UPLINK_IDLE,
  BL_UPLINK_GATHERING, /* waits for bl_uplink_connect() */
  BL_UPLINK_CHECKING,  /* looks for a path, or shakes hands over it */
  BL_UPLINK_CONNECTED,
  BL_UPLINK_LOST, /* no path, or DTLS failed: the reason comes with it */
} BlUplinkState;

const char *bl_uplink_state_name (BlUplinkState state);

typedef struct {
  /* `reason` is "" but for LOST. */
  void (*state) (BlUplinkState state, const char *reason, gpointer user_data);
  /* A local candidate found after bl_uplink_gather() has returned. */
  void (*candidate) (const BlCandidate *candidate, gpointer user_data);
  /* There will be no more of them. */
  void (*gathered) (gpointer user_data);
  /* The old paths fell silent while new ones are being looked for. */
  void (*silent) (gpointer user_data);
  /* A path has come (it works, and has carried nothing yet) or gone. */
  void (*path) (unsigned path, bool usable, gpointer user_data);
  /* Came over `path`. Changed in place and not kept. */
  void (*rtcp) (unsigned path, const guint8 *data, gsize length, BlTime now,
                gpointer user_data);
} BlUplinkCallbacks;

#define BL_UPLINK_MAX_CANDIDATES 32

/* Paths have numbers below this. The relay keeps as many (relay/paths.h). */
#define BL_UPLINK_MAX_PATHS 4

typedef struct {
  const BlDtlsContext *dtls;     /* borrowed, outlives the uplink */
  const GPtrArray *servers;      /* of BlIceServer; borrowed likewise */
  GTlsDatabase *turn_trust;      /* of turns: servers; NULL: the system's */
  const char *const *interfaces; /* names or addresses; empty: all */
  bool loopback;                 /* the relay is on this machine */
} BlUplinkOptions;

typedef struct {
  const char *ufrag;
  const char *pwd;
  const BlFingerprint *fingerprint;
  const BlCandidate *candidates;
  gsize n_candidates;
} BlUplinkRemote;

typedef struct {
  guint64 packets_sent; /* copies included */
  guint64 send_failures;
  guint64 packets_received;
  guint64 bad_packets; /* of no kind that we know, or not authentic */
} BlUplinkStats;

/* Nothing from the relay over any path for this long, and it is lost; once
 * something comes again it is connected again. */
#define BL_UPLINK_SILENCE_US (3 * BL_SECOND)

/* RFC 7675 section 5.1. */
#define BL_UPLINK_CONSENT_US (30 * BL_SECOND)

/* Time to find a path and shake hands. */
#define BL_UPLINK_CONNECT_US (8 * BL_SECOND)

BlUplink *bl_uplink_new (const BlUplinkOptions *options,
                         const BlUplinkCallbacks *callbacks,
                         gpointer user_data);

/* Says goodbye (close_notify) if it is connected. Accepts NULL. */
void bl_uplink_free (BlUplink *uplink);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlUplink, bl_uplink_free)

/* Looks for candidates, at first or for an ICE restart. The error says which
 * interfaces can't be used. */
gboolean bl_uplink_gather (BlUplink *uplink, GError **error);

/* The relay refused what bl_uplink_gather() began: connected if old paths still
 * work, else lost, without a call of `state`. */
void bl_uplink_cancel_restart (BlUplink *uplink);

/* Interfaces have come or gone: paths follow, without a restart. */
void bl_uplink_follow_interfaces (BlUplink *uplink);

/* Of the last bl_uplink_gather(). Borrowed until the next. */
const char *bl_uplink_local_ufrag (const BlUplink *uplink);
const char *bl_uplink_local_pwd (const BlUplink *uplink);
const BlCandidate *bl_uplink_local_candidates (const BlUplink *uplink,
                                               gsize *out_count);
bool bl_uplink_is_gathered (const BlUplink *uplink);

/* Servers learnt since (a Link header): TURN servers are asked at once. */
void bl_uplink_add_servers (BlUplink *uplink, const GPtrArray *servers);

/* Begins the checks. FALSE and `error` when none of the candidates is of use.
 * Everything is copied. */
gboolean bl_uplink_connect (BlUplink *uplink, const BlUplinkRemote *remote,
                            GError **error);

BlUplinkState bl_uplink_state (const BlUplink *uplink);

/* Is the handshake done, so that a new path is enough? */
bool bl_uplink_is_keyed (const BlUplink *uplink);

/* Its interface, "wwan0"; NULL if there is no such path. */
const char *bl_uplink_interface (const BlUplink *uplink, unsigned path);

/* As bl_uplink_paths_networks(). */
char **bl_uplink_networks (const BlUplink *uplink);

/* Packets over `path` are ECT(1) from now on, or not ECT; never those of the
 * handshake, which nobody reports on. Cheap if nothing changes. */
void bl_uplink_mark (BlUplink *uplink, unsigned path, bool mark);

/* Protects once, in place, and sends over each of `paths` (bits); nothing
 * happens while it is not keyed. At least BL_SRTP_TRAILER_MAX bytes of room
 * behind the packet. */
void bl_uplink_send (BlUplink *uplink, unsigned paths, guint8 *packet,
                     gsize length, gsize capacity, bool rtcp);

/* "wwan0: host 192.0.2.1:50000 to host 198.51.100.2:50000, AEAD_AES_128_GCM";
 * for the log. Free with g_free. */
char *bl_uplink_describe (const BlUplink *uplink);

BlUplinkStats bl_uplink_stats (const BlUplink *uplink);
