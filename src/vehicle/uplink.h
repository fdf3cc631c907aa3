/* SPDX-License-Identifier: Apache-2.0
 *
 * The way to the relay: full ICE by libnice (RFC 8445, one component, trickle,
 * TURN), DTLS 1.2 as client and SRTP over it. Packets go in in clear and leave
 * protected; what comes back is RTCP, checked and in clear.
 *
 * The DTLS association outlives its path: bl_uplink_gather() on a connected
 * uplink looks for a new one (an ICE restart) with an agent of its own, on the
 * interfaces that there are now, while the old path goes on carrying packets
 * until the new one works. So credentials are never changed under a running
 * agent, and new interfaces are found.
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

#include <glib.h>
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
  /* The old path fell silent while a new one is being looked for. */
  void (*silent) (gpointer user_data);
  /* Changed in place and not kept. */
  void (*rtcp) (const guint8 *data, gsize length, BlTime now,
                gpointer user_data);
} BlUplinkCallbacks;

#define BL_UPLINK_MAX_CANDIDATES 32

typedef struct {
  const BlDtlsContext *dtls;     /* borrowed, outlives the uplink */
  const GPtrArray *servers;      /* of BlIceServer; borrowed likewise */
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
  guint64 packets_sent;
  guint64 send_failures;
  guint64 packets_received;
  guint64 bad_packets; /* of no kind that we know, or not authentic */
} BlUplinkStats;

/* Nothing from the relay for this long, and the path is lost. */
#define BL_UPLINK_SILENCE_US (3 * BL_SECOND)

/* Time to find a path and shake hands. */
#define BL_UPLINK_CONNECT_US (8 * BL_SECOND)

BlUplink *bl_uplink_new (const BlUplinkOptions *options,
                         const BlUplinkCallbacks *callbacks,
                         gpointer user_data);

/* Says goodbye (close_notify) if it is connected. Accepts NULL. */
void bl_uplink_free (BlUplink *uplink);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlUplink, bl_uplink_free)

/* Looks for candidates, at first or for an ICE restart. The error says which
 * interface can't be used. */
gboolean bl_uplink_gather (BlUplink *uplink, GError **error);

/* Of the agent made by the last bl_uplink_gather(). Borrowed until the next. */
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

/* Protects in place and sends; nothing happens while it is not connected. At
 * least BL_SRTP_TRAILER_MAX bytes of room behind the packet. */
void bl_uplink_send (BlUplink *uplink, guint8 *packet, gsize length,
                     gsize capacity, bool rtcp);

/* "192.0.2.1:50000 → 198.51.100.2:50000 host/host, AEAD_AES_128_GCM"; for the
 * log. Free with g_free. */
char *bl_uplink_describe (const BlUplink *uplink);

BlUplinkStats bl_uplink_stats (const BlUplink *uplink);
