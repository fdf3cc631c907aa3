/* SPDX-License-Identifier: Apache-2.0
 *
 * The receiver's side: noting arrivals, writing reports.
 */
#include "rtc/ccfb.h"

#include "base/blassert.h"

#define FORMAT             11
#define BLOCK_HEADER_BYTES 8
#define TIMESTAMP_BYTES    4
#define RECEIVED           0x8000
#define MAX_OFFSET         0x1ffd
#define OFFSET_TOO_LARGE   0x1ffe
#define OFFSETS_IN_SECOND  1024
#define LAST               (BL_CCFB_REPEATS - 1)

void
bl_ccfb_receiver_init (BlCcfbReceiver *r)
{
  *r = (BlCcfbReceiver){ 0 };
}

static BlCcfbStream *
stream_of (BlCcfbReceiver *r, uint32_t ssrc)
{
  BlCcfbStream *place = &r->streams[0];
  for (unsigned i = 0; i < BL_CCFB_STREAMS; i++) {
    BlCcfbStream *stream = &r->streams[i];
    if (stream->seqs.started && stream->ssrc == ssrc)
      return stream;
    if (!place->seqs.started)
      continue;
    if (!stream->seqs.started || stream->last_us < place->last_us)
      place = stream;
  }
  *place = (BlCcfbStream){ .ssrc = ssrc };
  return place;
}

void
bl_ccfb_receiver_on_packet (BlCcfbReceiver *r, uint32_t ssrc, uint16_t seq,
                            BlEcn ecn, BlTime arrival_us)
{
  BlCcfbStream *stream = stream_of (r, ssrc);
  bool first = !stream->seqs.started;
  uint64_t extended = bl_seq_unwrap (&stream->seqs, seq);
  uint64_t oldest = stream->seqs.highest - BL_CCFB_WINDOW + 1;
  if (extended < oldest)
    return;
  stream->last_us = arrival_us;

  BlCcfbArrival *arrival = &stream->arrivals[extended % BL_CCFB_WINDOW];
  if (arrival->seq == extended) {
    if (ecn == BL_ECN_CE)
      arrival->ecn = BL_ECN_CE;
    return;
  }
  *arrival = (BlCcfbArrival){ .seq = extended,
                              .arrival_us = arrival_us,
                              .ecn = ecn };
  for (unsigned i = 0; i < BL_CCFB_REPEATS; i++) {
    if (first || extended < stream->from[i])
      stream->from[i] = extended;
    if (stream->from[i] < oldest)
      stream->from[i] = oldest;
  }
}

bool
bl_ccfb_receiver_find (const BlCcfbReceiver *r, uint32_t ssrc, uint16_t seq,
                       BlTime *out_arrival_us)
{
  for (unsigned i = 0; i < BL_CCFB_STREAMS; i++) {
    const BlCcfbStream *stream = &r->streams[i];
    if (!stream->seqs.started || stream->ssrc != ssrc)
      continue;
    uint64_t extended = bl_seq_near (stream->seqs.highest, seq);
    const BlCcfbArrival *arrival = &stream->arrivals[extended % BL_CCFB_WINDOW];
    *out_arrival_us = arrival->arrival_us;
    return arrival->seq == extended;
  }
  return false;
}

/* The highest has always arrived. */
static bool
stream_has_news (const BlCcfbStream *stream)
{
  return stream->seqs.started && stream->from[LAST] <= stream->seqs.highest;
}

bool
bl_ccfb_receiver_has_news (const BlCcfbReceiver *r)
{
  for (unsigned i = 0; i < BL_CCFB_STREAMS; i++)
    if (stream_has_news (&r->streams[i]))
      return true;
  return false;
}

static uint16_t
report_on (const BlCcfbStream *stream, uint64_t seq, BlTime now)
{
  const BlCcfbArrival *arrival = &stream->arrivals[seq % BL_CCFB_WINDOW];
  if (arrival->seq != seq)
    return 0;
  BlTime age = now > arrival->arrival_us ? now - arrival->arrival_us : 0;
  BlTime offset = age > 10 * BL_SECOND ? OFFSET_TOO_LARGE
                                       : age * OFFSETS_IN_SECOND / BL_SECOND;
  if (offset > MAX_OFFSET)
    offset = OFFSET_TOO_LARGE;
  return (uint16_t)(RECEIVED | (unsigned)arrival->ecn << 13 | offset);
}

/* One block with what fits into `room` bytes. */
static void
write_block (BlCcfbStream *stream, BlWriter *w, size_t room, BlTime now)
{
  uint64_t fits = (room - BLOCK_HEADER_BYTES) / 4 * 2;
  uint64_t end = stream->seqs.highest + 1, begin = stream->from[0];
  for (unsigned i = 1; end - begin > fits && i < BL_CCFB_REPEATS; i++)
    begin = stream->from[i];
  if (end - begin > fits)
    end = begin + fits;

  bl_writer_be32 (w, stream->ssrc);
  bl_writer_be16 (w, (uint16_t)begin);
  bl_writer_be16 (w, (uint16_t)(end - begin));
  for (uint64_t seq = begin; seq < end; seq++)
    bl_writer_be16 (w, report_on (stream, seq, now));
  if ((end - begin) % 2)
    bl_writer_be16 (w, 0);

  for (unsigned i = 0; i < LAST; i++)
    stream->from[i] = stream->from[i + 1];
  stream->from[LAST] = end;
}

bool
bl_ccfb_receiver_write (BlCcfbReceiver *r, BlWriter *w, uint32_t sender_ssrc,
                        BlTime now, BlNtp ntp)
{
  size_t room = w->failed ? 0 : (size_t)(w->end - w->at);
  if (!bl_ccfb_receiver_has_news (r) || room < BL_CCFB_MIN_ROOM_BYTES)
    return false;

  const uint8_t *start = w->at;
  bl_writer_u8 (w, 2 << 6 | FORMAT);
  bl_writer_u8 (w, BL_RTCP_PT_RTPFB);
  uint8_t *words = bl_writer_reserve (w, 2);
  bl_writer_be32 (w, sender_ssrc);
  for (unsigned i = 0; i < BL_CCFB_STREAMS; i++) {
    size_t left = (size_t)(w->end - w->at) - TIMESTAMP_BYTES;
    if (stream_has_news (&r->streams[i]) && left >= BLOCK_HEADER_BYTES + 4)
      write_block (&r->streams[i], w, left, now);
  }
  bl_writer_be32 (w, bl_ntp_middle (ntp));

  BlWriter patch = bl_writer (words, 2);
  bl_writer_be16 (&patch, (uint16_t)((w->at - start) / 4 - 1));
  bl_assert (bl_writer_ok (w));
  return true;
}
