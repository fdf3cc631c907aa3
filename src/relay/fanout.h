/* SPDX-License-Identifier: Apache-2.0
 *
 * The way out: one packet of a source, written for one viewer straight into
 * the send buffer. Header and extensions are the viewer's, the payload is
 * copied once, and it is encrypted where it stands.
 *
 * Invariants (SRTP depends on them): no sequence number of an SSRC is ever
 * sent twice; what is sent again is RTX, a stream of its own (RFC 4588).
 */
#pragma once

#include "relay/session.h"
#include "relay/track.h"
#include "rtc/continuity.h"
#include "rtc/history.h"
#include "rtc/rtpext.h"
#include "rtc/rtpstats.h"

/* One track as one viewer gets it. */
typedef struct {
  BlNegotiatedTrack setup; /* present: false if the viewer doesn't get it */
  BlViewerLine line;
  BlRtpSenderStats sender;
  BlRtpExtValues ext; /* what is the same in all packets is filled in */
  uint16_t rtx_seq;   /* the next */
} BlOutTrack;

/* `setup` is copied; numbers start at random. */
void bl_out_track_init (BlOutTrack *track, const BlNegotiatedTrack *setup,
                        BlTrackKind kind);

/* Sends an entry of the source's history. `transport_seq` is the viewer's next
 * and goes up if it was used. False if nothing was sent: an empty packet, one
 * that has no number for this viewer, or the session is not up. */
bool bl_fanout_packet (BlSession *session, BlOutTrack *track,
                       const BlHistoryEntry *entry, uint16_t *transport_seq);

/* Sends it again as RTX, which must have been negotiated. */
bool bl_fanout_repair (BlSession *session, BlOutTrack *track,
                       const BlHistoryEntry *entry, uint16_t *transport_seq);
