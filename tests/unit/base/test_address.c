/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <stdbool.h>

#include "run_suite.h"

static const struct {
  const char *in;
  const char *out; /* NULL: refused */
  const char *host;
} texts[] = {
  { "192.0.2.1:5000", "192.0.2.1:5000", "192.0.2.1" },
  { "0.0.0.0:0", "0.0.0.0:0", "0.0.0.0" },
  { "255.255.255.255:65535", "255.255.255.255:65535", "255.255.255.255" },
  { "[2001:db8::1]:5000", "[2001:db8::1]:5000", "2001:db8::1" },
  { "[::]:1", "[::]:1", "::" },
  { "[::ffff:192.0.2.1]:7", "[::ffff:192.0.2.1]:7", "::ffff:192.0.2.1" },
  { "[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
    "[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
    "1111:2222:3333:4444:5555:6666:7777:8888" },
  { "", NULL, NULL },
  { ":5000", NULL, NULL },
  { "192.0.2.1", NULL, NULL },
  { "192.0.2.1:", NULL, NULL },
  { "192.0.2.1:65536", NULL, NULL },
  { "192.0.2.1:99999999999", NULL, NULL },
  { "192.0.2.1:-1", NULL, NULL },
  { "192.0.2.1:5000x", NULL, NULL },
  { "192.0.2.1 :5000", NULL, NULL },
  { "192.0.2.256:5000", NULL, NULL },
  { "[192.0.2.1]:5000", NULL, NULL },
  { "2001:db8::1:5000", NULL, NULL },
  { "[2001:db8::1]", NULL, NULL },
  { "[2001:db8::1:5000", NULL, NULL },
  { "[]:5000", NULL, NULL },
  { "relay.example:5000", NULL, NULL },
  { "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1", NULL,
    NULL },
};

START_TEST (a_text_comes_back_as_it_was_or_is_refused)
{
  BlAddress address = { .length = 7 };
  bool ok = bl_address_parse_port (texts[_i].in, &address);
  ck_assert_msg (ok == (texts[_i].out != NULL), "%s", texts[_i].in);
  if (!ok) {
    ck_assert_uint_eq (address.length, 7);
    return;
  }
  char text[BL_ADDRESS_TEXT_BYTES];
  ck_assert_str_eq (bl_address_format (&address, text), texts[_i].out);
  ck_assert_str_eq (bl_address_format_host (&address, text), texts[_i].host);
}
END_TEST

START_TEST (a_host_is_read_with_or_without_brackets)
{
  BlAddress a, b;
  ck_assert (bl_address_parse ("2001:db8::1", 9, &a));
  ck_assert (bl_address_parse ("[2001:db8::1]", 9, &b));
  ck_assert (bl_address_equal (&a, &b));
  ck_assert_uint_eq (bl_address_port (&a), 9);
  ck_assert (bl_address_is_ipv6 (&a));
  ck_assert (!bl_address_parse ("2001:db8::1]", 9, &b));
  ck_assert (!bl_address_parse ("localhost", 9, &b));
}
END_TEST

START_TEST (no_address_is_an_address_too)
{
  BlAddress none = { 0 }, other;
  char text[BL_ADDRESS_TEXT_BYTES];
  ck_assert_str_eq (bl_address_format (&none, text), "none");
  ck_assert_uint_eq (bl_address_port (&none), 0);
  ck_assert (bl_address_equal (&none, &none));
  ck_assert (bl_address_parse ("0.0.0.0", 0, &other));
  ck_assert (!bl_address_equal (&none, &other));
}
END_TEST

START_TEST (a_mapped_ipv4_address_is_the_ipv4_address)
{
  BlAddress mapped, plain, ipv6;
  ck_assert (bl_address_parse_port ("[::ffff:192.0.2.1]:7", &mapped));
  ck_assert (bl_address_parse_port ("192.0.2.1:7", &plain));
  ck_assert (!bl_address_equal (&mapped, &plain));
  bl_address_unmap (&mapped);
  ck_assert (bl_address_equal (&mapped, &plain));
  ck_assert_uint_eq (bl_address_hash (&mapped, 1), bl_address_hash (&plain, 1));

  ck_assert (bl_address_parse_port ("[2001:db8::1]:7", &ipv6));
  BlAddress same = ipv6;
  bl_address_unmap (&same);
  ck_assert (bl_address_equal (&same, &ipv6));
}
END_TEST

START_TEST (addresses_that_differ_anywhere_are_not_equal)
{
  static const char *different[]
      = { "192.0.2.1:7",     "192.0.2.1:8",     "192.0.2.2:7",
          "[2001:db8::1]:7", "[2001:db8::1]:8", "[2001:db8::2]:7" };
  const size_t n = sizeof different / sizeof *different;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      BlAddress a, b;
      ck_assert (bl_address_parse_port (different[i], &a));
      ck_assert (bl_address_parse_port (different[j], &b));
      ck_assert_msg (bl_address_equal (&a, &b) == (i == j), "%s %s",
                     different[i], different[j]);
      ck_assert ((bl_address_hash (&a, 5) == bl_address_hash (&b, 5))
                 == (i == j));
    }
}
END_TEST

START_TEST (hashes_of_neighbours_spread_over_a_table)
{
  unsigned filled = 0;
  bool slots[1024] = { false };
  for (unsigned i = 0; i < 1024; i++) {
    BlAddress address;
    ck_assert (bl_address_parse ("192.0.2.1", (uint16_t)(1024 + i), &address));
    bool *slot = &slots[bl_address_hash (&address, 77) % 1024];
    filled += !*slot;
    *slot = true;
  }
  /* Chance fills 63 %. */
  ck_assert_uint_gt (filled, 560);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("base/address");
  TCase *tcase = tcase_create ("address");
  tcase_add_loop_test (tcase, a_text_comes_back_as_it_was_or_is_refused, 0,
                       sizeof texts / sizeof *texts);
  tcase_add_test (tcase, a_host_is_read_with_or_without_brackets);
  tcase_add_test (tcase, no_address_is_an_address_too);
  tcase_add_test (tcase, a_mapped_ipv4_address_is_the_ipv4_address);
  tcase_add_test (tcase, addresses_that_differ_anywhere_are_not_equal);
  tcase_add_test (tcase, hashes_of_neighbours_spread_over_a_table);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
