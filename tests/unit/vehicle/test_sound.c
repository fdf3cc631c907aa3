/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/sound.h"

#include <stdlib.h>

#include "../run_suite.h"
#include "rtc/opus.h"

#define PT     111
#define RED    63
#define FIRST  UINT64_C (70000)
#define WIDE   UINT64_C (2000000)
#define NARROW UINT64_C (40000)
#define ROOM   1100

static BlSound sound;
static uint64_t next; /* frame */
static BlTime now;

static void
begin (uint8_t red_pt)
{
  bl_sound_init (&sound, PT, red_pt, 32000);
  next = FIRST;
  now = 1000 * BL_SECOND;
}

/* What left with a frame. */
typedef struct {
  bool left, red;
  unsigned n_back;
  uint64_t back[BL_RED_BLOCKS]; /* how far, in the order written */
} Packet;

/* The next frame, of 80 bytes that tell its number. */
static Packet
frame_of (uint32_t timestamp, size_t room)
{
  uint8_t frame[80] = { 9 << 3, (uint8_t)(next >> 8), (uint8_t)next };
  uint8_t payload[ROOM];
  BlWriter w = bl_writer (payload, sizeof payload);
  uint64_t seq = next++;
  Packet packet = { .left = bl_sound_on_frame (&sound, seq, timestamp, frame,
                                               sizeof frame) };
  if (!packet.left)
    return packet;
  uint8_t pt = bl_sound_write (&sound, &w, room);
  ck_assert (bl_writer_ok (&w));
  packet.red = pt == RED;
  if (!packet.red) {
    ck_assert_uint_eq (pt, PT);
    ck_assert_uint_eq (bl_writer_length (&w), sizeof frame);
    ck_assert_mem_eq (payload, frame, sizeof frame);
    return packet;
  }
  BlRed red;
  ck_assert (bl_red_parse (payload, bl_writer_length (&w), &red));
  packet.n_back = red.n - 1;
  for (unsigned i = 0; i < red.n; i++) {
    const BlRedBlock *block = &red.blocks[i];
    unsigned back = block->back / BL_SOUND_FRAME_TICKS;
    ck_assert_uint_eq (block->payload_type, PT);
    ck_assert_uint_eq (block->back % BL_SOUND_FRAME_TICKS, 0);
    ck_assert_uint_eq (block->length, sizeof frame);
    ck_assert_uint_eq (block->data[1] << 8 | block->data[2],
                       (seq - back) & 0xffff);
    packet.back[i] = back;
  }
  return packet;
}

static Packet
frame (void)
{
  return frame_of ((uint32_t)(next * BL_SOUND_FRAME_TICKS), ROOM);
}

/* So many frames, of which `lost` tells which don't arrive; what is known of
 * one is known 60 ms later. */
static Packet
frames (unsigned n, bool (*lost) (uint64_t seq), uint64_t target_bps)
{
  Packet packet = { 0 };
  for (unsigned i = 0; i < n; i++) {
    packet = frame ();
    now += 20 * BL_MS;
    if (next >= FIRST + 3 && !lost (next - 3))
      bl_sound_on_heard (&sound, (uint16_t)(next - 3));
    bl_sound_on_rate (&sound, target_bps, now);
  }
  return packet;
}

static bool
never (uint64_t seq)
{
  return false;
}

static bool
always (uint64_t seq)
{
  return true;
}

static bool
each_tenth (uint64_t seq)
{
  return seq % 10 == 0;
}

static bool
each_fiftieth (uint64_t seq)
{
  return seq % 50 == 0;
}

static bool
three_in_thirty (uint64_t seq)
{
  return seq % 30 < 3;
}

START_TEST (on_a_clean_path_a_packet_is_its_frame)
{
  begin (RED);
  for (unsigned i = 0; i < 500; i++)
    ck_assert (!frames (1, never, WIDE).red);
  ck_assert_uint_eq (sound.settings.loss_percent, 0);
  ck_assert_uint_eq (sound.settings.bitrate_bps, 32000);
}
END_TEST

static const struct {
  bool (*lost) (uint64_t seq);
  uint64_t target_bps;
  unsigned n_back;
  uint64_t back[2];
  uint8_t loss_percent;
} redundant[] = {
  { each_fiftieth, WIDE, 1, { 1 }, 5 },
  { each_tenth, WIDE, 2, { 2, 1 }, 15 },
  { three_in_thirty, WIDE, 2, { 6, 3 }, 15 },
  { each_tenth, 200000, 1, { 1 }, 15 },
  /* Of the packets; half of the frames have none of their own. */
  { each_tenth, NARROW, 1, { 1 }, 20 },
};

START_TEST (redundancy_is_sized_to_loss_and_to_how_long_it_lasts)
{
  begin (RED);
  frames (999, redundant[_i].lost, redundant[_i].target_bps);
  Packet packet = frames (1, never, redundant[_i].target_bps);
  if (!packet.left)
    packet = frames (1, never, redundant[_i].target_bps);
  ck_assert (packet.left && packet.red);
  ck_assert_uint_eq (packet.n_back, redundant[_i].n_back);
  for (unsigned i = 0; i < packet.n_back; i++)
    ck_assert_uint_eq (packet.back[i], redundant[_i].back[i]);
  ck_assert_uint_eq (sound.settings.loss_percent, redundant[_i].loss_percent);
}
END_TEST

START_TEST (redundancy_ends_some_seconds_after_the_last_loss)
{
  begin (RED);
  frames (500, each_tenth, WIDE);
  ck_assert (frames (100, never, WIDE).red);
  ck_assert (!frames (600, never, WIDE).red);
  ck_assert_uint_eq (sound.settings.loss_percent, 0);
}
END_TEST

START_TEST (one_lost_frame_is_no_reason)
{
  begin (RED);
  frames (500, never, WIDE);
  frames (1, always, WIDE);
  ck_assert (!frames (20, never, WIDE).red);
}
END_TEST

START_TEST (what_an_outage_swallows_does_not_count)
{
  begin (RED);
  frames (100, never, WIDE);
  frames (20, always, WIDE);
  ck_assert (!frames (20, never, WIDE).red);
  frames (1500, always, WIDE);
  ck_assert (!frames (20, never, WIDE).red);
  ck_assert_uint_eq (sound.loss_q16, 0);
}
END_TEST

START_TEST (what_is_asked_for_comes_with_the_next_packet_once)
{
  begin (RED);
  frames (100, never, WIDE);
  ck_assert (bl_sound_on_nack (&sound, (uint16_t)(next - 4)));
  ck_assert (bl_sound_on_nack (&sound, (uint16_t)(next - 3)));
  Packet packet = frame ();
  ck_assert (packet.red);
  ck_assert_uint_eq (packet.n_back, 2);
  ck_assert_uint_eq (packet.back[0], 4);
  ck_assert_uint_eq (packet.back[1], 3);
  /* Asked for again while it is on its way; and when it should be there. */
  ck_assert (bl_sound_on_nack (&sound, (uint16_t)(next - 4)));
  ck_assert (!frame ().red);
  for (unsigned i = 0; i < 5; i++)
    frame ();
  ck_assert (bl_sound_on_nack (&sound, (uint16_t)(next - 10)));
  packet = frame ();
  ck_assert_uint_eq (packet.n_back, 1);
  ck_assert_uint_eq (packet.back[0], 10);
  ck_assert_uint_eq (sound.again, 3);
}
END_TEST

START_TEST (what_can_not_be_had_any_more_is_refused)
{
  begin (RED);
  ck_assert (!bl_sound_on_nack (&sound, 1));
  frames (100, never, WIDE);
  ck_assert (
      bl_sound_on_nack (&sound, (uint16_t)(next - 1 - BL_SOUND_BACK_MOST + 1)));
  ck_assert (
      !bl_sound_on_nack (&sound, (uint16_t)(next - 2 - BL_SOUND_BACK_MOST)));
  ck_assert (!bl_sound_on_nack (&sound, (uint16_t)next));
  ck_assert (!bl_sound_on_nack (&sound, (uint16_t)(next + 30000)));
  ck_assert_uint_eq (frame ().back[0], BL_SOUND_BACK_MOST);
}
END_TEST

START_TEST (a_packet_does_not_grow_beyond_its_room)
{
  begin (RED);
  frames (100, never, WIDE);
  for (unsigned i = 2; i < 17; i++)
    bl_sound_on_nack (&sound, (uint16_t)(next - i));
  Packet packet
      = frame_of ((uint32_t)((next)*BL_SOUND_FRAME_TICKS), 81 + 2 * 84);
  ck_assert_uint_eq (packet.n_back, 2);
  ck_assert_uint_eq (packet.back[0], 3);
  ck_assert_uint_eq (packet.back[1], 2);
  ck_assert_uint_eq (frame ().n_back, BL_RED_BLOCKS - 1);
  /* One of the five others is out of reach by now. */
  ck_assert_uint_eq (frame ().n_back, 4);
}
END_TEST

START_TEST (what_is_not_whole_frames_away_is_not_carried)
{
  begin (RED);
  frames (100, never, WIDE);
  bl_sound_on_nack (&sound, (uint16_t)(next - 2));
  ck_assert (
      !frame_of ((uint32_t)(next * BL_SOUND_FRAME_TICKS) + 500, ROOM).red);
}
END_TEST

START_TEST (without_redundancy_each_frame_is_a_packet)
{
  begin (0);
  ck_assert (!bl_sound_on_nack (&sound, (uint16_t)(FIRST)));
  for (unsigned i = 0; i < 500; i++) {
    Packet packet = frames (1, each_tenth, NARROW);
    ck_assert (packet.left && !packet.red);
    ck_assert (!bl_sound_on_nack (&sound, (uint16_t)(next - 2)));
  }
  ck_assert_uint_gt (sound.settings.loss_percent, 0);
}
END_TEST

START_TEST (on_a_narrow_path_two_frames_share_a_packet)
{
  begin (RED);
  frames (10, never, NARROW);
  unsigned left = 0;
  for (unsigned i = 0; i < 100; i++) {
    Packet packet = frames (1, never, NARROW);
    if (!packet.left)
      continue;
    ck_assert (packet.red);
    ck_assert_uint_eq (packet.n_back, 1);
    ck_assert_uint_eq (packet.back[0], 1);
    left++;
  }
  ck_assert_uint_eq (left, 50);
  ck_assert_uint_eq (sound.settings.bitrate_bps, 14000);
  ck_assert_uint_eq (sound.again, 0);
  ck_assert_uint_eq (sound.loss_q16, 0);
  /* With 44 bytes a packet for SRTP, UDP and IP, and 5 for what is in it, it
   * leaves room in 40 kb/s for reports. */
  ck_assert_uint_le (bl_sound_bps (&sound) + 25 * (44 + 5) * 8, 36000);
}
END_TEST

START_TEST (a_frame_that_waits_is_not_lost_when_the_path_widens)
{
  begin (RED);
  frames (10, never, NARROW);
  while (frames (1, never, NARROW).left)
    ;
  /* Held; a second a step up. */
  bool held = true;
  for (unsigned i = 0; i < 300; i++) {
    Packet packet = frames (1, never, WIDE);
    ck_assert (!held || (packet.left && packet.back[packet.n_back - 1] == 1));
    held = !packet.left;
  }
  ck_assert (!held);
  ck_assert (!frame ().red);
  ck_assert_uint_eq (sound.settings.bitrate_bps, 32000);
}
END_TEST

START_TEST (a_rate_that_comes_and_goes_is_not_followed_up)
{
  begin (RED);
  frames (10, never, NARROW);
  for (unsigned i = 0; i < 20; i++) {
    frames (45, never, WIDE);
    frames (1, never, NARROW);
    ck_assert_uint_eq (sound.settings.bitrate_bps, 14000);
  }
}
END_TEST

START_TEST (a_share_that_was_lost_will_do_where_nothing_else_is_said)
{
  begin (RED);
  for (unsigned i = 0; i < 5; i++)
    bl_sound_on_fraction_lost (&sound, 26);
  frame ();
  frame ();
  ck_assert_uint_eq (frame ().n_back, 2);
  for (unsigned i = 0; i < 10; i++)
    bl_sound_on_fraction_lost (&sound, 0);
  ck_assert (!frame ().red);
}
END_TEST

START_TEST (reports_of_what_never_left_are_ignored)
{
  begin (RED);
  bl_sound_on_heard (&sound, 5);
  frames (10, never, WIDE);
  for (unsigned i = 0; i < 65536; i++)
    bl_sound_on_heard (&sound, (uint16_t)i);
  ck_assert (!frames (10, never, WIDE).red);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/sound");
  TCase *tcase = tcase_create ("sound");
  tcase_add_test (tcase, on_a_clean_path_a_packet_is_its_frame);
  tcase_add_loop_test (tcase,
                       redundancy_is_sized_to_loss_and_to_how_long_it_lasts, 0,
                       sizeof redundant / sizeof redundant[0]);
  tcase_add_test (tcase, redundancy_ends_some_seconds_after_the_last_loss);
  tcase_add_test (tcase, one_lost_frame_is_no_reason);
  tcase_add_test (tcase, what_an_outage_swallows_does_not_count);
  tcase_add_test (tcase, what_is_asked_for_comes_with_the_next_packet_once);
  tcase_add_test (tcase, what_can_not_be_had_any_more_is_refused);
  tcase_add_test (tcase, a_packet_does_not_grow_beyond_its_room);
  tcase_add_test (tcase, what_is_not_whole_frames_away_is_not_carried);
  tcase_add_test (tcase, without_redundancy_each_frame_is_a_packet);
  tcase_add_test (tcase, on_a_narrow_path_two_frames_share_a_packet);
  tcase_add_test (tcase, a_frame_that_waits_is_not_lost_when_the_path_widens);
  tcase_add_test (tcase, a_rate_that_comes_and_goes_is_not_followed_up);
  tcase_add_test (tcase,
                  a_share_that_was_lost_will_do_where_nothing_else_is_said);
  tcase_add_test (tcase, reports_of_what_never_left_are_ignored);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
