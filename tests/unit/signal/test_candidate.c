/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/candidate.h"

#include <string.h>

#include "run_suite.h"

static const struct {
  const char *in;
  const char *out; /* NULL: as it came */
  BlCandidateResult result;
} lines[] = {
  { "candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host", NULL, 0 },
  /* RFC 8839 section 5.1 */
  { "candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host",
    "candidate:1 1 udp 2130706431 203.0.113.141 8998 typ host", 0 },
  { "candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr "
    "203.0.113.141 rport 8998",
    "candidate:2 1 udp 1694498815 192.0.2.3 45664 typ srflx raddr "
    "203.0.113.141 rport 8998",
    0 },
  /* Chromium */
  { "a=candidate:3426965521 1 udp 2122265343 fd00::2 42927 typ host "
    "generation 0 network-id 2",
    "candidate:3426965521 1 udp 2122265343 fd00::2 42927 typ host", 0 },
  { "candidate:1 1 udp 2113937151 5a4b0bd6-bd2b-4b6a-8a55-b5a3b1f2e8b3.local "
    "54400 typ host generation 0 network-cost 999",
    "candidate:1 1 udp 2113937151 5a4b0bd6-bd2b-4b6a-8a55-b5a3b1f2e8b3.local "
    "54400 typ host",
    0 },
  { "candidate:2910180376 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active "
    "generation 0",
    "candidate:2910180376 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active",
    0 },
  { "candidate:3 1 TCP 1010827519 192.0.2.2 52703 typ host tcptype passive",
    "candidate:3 1 tcp 1010827519 192.0.2.2 52703 typ host tcptype passive",
    0 },
  /* the longest that there may be */
  { "candidate:ABCDEFGHIJKLMNOPQRSTUVWXYZ012345 256 tcp 4294967295 "
    "n23456789012345678901234567890123456789012345678901234567890.ab 65535 "
    "typ relay raddr "
    "n23456789012345678901234567890123456789012345678901234567890.cd rport "
    "65535 tcptype passive",
    NULL, 0 },
  { "", NULL, BL_CANDIDATE_SHORT },
  { "candidate:", NULL, BL_CANDIDATE_SHORT },
  { "candidat:1 1 udp 1 192.0.2.7 1 typ host", NULL, BL_CANDIDATE_SHORT },
  { "candidate:1 1 udp 1 192.0.2.7 1 typ", NULL, BL_CANDIDATE_SHORT },
  { "candidate:1 0 udp 1 192.0.2.7 1 typ host", NULL, BL_CANDIDATE_NUMBER },
  { "candidate:1 257 udp 1 192.0.2.7 1 typ host", NULL, BL_CANDIDATE_NUMBER },
  { "candidate:1 1 udp 4294967296 192.0.2.7 1 typ host", NULL,
    BL_CANDIDATE_NUMBER },
  { "candidate:1 1 udp 99999999999 192.0.2.7 1 typ host", NULL,
    BL_CANDIDATE_NUMBER },
  { "candidate:1 1 udp -1 192.0.2.7 1 typ host", NULL, BL_CANDIDATE_NUMBER },
  { "candidate:1 1 udp 1 192.0.2.7 65536 typ host", NULL, BL_CANDIDATE_NUMBER },
  { "candidate:1 1 udp 1 192.0.2.7 1 typ srflx raddr 0.0.0.0 rport 65536", NULL,
    BL_CANDIDATE_NUMBER },
  { "candidate:1 1 udp 1 192.0.2.256 1 typ host", NULL, BL_CANDIDATE_ADDRESS },
  { "candidate:1 1 udp 1 fe80::1%eth0 1 typ host", NULL, BL_CANDIDATE_ADDRESS },
  { "candidate:1 1 udp 1 $(reboot) 1 typ host", NULL, BL_CANDIDATE_ADDRESS },
  { "candidate:1 1 udp 1 192.0.2.7 1 type host", NULL, BL_CANDIDATE_TYPE },
  { "candidate:1 1 udp 1 192.0.2.7 1 typ hosts", NULL, BL_CANDIDATE_TYPE },
  { "candidate:1 1 sctp 1 192.0.2.7 1 typ host", NULL, BL_CANDIDATE_TRANSPORT },
  { "candidate:ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456 1 udp 1 192.0.2.7 1 typ host",
    NULL, BL_CANDIDATE_LONG },
  { "candidate:1 1 udp 1 "
    "n234567890123456789012345678901234567890123456789012345678901.ab 1 typ "
    "host",
    NULL, BL_CANDIDATE_LONG },
};

START_TEST (a_candidate_comes_back_as_it_was_or_is_refused_for_its_reason)
{
  BlCandidate candidate = { .component = 77 };
  const char *in = lines[_i].in;
  BlCandidateResult result = bl_candidate_parse (in, strlen (in), &candidate);
  ck_assert_msg (result == lines[_i].result, "%s: it %s", in,
                 bl_candidate_result_text (result));
  if (result != BL_CANDIDATE_OK) {
    ck_assert_uint_eq (candidate.component, 77);
    return;
  }
  char text[BL_CANDIDATE_TEXT_SIZE];
  bl_candidate_format (&candidate, text);
  ck_assert_str_eq (text, lines[_i].out ? lines[_i].out : in);
}
END_TEST

START_TEST (the_text_need_not_end_at_a_nul)
{
  static const char line[]
      = "candidate:1 1 udp 5 192.0.2.7 50000 typ host and more";
  BlCandidate candidate;
  size_t length = strlen ("candidate:1 1 udp 5 192.0.2.7 50000 typ host");
  ck_assert_int_eq (bl_candidate_parse (line, length, &candidate),
                    BL_CANDIDATE_OK);
  ck_assert_int_eq (bl_candidate_parse (line, length - 1, &candidate),
                    BL_CANDIDATE_TYPE);
}
END_TEST

START_TEST (priorities_rank_as_rfc_8445_says)
{
  /* The host priority of the example in RFC 8839 section 5.1 */
  ck_assert_uint_eq (bl_candidate_priority (BL_CANDIDATE_HOST, 65535),
                     2130706431);
  ck_assert_uint_eq (bl_candidate_priority (BL_CANDIDATE_SRFLX, 65535),
                     1694498815);
  ck_assert_uint_gt (bl_candidate_priority (BL_CANDIDATE_HOST, 0),
                     bl_candidate_priority (BL_CANDIDATE_PRFLX, 65535));
  ck_assert_uint_gt (bl_candidate_priority (BL_CANDIDATE_SRFLX, 0),
                     bl_candidate_priority (BL_CANDIDATE_RELAY, 65535));
  ck_assert_uint_gt (bl_candidate_priority (BL_CANDIDATE_HOST, 2),
                     bl_candidate_priority (BL_CANDIDATE_HOST, 1));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("signal/candidate");
  TCase *tcase = tcase_create ("candidate");
  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (
      tcase, a_candidate_comes_back_as_it_was_or_is_refused_for_its_reason, 0,
      sizeof lines / sizeof *lines);
  tcase_add_test (tcase, the_text_need_not_end_at_a_nul);
  tcase_add_test (tcase, priorities_rank_as_rfc_8445_says);
  return run_suite (suite);
}
