/* SPDX-License-Identifier: Apache-2.0
 *
 * The uplink against an ICE-lite relay on loopback: real sockets, libnice, DTLS
 * and SRTP in one main context. What is waited for comes within milliseconds,
 * but for a silence, which is what it waits for.
 */
#include "vehicle/uplink.h"

#include <string.h>

#include "../run_suite.h"
#include "base/clock.h"
#include "lite_relay.h"
#include "rtc/rtcp.h"
#include "run_until.h"

static BlCert *cert;
static BlDtlsContext *dtls;
static LiteRelay *relay;
static BlUplink *uplink;
static guint n_connected, n_lost, n_rtcp, n_silent;
static unsigned paths;
static char reason[256];

static void
on_state (BlUplinkState state, const char *why, gpointer user_data)
{
  n_connected += state == BL_UPLINK_CONNECTED;
  n_lost += state == BL_UPLINK_LOST;
  if (*why)
    g_strlcpy (reason, why, sizeof reason);
}

static void
on_candidate (const BlCandidate *candidate, gpointer user_data)
{
}

static void
on_gathered (gpointer user_data)
{
}

static void
on_silent (gpointer user_data)
{
  n_silent++;
}

static void
on_path (unsigned path, bool usable, gpointer user_data)
{
  paths = usable ? paths | 1u << path : paths & ~(1u << path);
}

static void
on_rtcp (unsigned path, const guint8 *data, gsize length, BlTime now,
         gpointer user_data)
{
  BlRtcpIter iter;
  ck_assert (bl_rtcp_open (&iter, data, length) == BL_RTCP_OK);
  n_rtcp++;
}

static const BlUplinkCallbacks callbacks = {
  .state = on_state,
  .candidate = on_candidate,
  .gathered = on_gathered,
  .silent = on_silent,
  .path = on_path,
  .rtcp = on_rtcp,
};

static void
set_up (void)
{
  cert = bl_cert_new_self_signed ("vehicle", bl_clock_unix_us () / BL_SECOND,
                                  NULL);
  dtls = bl_dtls_context_new (cert, NULL);
  relay = lite_relay_new ();
  bl_cert_fingerprint (cert, &relay->peer);
  BlUplinkOptions options = { .dtls = dtls, .loopback = true };
  uplink = bl_uplink_new (&options, &callbacks, NULL);
}

static void
tear_down (void)
{
  bl_uplink_free (uplink);
  lite_relay_free (relay);
  bl_dtls_context_free (dtls);
  bl_cert_free (cert);
}

static void
begin (void)
{
  g_autoptr (GError) error = NULL;
  ck_assert_msg (bl_uplink_gather (uplink, &error), "%s",
                 error ? error->message : "");
  BlCandidate candidate = lite_relay_candidate (relay);
  BlUplinkRemote remote = {
    .ufrag = relay->ufrag,
    .pwd = relay->pwd,
    .fingerprint = &relay->fingerprint,
    .candidates = &candidate,
    .n_candidates = 1,
  };
  ck_assert_msg (bl_uplink_connect (uplink, &remote, &error), "%s",
                 error ? error->message : "");
}

static void
send_rtp (guint16 seq)
{
  guint8 packet[200] = { 0x80, 96 };
  packet[2] = (guint8)(seq >> 8);
  packet[3] = (guint8)seq;
  memcpy (packet + 12, "in clear", 8);
  bl_uplink_send (uplink, paths, packet, 20, sizeof packet, false);
}

static void
send_report (void)
{
  guint8 report[128];
  BlWriter w = bl_writer (report, sizeof report);
  bl_rtcp_write_rr (&w, 7, NULL, 0);
  lite_relay_send_rtcp (relay, report, bl_writer_length (&w), sizeof report);
}

START_TEST (host_candidates_are_there_at_once_and_loopback_among_them)
{
  ck_assert (bl_uplink_gather (uplink, NULL));
  ck_assert_int_eq (bl_uplink_state (uplink), BL_UPLINK_GATHERING);
  gsize count;
  const BlCandidate *candidates = bl_uplink_local_candidates (uplink, &count);
  bool loopback = false;
  for (gsize i = 0; i < count; i++)
    loopback |= g_str_equal (candidates[i].address, "127.0.0.1");
  ck_assert (loopback);
  ck_assert_uint_ge (strlen (bl_uplink_local_ufrag (uplink)), 4);
  ck_assert_uint_ge (strlen (bl_uplink_local_pwd (uplink)), 22);
}
END_TEST

START_TEST (packets_go_protected_and_rtcp_comes_back)
{
  begin ();
  RUN_UNTIL (n_connected == 1, reason);
  ck_assert (bl_uplink_is_keyed (uplink));
  send_rtp (100);
  RUN_UNTIL (relay->rtp == 1, reason);
  ck_assert_uint_eq (relay->last_length, 20);
  ck_assert_mem_eq (relay->last + 12, "in clear", 8);
  send_report ();
  RUN_UNTIL (n_rtcp == 1, reason);
  g_autofree char *text = bl_uplink_describe (uplink);
  ck_assert_msg (strstr (text, "127.0.0.1") && strstr (text, "GCM"), "%s",
                 text);
}
END_TEST

START_TEST (an_ice_restart_keeps_the_keys_and_moves_to_another_path)
{
  begin ();
  RUN_UNTIL (n_connected == 1, reason);
  g_autofree char *ufrag = g_strdup (bl_uplink_local_ufrag (uplink));
  const BlDtls *before = relay->dtls;
  send_rtp (1);
  ck_assert (bl_uplink_gather (uplink, NULL));
  /* Packets still go over the old path. */
  send_rtp (2);
  RUN_UNTIL (relay->rtp == 2, reason);
  lite_relay_renew (relay);
  begin ();
  ck_assert_str_ne (bl_uplink_local_ufrag (uplink), ufrag);
  RUN_UNTIL (n_connected == 2, reason);
  send_rtp (3);
  RUN_UNTIL (relay->rtp == 3, reason);
  ck_assert_ptr_eq (relay->dtls, before);
  ck_assert_uint_eq (relay->addresses, 2);
  ck_assert_uint_eq (n_lost, 0);
}
END_TEST

START_TEST (silence_is_a_lost_path_that_a_restart_can_mend)
{
  begin ();
  RUN_UNTIL (n_connected == 1, reason);
  relay->deaf = true;
  RUN_UNTIL (n_lost == 1, reason);
  ck_assert (strstr (reason, "nothing came"));
  ck_assert (bl_uplink_is_keyed (uplink));
  relay->deaf = false;
  lite_relay_renew (relay);
  begin ();
  RUN_UNTIL (n_connected == 2, reason);
  send_rtp (1);
  RUN_UNTIL (relay->rtp == 1, reason);
}
END_TEST

START_TEST (an_outage_ends_by_itself)
{
  begin ();
  RUN_UNTIL (n_connected == 1, reason);
  relay->deaf = true;
  RUN_UNTIL (n_lost == 1, reason);
  guint before = relay->nominations;
  relay->deaf = false;
  RUN_UNTIL (relay->nominations > before, reason);
  send_report ();
  RUN_UNTIL (n_connected == 2, reason);
  send_rtp (1);
  RUN_UNTIL (relay->rtp == 1, reason);
  ck_assert_uint_eq (relay->addresses, 1);
}
END_TEST

START_TEST (a_restart_that_is_cancelled_goes_on_over_the_old_path)
{
  begin ();
  RUN_UNTIL (n_connected == 1, reason);
  ck_assert (bl_uplink_gather (uplink, NULL));
  ck_assert_int_eq (bl_uplink_state (uplink), BL_UPLINK_GATHERING);
  bl_uplink_cancel_restart (uplink);
  ck_assert_uint_eq (n_connected, 2);
  send_rtp (1);
  RUN_UNTIL (relay->rtp == 1, reason);
}
END_TEST

START_TEST (silence_during_a_restart_is_told)
{
  begin ();
  RUN_UNTIL (n_connected == 1, reason);
  ck_assert (bl_uplink_gather (uplink, NULL));
  RUN_UNTIL (n_silent == 1, reason);
  ck_assert_uint_eq (n_lost, 0);
}
END_TEST

START_TEST (another_certificate_than_the_answer_says_is_refused)
{
  relay->fingerprint.bytes[5] ^= 1;
  begin ();
  RUN_UNTIL (n_lost == 1, reason);
  ck_assert_uint_eq (n_connected, 0);
  ck_assert (!bl_uplink_is_keyed (uplink));
  ck_assert_msg (strstr (reason, "certificate")
                     || strstr (reason, "fingerprint"),
                 "%s", reason);
}
END_TEST

START_TEST (a_goodbye_of_the_relay_is_no_matter_for_ice)
{
  begin ();
  RUN_UNTIL (n_connected == 1, reason);
  bl_dtls_close (relay->dtls);
  guint8 datagram[BL_DTLS_MTU_BYTES];
  gsize length = bl_dtls_next_output (relay->dtls, datagram, sizeof datagram);
  ck_assert_uint_gt (length, 0);
  ck_assert_int_gt (sendto (relay->socket, datagram, length, 0,
                            &relay->address.any, relay->address.length),
                    0);
  RUN_UNTIL (n_lost == 1, reason);
  ck_assert (!bl_uplink_is_keyed (uplink));
}
END_TEST

START_TEST (an_answer_without_addresses_is_an_error)
{
  ck_assert (bl_uplink_gather (uplink, NULL));
  BlUplinkRemote remote = { .ufrag = relay->ufrag,
                            .pwd = relay->pwd,
                            .fingerprint = &relay->fingerprint };
  g_autoptr (GError) error = NULL;
  ck_assert (!bl_uplink_connect (uplink, &remote, &error));
  ck_assert (strstr (error->message, "advertises"));
}
END_TEST

START_TEST (an_interface_that_is_not_there_is_named)
{
  static const char *const interfaces[] = { "bl-no-such0", NULL };
  BlUplinkOptions options = { .dtls = dtls, .interfaces = interfaces };
  g_autoptr (BlUplink) other = bl_uplink_new (&options, &callbacks, NULL);
  g_autoptr (GError) error = NULL;
  ck_assert (!bl_uplink_gather (other, &error));
  ck_assert (strstr (error->message, "bl-no-such0"));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/uplink");
  TCase *tc = tcase_create ("uplink");
  tcase_set_timeout (tc, 60);
  tcase_add_checked_fixture (tc, set_up, tear_down);
  tcase_add_test (tc,
                  host_candidates_are_there_at_once_and_loopback_among_them);
  tcase_add_test (tc, packets_go_protected_and_rtcp_comes_back);
  tcase_add_test (tc, an_ice_restart_keeps_the_keys_and_moves_to_another_path);
  tcase_add_test (tc, silence_is_a_lost_path_that_a_restart_can_mend);
  tcase_add_test (tc, an_outage_ends_by_itself);
  tcase_add_test (tc, a_restart_that_is_cancelled_goes_on_over_the_old_path);
  tcase_add_test (tc, silence_during_a_restart_is_told);
  tcase_add_test (tc, another_certificate_than_the_answer_says_is_refused);
  tcase_add_test (tc, a_goodbye_of_the_relay_is_no_matter_for_ice);
  tcase_add_test (tc, an_answer_without_addresses_is_an_error);
  tcase_add_test (tc, an_interface_that_is_not_there_is_named);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
