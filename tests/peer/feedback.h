/* SPDX-License-Identifier: Apache-2.0
 *
 * What a receiver tells the sender, as a browser does: a report each second,
 * NACK for what is missing, PLI where that was in vain, transport-cc feedback.
 * One thread.
 */
#pragma once

#include "rtc/nack.h"
#include "rtc/rtpstats.h"
#include "rtc/twcc.h"
#include "session.h"

typedef struct {
  BlTwccReceiver twcc;
  BlTime report_us, twcc_us; /* when the next are due */
} PeerFeedback;

/* A stream that is received. */
typedef struct {
  uint32_t ssrc; /* 0: nothing came yet */
  BlRtpReceiverStats *report;
  BlNack *nack; /* NULL: nothing is asked for again */
} PeerFeedbackTrack;

void peer_feedback_init (PeerFeedback *feedback);

/* Sends what is due. The first track is the one with transport-cc. */
void peer_feedback_on_time (PeerFeedback *feedback, PeerSession *session,
                            const PeerFeedbackTrack *tracks, size_t n_tracks,
                            BlTime now);
