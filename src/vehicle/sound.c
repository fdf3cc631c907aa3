/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/sound.h"

#include <string.h>

#include "base/blassert.h"
#include "rtc/rtp.h"
#include "rtc/seq.h"

/* A frame is judged when one so many later has arrived: by then it would have,
 * over whichever path. */
#define JUDGED_AFTER 4

/* Loss is smoothed over so many frames (2.6 s), and runs over so many. */
#define LOSS_FRAMES 128
#define RUNS        8

/* A frame that was carried again within so many packets is on its way. */
#define ON_ITS_WAY 5

/* The most that an encoder is told of. */
#define MOST_PERCENT 25

#define PACKETS_A_SECOND 50
#define EXTENSION_BYTES  20

/* What a path is good for. The last one makes 40 kb/s do, with all headers. */
static const struct {
  uint32_t least_bps;   /* of the path */
  uint32_t bitrate_bps; /* of Opus, at most */
  uint8_t copies;       /* while sound gets lost */
  uint8_t most;         /* earlier frames in a packet */
  bool pairs;           /* two frames a packet */
} shapes[] = {
  { 1000000, UINT32_MAX, 2, BL_RED_BLOCKS - 1, false },
  { 250000, 32000, 2, BL_RED_BLOCKS - 1, false },
  { 120000, 24000, 1, 4, false },
  { 0, 14000, 0, 2, true },
};

static uint32_t
bitrate_of (const BlSound *s)
{
  uint32_t most = shapes[s->shape].bitrate_bps;
  return s->full_bps < most ? s->full_bps : most;
}

void
bl_sound_init (BlSound *s, uint8_t pt, uint8_t red_pt, uint32_t full_bps)
{
  *s = (BlSound){ .pt = pt,
                  .red_pt = red_pt,
                  .full_bps = full_bps,
                  .run_q8 = 1 << 8,
                  .better_since_us = BL_TIME_NEVER };
  s->settings.bitrate_bps = bitrate_of (s);
}

static BlSoundFrame *
find (BlSound *s, uint64_t seq)
{
  BlSoundFrame *frame = &s->frames[seq % BL_SOUND_FRAMES];
  return seq > 0 && frame->seq == seq ? frame : NULL;
}

bool
bl_sound_on_frame (BlSound *s, uint64_t seq, uint32_t timestamp,
                   const uint8_t *data, size_t length)
{
  bl_assert (seq > s->newest && length <= BL_SOUND_FRAME_BYTES);
  BlSoundFrame *frame = &s->frames[seq % BL_SOUND_FRAMES];
  *frame = (BlSoundFrame){ .seq = seq,
                           .timestamp = timestamp,
                           .length = (uint16_t)length };
  if (length > 0)
    memcpy (frame->data, data, length);
  s->newest = seq;
  s->held = s->red_pt != 0 && shapes[s->shape].pairs && !s->held;
  return !s->held;
}

/* --- what a packet carries ---------------------------------------------------
 */

static unsigned
copies (const BlSound *s)
{
  if (!s->lossy || s->red_pt == 0)
    return 0;
  unsigned most = shapes[s->shape].copies;
  return most > 1 && s->loss_q16 < BL_SOUND_TWICE_Q16 ? 1 : most;
}

/* Between a frame and its copy. */
static unsigned
distance (const BlSound *s)
{
  unsigned frames = (s->run_q8 + 192) >> 8;
  return frames < BL_SOUND_DISTANCE_MOST ? frames : BL_SOUND_DISTANCE_MOST;
}

/* The frame so many back, if the newest one's packet is to carry it. */
static BlSoundFrame *
earlier (BlSound *s, unsigned back)
{
  BlSoundFrame *frame = s->newest > back ? find (s, s->newest - back) : NULL;
  const BlSoundFrame *own = find (s, s->newest);
  /* What is not whole frames away would be taken for another. */
  if (!frame || frame->length == 0 || frame->length > BL_RED_MAX_BYTES
      || own->timestamp - frame->timestamp != back * BL_SOUND_FRAME_TICKS)
    return NULL;
  unsigned step = distance (s);
  bool copy = back % step == 0 && back / step <= copies (s);
  return frame->last_sent == 0 || frame->wanted || copy ? frame : NULL;
}

uint8_t
bl_sound_write (BlSound *s, BlWriter *w, size_t most_bytes)
{
  BlRedBlock blocks[BL_RED_BLOCKS];
  unsigned first = BL_RED_BLOCKS - 1;
  BlSoundFrame *own = find (s, s->newest);
  bl_assert (own && !s->held);
  own->alone = true;
  own->last_sent = own->seq;
  blocks[first] = (BlRedBlock){ s->pt, 0, own->length, own->data };

  /* What is youngest is of most use, should there not be room for all. */
  size_t bytes = BL_RED_OWN_HEADER_BYTES + own->length;
  unsigned least = first - shapes[s->shape].most;
  for (unsigned back = 1;
       s->red_pt != 0 && back <= BL_SOUND_BACK_MOST && first > least; back++) {
    BlSoundFrame *frame = earlier (s, back);
    if (!frame || bytes + BL_RED_HEADER_BYTES + frame->length > most_bytes)
      continue;
    bytes += BL_RED_HEADER_BYTES + frame->length;
    s->again += frame->last_sent > 0;
    frame->wanted = false;
    frame->last_sent = s->newest;
    blocks[--first]
        = (BlRedBlock){ s->pt, (uint16_t)(back * BL_SOUND_FRAME_TICKS),
                        frame->length, frame->data };
  }
  if (first == BL_RED_BLOCKS - 1) {
    bl_writer_bytes (w, own->data, own->length);
    return s->pt;
  }
  bl_red_write (w, blocks + first, BL_RED_BLOCKS - first);
  return s->red_pt;
}

bool
bl_sound_on_nack (BlSound *s, uint16_t seq)
{
  uint64_t wanted = bl_seq_near (s->newest, seq);
  BlSoundFrame *frame = find (s, wanted);
  if (s->red_pt == 0 || !frame || s->newest - wanted > BL_SOUND_BACK_MOST)
    return false;
  bool carried
      = frame->last_sent != wanted && s->newest - frame->last_sent < ON_ITS_WAY;
  bool will_be = s->newest - wanted < copies (s) * distance (s);
  frame->wanted = !carried && !will_be;
  return true;
}

/* --- loss --------------------------------------------------------------------
 */

static void
end_run (BlSound *s)
{
  for (uint32_t i = 0; s->run <= BL_SOUND_RUN_MOST && i < s->run; i++)
    s->loss_q16 += (BL_SOUND_ALL_Q16 - s->loss_q16) / LOSS_FRAMES;
  if (s->run > 0 && s->run <= BL_SOUND_RUN_MOST)
    s->run_q8 += (uint32_t)((int32_t)((s->run << 8) - s->run_q8) / RUNS);
  s->run = 0;
}

static void
judge (BlSound *s, uint64_t until)
{
  if (s->judged + BL_SOUND_FRAMES < s->newest) {
    s->judged = s->newest - BL_SOUND_FRAMES;
    s->run = 0;
  }
  while (s->judged < until) {
    const BlSoundFrame *frame = find (s, ++s->judged);
    if (!frame || !frame->alone)
      continue;
    if (!frame->heard) {
      s->run++;
      continue;
    }
    end_run (s);
    s->loss_q16 -= s->loss_q16 / LOSS_FRAMES;
  }
}

static void
weigh_loss (BlSound *s)
{
  s->lossy
      = s->loss_q16 >= (s->lossy ? BL_SOUND_CLEAN_Q16 : BL_SOUND_LOSSY_Q16);
}

void
bl_sound_on_heard (BlSound *s, uint16_t seq)
{
  uint64_t heard = bl_seq_near (s->newest, seq);
  BlSoundFrame *frame = find (s, heard);
  if (!frame || !frame->alone)
    return;
  frame->heard = true;
  if (heard <= s->heard)
    return;
  s->heard = heard;
  judge (s, heard - JUDGED_AFTER);
  weigh_loss (s);
}

void
bl_sound_on_fraction_lost (BlSound *s, uint8_t fraction)
{
  s->loss_q16
      += (uint32_t)(((int32_t)fraction * 256 - (int32_t)s->loss_q16) / 2);
  weigh_loss (s);
}

/* --- the rate ----------------------------------------------------------------
 */

static void
choose_shape (BlSound *s, uint64_t target_bps, BlTime now)
{
  while (target_bps < shapes[s->shape].least_bps)
    s->shape++;
  if (s->shape == 0
      || target_bps < shapes[s->shape - 1].least_bps * UINT64_C (5) / 4) {
    s->better_since_us = BL_TIME_NEVER;
  } else if (s->better_since_us == BL_TIME_NEVER) {
    s->better_since_us = now;
  } else if (now - s->better_since_us >= BL_SOUND_UP_US) {
    s->shape--;
    s->better_since_us = BL_TIME_NEVER;
  }
}

/* In steps of five, so that it is not told anew with each loss. */
static uint8_t
loss_percent (const BlSound *s)
{
  uint32_t percent = (s->loss_q16 * 100 >> 16) / 5 * 5 + 5;
  if (!s->lossy)
    return 0;
  return (uint8_t)(percent < MOST_PERCENT ? percent : MOST_PERCENT);
}

bool
bl_sound_on_rate (BlSound *s, uint64_t target_bps, BlTime now)
{
  choose_shape (s, target_bps, now);
  BlSoundSettings settings = { bitrate_of (s), loss_percent (s) };
  bool changed = settings.bitrate_bps != s->settings.bitrate_bps
                 || settings.loss_percent != s->settings.loss_percent;
  s->settings = settings;
  return changed;
}

uint64_t
bl_sound_bps (const BlSound *s)
{
  bool pairs = s->red_pt != 0 && shapes[s->shape].pairs;
  unsigned packets = pairs ? PACKETS_A_SECOND / 2 : PACKETS_A_SECOND;
  return (uint64_t)s->settings.bitrate_bps * (1 + copies (s))
         + packets * (BL_RTP_HEADER_BYTES + EXTENSION_BYTES) * UINT64_C (8);
}
