/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates as certs/mint makes them, and some that it would not make. The
 * variable BL_MINT says where certs/mint is. Time is an argument, so nothing
 * here has to expire.
 */
#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "../run_suite.h"
#include "secure/cert.h"

#define DAY_S INT64_C (86400)

/* Two sites' authorities, made once. `mine` has relay, AMB-1, AMB-2 (revoked)
 * and AMB-3; `other` has AMB-1 too. */
static char *root, *mine, *other;
static int64_t now_s;

static char *
path_in (const char *folder, const char *name)
{
  return g_build_filename (folder, name, NULL);
}

/* Runs a program and gives what it wrote. GSubprocess would not do: its
 * thread is gone in the processes that Check forks. */
static char *
output_of (const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  char *out = NULL;
  int status = 0;
  ck_assert_msg (g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH,
                               NULL, NULL, &out, NULL, &status, &error)
                     && g_spawn_check_wait_status (status, &error),
                 "%s: %s", argv[0], error ? error->message : "");
  return out;
}

static void
run (const char *const *argv)
{
  g_free (output_of (argv));
}

#define mint(...)                                                              \
  run ((const char *[]){ g_getenv ("BL_MINT"), __VA_ARGS__, NULL })

static void
copy (const char *from, const char *to)
{
  g_autofree char *text = NULL;
  gsize length;
  ck_assert (g_file_get_contents (from, &text, &length, NULL));
  ck_assert (g_file_set_contents (to, text, (gssize)length, NULL));
}

static void
set_up (void)
{
  ck_assert_msg (g_getenv ("BL_MINT"), "set BL_MINT to certs/mint");
  root = g_dir_make_tmp ("bluelight-cert-XXXXXX", NULL);
  mine = path_in (root, "mine");
  other = path_in (root, "other");
  mint ("ca", mine);
  mint ("relay", mine, "localhost", "127.0.0.1", "::1");
  mint ("vehicle", mine, "AMB-1");
  mint ("vehicle", mine, "AMB-2");
  mint ("vehicle", mine, "AMB-3");
  mint ("ca", other);
  mint ("vehicle", other, "AMB-1");
  g_autofree char *second = path_in (mine, "AMB-2.pem");
  g_autofree char *kept = path_in (root, "revoked.pem");
  copy (second, kept);
  mint ("revoke", mine, "AMB-2");
  now_s = g_get_real_time () / G_USEC_PER_SEC;
}

static void
tear_down (void)
{
  run ((const char *[]){ "rm", "-rf", root, NULL });
  g_free (root);
  g_free (mine);
  g_free (other);
}

static X509 *
read_x509 (const char *path)
{
  FILE *file = fopen (path, "r");
  ck_assert_msg (file != NULL, "%s", path);
  X509 *x509 = PEM_read_X509 (file, NULL, NULL, NULL);
  fclose (file);
  ck_assert (x509);
  return x509;
}

static GBytes *
to_der (X509 *x509)
{
  unsigned char *der = NULL;
  int length = i2d_X509 (x509, &der);
  ck_assert_int_gt (length, 0);
  GBytes *bytes = g_bytes_new (der, (gsize)length);
  OPENSSL_free (der);
  return bytes;
}

/* Verifies the certificate; the name or NULL. */
static char *
verify (BlCertVerifier *verifier, GBytes *der, int64_t at_s, GError **error)
{
  gsize length;
  const uint8_t *bytes = g_bytes_get_data (der, &length);
  return bl_cert_verify_peer (verifier, bytes, length, at_s, error);
}

static void
assert_says (const GError *error, int code, const char *part)
{
  ck_assert (error);
  ck_assert (error->domain == BL_CERT_ERROR);
  ck_assert_msg (error->code == code, "code %d: %s", error->code,
                 error->message);
  ck_assert_msg (strstr (error->message, part), "no \"%s\" in: %s", part,
                 error->message);
}

static void
assert_verdict (BlCertVerifier *verifier, const char *path, int64_t at_s,
                int code, const char *part)
{
  g_autoptr (GError) error = NULL;
  X509 *x509 = read_x509 (path);
  g_autoptr (GBytes) der = to_der (x509);
  X509_free (x509);
  g_autofree char *name = verify (verifier, der, at_s, &error);
  if (code < 0) {
    ck_assert_msg (name != NULL, "%s", error ? error->message : "no error");
    ck_assert_str_eq (name, part);
  } else {
    ck_assert_ptr_null (name);
    assert_says (error, code, part);
  }
}

static BlCertVerifier *
new_verifier (const char *crl)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *ca = path_in (mine, "ca.pem");
  BlCertVerifier *verifier = bl_cert_verifier_new (ca, crl, &error);
  ck_assert_msg (verifier != NULL, "%s", error ? error->message : "");
  return verifier;
}

/* --- fingerprints ------------------------------------------------------- */

#define HEX16 "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
#define HEX32 HEX16 ":" HEX16

static const struct {
  const char *text;
  bool good;
} prints[] = {
  { "sha-256 " HEX32, true },
  { "SHA-256 " HEX32, true },
  { "sha-256 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:" HEX16, true },
  { "sha-384 " HEX32 ":" HEX16, true },
  { "sha-512 " HEX32 ":" HEX32, true },
  { "sha-1 " HEX16 ":00:11:22:33", false },
  { "md5 " HEX16, false },
  { "sha-256 " HEX16, false },
  { "sha-256 " HEX32 ":00", false },
  { "sha-256 " HEX32 " ", false },
  { "sha-256 " HEX16 "-" HEX16, false },
  { "sha-256 " HEX16 ":0g:11", false },
  { "sha-256 " HEX16 ":0", false },
  { "sha-256", false },
  { "sha-256 ", false },
  { "sha-2560 " HEX32, false },
  { "", false },
};
#define N_PRINTS (int)G_N_ELEMENTS (prints)

START_TEST (fingerprints_are_read_strictly)
{
  BlFingerprint print = { .length = 99 };
  ck_assert (bl_fingerprint_parse (prints[_i].text, &print) == prints[_i].good);
  if (!prints[_i].good) {
    ck_assert_uint_eq (print.length, 99); /* untouched */
    return;
  }
  char text[BL_FINGERPRINT_TEXT_MAX];
  bl_fingerprint_format (&print, text);
  ck_assert_msg (g_ascii_strcasecmp (text, prints[_i].text) == 0, "%s", text);
  ck_assert_uint_eq (print.bytes[1], 0x11);
  ck_assert_uint_eq (print.bytes[print.length - 1], 0xff);
}
END_TEST

START_TEST (a_fingerprint_is_what_openssl_says_it_is)
{
  g_autofree char *cert_path = path_in (mine, "AMB-1.pem");
  g_autofree char *key_path = path_in (mine, "AMB-1.key");
  g_autofree char *out = output_of (
      (const char *[]){ "openssl", "x509", "-in", cert_path, "-noout",
                        "-fingerprint", "-sha256", NULL });
  g_autoptr (BlCert) cert = bl_cert_load (cert_path, key_path, now_s, NULL);
  BlFingerprint print;
  char text[BL_FINGERPRINT_TEXT_MAX];
  bl_cert_fingerprint (cert, &print);
  bl_fingerprint_format (&print, text);
  const char *expected = strchr (out, '=');
  ck_assert_ptr_nonnull (expected);
  ck_assert_str_eq (g_strchomp ((char *)expected + 1), text + 8);
}
END_TEST

START_TEST (the_strongest_hash_decides)
{
  static const uint8_t der[] = "any bytes will do";
  BlFingerprint right[2] = { { .hash = BL_FINGERPRINT_SHA256, .length = 32 },
                             { .hash = BL_FINGERPRINT_SHA512, .length = 64 } };
  EVP_Digest (der, sizeof der, right[0].bytes, NULL, EVP_sha256 (), NULL);
  EVP_Digest (der, sizeof der, right[1].bytes, NULL, EVP_sha512 (), NULL);
  BlFingerprint wrong512 = right[1], wrong256 = right[0];
  wrong512.bytes[63] ^= 1;
  wrong256.bytes[0] ^= 0x80;
  ck_assert (bl_fingerprint_match_der (right, 2, der, sizeof der));
  ck_assert (bl_fingerprint_match_der (right, 1, der, sizeof der));
  ck_assert (!bl_fingerprint_match_der (right, 0, der, sizeof der));
  ck_assert (!bl_fingerprint_match_der (right, 2, der, sizeof der - 1));

  BlFingerprint weak_right[] = { right[0], wrong512 };
  ck_assert (!bl_fingerprint_match_der (weak_right, 2, der, sizeof der));
  BlFingerprint strong_right[] = { wrong256, wrong512, right[1] };
  ck_assert (bl_fingerprint_match_der (strong_right, 3, der, sizeof der));
}
END_TEST

/* --- our own ------------------------------------------------------------- */

START_TEST (a_self_signed_certificate_is_fresh_each_time)
{
  g_autoptr (BlCert) one = bl_cert_new_self_signed ("relay", now_s, NULL);
  g_autoptr (BlCert) two = bl_cert_new_self_signed ("relay", now_s, NULL);
  BlFingerprint a, b;
  bl_cert_fingerprint (one, &a);
  bl_cert_fingerprint (two, &b);
  ck_assert_mem_ne (a.bytes, b.bytes, 32);
  ck_assert_int_eq (bl_cert_expires_unix_s (one), now_s + 30 * DAY_S);
  g_autofree char *name = bl_cert_common_name (one, NULL);
  ck_assert_str_eq (name, "relay");
}
END_TEST

START_TEST (a_minted_certificate_loads)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *cert_path = path_in (mine, "relay.pem");
  g_autofree char *key_path = path_in (mine, "relay.key");
  g_autoptr (BlCert) cert = bl_cert_load (cert_path, key_path, now_s, &error);
  ck_assert_msg (cert != NULL, "%s", error ? error->message : "");
  g_autofree char *name = bl_cert_common_name (cert, NULL);
  ck_assert_str_eq (name, "localhost");
  int64_t left = bl_cert_expires_unix_s (cert) - now_s;
  ck_assert_int_gt (left, 396 * DAY_S);
  ck_assert_int_le (left, 397 * DAY_S);

  GStatBuf mode;
  ck_assert_int_eq (g_stat (key_path, &mode), 0);
  ck_assert_int_eq (mode.st_mode & 0777, 0600);
}
END_TEST

/* Names are of files in `mine`; "" is the folder itself. */
static const struct {
  const char *cert, *key;
  int days; /* from now */
  int code;
  const char *says;
} loads[] = {
  { "none.pem", "AMB-1.key", 0, BL_CERT_ERROR_READ, "none.pem" },
  { "AMB-1.pem", "none.key", 0, BL_CERT_ERROR_READ, "does not exist" },
  { "", "AMB-1.key", 0, BL_CERT_ERROR_READ, "can't read the certificate" },
  { "AMB-1.key", "AMB-1.key", 0, BL_CERT_ERROR_SYNTAX, "no certificate in it" },
  { "AMB-1.pem", "AMB-1.pem", 0, BL_CERT_ERROR_SYNTAX, "no private key in it" },
  { "AMB-1.pem", "../sealed", 0, BL_CERT_ERROR_SYNTAX, "without a passphrase" },
  { "AMB-1.pem", "relay.key", 0, BL_CERT_ERROR_MISMATCH, "AMB-1.pem" },
  { "AMB-1.pem", "AMB-1.key", 398, BL_CERT_ERROR_EXPIRED,
    "\"AMB-1\" expired on 20" },
  { "AMB-1.pem", "AMB-1.key", -1, BL_CERT_ERROR_NOT_YET, "clock" },
};
#define N_LOADS (int)G_N_ELEMENTS (loads)

START_TEST (a_bad_file_is_named_with_what_to_do)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *cert = path_in (mine, loads[_i].cert);
  g_autofree char *key = path_in (mine, loads[_i].key);
  if (strstr (loads[_i].key, "sealed")) {
    g_autofree char *plain = path_in (mine, "AMB-1.key");
    run ((const char *[]){ "openssl", "pkcs8", "-topk8", "-in", plain, "-out",
                           key, "-passout", "pass:secret", NULL });
  }
  ck_assert_ptr_null (
      bl_cert_load (cert, key, now_s + loads[_i].days * DAY_S, &error));
  assert_says (error, loads[_i].code, loads[_i].says);
}
END_TEST

/* --- the vehicles' ---------------------------------------------------------
 */

/* Names are of files in `root`. */
static const struct {
  const char *cert;
  int days; /* from now */
  int code; /* -1: good, and `says` is its name */
  const char *says;
} peers[] = {
  { "mine/AMB-1.pem", 0, -1, "AMB-1" },
  { "mine/AMB-3.pem", 396, -1, "AMB-3" }, /* and the list is long stale */
  { "other/AMB-1.pem", 0, BL_CERT_ERROR_UNKNOWN_CA, "not signed by a CA of" },
  { "other/ca.pem", 0, BL_CERT_ERROR_UNKNOWN_CA, "ca.pem" },
  { "mine/AMB-1.pem", 398, BL_CERT_ERROR_EXPIRED, "expired" },
  { "mine/AMB-1.pem", -1, BL_CERT_ERROR_NOT_YET, "valid only from" },
  { "revoked.pem", 0, BL_CERT_ERROR_REVOKED, "\"AMB-2\"" },
  { "revoked.pem", 100, BL_CERT_ERROR_REVOKED, "\"AMB-2\"" },
  { "mine/relay.pem", 0, BL_CERT_ERROR_PURPOSE, "not made for TLS clients" },
  { "mine/ca.pem", 0, BL_CERT_ERROR_PURPOSE, "not made for TLS clients" },
};
#define N_PEERS (int)G_N_ELEMENTS (peers)

START_TEST (each_fault_of_a_vehicles_certificate_has_its_own_words)
{
  g_autofree char *crl = path_in (mine, "crl.pem");
  g_autofree char *path = path_in (root, peers[_i].cert);
  g_autoptr (BlCertVerifier) verifier = new_verifier (crl);
  assert_verdict (verifier, path, now_s + peers[_i].days * DAY_S,
                  peers[_i].code, peers[_i].says);
}
END_TEST

START_TEST (without_a_list_nothing_is_revoked)
{
  g_autofree char *path = path_in (root, "revoked.pem");
  g_autoptr (BlCertVerifier) verifier = new_verifier (NULL);
  assert_verdict (verifier, path, now_s, -1, "AMB-2");
}
END_TEST

START_TEST (both_authorities_of_a_bundle_count)
{
  g_autofree char *ca1 = path_in (mine, "ca.pem");
  g_autofree char *ca2 = path_in (other, "ca.pem");
  g_autofree char *bundle = path_in (root, "bundle.pem");
  g_autofree char *one = NULL, *two = NULL, *both = NULL;
  g_file_get_contents (ca1, &one, NULL, NULL);
  g_file_get_contents (ca2, &two, NULL, NULL);
  both = g_strconcat (one, two, NULL);
  g_file_set_contents (bundle, both, -1, NULL);
  g_autoptr (BlCertVerifier) verifier
      = bl_cert_verifier_new (bundle, NULL, NULL);
  g_autofree char *a = path_in (mine, "AMB-1.pem");
  g_autofree char *b = path_in (other, "AMB-1.pem");
  assert_verdict (verifier, a, now_s, -1, "AMB-1");
  assert_verdict (verifier, b, now_s, -1, "AMB-1");

  /* A list by one of them alone is not enough to start with. */
  g_autoptr (GError) error = NULL;
  g_autofree char *crl = path_in (mine, "crl.pem");
  ck_assert_ptr_null (bl_cert_verifier_new (bundle, crl, &error));
  assert_says (error, BL_CERT_ERROR_SYNTAX, "no revocation list by the CA");
}
END_TEST

START_TEST (a_changed_list_counts_at_the_next_check)
{
  g_autofree char *minted = path_in (mine, "crl.pem");
  g_autofree char *crl = path_in (root, "installed.pem");
  g_autofree char *path = path_in (mine, "AMB-4.pem");
  g_autofree char *kept = path_in (root, "amb-4.pem");
  mint ("vehicle", mine, "AMB-4");
  copy (path, kept);
  copy (minted, crl);
  g_autoptr (BlCertVerifier) verifier = new_verifier (crl);
  assert_verdict (verifier, kept, now_s, -1, "AMB-4");
  mint ("revoke", mine, "AMB-4");
  assert_verdict (verifier, kept, now_s, -1, "AMB-4");
  copy (minted, crl);
  assert_verdict (verifier, kept, now_s, BL_CERT_ERROR_REVOKED, "revoked");

  /* Broken, then gone: the last good one stays in force. */
  g_file_set_contents (crl, "not a list", -1, NULL);
  assert_verdict (verifier, kept, now_s, BL_CERT_ERROR_REVOKED, "revoked");
  g_unlink (crl);
  assert_verdict (verifier, kept, now_s, BL_CERT_ERROR_REVOKED, "revoked");
}
END_TEST

/* Names are of files in `mine`. */
static const struct {
  const char *ca, *crl;
  int code;
  const char *says;
} verifiers[] = {
  { "none.pem", NULL, BL_CERT_ERROR_READ, "vehicle CA bundle" },
  { "ca.key", NULL, BL_CERT_ERROR_SYNTAX, "no CA certificate in it" },
  { "AMB-1.pem", NULL, BL_CERT_ERROR_PURPOSE, "\"AMB-1\" is not a CA" },
  { "ca.pem", "none.pem", BL_CERT_ERROR_READ, "revocation list" },
  { "ca.pem", "ca.pem", BL_CERT_ERROR_SYNTAX, "no revocation list in it" },
  { "ca.pem", "../other/crl.pem", BL_CERT_ERROR_SYNTAX, "by the CA" },
};
#define N_VERIFIERS (int)G_N_ELEMENTS (verifiers)

START_TEST (a_bad_bundle_or_list_is_found_at_the_start)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *ca = path_in (mine, verifiers[_i].ca);
  g_autofree char *crl
      = verifiers[_i].crl ? path_in (mine, verifiers[_i].crl) : NULL;
  ck_assert_ptr_null (bl_cert_verifier_new (ca, crl, &error));
  assert_says (error, verifiers[_i].code, verifiers[_i].says);
}
END_TEST

#define LONG_NAME                                                              \
  "0123456789012345678901234567890123456789012345678901234567890123"

/* What the authority would not make with certs/mint: signed by its key all the
 * same. Names are separated by '|'. */
static const struct {
  const char *names;
  bool for_clients;
  int code;
  const char *says;
} forgeries[] = {
  { "AMB-9", true, -1, "AMB-9" },
  { "Krankenwagen Süd 1", true, -1, "Krankenwagen Süd 1" },
  { "AMB-9", false, BL_CERT_ERROR_PURPOSE, "not made for TLS clients" },
  { "", true, BL_CERT_ERROR_NAME, "no common name" },
  { "AMB-1|AMB-9", true, BL_CERT_ERROR_NAME, "more than one" },
  { "AMB-1\nGET /", true, BL_CERT_ERROR_NAME, "not plain text" },
  { LONG_NAME, true, -1, LONG_NAME },
};
#define N_FORGERIES (int)G_N_ELEMENTS (forgeries)

static X509 *
forge (const char *names, bool for_clients)
{
  g_autofree char *ca_path = path_in (mine, "ca.pem");
  g_autofree char *key_path = path_in (mine, "ca.key");
  X509 *ca = read_x509 (ca_path);
  FILE *file = fopen (key_path, "r");
  EVP_PKEY *ca_key = PEM_read_PrivateKey (file, NULL, NULL, NULL);
  fclose (file);
  EVP_PKEY *key = EVP_EC_gen ("P-256");
  X509 *x509 = X509_new ();
  X509_set_version (x509, 2);
  ASN1_INTEGER_set (X509_get_serialNumber (x509), 42);
  ASN1_TIME_set (X509_getm_notBefore (x509), now_s - 60);
  ASN1_TIME_set (X509_getm_notAfter (x509), now_s + 3600);
  g_auto (GStrv) all = g_strsplit (names, "|", -1);
  for (char **name = all; *name; name++)
    ck_assert (X509_NAME_add_entry_by_txt (
        X509_get_subject_name (x509), "CN", MBSTRING_UTF8,
        (const unsigned char *)*name, -1, -1, 0));
  X509_set_issuer_name (x509, X509_get_subject_name (ca));
  X509_set_pubkey (x509, key);
  if (for_clients) {
    X509_EXTENSION *use
        = X509V3_EXT_conf_nid (NULL, NULL, NID_ext_key_usage, "clientAuth");
    X509_add_ext (x509, use, -1);
    X509_EXTENSION_free (use);
  }
  ck_assert (X509_sign (x509, ca_key, EVP_sha256 ()));
  X509_free (ca);
  EVP_PKEY_free (ca_key);
  EVP_PKEY_free (key);
  return x509;
}

START_TEST (a_name_must_be_one_and_plain)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BlCertVerifier) verifier = new_verifier (NULL);
  X509 *x509 = forge (forgeries[_i].names, forgeries[_i].for_clients);
  g_autoptr (GBytes) der = to_der (x509);
  X509_free (x509);
  g_autofree char *name = verify (verifier, der, now_s, &error);
  if (forgeries[_i].code < 0) {
    ck_assert_msg (name != NULL, "%s", error ? error->message : "");
    ck_assert_str_eq (name, forgeries[_i].says);
  } else {
    ck_assert_ptr_null (name);
    assert_says (error, forgeries[_i].code, forgeries[_i].says);
  }
}
END_TEST

START_TEST (an_altered_certificate_is_refused)
{
  g_autoptr (BlCertVerifier) verifier = new_verifier (NULL);
  g_autofree char *path = path_in (mine, "AMB-1.pem");
  X509 *x509 = read_x509 (path);
  g_autoptr (GBytes) good = to_der (x509);
  X509_free (x509);
  gsize length;
  const uint8_t *bytes = g_bytes_get_data (good, &length);
  g_autofree uint8_t *bad = g_memdup2 (bytes, length);
  for (gsize i = 0; i < length; i++) {
    g_autoptr (GError) error = NULL;
    bad[i] ^= 0x04;
    ck_assert_ptr_null (
        bl_cert_verify_peer (verifier, bad, length, now_s, &error));
    ck_assert (error);
    bad[i] ^= 0x04;
    g_clear_error (&error);
    ck_assert_ptr_null (bl_cert_verify_peer (verifier, bad, i, now_s, &error));
    assert_says (error, BL_CERT_ERROR_SYNTAX, "can't be read");
  }
}
END_TEST

/* --- certs/mint ----------------------------------------------------------- */

/* Whether it says no, with these words. */
static void
assert_mint_refuses (const char *const *argv, const char *says)
{
  g_autofree char *err = NULL;
  int status = 0;
  ck_assert (g_spawn_sync (NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, &err,
                           &status, NULL));
  ck_assert (!g_spawn_check_wait_status (status, NULL));
  ck_assert_msg (strstr (err, says), "no \"%s\" in: %s", says, err);
}

START_TEST (minting_overwrites_nothing_and_says_what_is_wrong)
{
  const char *script = g_getenv ("BL_MINT");
  g_autofree char *tree = path_in (root, "tree");
  g_autofree char *git = path_in (tree, ".git");
  g_autofree char *below = path_in (tree, "a/b");
  g_autofree char *none = path_in (root, "none");
  ck_assert_int_eq (g_mkdir_with_parents (git, 0700), 0);
  const struct {
    const char *argv[6];
    const char *says;
  } refused[] = {
    { { script, "ca", mine }, "not overwritten" },
    { { script, "relay", mine, "localhost" }, "not overwritten" },
    { { script, "vehicle", mine, "AMB-1" }, "not overwritten" },
    { { script, "ca", below }, "is in the git work tree" },
    { { script, "vehicle", none, "AMB-1" }, "no certificate authority here" },
    { { script, "vehicle", mine, "../AMB" }, "use letters" },
    { { script, "vehicle", mine, "ca" }, "choose another" },
    { { script, "revoke", mine, "AMB-77" }, "no such vehicle" },
    { { script, "--days", "0", "ca", none }, "--days" },
    { { script, "--dayz" }, "no such option" },
    { { script, "mint" }, "usage:" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    assert_mint_refuses (refused[i].argv, refused[i].says);
  ck_assert (!g_file_test (below, G_FILE_TEST_EXISTS));
}
END_TEST

static void
add_tests (Suite *suite)
{
  TCase *tcase = tcase_create ("cert");
  tcase_set_timeout (tcase, 60);
  tcase_add_unchecked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, fingerprints_are_read_strictly, 0, N_PRINTS);
  tcase_add_test (tcase, a_fingerprint_is_what_openssl_says_it_is);
  tcase_add_test (tcase, the_strongest_hash_decides);
  tcase_add_test (tcase, a_self_signed_certificate_is_fresh_each_time);
  tcase_add_test (tcase, a_minted_certificate_loads);
  tcase_add_loop_test (tcase, a_bad_file_is_named_with_what_to_do, 0, N_LOADS);
  tcase_add_loop_test (tcase,
                       each_fault_of_a_vehicles_certificate_has_its_own_words,
                       0, N_PEERS);
  tcase_add_test (tcase, without_a_list_nothing_is_revoked);
  tcase_add_test (tcase, both_authorities_of_a_bundle_count);
  tcase_add_test (tcase, a_changed_list_counts_at_the_next_check);
  tcase_add_loop_test (tcase, a_bad_bundle_or_list_is_found_at_the_start, 0,
                       N_VERIFIERS);
  tcase_add_loop_test (tcase, a_name_must_be_one_and_plain, 0, N_FORGERIES);
  tcase_add_test (tcase, an_altered_certificate_is_refused);
  tcase_add_test (tcase, minting_overwrites_nothing_and_says_what_is_wrong);
  suite_add_tcase (suite, tcase);
}

int
main (void)
{
  Suite *suite = suite_create ("secure/cert");
  add_tests (suite);
  return run_suite (suite);
}
