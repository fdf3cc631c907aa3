/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../run_suite.h"
#include "secure/token.h"

#define MANY 2000

typedef char *(*Make) (void);

static const struct {
  Make make;
  gsize length;
  const char *alphabet;
} makers[] = {
  { bl_id_new, BL_ID_LENGTH,
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" },
  { bl_token_new, BL_TOKEN_LENGTH,
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" },
  { bl_code_new, BL_CODE_LENGTH, "0123456789ABCDEFGHJKMNPQRSTVWXYZ-" },
};

START_TEST (no_two_are_the_same_and_every_symbol_comes)
{
  g_autoptr (GHashTable) seen
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gboolean used[256] = { FALSE };
  for (int n = 0; n < MANY; n++) {
    char *text = makers[_i].make ();
    ck_assert_uint_eq (strlen (text), makers[_i].length);
    ck_assert_uint_eq (strspn (text, makers[_i].alphabet), strlen (text));
    for (const char *at = text; *at; at++)
      used[(guchar)*at] = TRUE;
    ck_assert (g_hash_table_add (seen, text));
  }
  for (const char *at = makers[_i].alphabet; *at; at++)
    ck_assert_msg (used[(guchar)*at], "'%c' never came", *at);
}
END_TEST

START_TEST (an_id_has_a_form)
{
  g_autofree char *id = bl_id_new ();
  ck_assert (bl_id_is_valid (id));
  g_autofree char *longer = g_strconcat (id, "A", NULL);
  ck_assert (!bl_id_is_valid (longer));
  ck_assert (!bl_id_is_valid (id + 1));
  ck_assert (!bl_id_is_valid (""));
  id[3] = '/';
  ck_assert (!bl_id_is_valid (id));
}
END_TEST

/* FIPS 180-2 appendix B.1. */
START_TEST (a_hash_is_sha_256)
{
  g_autofree char *hash = bl_token_hash ("abc");
  ck_assert_str_eq (hash, "ba7816bf8f01cfea414140de5dae2223"
                          "b00361a396177a9cb410ff61f20015ad");
  ck_assert_uint_eq (strlen (hash), BL_TOKEN_HASH_LENGTH);
}
END_TEST

START_TEST (equal_means_every_byte)
{
  ck_assert (bl_token_equal ("abc", "abc"));
  ck_assert (bl_token_equal ("", ""));
  ck_assert (!bl_token_equal ("abc", "abd"));
  ck_assert (!bl_token_equal ("abc", "ab"));
  ck_assert (!bl_token_equal ("ab", "abc"));
}
END_TEST

static const struct {
  const char *typed, *code;
} codes[] = {
  { "7K3M-XQ2P-0ZRD", "7K3M-XQ2P-0ZRD" },
  { "7k3mxq2p0zrd", "7K3M-XQ2P-0ZRD" },
  { "  7k3m xq2p ozrd\n", "7K3M-XQ2P-0ZRD" },
  { "7K3-MXQ-2P0-ZRD", "7K3M-XQ2P-0ZRD" },
  { "ilIL-oO00-1111", "1111-0000-1111" },
  { "7K3M-XQ2P-0ZR", NULL },
  { "7K3M-XQ2P-0ZRDA", NULL },
  { "7K3M-XQ2P-0ZRU", NULL },
  { "7K3M-XQ2P-0ZR\xc3\xa4", NULL },
  { "", NULL },
  { "----", NULL },
};

START_TEST (a_code_may_be_typed_loosely)
{
  g_autofree char *code = bl_code_normalise (codes[_i].typed);
  if (codes[_i].code)
    ck_assert_str_eq (code, codes[_i].code);
  else
    ck_assert_ptr_null (code);
}
END_TEST

START_TEST (a_new_code_is_normal)
{
  for (int n = 0; n < 100; n++) {
    g_autofree char *code = bl_code_new ();
    g_autofree char *again = bl_code_normalise (code);
    ck_assert_str_eq (code, again);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("secure/token");
  TCase *tcase = tcase_create ("token");
  tcase_add_loop_test (tcase, no_two_are_the_same_and_every_symbol_comes, 0,
                       (int)G_N_ELEMENTS (makers));
  tcase_add_test (tcase, an_id_has_a_form);
  tcase_add_test (tcase, a_hash_is_sha_256);
  tcase_add_test (tcase, equal_means_every_byte);
  tcase_add_loop_test (tcase, a_code_may_be_typed_loosely, 0,
                       (int)G_N_ELEMENTS (codes));
  tcase_add_test (tcase, a_new_code_is_normal);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
