/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/stun.h"

#include <string.h>

#include "run_suite.h"
#include "stun_vectors.h"

#define VECTOR(name) #name, name, sizeof name

static BlAddress
address_of (const char *text)
{
  BlAddress address;
  ck_assert (bl_address_parse_port (text, &address));
  return address;
}

static uint16_t
be16 (const uint8_t *bytes)
{
  return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* The code of an ERROR-CODE attribute, 0 for another message. */
static int
error_code (const uint8_t *reply, size_t length)
{
  ck_assert_uint_ge (length, 20);
  if (be16 (reply) != 0x0111)
    return 0;
  for (size_t at = 20; at + 8 <= length;
       at += 4 + (be16 (reply + at + 2) + 3u) / 4 * 4)
    if (be16 (reply + at) == 0x0009)
      return reply[at + 6] * 100 + reply[at + 7];
  return -1;
}

static const struct {
  const char *name;
  const uint8_t *data;
  size_t length;
  const char *ufrag, *password;
  BlStunResult result;
  int code; /* of the reply; 0: success response, -1: no reply */
} cases[] = {
  { VECTOR (nominating_request), STUN_UFRAG, STUN_PASSWORD, BL_STUN_OK, 0 },
  { VECTOR (plain_request), STUN_UFRAG, STUN_PASSWORD, BL_STUN_OK, 0 },
  { VECTOR (rfc5769_request), STUN_UFRAG, STUN_PASSWORD, BL_STUN_ROLE_CONFLICT,
    487 },
  { VECTOR (plain_request), STUN_UFRAG, "VOkJxbRl1RmTxUk/WvJxBu",
    BL_STUN_UNAUTHORIZED, 401 },
  { VECTOR (plain_request), STUN_UFRAG, "V", BL_STUN_UNAUTHORIZED, 401 },
  { VECTOR (plain_request), "evtx", STUN_PASSWORD, BL_STUN_UNAUTHORIZED, 401 },
  { VECTOR (plain_request), "evtj:h6vY", STUN_PASSWORD, BL_STUN_UNAUTHORIZED,
    401 },
  { VECTOR (request_with_longer_ufrag), STUN_UFRAG, STUN_PASSWORD,
    BL_STUN_UNAUTHORIZED, 401 },
  { VECTOR (request_without_integrity), STUN_UFRAG, STUN_PASSWORD,
    BL_STUN_BAD_REQUEST, 400 },
  { VECTOR (request_without_username), STUN_UFRAG, STUN_PASSWORD,
    BL_STUN_BAD_REQUEST, 400 },
  { VECTOR (request_with_unknown), STUN_UFRAG, STUN_PASSWORD,
    BL_STUN_UNKNOWN_ATTRIBUTE, 420 },
  { VECTOR (request_without_fingerprint), STUN_UFRAG, STUN_PASSWORD,
    BL_STUN_IGNORED, -1 },
  { VECTOR (indication), STUN_UFRAG, STUN_PASSWORD, BL_STUN_IGNORED, -1 },
  { VECTOR (success_ipv4), STUN_UFRAG, STUN_PASSWORD, BL_STUN_IGNORED, -1 },
  { VECTOR (role_conflict), STUN_UFRAG, STUN_PASSWORD, BL_STUN_IGNORED, -1 },
};

START_TEST (each_request_gets_the_answer_it_should)
{
  BlAddress from = address_of ("192.0.2.1:32853");
  BlStunRequest request;
  uint8_t reply[BL_STUN_REPLY_BYTES];
  size_t reply_length = 99;

  ck_assert_msg (bl_stun_answer (cases[_i].data, cases[_i].length,
                                 cases[_i].ufrag, cases[_i].password, &from,
                                 &request, reply, &reply_length)
                     == cases[_i].result,
                 "%s, case %d", cases[_i].name, _i);
  if (cases[_i].code < 0) {
    ck_assert_uint_eq (reply_length, 0);
    return;
  }
  ck_assert_int_eq (error_code (reply, reply_length), cases[_i].code);
  /* The transaction id is the request's. */
  ck_assert_mem_eq (reply + 4, cases[_i].data + 4, 16);
}
END_TEST

START_TEST (a_success_response_is_byte_for_byte_what_the_rfc_says)
{
  static const struct {
    const char *from;
    const uint8_t *reply;
    size_t length;
  } replies[] = {
    { "192.0.2.1:32853", success_ipv4, sizeof success_ipv4 },
    { "[::ffff:192.0.2.1]:32853", success_ipv4, sizeof success_ipv4 },
    { "[2001:db8:1234:5678:11:2233:4455:6677]:32853", success_ipv6,
      sizeof success_ipv6 },
  };
  BlAddress from = address_of (replies[_i].from);
  BlStunRequest request;
  uint8_t reply[BL_STUN_REPLY_BYTES];
  size_t reply_length;

  bl_stun_answer (nominating_request, sizeof nominating_request, STUN_UFRAG,
                  STUN_PASSWORD, &from, &request, reply, &reply_length);
  ck_assert_uint_eq (reply_length, replies[_i].length);
  ck_assert_mem_eq (reply, replies[_i].reply, reply_length);
}
END_TEST

START_TEST (a_role_conflict_is_signed_so_that_the_peer_believes_it)
{
  BlAddress from = address_of ("192.0.2.1:32853");
  BlStunRequest request;
  uint8_t reply[BL_STUN_REPLY_BYTES];
  size_t reply_length;

  bl_stun_answer (rfc5769_request, sizeof rfc5769_request, STUN_UFRAG,
                  STUN_PASSWORD, &from, &request, reply, &reply_length);
  /* All but the reason phrase is given: code, integrity, fingerprint. */
  ck_assert_uint_ge (reply_length, 20 + 8 + 24 + 8);
  ck_assert_uint_eq (be16 (reply + reply_length - 32), 0x0008);
  ck_assert_uint_eq (be16 (reply + reply_length - 8), 0x8028);
  ck_assert (!request.controlling);
}
END_TEST

START_TEST (a_request_says_who_controls_and_what_is_nominated)
{
  BlAddress from = address_of ("[2001:db8::7]:1");
  BlStunRequest request = { 0 };
  uint8_t reply[BL_STUN_REPLY_BYTES];
  size_t reply_length;

  bl_stun_answer (nominating_request, sizeof nominating_request, STUN_UFRAG,
                  STUN_PASSWORD, &from, &request, reply, &reply_length);
  ck_assert (request.use_candidate);
  ck_assert (request.controlling);
  ck_assert_uint_eq (request.priority, 0x6e0001ff);

  bl_stun_answer (plain_request, sizeof plain_request, STUN_UFRAG,
                  STUN_PASSWORD, &from, &request, reply, &reply_length);
  ck_assert (!request.use_candidate);
}
END_TEST

START_TEST (any_flipped_bit_or_lost_byte_loses_the_success)
{
  BlAddress from = address_of ("192.0.2.1:32853");
  BlStunRequest request;
  uint8_t reply[BL_STUN_REPLY_BYTES], bytes[sizeof nominating_request];
  size_t reply_length;

  for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
    memcpy (bytes, nominating_request, sizeof bytes);
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    ck_assert (bl_stun_answer (bytes, sizeof bytes, STUN_UFRAG, STUN_PASSWORD,
                               &from, &request, reply, &reply_length)
               != BL_STUN_OK);
  }
  for (size_t length = 0; length < sizeof nominating_request; length++)
    ck_assert_int_eq (bl_stun_answer (nominating_request, length, STUN_UFRAG,
                                      STUN_PASSWORD, &from, &request, reply,
                                      &reply_length),
                      BL_STUN_IGNORED);
}
END_TEST

static const struct {
  const char *name;
  const uint8_t *data;
  size_t length;
  const char *ufrag; /* NULL: none */
} peeks[] = {
  { VECTOR (rfc5769_request), "evtj" },
  { VECTOR (nominating_request), "evtj" },
  { VECTOR (request_with_longer_ufrag), "evtjx" },
  { VECTOR (request_without_fingerprint), "evtj" },
  { VECTOR (request_without_username), NULL },
  { VECTOR (indication), NULL },
  { VECTOR (success_ipv4), NULL },
};

START_TEST (a_check_of_ours_is_answered_and_nominates)
{
  BlStunCheck check = { .remote_ufrag = "relay",
                        .remote_pwd = "a password of the relay",
                        .local_ufrag = "vehicle",
                        .tie_breaker = 42,
                        .priority = 1845501695 };
  uint8_t data[BL_STUN_CHECK_BYTES], reply[BL_STUN_REPLY_BYTES];
  size_t length = bl_stun_write_check (&check, data), reply_length = 0;
  BlStunRequest request;
  BlAddress from;
  ck_assert (bl_address_parse ("192.0.2.1", 5000, &from));
  ck_assert_int_eq (bl_stun_answer (data, length, "relay",
                                    "a password of the relay", &from, &request,
                                    reply, &reply_length),
                    BL_STUN_OK);
  ck_assert (request.use_candidate && request.controlling);
  ck_assert_uint_eq (request.priority, 1845501695);
  ck_assert_uint_gt (reply_length, 0);
  ck_assert_int_eq (bl_stun_answer (data, length, "relay", "another", &from,
                                    &request, reply, &reply_length),
                    BL_STUN_UNAUTHORIZED);
}
END_TEST

START_TEST (the_longest_names_make_a_check_and_longer_ones_none)
{
  char name[BL_STUN_CREDENTIAL_MAX + 2];
  uint8_t data[BL_STUN_CHECK_BYTES];
  memset (name, 'x', sizeof name);
  name[BL_STUN_CREDENTIAL_MAX] = '\0';
  BlStunCheck check
      = { .remote_ufrag = name, .remote_pwd = name, .local_ufrag = name };
  ck_assert_uint_gt (bl_stun_write_check (&check, data), 0);
  name[BL_STUN_CREDENTIAL_MAX] = 'x';
  name[BL_STUN_CREDENTIAL_MAX + 1] = '\0';
  ck_assert_uint_eq (bl_stun_write_check (&check, data), 0);
}
END_TEST

START_TEST (the_ufrag_is_found_before_anything_is_validated)
{
  const char *ufrag = NULL;
  size_t length = 0;
  bool found
      = bl_stun_peek_ufrag (peeks[_i].data, peeks[_i].length, &ufrag, &length);
  ck_assert_msg (found == (peeks[_i].ufrag != NULL), "%s", peeks[_i].name);
  if (!found)
    return;
  ck_assert_uint_eq (length, strlen (peeks[_i].ufrag));
  ck_assert_mem_eq (ufrag, peeks[_i].ufrag, length);
}
END_TEST

/* A request whose only attribute is this USERNAME. */
static size_t
build_username (const char *username, size_t length, uint8_t *out)
{
  static const uint8_t cookie[4] = { 0x21, 0x12, 0xa4, 0x42 };
  size_t padded = (length + 3) / 4 * 4, total = 20 + 4 + padded;
  memset (out, 0, total);
  out[1] = 0x01;
  out[2] = (uint8_t)((4 + padded) >> 8);
  out[3] = (uint8_t)(4 + padded);
  memcpy (out + 4, cookie, 4);
  out[21] = 0x06;
  out[22] = (uint8_t)(length >> 8);
  out[23] = (uint8_t)length;
  memcpy (out + 24, username, length);
  return total;
}

START_TEST (a_username_without_a_usable_first_half_is_refused)
{
  char longest[600];
  memset (longest, 'u', sizeof longest);
  longest[BL_STUN_CREDENTIAL_MAX] = ':';
  uint8_t bytes[700];
  const char *ufrag;
  size_t length;

  static const char *bad[] = { "", ":", ":peer", "nocolon" };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    size_t total = build_username (bad[i], strlen (bad[i]), bytes);
    ck_assert (!bl_stun_peek_ufrag (bytes, total, &ufrag, &length));
  }
  size_t total = build_username (longest, 300, bytes);
  ck_assert (bl_stun_peek_ufrag (bytes, total, &ufrag, &length));
  ck_assert_uint_eq (length, BL_STUN_CREDENTIAL_MAX);
  longest[BL_STUN_CREDENTIAL_MAX] = 'u';
  longest[BL_STUN_CREDENTIAL_MAX + 1] = ':';
  total = build_username (longest, 300, bytes);
  ck_assert (!bl_stun_peek_ufrag (bytes, total, &ufrag, &length));

  /* An attribute that says it is longer than the message. */
  total = build_username ("a:b", 3, bytes);
  bytes[23] = 200;
  ck_assert (!bl_stun_peek_ufrag (bytes, total, &ufrag, &length));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/stun");
  TCase *tcase = tcase_create ("stun");
  tcase_add_loop_test (tcase, each_request_gets_the_answer_it_should, 0,
                       sizeof cases / sizeof *cases);
  tcase_add_loop_test (
      tcase, a_success_response_is_byte_for_byte_what_the_rfc_says, 0, 3);
  tcase_add_test (tcase,
                  a_role_conflict_is_signed_so_that_the_peer_believes_it);
  tcase_add_test (tcase, a_request_says_who_controls_and_what_is_nominated);
  tcase_add_test (tcase, any_flipped_bit_or_lost_byte_loses_the_success);
  tcase_add_test (tcase, a_check_of_ours_is_answered_and_nominates);
  tcase_add_test (tcase, the_longest_names_make_a_check_and_longer_ones_none);
  tcase_add_loop_test (tcase, the_ufrag_is_found_before_anything_is_validated,
                       0, sizeof peeks / sizeof *peeks);
  tcase_add_test (tcase, a_username_without_a_usable_first_half_is_refused);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
