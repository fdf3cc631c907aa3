/* SPDX-License-Identifier: Apache-2.0
 *
 * What the link to one viewer carries, for a sender that doesn't choose its
 * rate: the stream is what it is, and the question is whether it fits.
 *
 *   on each packet    bl_downlink_on_sent (&link, seq, bytes, now)
 *   its feedback      transport-cc: bl_downlink_on_feedback()
 *                     without it:   bl_downlink_on_report()
 *   then ask          overloaded, carried_bps, shown_bps
 *
 * Feedback is judged in windows of BL_DOWNLINK_WINDOW_US; a receiver report is
 * a window of its own. The *queue* of a window is by how much its quickest
 * packet was slower than the quickest of the last half minute to a minute: so
 * neither the clocks' offset and drift nor a burst count, only a queue that
 * stands. The link is *overloaded*
 *   - at once if the queue is BL_DOWNLINK_QUEUE_MAX_US,
 *   - if it is BL_DOWNLINK_QUEUE_US or more for BL_DOWNLINK_QUEUED_US,
 *   - if the loss is above its bound for BL_DOWNLINK_LOSSY_US,
 * and no longer so after BL_DOWNLINK_CLEAR_US without any of it. The bound
 * allows for what the link loses anyway: the loss that is left while less than
 * half of what it carries is being sent is not the stream's doing. A window in
 * which nothing arrived is an outage and says nothing.
 *
 * Two figures of the link's rate: `carried_bps`, what arrived while it was
 * busy; and `shown_bps`, the best rate at which BL_DOWNLINK_RUN packets in a
 * row went through in the last 5 to 10 s, however short their burst: a keyframe
 * shows more than the stream's mean. It never exceeds the rate at which they
 * were sent, so a link that hands over in lumps doesn't look wide.
 *
 * Values only; a few operations a packet; 4.3 KiB. Feedback is the viewer's
 * word: lies in it harm nobody but itself.
 */
#pragma once

#include "rtc/twcc.h"

#define BL_DOWNLINK_SENT         1024 /* packets remembered; a power of two */
#define BL_DOWNLINK_WINDOW_US    (400 * BL_MS)
#define BL_DOWNLINK_QUEUE_US     (150 * BL_MS)
#define BL_DOWNLINK_QUEUE_MAX_US (400 * BL_MS)
#define BL_DOWNLINK_QUEUED_US    (1 * BL_SECOND)
#define BL_DOWNLINK_LOSSY_US     (2 * BL_SECOND)
#define BL_DOWNLINK_CLEAR_US     (1 * BL_SECOND)
#define BL_DOWNLINK_LOSS         26 /* of 256: the bound, where nothing is lost */
#define BL_DOWNLINK_LOSS_MAX     128
#define BL_DOWNLINK_RUN          8

typedef struct {
  uint16_t sent_ms; /* on the sender's clock, modulo 2^16 */
  uint16_t bytes;
} BlDownlinkSent;

/* The window that is open. */
typedef struct {
  BlTime opened;
  int64_t least_delay_us; /* receiver's clock less ours; INT64_MAX: none */
  uint32_t received, lost;
  uint64_t bytes; /* received within `span_us` of the receiver's time */
  int64_t span_us;
} BlDownlinkWindow;

/* Packets in a row: how long they took to leave and to arrive. */
typedef struct {
  uint32_t n;     /* after the first */
  uint32_t bytes; /* without the first */
  BlTime first_sent_us;
  int64_t first_received_us;
  bool begun;
} BlDownlinkRun;

/* The extreme value of two halves of a span, the older one dropped in turn. */
typedef struct {
  BlTime turns;
  int64_t value[2];
} BlDownlinkExtreme;

typedef struct {
  /* To be read. */
  bool overloaded;
  bool strained;           /* the last window gave reason for that, too */
  bool has_feedback;       /* transport-cc has come */
  uint32_t carried_bps;    /* 0: it never was busy */
  uint32_t shown_bps;      /* 0: not known */
  BlTime queue_us;         /* of the last window */
  uint8_t loss;            /* of 256, of the last window */
  uint8_t own_loss;        /* of 256, what the link loses anyway */
  uint64_t received, lost; /* packets, by transport-cc */

  /* Private: since when it is so, BL_TIME_NEVER: it isn't. */
  BlTime queued_since, lossy_since, clear_since;
  BlTime pardoned_until;
  BlDownlinkExtreme delays_us; /* least */
  BlDownlinkExtreme rates_bps; /* most */
  BlDownlinkWindow window;
  BlDownlinkRun run;

  /* The status judged last. */
  bool judged;
  uint16_t judged_seq;
  bool has_received; /* no gap since received_us */
  int64_t received_us;
  int64_t reference; /* of the last feedback, extended */

  uint16_t next_seq;
  uint16_t n_sent;         /* up to BL_DOWNLINK_SENT */
  uint64_t reported_bytes; /* sent since the last report */
  BlDownlinkSent sent[BL_DOWNLINK_SENT];
} BlDownlink;

void bl_downlink_init (BlDownlink *link, BlTime now);

/* A packet of `bytes` leaves with this transport-wide number, one more than the
 * last one's. One without a number is told too, with what will be the next. */
void bl_downlink_on_sent (BlDownlink *link, uint16_t transport_seq,
                          uint32_t bytes, BlTime now);

/* A transport-cc feedback, just parsed. */
void bl_downlink_on_feedback (BlDownlink *link, const BlTwccFeedback *feedback,
                              BlTime now);

/* A receiver report's block; ignored once transport-cc has come. `rtt_us` <= 0:
 * not known. */
void bl_downlink_on_report (BlDownlink *link, uint8_t fraction_lost,
                            int64_t rtt_us, BlTime now);

/* Until then more than the stream is being sent, as when a viewer joins: only a
 * queue of more than a second counts meanwhile. */
void bl_downlink_pardon (BlDownlink *link, BlTime until);
