/* SPDX-License-Identifier: Apache-2.0
 *
 * A source: what the publishers of one call send, one after the other, as one
 * video and one audio track that go on over all of them. And the relay's side
 * of RTCP with the present publisher: reports, NACK, keyframe requests,
 * transport-wide feedback, and the measurement of its clock.
 *
 * Sans I/O: decrypted packets and times come in as arguments; compounds to
 * send are asked for. What is to be passed on is in the histories of the
 * tracks, by arrival (rtc/history.h).
 *
 *   in:    bl_source_on_rtp(), bl_source_on_rtcp()
 *   out:   while ((n = bl_source_write_rtcp (…)) > 0) protect and send;
 *   timer: the same, at bl_source_next_deadline()
 *   after both: bl_source_take_news()
 */
#pragma once

#include "base/bucket.h"
#include "relay/keyframe.h"
#include "relay/rates.h"
#include "relay/track.h"
#include "rtc/twcc.h"

#define BL_SOURCE_REPORT_US   (1 * BL_SECOND)
#define BL_SOURCE_FEEDBACK_US (50 * BL_MS)

/* Fits what bl_source_write_rtcp() writes; SRTCP still fits an Ethernet MTU. */
#define BL_SOURCE_RTCP_BYTES 1200

/* What has happened since it was last asked; a bit set. */
typedef enum {
  BL_SOURCE_STARTED = 1 << 0, /* media flows, for the first time or again */
  BL_SOURCE_STOPPED = 1 << 1, /* it no longer does */
  BL_SOURCE_FORMAT = 1 << 2,  /* video.sps is new; no more than one a second */
} BlSourceNews;

typedef struct {
  BlTrack tracks[BL_N_TRACKS];
  BlKeyframe keyframe;
  BlRates rates;
  BlClockOffset offset;
  BlTwccReceiver twcc;
  uint32_t news;    /* BlSourceNews */
  BlBucket formats; /* new ones that may still be told */
  bool live;

  /* The present publisher. */
  bool has_publisher;
  uint32_t own_ssrc; /* ours in reports to it */
  uint8_t fir_seq_nr;
  /* Sent; the owner counts and clears them. */
  uint32_t keyframe_requests, nacked_packets;
  BlTime report_due_us;   /* NEVER without a publisher */
  BlTime feedback_due_us; /* NEVER while there is nothing to report */
  int64_t rtt_us;         /* -1: unknown */
} BlSource;

/* False if there is no memory; `own_ssrc` is random. */
bool bl_source_init (BlSource *source, uint32_t own_ssrc);
void bl_source_clear (BlSource *source);

/* A publisher has connected, or (NULL) there is none any more. */
void bl_source_set_publisher (BlSource *source, const BlNegotiated *negotiated,
                              BlTime now);

/* A decrypted packet of the present publisher, which arrived at `now` (`ntp`).
 * Takes a reference of its own if it keeps it. BL_TRACK_TAKEN, with one more
 * arrival in a history, or the BlDrop why not. */
unsigned bl_source_on_rtp (BlSource *source, BlPacket *packet, BlTime now,
                           BlNtp ntp);

/* A copy of a packet came over another path, `lag_us` after it. */
void bl_source_on_copy (BlSource *source, uint32_t ssrc, BlTime lag_us,
                        BlTime now);

typedef enum {
  BL_SOURCE_RTCP_OK,
  BL_SOURCE_RTCP_MALFORMED, /* nothing of it was used */
  BL_SOURCE_RTCP_BYE,       /* of every track that has begun */
} BlSourceRtcp;

/* A decrypted compound of the present publisher. */
BlSourceRtcp bl_source_on_rtcp (BlSource *source, const void *data,
                                size_t length, BlTime now, BlNtp ntp);

/* Somebody needs a keyframe. */
void bl_source_want_keyframe (BlSource *source);

/* A report is due now. */
void bl_source_want_report (BlSource *source, BlTime now);

/* A viewer that is given keyframes only would have one now and then; say so
 * after each. */
void bl_source_want_keyframe_seldom (BlSource *source, BlTime now);

/* The next compound that is due, or 0. */
size_t bl_source_write_rtcp (BlSource *source, BlTime now, BlNtp ntp,
                             uint8_t out_data[BL_SOURCE_RTCP_BYTES]);

/* What must stand before feedback that `w` gets: nothing where it may go alone
 * (RFC 5506), else a report. */
void bl_source_open_compound (BlSource *source, BlWriter *w);

/* A goodbye to the publisher, for the end of its session. */
size_t bl_source_write_bye (BlSource *source,
                            uint8_t out_data[BL_SOURCE_RTCP_BYTES]);

/* When to ask bl_source_write_rtcp() and bl_source_check_live() again. */
BlTime bl_source_next_deadline (const BlSource *source);

/* Notices silence. */
void bl_source_check_live (BlSource *source, BlTime now);

/* The news since the last call. */
uint32_t bl_source_take_news (BlSource *source);
