/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL as an operator may have configured it. What was found is kept for the
 * life of a process: each test has one of its own, as Check runs them.
 */
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <string.h>

#include "../run_suite.h"
#include "secure/cert.h"
#include "secure/openssl.h"

static const struct {
  const char *provider;
  const char *properties;
  gboolean good;
} configurations[] = {
  { "default", NULL, TRUE },        { "default", "provider=default", TRUE },
  { "default", "fips=yes", FALSE }, { "base", NULL, FALSE },
  { "null", NULL, FALSE },
};

START_TEST (an_openssl_without_the_ciphers_of_media_is_found_out)
{
  g_autoptr (GError) error = NULL;
  OSSL_LIB_CTX *openssl = OSSL_LIB_CTX_new ();
  ck_assert (OSSL_PROVIDER_load (openssl, configurations[_i].provider));
  ck_assert (
      EVP_set_default_properties (openssl, configurations[_i].properties));
  OSSL_LIB_CTX_set0_default (openssl);
  ck_assert_int_eq (bl_openssl_check (&error), configurations[_i].good);
  if (configurations[_i].good)
    return;
  ck_assert (g_error_matches (error, BL_CERT_ERROR, BL_CERT_ERROR_FAILED));
  ck_assert_msg (strstr (error->message, "AES-128-GCM"), "%s", error->message);
  ck_assert_msg (strstr (error->message, "unsupported"), "%s", error->message);
  ck_assert_msg (strstr (error->message, "OPENSSL_CONF"), "%s", error->message);
}
END_TEST

START_TEST (the_openssl_of_this_machine_is_good)
{
  g_autoptr (GError) error = NULL;
  ck_assert_msg (bl_openssl_check (&error), "%s", error ? error->message : "");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("secure/openssl");
  TCase *tcase = tcase_create ("openssl");
  tcase_add_loop_test (tcase,
                       an_openssl_without_the_ciphers_of_media_is_found_out, 0,
                       G_N_ELEMENTS (configurations));
  tcase_add_test (tcase, the_openssl_of_this_machine_is_good);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
