/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../run_suite.h"
#include "secure/sha256.h"

/* NIST's examples for FIPS 180-4. */
static const struct {
  const char *text;
  const char *hash;
} examples[] = {
  { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
  { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
  { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

START_TEST (examples_of_the_standard)
{
  char hash[BL_SHA256_HEX_LENGTH + 1];
  bl_sha256_hex (examples[_i].text, strlen (examples[_i].text), hash);
  ck_assert_str_eq (hash, examples[_i].hash);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("sha256");
  TCase *tc = tcase_create ("sha256");
  tcase_add_loop_test (tc, examples_of_the_standard, 0,
                       sizeof examples / sizeof *examples);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
