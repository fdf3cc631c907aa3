/* SPDX-License-Identifier: Apache-2.0 */
#include "ecn.h"

#include <string.h>

#include "run_suite.h"

/* Without options; the checksum is filled in by the test. */
static const uint8_t ipv4[20]
    = { 0x45, 0x01, 0x00, 0x28, 0x12, 0x34, 0x40, 0x00, 0x40, 0x11,
        0x13, 0x8f, 0x0a, 0x00, 0x00, 0x01, 0x0a, 0x00, 0x00, 0x02 };

static uint16_t
sum (const uint8_t *header)
{
  uint32_t sum = 0;
  for (unsigned i = 0; i < 20; i += 2)
    sum += (uint32_t)(header[i] << 8 | header[i + 1]);
  while (sum >> 16)
    sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)sum;
}

START_TEST (an_ipv4_packet_is_marked_and_its_checksum_stays_good)
{
  static const struct {
    uint8_t tos;
    bool marked;
  } cases[] = { { 0x00, false }, { 0x01, true }, { 0x02, true },
                { 0x03, false }, { 0xb9, true }, { 0xb8, false } };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint8_t packet[20];
    memcpy (packet, ipv4, sizeof packet);
    packet[1] = cases[i].tos;
    packet[10] = packet[11] = 0;
    uint16_t check = (uint16_t)~sum (packet);
    packet[10] = (uint8_t)(check >> 8);
    packet[11] = (uint8_t)check;
    ck_assert (impair_ecn_mark (packet, sizeof packet) == cases[i].marked);
    ck_assert_uint_eq (packet[1], cases[i].tos | (cases[i].marked ? 3 : 0));
    ck_assert_uint_eq (sum (packet), 0xffff);
  }
}
END_TEST

START_TEST (an_ipv6_packet_is_marked)
{
  uint8_t packet[40] = { 0x6b, 0x90 };
  ck_assert (impair_ecn_mark (packet, sizeof packet));
  ck_assert_uint_eq (packet[0], 0x6b);
  ck_assert_uint_eq (packet[1], 0xb0);
  ck_assert (!impair_ecn_mark (packet, sizeof packet));
}
END_TEST

START_TEST (what_is_too_short_is_left_alone)
{
  uint8_t packet[] = { 0x45, 0x01 };
  ck_assert (!impair_ecn_mark (packet, sizeof packet));
  ck_assert (!impair_ecn_mark (packet, 0));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("impair/ecn");
  TCase *tcase = tcase_create ("ecn");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, an_ipv4_packet_is_marked_and_its_checksum_stays_good);
  tcase_add_test (tcase, an_ipv6_packet_is_marked);
  tcase_add_test (tcase, what_is_too_short_is_left_alone);
  return run_suite (suite);
}
