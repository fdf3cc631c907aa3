/* SPDX-License-Identifier: Apache-2.0
 *
 * Our receiver for AES-GCM beside libsrtp's: both are given the same packets,
 * honest and hostile, and must take the same; of what they refuse, ours tells
 * copies of RTP from forgeries under a number that came before.
 */
#include <glib.h>
#include <openssl/err.h>
#include <string.h>

#include "../run_suite.h"
#include "base/bytes.h"
#include "libsrtp.h"
#include "secure/srtp_gcm.h"

static const BlSrtpProfile profiles[]
    = { BL_SRTP_AEAD_AES_128_GCM, BL_SRTP_AEAD_AES_256_GCM };

/* --- the two receivers, and their sender ------------------------------------
 */

static BlSrtpKeys keys;
static BlSrtp *ours;
static srtp_t theirs;
static srtp_t sender;       /* libsrtp's */
static srtp_t clear_sender; /* the same, but with reports not encrypted */

static void
open_all (BlSrtpProfile profile)
{
  keys = random_keys (profile);
  ours = bl_srtp_new (&keys, BL_SRTP_SSRCS_MAX);
  ck_assert_ptr_nonnull (ours);
  theirs = open_libsrtp (&keys, ssrc_any_inbound, sec_serv_conf_and_auth);
  sender = open_libsrtp (&keys, ssrc_any_outbound, sec_serv_conf_and_auth);
  clear_sender = open_libsrtp (&keys, ssrc_any_outbound, sec_serv_auth);
}

static void
close_all (void)
{
  bl_srtp_free (ours);
  srtp_dealloc (theirs);
  srtp_dealloc (sender);
  srtp_dealloc (clear_sender);
}

static BlSrtpStatus
status_of (srtp_err_status_t status)
{
  switch (status) {
  case srtp_err_status_ok:
    return BL_SRTP_OK;
  case srtp_err_status_auth_fail:
  case srtp_err_status_cipher_fail:
    return BL_SRTP_AUTH;
  case srtp_err_status_replay_fail:
  case srtp_err_status_replay_old:
    return BL_SRTP_REPLAYED;
  case srtp_err_status_parse_err:
  case srtp_err_status_bad_param:
    return BL_SRTP_SHORT;
  default:
    ck_abort_msg ("libsrtp says %d", status);
  }
}

/* Ours alone, in memory of just its size. */
static BlSrtpStatus
give_ours (const uint8_t *packet, size_t *length, bool rtcp, uint8_t *out_plain)
{
  size_t before = *length;
  uint8_t *copy = g_malloc (before + 1);
  memcpy (copy, packet, before);
  copy = g_realloc (copy, MAX (before, 1));
  BlSrtpStatus status = rtcp ? bl_srtp_unprotect_rtcp (ours, copy, length)
                             : bl_srtp_unprotect_rtp (ours, copy, length);
  ck_assert_msg (ERR_peek_error () == 0, "an error is left for DTLS to find");
  if (status == BL_SRTP_OK)
    memcpy (out_plain, copy, *length);
  else
    ck_assert_uint_eq (*length, before);
  g_free (copy);
  return status;
}

/* What both say of it. Of what is too short libsrtp may find first that it is a
 * replay or (if there is no room for a tag at all) that it isn't authentic:
 * ours looks at lengths first, and both refuse. */
static BlSrtpStatus
give_both (const uint8_t *packet, size_t length, bool rtcp)
{
  _Alignas(8) uint8_t theirs_plain[ROOM];
  uint8_t ours_plain[ROOM];
  size_t ours_length = length;
  int theirs_length = (int)length;
  memcpy (theirs_plain, packet, length);
  BlSrtpStatus status = give_ours (packet, &ours_length, rtcp, ours_plain);
  BlSrtpStatus expected = status_of (
      rtcp ? srtp_unprotect_rtcp (theirs, theirs_plain, &theirs_length)
           : srtp_unprotect (theirs, theirs_plain, &theirs_length));
  if (status == BL_SRTP_SHORT && expected != BL_SRTP_OK)
    return status;
  if (expected == BL_SRTP_REPLAYED && !rtcp) {
    ck_assert (status == BL_SRTP_COPY || status == BL_SRTP_AUTH);
    return status;
  }
  ck_assert_int_eq (status, expected);
  if (status == BL_SRTP_OK) {
    ck_assert_uint_eq (ours_length, (size_t)theirs_length);
    ck_assert_mem_eq (ours_plain, theirs_plain, ours_length);
  }
  return status;
}

/* --- packets ----------------------------------------------------------------
 */

typedef struct {
  _Alignas(8) uint8_t bytes[ROOM];
  size_t length;
  bool rtcp;
} Packet;

static Packet
protect (srtp_t by, Packet packet)
{
  int length = (int)packet.length;
  srtp_err_status_t status = packet.rtcp
                                 ? srtp_protect_rtcp (by, packet.bytes, &length)
                                 : srtp_protect (by, packet.bytes, &length);
  ck_assert_int_eq (status, srtp_err_status_ok);
  packet.length = (size_t)length;
  return packet;
}

static Packet
rtp (uint32_t ssrc, uint16_t seq)
{
  Packet packet = { 0 };
  packet.length = make_rtp (packet.bytes, ssrc, seq, 200);
  return protect (sender, packet);
}

static Packet
rtcp (srtp_t by, uint32_t ssrc)
{
  Packet packet = { .rtcp = true };
  packet.length = make_rtcp (packet.bytes, ssrc);
  return protect (by, packet);
}

/* A report under an index of our choice. */
static Packet
rtcp_at (uint32_t ssrc, uint32_t index, bool encrypted)
{
  Packet packet = { .rtcp = true };
  uint8_t trailer[4];
  size_t length = make_rtcp (packet.bytes, ssrc);
  size_t in_clear = encrypted ? 8 : length;
  bl_put_be32 (trailer, index | (encrypted ? 0x80000000u : 0));
  BlGcmCipher cipher = { 0 };
  ck_assert (bl_gcm_cipher_init (&cipher, keys.profile, keys.local, BL_GCM_RTCP,
                                 BL_GCM_SEALS));
  ck_assert (bl_gcm_begin (&cipher, ssrc, index));
  ck_assert (bl_gcm_authenticate (&cipher, packet.bytes, in_clear));
  ck_assert (bl_gcm_authenticate (&cipher, trailer, 4));
  ck_assert (bl_gcm_seal (&cipher, packet.bytes + in_clear, length - in_clear));
  bl_gcm_cipher_clear (&cipher);
  memcpy (packet.bytes + length + 16, trailer, 4);
  packet.length = length + 20;
  return packet;
}

static BlSrtpStatus
give (const Packet *packet)
{
  return give_both (packet->bytes, packet->length, packet->rtcp);
}

/* Hands it to both, who must say so. */
#define EXPECT(packet, status)                                                 \
  do {                                                                         \
    Packet expected_ = (packet);                                               \
    ck_assert_int_eq (give (&expected_), (status));                            \
  } while (0)

/* --- a long hostile sequence ------------------------------------------------
 */

#define N_SSRCS 4
#define N_KEPT  3000
#define N_STEPS 60000

static Packet kept[N_KEPT]; /* what was sent, in turn */
static unsigned n_kept;
static uint32_t ssrcs[N_SSRCS];
static int64_t newest[N_SSRCS];

/* Each SSRC keeps to one kind of report: the senders count by themselves. */
static const Packet *
send_one (void)
{
  unsigned s = roll (N_SSRCS);
  Packet *packet = &kept[n_kept++ % N_KEPT];
  if (roll (5) == 0) {
    *packet = rtcp (s % 2 ? clear_sender : sender, ssrcs[s]);
    return packet;
  }
  newest[s] += 1 + (roll (10) == 0 ? roll (100) : 0)
               + (roll (100) == 0 ? roll (10000) : 0);
  *packet = rtp (ssrcs[s], (uint16_t)newest[s]);
  return packet;
}

static const Packet *
recall (void)
{
  return n_kept ? &kept[roll (MIN (n_kept, N_KEPT))] : send_one ();
}

/* What somebody on the way could do to it. */
static void
attack (Packet *packet)
{
  size_t before = packet->length;
  switch (roll (9)) {
  case 0:
    packet->bytes[roll ((unsigned)before)] ^= (uint8_t)(1u << roll (8));
    break;
  case 1:
    for (unsigned i = 0; i < 4; i++)
      packet->bytes[roll ((unsigned)before)] ^= (uint8_t)roll (256);
    break;
  case 2:
    packet->length = roll ((unsigned)before);
    break;
  case 3:
    packet->length += 1 + roll (32);
    break;
  case 4:
    packet->rtcp = !packet->rtcp;
    break;
  case 5: /* the sequence number, or the length of a report */
    packet->bytes[2] ^= (uint8_t)roll (256);
    packet->bytes[3] ^= (uint8_t)roll (256);
    break;
  case 6:
    bl_put_be32 (packet->bytes + (packet->rtcp ? 4 : 8),
                 roll (2) ? ssrcs[roll (N_SSRCS)] : roll (UINT32_MAX));
    break;
  case 7: /* E flag and index */
    packet->bytes[before - 4 + roll (4)] ^= (uint8_t)(1u << roll (8));
    break;
  default:
    packet->length = roll (200);
    for (size_t i = 0; i < packet->length; i++)
      packet->bytes[i] = (uint8_t)roll (256);
  }
}

/* _i: which profile, and the seed. */
START_TEST (of_any_sequence_it_says_what_libsrtp_says)
{
  unsigned n[BL_SRTP_FAILED + 1] = { 0 };
  seed (_i);
  open_all (profiles[_i % 2]);
  n_kept = 0;
  for (unsigned s = 0; s < N_SSRCS; s++) {
    ssrcs[s] = (uint32_t)roll (UINT32_MAX);
    newest[s] = roll (0x10000);
  }
  for (unsigned step = 0; step < N_STEPS; step++) {
    unsigned what = roll (20);
    if (what < 9) {
      n[give (send_one ())]++;
    } else if (what < 11) {
      send_one (); /* to arrive late or never */
    } else if (what < 14) {
      n[give (recall ())]++;
    } else {
      Packet packet = roll (2) ? *recall () : *send_one ();
      attack (&packet);
      n[give (&packet)]++;
    }
  }
  ck_assert_uint_gt (n[BL_SRTP_OK], N_STEPS / 3);
  ck_assert_uint_gt (n[BL_SRTP_AUTH], N_STEPS / 20);
  ck_assert_uint_gt (n[BL_SRTP_COPY], N_STEPS / 20);
  ck_assert_uint_gt (n[BL_SRTP_REPLAYED], N_STEPS / 100);
  ck_assert_uint_gt (n[BL_SRTP_SHORT], N_STEPS / 100);
  for (unsigned s = 0; s < N_SSRCS; s++)
    ck_assert_int_gt (newest[s], 4 * 65536);
  close_all ();
}
END_TEST

/* --- one thing at a time ----------------------------------------------------
 */

START_TEST (what_ours_sends_both_read)
{
  seed (_i);
  open_all (profiles[_i % 2]);
  for (unsigned i = 0; i < 3000; i++) {
    Packet packet = { .rtcp = roll (4) == 0 };
    uint32_t ssrc = 1 + roll (4);
    uint8_t before[ROOM], plain[ROOM];
    packet.length
        = packet.rtcp ? make_rtcp (packet.bytes, ssrc)
                      : make_rtp (packet.bytes, ssrc, (uint16_t)(40 * i), 1400);
    size_t length = packet.length;
    memcpy (before, packet.bytes, length);
    ck_assert_int_eq (
        packet.rtcp
            ? bl_srtp_protect_rtcp (ours, packet.bytes, &packet.length, ROOM)
            : bl_srtp_protect_rtp (ours, packet.bytes, &packet.length, ROOM),
        BL_SRTP_OK);
    if (i % 2) {
      ck_assert_int_eq (give (&packet), BL_SRTP_OK);
      continue;
    }
    Packet copy = packet;
    ck_assert_int_eq (
        give_ours (packet.bytes, &packet.length, packet.rtcp, plain),
        BL_SRTP_OK);
    ck_assert_uint_eq (packet.length, length);
    ck_assert_mem_eq (plain, before, length);
    int theirs_length = (int)copy.length;
    if (copy.rtcp)
      srtp_unprotect_rtcp (theirs, copy.bytes, &theirs_length);
    else
      srtp_unprotect (theirs, copy.bytes, &theirs_length);
    ck_assert_int_eq (theirs_length, (int)length);
    ck_assert_mem_eq (copy.bytes, before, length);
  }
  close_all ();
}
END_TEST

/* _i: a packet of each kind. */
START_TEST (no_bit_may_change_and_no_byte_be_missing)
{
  open_all (profiles[0]);
  Packet packet = _i == 0   ? rtp (7, 1)
                  : _i == 1 ? rtcp (sender, 7)
                            : rtcp (clear_sender, 7);
  for (size_t bit = 0; bit < 8 * packet.length; bit++) {
    Packet changed = packet;
    changed.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    ck_assert_int_ne (give (&changed), BL_SRTP_OK);
  }
  for (size_t length = 0; length < packet.length; length++) {
    Packet cut = packet;
    cut.length = length;
    ck_assert_int_ne (give (&cut), BL_SRTP_OK);
  }
  ck_assert_int_eq (give (&packet), BL_SRTP_OK);
  ck_assert_int_eq (give (&packet),
                    packet.rtcp ? BL_SRTP_REPLAYED : BL_SRTP_COPY);
  close_all ();
}
END_TEST

START_TEST (late_packets_of_the_cycle_before_are_read)
{
  open_all (profiles[0]);
  Packet before[4];
  EXPECT (rtp (7, 65000), BL_SRTP_OK);
  for (unsigned i = 0; i < 4; i++)
    before[i] = rtp (7, (uint16_t)(65532 + i));
  for (uint16_t seq = 0; seq < 4; seq++)
    EXPECT (rtp (7, seq), BL_SRTP_OK);
  for (unsigned i = 0; i < 4; i++) {
    EXPECT (before[i], BL_SRTP_OK);
    EXPECT (before[i], BL_SRTP_COPY);
  }
  close_all ();
}
END_TEST

START_TEST (the_window_ends_where_it_should)
{
  open_all (profiles[0]);
  Packet old = rtp (7, 1000), oldest = rtp (7, 1001);
  EXPECT (rtp (7, 1000 + BL_SRTP_WINDOW), BL_SRTP_OK);
  EXPECT (old, BL_SRTP_COPY);
  EXPECT (oldest, BL_SRTP_OK);
  EXPECT (oldest, BL_SRTP_COPY);

  EXPECT (rtcp_at (7, 1128, true), BL_SRTP_OK);
  EXPECT (rtcp_at (7, 1000, true), BL_SRTP_REPLAYED);
  EXPECT (rtcp_at (7, 1001, true), BL_SRTP_OK);
  EXPECT (rtcp_at (7, 1001, false), BL_SRTP_REPLAYED);
  close_all ();
}
END_TEST

START_TEST (reports_count_to_the_last_index)
{
  open_all (profiles[_i]);
  EXPECT (rtcp_at (7, 0, true), BL_SRTP_OK);
  EXPECT (rtcp_at (7, 0, false), BL_SRTP_REPLAYED);
  EXPECT (rtcp_at (7, 1, false), BL_SRTP_OK);
  EXPECT (rtcp_at (7, 0x7fffffff, true), BL_SRTP_OK);
  EXPECT (rtcp_at (7, 0x7ffffffe, false), BL_SRTP_OK);
  EXPECT (rtcp_at (7, 0x7fffffff, false), BL_SRTP_REPLAYED);
  EXPECT (rtcp_at (7, 2, true), BL_SRTP_REPLAYED);
  close_all ();
}
END_TEST

START_TEST (a_leap_in_the_first_cycle_is_followed)
{
  open_all (profiles[0]);
  EXPECT (rtp (7, 5), BL_SRTP_OK);
  EXPECT (rtp (7, 65530), BL_SRTP_OK);
  EXPECT (rtp (7, 3), BL_SRTP_OK); /* of the next */
  close_all ();
}
END_TEST

START_TEST (no_forgery_is_taken_for_a_copy)
{
  open_all (profiles[_i]);
  Packet packet = rtp (7, 100);
  EXPECT (packet, BL_SRTP_OK);
  for (size_t at = 12; at < packet.length; at++) {
    Packet forged = packet;
    forged.bytes[at] ^= 1;
    EXPECT (forged, BL_SRTP_AUTH);
  }
  EXPECT (packet, BL_SRTP_COPY);
  close_all ();
}
END_TEST

START_TEST (a_forged_packet_moves_no_window)
{
  open_all (profiles[0]);
  EXPECT (rtp (7, 100), BL_SRTP_OK);
  for (unsigned i = 1; i < 200; i++) {
    Packet forged = rtp (7, (uint16_t)(100 + i));
    forged.bytes[2] ^= 0x20; /* far ahead */
    EXPECT (forged, BL_SRTP_AUTH);
  }
  EXPECT (rtp (7, 300), BL_SRTP_OK);
  Packet forged = rtcp_at (9, 5, true);
  bl_put_be32 (forged.bytes + forged.length - 4, 0xfffffff0);
  EXPECT (forged, BL_SRTP_AUTH);
  EXPECT (rtcp_at (9, 5, true), BL_SRTP_OK);
  close_all ();
}
END_TEST

/* libsrtp over NSS authenticates 2048 bytes at most. Differences we don't copy,
 * so these are for ours alone. */
START_TEST (a_long_header_is_no_trouble)
{
  enum { WORDS = 600 };
  open_all (profiles[0]);
  uint8_t plain[4096], packet[4096] = { 0x90 };
  packet[14] = WORDS >> 8;
  packet[15] = WORDS & 0xff;
  size_t length = 12 + 4 + 4 * WORDS + 100;
  ck_assert_int_eq (bl_srtp_protect_rtp (ours, packet, &length, sizeof packet),
                    BL_SRTP_OK);
  ck_assert_int_eq (give_ours (packet, &length, false, plain), BL_SRTP_OK);
  EXPECT (rtp (7, 1), BL_SRTP_OK);
  close_all ();
}
END_TEST

/* From anybody, with the E flag off: it makes libsrtp refuse all that follow,
 * for it keeps what it had of this one. */
START_TEST (a_long_forged_report_does_no_lasting_harm)
{
  open_all (profiles[0]);
  uint8_t plain[4096], forged[2066] = { 0x80, 200 };
  size_t length = sizeof forged;
  ck_assert_int_eq (give_ours (forged, &length, true, plain), BL_SRTP_AUTH);
  Packet honest = rtcp (sender, 7);
  ck_assert_int_eq (give_ours (honest.bytes, &honest.length, true, plain),
                    BL_SRTP_OK);
  close_all ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("secure/srtp_gcm_receive");
  TCase *tcase = tcase_create ("srtp_gcm_receive");
  seed (0);
  tcase_set_timeout (tcase, 100);
  tcase_add_loop_test (tcase, of_any_sequence_it_says_what_libsrtp_says, 0, 4);
  tcase_add_loop_test (tcase, what_ours_sends_both_read, 0, 2);
  tcase_add_loop_test (tcase, no_bit_may_change_and_no_byte_be_missing, 0, 3);
  tcase_add_test (tcase, late_packets_of_the_cycle_before_are_read);
  tcase_add_test (tcase, the_window_ends_where_it_should);
  tcase_add_loop_test (tcase, reports_count_to_the_last_index, 0, 2);
  tcase_add_test (tcase, a_leap_in_the_first_cycle_is_followed);
  tcase_add_loop_test (tcase, no_forgery_is_taken_for_a_copy, 0, 2);
  tcase_add_test (tcase, a_forged_packet_moves_no_window);
  tcase_add_test (tcase, a_long_header_is_no_trouble);
  tcase_add_test (tcase, a_long_forged_report_does_no_lasting_harm);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
