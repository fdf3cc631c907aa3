/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include "../run_suite.h"
#include "secure/password.h"

static const char good[] = "correct horse battery";

START_TEST (a_password_is_known_again)
{
  g_autofree char *hash = bl_password_hash (good, NULL);
  ck_assert_ptr_nonnull (hash);
  ck_assert (g_str_has_prefix (hash, "$y$"));
  ck_assert (bl_password_verify (hash, good));
  ck_assert (!bl_password_verify (hash, "correct horse batterz"));
  ck_assert (!bl_password_verify (hash, "correct horse batter"));
  ck_assert (!bl_password_verify (hash, ""));
}
END_TEST

START_TEST (one_password_has_many_hashes)
{
  g_autofree char *one = bl_password_hash (good, NULL);
  g_autofree char *two = bl_password_hash (good, NULL);
  ck_assert_str_ne (one, two);
  ck_assert (bl_password_verify (two, good));
}
END_TEST

/* Made once with Perl's crypt(). */
START_TEST (a_hash_of_another_program_is_read)
{
  static const char hash[] = "$y$j9T$Q3x.Yv7uZ2mJd8sKpLw0b1$"
                             "T0hbmXaogM1K1pMunb2me95EdFds4iMSZPsfV9t6XN9";
  ck_assert (bl_password_verify (hash, "correct horse battery"));
  ck_assert (!bl_password_verify (hash, "correct horse Battery"));
}
END_TEST

static const char long_one[] = "0123456789012345678901234567890123456789"
                               "0123456789012345678901234567890123456789"
                               "0123456789012345678901234567890123456789"
                               "0123456789012345678901234567890123456789"
                               "0123456789012345678901234567890123456789"
                               "0123456789012345678901234567890123456789"
                               "01234567890123456";

static const struct {
  const char *password;
  const char *says; /* NULL: it is accepted */
} rules[] = {
  { "twelve chars", NULL },
  { "eleven char", "at least 12 characters" },
  { "", "at least 12 characters" },
  { "größe äöüß!!", NULL },                 /* 12 characters, 18 bytes */
  { "äöüßäöüß", "at least 12 characters" }, /* 8 characters, 16 bytes */
  { "not \xff\xfe utf-8 at all", "not UTF-8" },
  { long_one, "at most 256 bytes" },
};

START_TEST (rules_are_stated_when_broken)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *hash = bl_password_hash (rules[_i].password, &error);
  if (!rules[_i].says) {
    ck_assert_ptr_nonnull (hash);
    return;
  }
  ck_assert_ptr_null (hash);
  ck_assert (
      g_error_matches (error, BL_PASSWORD_ERROR, BL_PASSWORD_ERROR_SHORT));
  ck_assert_msg (strstr (error->message, rules[_i].says), "%s", error->message);
}
END_TEST

static const char *const no_hashes[] = {
  NULL,         "",
  "*",          "!",
  "x",          "$y$",
  "$y$j9T$",    "$y$j9T$short$",
  "$1$abc$def", "correct horse battery",
};

START_TEST (nobody_has_a_password)
{
  ck_assert (!bl_password_verify (no_hashes[_i], good));
  ck_assert (!bl_password_verify (no_hashes[_i], ""));
  /* What stands behind the dummy, for whoever reads our source. */
  ck_assert (
      !bl_password_verify (no_hashes[_i], "there is nobody behind this"));
  ck_assert (!bl_password_verify (no_hashes[_i], long_one));
}
END_TEST

/* The work, not the time: an unknown user costs as much processor as a known
 * one. Bounds are wide, for a busy machine; without the dummy the ratio is
 * thousands. */
START_TEST (an_unknown_user_costs_the_same_work)
{
  g_autofree char *hash = bl_password_hash (good, NULL);
  bl_password_verify (NULL, good);
  clock_t start = clock ();
  for (int i = 0; i < 5; i++)
    bl_password_verify (hash, "wrong password");
  clock_t known = clock () - start;
  start = clock ();
  for (int i = 0; i < 5; i++)
    bl_password_verify (NULL, "wrong password");
  clock_t unknown = clock () - start;
  ck_assert_int_gt (unknown * 10, known);
  ck_assert_int_gt (known * 10, unknown);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("secure/password");
  TCase *tcase = tcase_create ("password");
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, a_password_is_known_again);
  tcase_add_test (tcase, one_password_has_many_hashes);
  tcase_add_test (tcase, a_hash_of_another_program_is_read);
  tcase_add_loop_test (tcase, rules_are_stated_when_broken, 0,
                       (int)G_N_ELEMENTS (rules));
  tcase_add_loop_test (tcase, nobody_has_a_password, 0,
                       (int)G_N_ELEMENTS (no_hashes));
  tcase_add_test (tcase, an_unknown_user_costs_the_same_work);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
