/* SPDX-License-Identifier: Apache-2.0
 *
 * Transport-wide congestion control feedback
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01).
 *
 * Three parts: BlTwccReceiver notes arrivals and writes feedback;
 * BlTwccFeedback walks one received; BlTwccSender keeps what was sent and
 * turns feedback into acknowledgements. All memory is in the structures.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bltime.h"
#include "base/reader.h"
#include "base/writer.h"
#include "rtc/seq.h"

#define BL_TWCC_TICK_US      250   /* of a delta */
#define BL_TWCC_REFERENCE_US 64000 /* of the reference time */

/* Receiver. Invariant: feedback covers every sequence number from the first
 * not yet reported to the highest received; one that arrives after it was
 * reported lost is reported again, with all after it. Of those, what had been
 * reported and came more than BL_TWCC_AGAIN_US before the latest arrival now
 * counts as lost: no sender needs it twice, and one that fills old gaps would
 * have us write a feedback for each of its packets, every time. */

#define BL_TWCC_WINDOW 1024 /* packets remembered; a power of two */

/* Within what the 16 bits of a delta can say, 8.19 s. */
#define BL_TWCC_AGAIN_US (8 * BL_SECOND)

typedef struct {
  uint64_t seq; /* 0: empty */
  BlTime arrival_us;
} BlTwccArrivalSlot;

typedef struct {
  BlSeqUnwrapper seqs;
  uint64_t next;     /* first number for the next feedback */
  uint64_t reported; /* what is below was in a feedback, or too old for one */
  BlTime latest_us;  /* of the last arrival noted */
  uint8_t feedback_count;
  BlTwccArrivalSlot slots[BL_TWCC_WINDOW];
} BlTwccReceiver;

void bl_twcc_receiver_init (BlTwccReceiver *r);

/* `arrival_us` >= 0. Of a double the first arrival counts. */
void bl_twcc_receiver_on_packet (BlTwccReceiver *r, uint16_t transport_seq,
                                 BlTime arrival_us);

/* Is there anything to report? */
bool bl_twcc_receiver_has_news (const BlTwccReceiver *r);

/* The least room that bl_twcc_receiver_write needs to make headway. */
#define BL_TWCC_MIN_ROOM_BYTES 64

/* Appends one RTCP packet with as much as fits; call again while
 * bl_twcc_receiver_has_news(). False, with nothing written or changed, if there
 * is nothing to report or less than BL_TWCC_MIN_ROOM_BYTES of room. */
bool bl_twcc_receiver_write (BlTwccReceiver *r, BlWriter *w,
                             uint32_t sender_ssrc, uint32_t media_ssrc);

/* Parser */

typedef enum {
  BL_TWCC_OK,
  BL_TWCC_SHORT,      /* ends within chunks or deltas */
  BL_TWCC_EMPTY,      /* no packet status */
  BL_TWCC_BAD_SYMBOL, /* the reserved status */
} BlTwccStatus;

/* A walk through one feedback; a plain value, copy it to walk again. */
typedef struct {
  uint16_t base_seq;
  uint16_t status_count;
  uint32_t reference; /* 24 bits, of 64 ms */
  uint8_t feedback_count;

  BlReader chunks, deltas;
  uint16_t chunk;       /* the chunk being read */
  uint16_t chunk_left;  /* symbols left in it */
  uint32_t done;        /* statuses given so far */
  int64_t offset_ticks; /* last arrival after the reference */
} BlTwccFeedback;

typedef struct {
  uint16_t seq;
  bool received;
  int64_t offset_us; /* arrival after the reference time, if received */
} BlTwccResult;

/* `fci` as BlRtcpFeedback gives it, borrowed. All of it is checked, so that
 * the walk can't fail. `out_feedback` is untouched unless BL_TWCC_OK. */
BlTwccStatus bl_twcc_parse (const uint8_t *fci, size_t length,
                            BlTwccFeedback *out_feedback);

/* The next status, in sequence; false after status_count of them. */
bool bl_twcc_next (BlTwccFeedback *feedback, BlTwccResult *out_result);

/* Sender. Remembers the last BL_TWCC_SENT packets. */

#define BL_TWCC_SENT 4096 /* a power of two */

typedef struct {
  uint64_t seq; /* 0: empty */
  BlTime sent_us;
  uint32_t bytes;
  bool acked;
} BlTwccSentSlot;

typedef struct {
  uint64_t next_seq;
  bool has_reference;
  int64_t reference; /* the last one, extended */
  BlTwccSentSlot slots[BL_TWCC_SENT];
} BlTwccSender;

typedef struct {
  uint64_t seq; /* extended, of bl_twcc_sender_on_sent's numbers */
  BlTime sent_us;
  uint32_t bytes;
  bool received;
  int64_t received_us; /* on the receiver's clock: only differences count */
} BlTwccAck;

void bl_twcc_sender_init (BlTwccSender *s);

/* Notes a packet of `bytes` on the wire and gives the transport-wide sequence
 * number to write into it. */
uint16_t bl_twcc_sender_on_sent (BlTwccSender *s, uint32_t bytes, BlTime now);

/* Walks `feedback` (just parsed) and gives the next status of a packet that is
 * still remembered and was not yet acknowledged as received; false at the end.
 * A packet first given as lost can come again as received. */
bool bl_twcc_sender_next_ack (BlTwccSender *s, BlTwccFeedback *feedback,
                              BlTwccAck *out_ack);
