/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/cert.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "secure/cert_private.h"

#define DAY_S              (24 * 60 * 60)
#define SELF_SIGNED_DAYS   30
#define COMMON_NAME_MAX    64 /* RFC 5280's ub-common-name */
#define SERIAL_NUMBER_BITS 127

G_DEFINE_QUARK (bl_cert_error, bl_cert_error)

char *
bl_openssl_reason (void)
{
  char text[256] = "no reason given";
  unsigned long code = ERR_peek_last_error ();
  if (code)
    ERR_error_string_n (code, text, sizeof text);
  ERR_clear_error ();
  return g_strdup (text);
}

static void
set_openssl_error (GError **error, const char *what)
{
  g_autofree char *reason = bl_openssl_reason ();
  g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_FAILED, "%s: %s", what,
               reason);
}

int64_t
bl_asn1_unix_s (const ASN1_TIME *time)
{
  struct tm tm;
  if (!ASN1_TIME_to_tm (time, &tm))
    return 0;
  return timegm (&tm);
}

char *
bl_date_text (int64_t unix_s)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (unix_s);
  return date ? g_date_time_format (date, "%Y-%m-%d %H:%M UTC")
              : g_strdup ("an impossible date");
}

gboolean
bl_cert_read_file (const char *what, const char *path, char **out_text,
                   gsize *out_length, GError **error)
{
  g_autoptr (GError) cause = NULL;
  if (g_file_get_contents (path, out_text, out_length, &cause))
    return TRUE;
  const char *advice = "check the path in the configuration";
  if (g_error_matches (cause, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    advice = "it does not exist: certs/mint makes one, or mend the path in the "
             "configuration";
  else if (g_error_matches (cause, G_FILE_ERROR, G_FILE_ERROR_ACCES))
    advice = "its owner or mode keeps this process from reading it: chown it "
             "to the user the daemon runs as";
  g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_READ,
               "%s: can't read %s (%s)", path, what, advice);
  return FALSE;
}

/* Never asks a terminal for the passphrase of an encrypted key. */
static int
refuse_passphrase (char *buffer, int size, int writing, void *data)
{
  return -1;
}

static gboolean
set_random_serial (X509 *x509)
{
  BIGNUM *serial = BN_new ();
  gboolean ok = serial
                && BN_rand (serial, SERIAL_NUMBER_BITS, BN_RAND_TOP_ONE,
                            BN_RAND_BOTTOM_ANY)
                && BN_to_ASN1_INTEGER (serial, X509_get_serialNumber (x509));
  BN_free (serial);
  return ok;
}

static gboolean
fill_self_signed (X509 *x509, EVP_PKEY *key, const char *common_name,
                  int64_t now_unix_s)
{
  X509_NAME *name = X509_get_subject_name (x509);
  time_t begins = now_unix_s - DAY_S;
  time_t ends = now_unix_s + (int64_t)SELF_SIGNED_DAYS * DAY_S;
  return X509_set_version (x509, X509_VERSION_3) && set_random_serial (x509)
         && ASN1_TIME_set (X509_getm_notBefore (x509), begins)
         && ASN1_TIME_set (X509_getm_notAfter (x509), ends)
         && X509_NAME_add_entry_by_txt (name, "CN", MBSTRING_UTF8,
                                        (const unsigned char *)common_name, -1,
                                        -1, 0)
         && X509_set_issuer_name (x509, name) && X509_set_pubkey (x509, key)
         && X509_sign (x509, key, EVP_sha256 ()) > 0;
}

BlCert *
bl_cert_new_self_signed (const char *common_name, int64_t now_unix_s,
                         GError **error)
{
  g_autoptr (BlCert) cert = g_new0 (BlCert, 1);
  ERR_clear_error ();
  cert->key = EVP_EC_gen ("P-256");
  cert->x509 = X509_new ();
  if (!cert->key || !cert->x509
      || !fill_self_signed (cert->x509, cert->key, common_name, now_unix_s)) {
    set_openssl_error (error, "can't make a self-signed certificate");
    return NULL;
  }
  return g_steal_pointer (&cert);
}

static X509 *
read_certificate (const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;
  if (!bl_cert_read_file ("the certificate", path, &text, &length, error))
    return NULL;
  BIO *bio = BIO_new_mem_buf (text, (int)length);
  X509 *x509 = PEM_read_bio_X509 (bio, NULL, refuse_passphrase, NULL);
  BIO_free (bio);
  if (!x509)
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_SYNTAX,
                 "%s: no certificate in it: it must be a PEM file with a "
                 "\"BEGIN CERTIFICATE\" line",
                 path);
  return x509;
}

static EVP_PKEY *
read_key (const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;
  if (!bl_cert_read_file ("the private key", path, &text, &length, error))
    return NULL;
  BIO *bio = BIO_new_mem_buf (text, (int)length);
  EVP_PKEY *key = PEM_read_bio_PrivateKey (bio, NULL, refuse_passphrase, NULL);
  BIO_free (bio);
  OPENSSL_cleanse (text, length);
  if (!key)
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_SYNTAX,
                 "%s: no private key in it: it must be a PEM file with a "
                 "\"BEGIN PRIVATE KEY\" line, without a passphrase",
                 path);
  return key;
}

/* Whether the certificate is in its time; `path` is for the message. */
static gboolean
check_time (const X509 *x509, const char *path, int64_t now_unix_s,
            GError **error)
{
  int64_t begins = bl_asn1_unix_s (X509_get0_notBefore (x509));
  int64_t ends = bl_asn1_unix_s (X509_get0_notAfter (x509));
  g_autofree char *name = bl_x509_common_name (x509, NULL);
  const char *shown = name ? name : "no common name";
  if (now_unix_s > ends) {
    g_autofree char *date = bl_date_text (ends);
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_EXPIRED,
                 "%s: the certificate \"%s\" expired on %s: mint a new one "
                 "(certs/README.md) and restart",
                 path, shown, date);
    return FALSE;
  }
  if (now_unix_s < begins) {
    g_autofree char *date = bl_date_text (begins);
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_NOT_YET,
                 "%s: the certificate \"%s\" is valid only from %s: check this "
                 "machine's clock, or mint a new one (certs/README.md)",
                 path, shown, date);
    return FALSE;
  }
  return TRUE;
}

BlCert *
bl_cert_load (const char *cert_path, const char *key_path, int64_t now_unix_s,
              GError **error)
{
  g_autoptr (BlCert) cert = g_new0 (BlCert, 1);
  ERR_clear_error ();
  cert->x509 = read_certificate (cert_path, error);
  if (!cert->x509)
    return NULL;
  cert->key = read_key (key_path, error);
  if (!cert->key)
    return NULL;
  if (!X509_check_private_key (cert->x509, cert->key)) {
    ERR_clear_error ();
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_MISMATCH,
                 "%s: this is not the key of the certificate %s: name the two "
                 "files that were made together",
                 key_path, cert_path);
    return NULL;
  }
  if (!check_time (cert->x509, cert_path, now_unix_s, error))
    return NULL;
  return g_steal_pointer (&cert);
}

void
bl_cert_free (BlCert *cert)
{
  if (!cert)
    return;
  X509_free (cert->x509);
  EVP_PKEY_free (cert->key);
  g_free (cert);
}

int64_t
bl_cert_expires_unix_s (const BlCert *cert)
{
  return bl_asn1_unix_s (X509_get0_notAfter (cert->x509));
}

/* A name that may be shown, logged and compared without surprise. */
static gboolean
is_plain_text (const char *text, gsize length)
{
  if (length == 0 || length > COMMON_NAME_MAX
      || !g_utf8_validate (text, (gssize)length, NULL))
    return FALSE;
  for (const char *at = text; at < text + length; at = g_utf8_next_char (at))
    if (!g_unichar_isprint (g_utf8_get_char (at)))
      return FALSE;
  return TRUE;
}

char *
bl_x509_common_name (const X509 *x509, GError **error)
{
  const X509_NAME *name = X509_get_subject_name (x509);
  int first = X509_NAME_get_index_by_NID (name, NID_commonName, -1);
  if (first < 0) {
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_NAME,
                 "the certificate has no common name (CN): mint it with the "
                 "unit's name");
    return NULL;
  }
  if (X509_NAME_get_index_by_NID (name, NID_commonName, first) >= 0) {
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_NAME,
                 "the certificate has more than one common name (CN): mint it "
                 "with the unit's name alone");
    return NULL;
  }
  const X509_NAME_ENTRY *entry = X509_NAME_get_entry (name, first);
  unsigned char *utf8 = NULL;
  int length = ASN1_STRING_to_UTF8 (&utf8, X509_NAME_ENTRY_get_data (entry));
  char *copy = NULL;
  if (length >= 0 && is_plain_text ((const char *)utf8, (gsize)length))
    copy = g_strndup ((const char *)utf8, (gsize)length);
  else
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_NAME,
                 "the certificate's common name (CN) is empty, longer than %d "
                 "bytes or not plain text: mint it with the unit's name",
                 COMMON_NAME_MAX);
  OPENSSL_free (utf8);
  ERR_clear_error ();
  return copy;
}

char *
bl_cert_common_name (const BlCert *cert, GError **error)
{
  return bl_x509_common_name (cert->x509, error);
}
