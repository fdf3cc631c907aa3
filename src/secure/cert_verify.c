/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "secure.cert"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "secure/cert_private.h"

struct BlCertVerifier {
  char *ca_path;
  char *crl_path; /* NULL: no revocation list */
  STACK_OF (X509) * authorities;
  X509_STORE *store;       /* authorities and lists; replaced on reload */
  struct stat crl_seen;    /* the file when it was last looked into */
  bool crl_missing_warned; /* the file was there at the start */
  bool crl_old_warned;     /* its nextUpdate has passed */
};

/* What X509_verify_cert() says, in our words; anything else is an unknown CA
 * or OpenSSL's own sentence. */
static const struct {
  int openssl;
  BlCertError code;
  const char *text;
} verdicts[] = {
  { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, BL_CERT_ERROR_UNKNOWN_CA, NULL },
  { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, BL_CERT_ERROR_UNKNOWN_CA,
    NULL },
  { X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, BL_CERT_ERROR_UNKNOWN_CA,
    NULL },
  { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, BL_CERT_ERROR_UNKNOWN_CA, NULL },
  { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, BL_CERT_ERROR_UNKNOWN_CA, NULL },
  { X509_V_ERR_CERT_UNTRUSTED, BL_CERT_ERROR_UNKNOWN_CA, NULL },
  { X509_V_ERR_CERT_SIGNATURE_FAILURE, BL_CERT_ERROR_UNKNOWN_CA,
    "its signature is not the CA's: it was altered, or the CA has a new key "
    "under its old name" },
  { X509_V_ERR_CERT_REVOKED, BL_CERT_ERROR_REVOKED,
    "it has been revoked: mint a new one if the unit may call again" },
  { X509_V_ERR_INVALID_PURPOSE, BL_CERT_ERROR_PURPOSE,
    "it is not made for TLS clients: mint it with \"certs/mint vehicle\"" },
};

/* Parses every certificate of a PEM text. NULL if there is none. */
static STACK_OF (X509) * parse_certificates (const char *text, gsize length)
{
  STACK_OF (X509) *all = sk_X509_new_null ();
  BIO *bio = BIO_new_mem_buf (text, (int)length);
  X509 *one;
  while ((one = PEM_read_bio_X509 (bio, NULL, NULL, NULL)))
    sk_X509_push (all, one);
  /* The last read fails for want of a further one. */
  bool whole = ERR_GET_REASON (ERR_peek_last_error ()) == PEM_R_NO_START_LINE;
  ERR_clear_error ();
  BIO_free (bio);
  if (!whole || sk_X509_num (all) == 0) {
    sk_X509_pop_free (all, X509_free);
    return NULL;
  }
  return all;
}

static STACK_OF (X509_CRL) * parse_lists (const char *text, gsize length)
{
  STACK_OF (X509_CRL) *all = sk_X509_CRL_new_null ();
  BIO *bio = BIO_new_mem_buf (text, (int)length);
  X509_CRL *one;
  while ((one = PEM_read_bio_X509_CRL (bio, NULL, NULL, NULL)))
    sk_X509_CRL_push (all, one);
  bool whole = ERR_GET_REASON (ERR_peek_last_error ()) == PEM_R_NO_START_LINE;
  ERR_clear_error ();
  BIO_free (bio);
  if (!whole || sk_X509_CRL_num (all) == 0) {
    sk_X509_CRL_pop_free (all, X509_CRL_free);
    return NULL;
  }
  return all;
}

static STACK_OF (X509) * load_authorities (const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;
  if (!bl_cert_read_file ("the vehicle CA bundle", path, &text, &length, error))
    return NULL;
  STACK_OF (X509) *all = parse_certificates (text, length);
  if (!all) {
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_SYNTAX,
                 "%s: no CA certificate in it, or a broken one: it must be a "
                 "PEM file with the ca.pem of each CA that signs vehicles",
                 path);
    return NULL;
  }
  for (int i = 0; i < sk_X509_num (all); i++) {
    X509 *one = sk_X509_value (all, i);
    if (X509_check_ca (one) > 0)
      continue;
    g_autofree char *name = bl_x509_common_name (one, NULL);
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_PURPOSE,
                 "%s: \"%s\" is not a CA certificate: put the CA's ca.pem "
                 "here, not a vehicle's or the relay's certificate",
                 path, name ? name : "no common name");
    sk_X509_pop_free (all, X509_free);
    return NULL;
  }
  return all;
}

/* Whether one of the lists was made by this CA. */
static bool
has_list (STACK_OF (X509_CRL) * lists, X509 *authority)
{
  EVP_PKEY *key = X509_get0_pubkey (authority);
  for (int i = 0; i < sk_X509_CRL_num (lists); i++) {
    X509_CRL *list = sk_X509_CRL_value (lists, i);
    if (X509_NAME_cmp (X509_CRL_get_issuer (list),
                       X509_get_subject_name (authority))
            == 0
        && X509_CRL_verify (list, key) == 1)
      return true;
  }
  ERR_clear_error ();
  return false;
}

static STACK_OF (X509_CRL)
    * load_lists (const BlCertVerifier *verifier, GError **error)
{
  const char *path = verifier->crl_path;
  g_autofree char *text = NULL;
  gsize length;
  if (!bl_cert_read_file ("the revocation list", path, &text, &length, error))
    return NULL;
  STACK_OF (X509_CRL) *lists = parse_lists (text, length);
  if (!lists) {
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_SYNTAX,
                 "%s: no revocation list in it, or a broken one: it must be a "
                 "PEM file with a \"BEGIN X509 CRL\" line (certs/mint makes "
                 "crl.pem)",
                 path);
    return NULL;
  }
  for (int i = 0; i < sk_X509_num (verifier->authorities); i++) {
    X509 *authority = sk_X509_value (verifier->authorities, i);
    if (has_list (lists, authority))
      continue;
    g_autofree char *name = bl_x509_common_name (authority, NULL);
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_SYNTAX,
                 "%s: no revocation list by the CA \"%s\" of %s in it: put the "
                 "crl.pem of each CA into this file",
                 path, name ? name : "no common name", verifier->ca_path);
    sk_X509_CRL_pop_free (lists, X509_CRL_free);
    return NULL;
  }
  return lists;
}

/* A store of the authorities and, if there is a file, the lists in it. */
static X509_STORE *
build_store (const BlCertVerifier *verifier, GError **error)
{
  STACK_OF (X509_CRL) *lists = NULL;
  if (verifier->crl_path) {
    lists = load_lists (verifier, error);
    if (!lists)
      return NULL;
  }
  X509_STORE *store = X509_STORE_new ();
  bool ok = store != NULL;
  for (int i = 0; ok && i < sk_X509_num (verifier->authorities); i++)
    ok = X509_STORE_add_cert (store, sk_X509_value (verifier->authorities, i));
  for (int i = 0; ok && lists && i < sk_X509_CRL_num (lists); i++)
    ok = X509_STORE_add_crl (store, sk_X509_CRL_value (lists, i));
  /* A CA of the bundle is an anchor even if it is not a root. */
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
  if (lists)
    flags |= X509_V_FLAG_CRL_CHECK;
  if (ok)
    X509_STORE_set_flags (store, flags);
  sk_X509_CRL_pop_free (lists, X509_CRL_free);
  if (ok)
    return store;
  X509_STORE_free (store);
  g_autofree char *reason = bl_openssl_reason ();
  g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_FAILED,
               "%s: can't be used as the vehicle CA bundle: %s",
               verifier->ca_path, reason);
  return NULL;
}

BlCertVerifier *
bl_cert_verifier_new (const char *ca_path, const char *crl_path, GError **error)
{
  g_autoptr (BlCertVerifier) verifier = g_new0 (BlCertVerifier, 1);
  ERR_clear_error ();
  verifier->ca_path = g_strdup (ca_path);
  verifier->crl_path = g_strdup (crl_path);
  /* Looked at before it is read: a change in between is seen next time. */
  if (crl_path && stat (crl_path, &verifier->crl_seen) != 0)
    memset (&verifier->crl_seen, 0, sizeof verifier->crl_seen);
  verifier->authorities = load_authorities (ca_path, error);
  if (!verifier->authorities)
    return NULL;
  verifier->store = build_store (verifier, error);
  if (!verifier->store)
    return NULL;
  return g_steal_pointer (&verifier);
}

void
bl_cert_verifier_free (BlCertVerifier *verifier)
{
  if (!verifier)
    return;
  X509_STORE_free (verifier->store);
  sk_X509_pop_free (verifier->authorities, X509_free);
  g_free (verifier->ca_path);
  g_free (verifier->crl_path);
  g_free (verifier);
}

static bool
is_same_file (const struct stat *a, const struct stat *b)
{
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev
         && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec
         && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Reads the revocation list again if its file is another one now. */
static void
reload_lists (BlCertVerifier *verifier)
{
  if (!verifier->crl_path)
    return;
  struct stat now;
  if (stat (verifier->crl_path, &now) != 0) {
    if (!verifier->crl_missing_warned)
      bl_warning ("%s: the revocation list is gone (%s); the one read before "
                  "stays in force: put the file back",
                  verifier->crl_path, g_strerror (errno));
    verifier->crl_missing_warned = true;
    return;
  }
  verifier->crl_missing_warned = false;
  if (is_same_file (&now, &verifier->crl_seen))
    return;
  verifier->crl_seen = now;
  g_autoptr (GError) error = NULL;
  X509_STORE *store = build_store (verifier, &error);
  if (!store) {
    bl_warning ("the revocation list has changed and can't be used; the one "
                "read before stays in force: %s",
                error->message);
    return;
  }
  X509_STORE_free (verifier->store);
  verifier->store = store;
  verifier->crl_old_warned = false;
  bl_info ("%s: read the changed revocation list", verifier->crl_path);
}

/* Lets a list count that is out of its time. */
static int
tolerate_old_list (int ok, X509_STORE_CTX *check)
{
  int reason = X509_STORE_CTX_get_error (check);
  if (ok
      || (reason != X509_V_ERR_CRL_HAS_EXPIRED
          && reason != X509_V_ERR_CRL_NOT_YET_VALID))
    return ok;
  BlCertVerifier *verifier = X509_STORE_CTX_get_app_data (check);
  if (!verifier->crl_old_warned)
    bl_warning ("%s: the revocation list is out of its time and still counts: "
                "make a new one with \"certs/mint crl\"",
                verifier->crl_path);
  verifier->crl_old_warned = true;
  X509_STORE_CTX_set_error (check, X509_V_OK);
  return 1;
}

/* X509_V_OK, or why the certificate is refused. */
static int
run_check (BlCertVerifier *verifier, X509 *x509, int64_t now_unix_s)
{
  int verdict = X509_V_ERR_OUT_OF_MEM;
  X509_STORE_CTX *check = X509_STORE_CTX_new ();
  if (check && X509_STORE_CTX_init (check, verifier->store, x509, NULL)) {
    X509_STORE_CTX_set_app_data (check, verifier);
    X509_STORE_CTX_set_verify_cb (check, tolerate_old_list);
    X509_STORE_CTX_set_purpose (check, X509_PURPOSE_SSL_CLIENT);
    X509_STORE_CTX_set_time (check, 0, (time_t)now_unix_s);
    verdict = X509_verify_cert (check) == 1 ? X509_V_OK
                                            : X509_STORE_CTX_get_error (check);
  }
  X509_STORE_CTX_free (check);
  ERR_clear_error ();
  return verdict;
}

static void
set_time_error (const X509 *x509, const char *name, int verdict, GError **error)
{
  bool expired = verdict == X509_V_ERR_CERT_HAS_EXPIRED;
  const ASN1_TIME *time
      = expired ? X509_get0_notAfter (x509) : X509_get0_notBefore (x509);
  g_autofree char *date = bl_date_text (bl_asn1_unix_s (time));
  if (expired)
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_EXPIRED,
                 "the certificate of \"%s\", or of its CA, has expired (the "
                 "vehicle's: %s): mint a new one (certs/README.md)",
                 name, date);
  else
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_NOT_YET,
                 "the certificate of \"%s\" is valid only from %s: check the "
                 "clocks of this machine and of the one that minted it",
                 name, date);
}

static void
set_verdict_error (const BlCertVerifier *verifier, const X509 *x509,
                   int verdict, GError **error)
{
  g_autofree char *cn = bl_x509_common_name (x509, NULL);
  const char *name = cn ? cn : "no common name";
  if (verdict == X509_V_ERR_CERT_HAS_EXPIRED
      || verdict == X509_V_ERR_CERT_NOT_YET_VALID) {
    set_time_error (x509, name, verdict, error);
    return;
  }
  for (size_t i = 0; i < G_N_ELEMENTS (verdicts); i++) {
    if (verdicts[i].openssl != verdict)
      continue;
    if (verdicts[i].text)
      g_set_error (error, BL_CERT_ERROR, verdicts[i].code,
                   "the certificate of \"%s\" is refused: %s", name,
                   verdicts[i].text);
    else
      g_set_error (error, BL_CERT_ERROR, verdicts[i].code,
                   "the certificate of \"%s\" is not signed by a CA of %s: "
                   "mint it with that CA, or add its CA to that file",
                   name, verifier->ca_path);
    return;
  }
  g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_FAILED,
               "the certificate of \"%s\" is refused: %s", name,
               X509_verify_cert_error_string (verdict));
}

/* OpenSSL takes a certificate without extended key usage for any purpose. */
static bool
is_for_clients (X509 *x509)
{
  return (X509_get_extension_flags (x509) & EXFLAG_XKUSAGE)
         && (X509_get_extended_key_usage (x509) & XKU_SSL_CLIENT);
}

char *
bl_cert_verify_peer (BlCertVerifier *verifier, const uint8_t *der,
                     size_t length, int64_t now_unix_s, GError **error)
{
  reload_lists (verifier);
  ERR_clear_error ();
  const unsigned char *at = der;
  X509 *x509 = length <= LONG_MAX ? d2i_X509 (NULL, &at, (long)length) : NULL;
  if (!x509) {
    ERR_clear_error ();
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_SYNTAX,
                 "the client's certificate can't be read: it is not X.509");
    return NULL;
  }
  char *name = NULL;
  int verdict = run_check (verifier, x509, now_unix_s);
  if (verdict == X509_V_OK && !is_for_clients (x509))
    verdict = X509_V_ERR_INVALID_PURPOSE;
  if (verdict == X509_V_OK)
    name = bl_x509_common_name (x509, error);
  else
    set_verdict_error (verifier, x509, verdict, error);
  X509_free (x509);
  return name;
}
