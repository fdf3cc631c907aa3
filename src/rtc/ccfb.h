/* SPDX-License-Identifier: Apache-2.0
 *
 * RTCP feedback for congestion control (RFC 8888): which packets of each SSRC
 * arrived, when, and with which ECN mark.
 *
 * Three parts: BlCcfbReceiver notes arrivals and writes reports (ccfb.c);
 * BlCcfbReport walks one received and BlCcfbSender tells which packets of a
 * path it speaks of (ccfb_sender.c). All memory is in the structures; one
 * thread each.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bltime.h"
#include "base/reader.h"
#include "base/writer.h"
#include "rtc/packetresult.h"
#include "rtc/rtcp.h"
#include "rtc/seq.h"

/* Receiver. Invariants: a report covers for each SSRC in it every number from
 * the beginning to the highest received; a packet is in BL_CCFB_REPEATS reports
 * of its SSRC, so that a lost report costs nothing; one that arrives late is
 * reported again, with all after it. Of a double the first arrival counts, and
 * CE if either was marked (RFC 8888 section 3.1). */

#define BL_CCFB_STREAMS 8
#define BL_CCFB_WINDOW  512 /* packets remembered of each; a power of two */
#define BL_CCFB_REPEATS 3

typedef struct {
  uint64_t seq; /* 0: empty */
  BlTime arrival_us;
  BlEcn ecn;
} BlCcfbArrival;

typedef struct {
  uint32_t ssrc;
  BlSeqUnwrapper seqs; /* not started: the place is free */
  /* Where the next reports begin: [0] is the next one's, the last is the first
   * packet not reported at all. */
  uint64_t from[BL_CCFB_REPEATS];
  BlTime last_us;
  BlCcfbArrival arrivals[BL_CCFB_WINDOW];
} BlCcfbStream;

typedef struct {
  BlCcfbStream streams[BL_CCFB_STREAMS];
} BlCcfbReceiver;

void bl_ccfb_receiver_init (BlCcfbReceiver *r);

/* A ninth SSRC takes the place of the one that was silent for longest. */
void bl_ccfb_receiver_on_packet (BlCcfbReceiver *r, uint32_t ssrc, uint16_t seq,
                                 BlEcn ecn, BlTime arrival_us);

/* Has it arrived, as far as is remembered, and when first? */
bool bl_ccfb_receiver_find (const BlCcfbReceiver *r, uint32_t ssrc,
                            uint16_t seq, BlTime *out_arrival_us);

bool bl_ccfb_receiver_has_news (const BlCcfbReceiver *r);

/* The least room that bl_ccfb_receiver_write needs to make headway. */
#define BL_CCFB_MIN_ROOM_BYTES 64

/* Appends one RTCP packet with as much as fits; call again while
 * bl_ccfb_receiver_has_news(). `ntp` is `now` on a clock that does not step:
 * the wall clock as it was at some start, carried on by the monotonic one.
 * False, with nothing written or changed, if there is nothing to report or less
 * than BL_CCFB_MIN_ROOM_BYTES of room. */
bool bl_ccfb_receiver_write (BlCcfbReceiver *r, BlWriter *w,
                             uint32_t sender_ssrc, BlTime now, BlNtp ntp);

/* Parser */

typedef enum {
  BL_CCFB_OK,
  BL_CCFB_SHORT, /* ends within a block, or before the timestamp */
} BlCcfbStatus;

/* A walk through one report; a plain value, copy it to walk again. */
typedef struct {
  uint32_t sender_ssrc;
  uint32_t timestamp; /* when it was written: 1/65536 s, wraps */

  BlReader blocks;
  uint32_t ssrc;      /* of the block being read */
  uint16_t seq;       /* the next one in it */
  uint32_t left, pad; /* reports left in it, bytes after the last */
} BlCcfbReport;

typedef struct {
  uint32_t ssrc;
  uint16_t seq;
  bool received;
  BlEcn ecn;
  BlTime before_us; /* arrival so long before the timestamp; 0 if not told */
} BlCcfbResult;

/* `packet` of kind BL_RTCP_KIND_CCFB; its bytes are borrowed. All of it is
 * checked, so that the walk can't fail. `out_report` is untouched unless
 * BL_CCFB_OK. */
BlCcfbStatus bl_ccfb_parse (const BlRtcpPacket *packet,
                            BlCcfbReport *out_report);

/* The next packet, in the order written; false at the end. */
bool bl_ccfb_next (BlCcfbReport *report, BlCcfbResult *out_result);

/* Sender. Remembers under which number of the path a packet left. */

#define BL_CCFB_SENT 2048 /* packets of each SSRC; a power of two */

typedef struct {
  uint64_t path_seq; /* 0: empty */
  uint16_t seq;
} BlCcfbSent;

typedef struct {
  BlTsUnwrapper timestamps;
  unsigned n_streams;
  uint32_t ssrcs[BL_CCFB_STREAMS];
  BlCcfbSent sent[BL_CCFB_STREAMS][BL_CCFB_SENT];
} BlCcfbSender;

void bl_ccfb_sender_init (BlCcfbSender *s);

/* `path_seq` > 0. At most BL_CCFB_STREAMS SSRCs over a sender's life
 * (programmer error otherwise). */
void bl_ccfb_sender_on_sent (BlCcfbSender *s, uint32_t ssrc, uint16_t seq,
                             uint64_t path_seq);

/* The number of the path under which it left; 0: not by this path, or it is
 * forgotten. */
uint64_t bl_ccfb_sender_path_seq (const BlCcfbSender *s, uint32_t ssrc,
                                  uint16_t seq);

/* Walks `report` (just parsed) and gives the next result that is of a packet
 * still remembered; false at the end. */
bool bl_ccfb_sender_next (BlCcfbSender *s, BlCcfbReport *report,
                          BlPacketResult *out_result);
