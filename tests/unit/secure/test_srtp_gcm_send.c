/* SPDX-License-Identifier: Apache-2.0
 *
 * Our sender for AES-GCM beside libsrtp's: whatever the packets, both give the
 * same bytes, and both say no to the same.
 */
#include <glib.h>
#include <string.h>

#include "../run_suite.h"
#include "base/bytes.h"
#include "libsrtp.h"

static const BlSrtpProfile profiles[]
    = { BL_SRTP_AEAD_AES_128_GCM, BL_SRTP_AEAD_AES_256_GCM };

/* --- the two senders -------------------------------------------------------
 */

static BlSrtp *ours;
static srtp_t theirs;

static void
open_both (BlSrtpProfile profile)
{
  BlSrtpKeys keys = random_keys (profile);
  ours = bl_srtp_new (&keys, 1);
  ck_assert_ptr_nonnull (ours);
  theirs = open_libsrtp (&keys, ssrc_any_outbound, sec_serv_conf_and_auth);
}

static void
close_both (void)
{
  bl_srtp_free (ours);
  srtp_dealloc (theirs);
}

/* Protects it with both; whether they did, if they agree. */
static bool
protect_both (const uint8_t *packet, size_t length, bool rtcp)
{
  uint8_t a[ROOM], b[ROOM];
  size_t a_length = length;
  int b_length = (int)length;
  memcpy (a, packet, length);
  memcpy (b, packet, length);
  BlSrtpStatus a_status
      = rtcp ? bl_srtp_protect_rtcp (ours, a, &a_length, sizeof a)
             : bl_srtp_protect_rtp (ours, a, &a_length, sizeof a);
  srtp_err_status_t b_status = rtcp ? srtp_protect_rtcp (theirs, b, &b_length)
                                    : srtp_protect (theirs, b, &b_length);
  ck_assert_msg ((a_status == BL_SRTP_OK) == (b_status == srtp_err_status_ok),
                 "ours says %d, libsrtp %d", a_status, b_status);
  if (a_status != BL_SRTP_OK) {
    ck_assert_uint_eq (a_length, length);
    ck_assert_mem_eq (a, packet, length);
    return false;
  }
  ck_assert_uint_eq (a_length, (size_t)b_length);
  ck_assert_mem_eq (a, b, a_length);
  return true;
}

/* --- tests ------------------------------------------------------------------
 */

#define N_SSRCS 4

/* In order, with gaps, late, and repeated; index 0 is never undershot, which
 * libsrtp would take for a leap forward. */
static int64_t
next_index (int64_t newest)
{
  switch (roll (20)) {
  case 0:
    return newest + 1 + roll (3000);
  case 1:
    return newest + 1 + roll (30000);
  case 2:
    return newest > 4000 ? newest - roll (4000) : newest;
  case 3:
    return newest > 10 ? newest - roll (10) : newest;
  default:
    return newest + 1;
  }
}

/* _i: which profile, and the seed. */
START_TEST (random_packets_come_out_as_libsrtps)
{
  seed (_i);
  open_both (profiles[_i % 2]);
  uint32_t ssrcs[N_SSRCS];
  int64_t newest[N_SSRCS];
  for (unsigned s = 0; s < N_SSRCS; s++) {
    ssrcs[s] = (uint32_t)roll (UINT32_MAX);
    newest[s] = roll (0x8000);
  }
  unsigned sent = 0, refused = 0;
  uint8_t packet[ROOM];
  for (unsigned n = 0; n < 20000; n++) {
    unsigned s = roll (N_SSRCS);
    if (roll (50) == 0) {
      ck_assert (protect_both (packet, make_rtcp (packet, ssrcs[s]), true));
      continue;
    }
    int64_t index = next_index (newest[s]);
    size_t length = make_rtp (packet, ssrcs[s], (uint16_t)index, 1400);
    bool ok = protect_both (packet, length, false);
    ck_assert_msg (ok || index <= newest[s], "a new index was refused");
    newest[s] = MAX (newest[s], index);
    *(ok ? &sent : &refused) += 1;
  }
  ck_assert_uint_gt (sent, 15000);
  ck_assert_uint_gt (refused, 500);
  for (unsigned s = 0; s < N_SSRCS; s++)
    ck_assert_int_gt (newest[s], 20 * 65536);
  close_both ();
}
END_TEST

/* Whatever libsrtp does: against a list of all that has gone out. */
START_TEST (no_index_goes_out_twice)
{
  seed (_i);
  open_both (profiles[_i % 2]);
  static uint8_t used[3 * 65536];
  memset (used, 0, sizeof used);
  int64_t newest = 0x7000;
  uint8_t packet[ROOM];
  size_t length = make_rtp (packet, 7, (uint16_t)newest, 1400);
  ck_assert_int_eq (bl_srtp_protect_rtp (ours, packet, &length, ROOM),
                    BL_SRTP_OK);
  used[newest] = 1;
  while (newest < 2 * 65536) {
    int64_t index = newest + 400 - roll (4000);
    length = make_rtp (packet, 7, (uint16_t)index, 1400);
    BlSrtpStatus status = bl_srtp_protect_rtp (ours, packet, &length, ROOM);
    bool fresh = !used[index] && index > newest - BL_SRTP_WINDOW;
    ck_assert_int_eq (status, fresh ? BL_SRTP_OK : BL_SRTP_REPLAYED);
    used[index] |= fresh;
    newest = MAX (newest, index);
  }
  close_both ();
}
END_TEST

START_TEST (a_stream_has_nothing_before_its_first_cycle)
{
  open_both (profiles[0]);
  uint8_t packet[ROOM];
  size_t length = make_rtp (packet, 7, 5, 1400);
  ck_assert_int_eq (bl_srtp_protect_rtp (ours, packet, &length, ROOM),
                    BL_SRTP_OK);
  length = make_rtp (packet, 7, 65530, 1400);
  ck_assert_int_eq (bl_srtp_protect_rtp (ours, packet, &length, ROOM),
                    BL_SRTP_REPLAYED);
  close_both ();
}
END_TEST

START_TEST (only_so_many_ssrcs_are_sent_from)
{
  open_both (profiles[0]);
  uint8_t packet[ROOM];
  size_t length;
  for (uint32_t ssrc = 1; ssrc <= BL_SRTP_LOCAL_SSRCS_MAX; ssrc++) {
    length = make_rtp (packet, ssrc, 1, 1400);
    ck_assert_int_eq (bl_srtp_protect_rtp (ours, packet, &length, ROOM),
                      BL_SRTP_OK);
  }
  length = make_rtp (packet, 99, 1, 1400);
  ck_assert_int_eq (bl_srtp_protect_rtp (ours, packet, &length, ROOM),
                    BL_SRTP_MANY_SSRCS);
  length = make_rtcp (packet, 99);
  ck_assert_int_eq (bl_srtp_protect_rtcp (ours, packet, &length, ROOM),
                    BL_SRTP_MANY_SSRCS);
  length = make_rtcp (packet, 1);
  ck_assert_int_eq (bl_srtp_protect_rtcp (ours, packet, &length, ROOM),
                    BL_SRTP_OK);
  close_both ();
}
END_TEST

START_TEST (a_header_that_does_not_fit_costs_no_number)
{
  static const struct {
    uint8_t first, words;
    size_t length;
  } twisted[] = {
    { 0x8f, 0, 12 + 4 * 15 - 1 }, /* CSRCs cut */
    { 0x90, 0, 12 + 3 },          /* the extension's head cut */
    { 0x90, 2, 12 + 4 + 7 },      /* its words cut */
    { 0x91, 1, 12 + 4 + 4 + 3 },
  };
  open_both (profiles[0]);
  uint8_t packet[ROOM] = { 0 };
  bl_put_be32 (packet + 8, 7);
  for (size_t i = 0; i < G_N_ELEMENTS (twisted); i++) {
    size_t at = 12 + 4 * (size_t)(twisted[i].first & 0xf);
    packet[0] = twisted[i].first;
    packet[at + 3] = twisted[i].words;
    size_t length = twisted[i].length;
    ck_assert_int_eq (bl_srtp_protect_rtp (ours, packet, &length, ROOM),
                      BL_SRTP_SHORT);
    ck_assert_uint_eq (length, twisted[i].length);
    packet[at + 3] = 0;
  }
  size_t length = make_rtp (packet, 7, 0, 1400);
  ck_assert_int_eq (bl_srtp_protect_rtp (ours, packet, &length, ROOM),
                    BL_SRTP_OK);
  close_both ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("secure/srtp_gcm_send");
  TCase *tcase = tcase_create ("srtp_gcm_send");
  seed (0);
  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, random_packets_come_out_as_libsrtps, 0, 4);
  tcase_add_loop_test (tcase, no_index_goes_out_twice, 0, 2);
  tcase_add_test (tcase, a_stream_has_nothing_before_its_first_cycle);
  tcase_add_test (tcase, only_so_many_ssrcs_are_sent_from);
  tcase_add_test (tcase, a_header_that_does_not_fit_costs_no_number);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
