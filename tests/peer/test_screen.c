/* SPDX-License-Identifier: Apache-2.0 */
#include "screen.h"

#include "run_suite.h"

#define MAX_SHOWN 64

static PeerScreen *screen;
static BlTime now;
static struct {
  uint32_t timestamp;
  BlTime at_us;
  bool keyframe;
  size_t length;
} shown[MAX_SHOWN];
static unsigned n_shown;

static void
note (const PeerPicture *picture, void *data)
{
  ck_assert_uint_lt (n_shown, MAX_SHOWN);
  shown[n_shown].timestamp = picture->timestamp;
  shown[n_shown].at_us = picture->at_us;
  shown[n_shown].keyframe = picture->keyframe;
  shown[n_shown++].length = picture->length;
}

static void
setup (void)
{
  screen = peer_screen_new (note, NULL);
  n_shown = 0;
  now = 0;
}

static void
teardown (void)
{
  peer_screen_free (screen);
}

/* Two packets a picture, numbered from 65534 on: the first of a keyframe has
 * its SPS and PPS, the last its slice. */
static void
give (unsigned packet, bool key, bool repair)
{
  static const uint8_t parameters[]
      = { 24, 0, 4, 0x67, 0x42, 0xc0, 0x1e, 0, 3, 0x68, 0xce, 0x3c };
  static const uint8_t idr[] = { 0x65, 0x88, 0x80 },
                       slice[] = { 0x61, 0x88, 0x80 };
  const BlRtpExtValues none = { 0 };
  bool last = packet % 2;
  bool first_of_key = key && !last;
  BlRtp rtp = { .payload_type = 96,
                .marker = last,
                .seq = (uint16_t)(65534 + packet),
                .timestamp = packet / 2,
                .ssrc = 1 };
  rtp.payload = first_of_key ? parameters : key ? idr : slice;
  rtp.payload_length = first_of_key ? sizeof parameters : sizeof idr;
  now += BL_MS;
  peer_screen_on_packet (screen, &rtp, &none, repair, now);
}

START_TEST (whole_pictures_are_shown_from_a_keyframe_on)
{
  for (unsigned i = 0; i < 10; i++)
    give (i, i / 2 == 1, false);
  ck_assert_uint_eq (n_shown, 4);
  for (unsigned i = 0; i < n_shown; i++) {
    ck_assert_uint_eq (shown[i].timestamp, i + 1);
    ck_assert_int_eq (shown[i].at_us, (2 * i + 4) * BL_MS);
    ck_assert (shown[i].keyframe == (i == 0));
    ck_assert_uint_gt (shown[i].length, 0);
  }
}
END_TEST

START_TEST (a_repair_shows_all_that_waited_for_it)
{
  for (unsigned i = 0; i < 8; i++)
    if (i != 2)
      give (i, i / 2 == 0, false);
  ck_assert_uint_eq (n_shown, 1);
  give (2, false, true);
  ck_assert_uint_eq (n_shown, 4);
  for (unsigned i = 1; i < 4; i++)
    ck_assert_int_eq (shown[i].at_us, now);
}
END_TEST

START_TEST (a_whole_keyframe_ends_the_waiting)
{
  for (unsigned i = 0; i < 10; i++)
    if (i != 3)
      give (i, i / 2 == 0 || i / 2 == 4, false);
  ck_assert_uint_eq (n_shown, 2);
  ck_assert_uint_eq (shown[1].timestamp, 4);
  /* What comes late is of no use. */
  give (3, false, true);
  ck_assert_uint_eq (n_shown, 2);
}
END_TEST

START_TEST (disorder_and_doubles_do_no_harm)
{
  static const unsigned order[] = { 1, 0, 0, 5, 3, 2, 4, 4, 3 };
  give (0, true, false);
  for (unsigned i = 0; i < sizeof order / sizeof *order; i++)
    give (order[i], order[i] / 2 == 0, false);
  ck_assert_uint_eq (n_shown, 3);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("peer/screen");
  TCase *tcase = tcase_create ("screen");
  suite_add_tcase (suite, tcase);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, whole_pictures_are_shown_from_a_keyframe_on);
  tcase_add_test (tcase, a_repair_shows_all_that_waited_for_it);
  tcase_add_test (tcase, a_whole_keyframe_ends_the_waiting);
  tcase_add_test (tcase, disorder_and_doubles_do_no_harm);
  return run_suite (suite);
}
