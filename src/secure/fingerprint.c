/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "secure/cert_private.h"

/* By BlFingerprintHash; a stronger hash has the greater number. */
static const struct {
  const char *name;
  uint8_t length;
  const EVP_MD *(*digest) (void);
} hashes[] = {
  [BL_FINGERPRINT_SHA256] = { "sha-256", 32, EVP_sha256 },
  [BL_FINGERPRINT_SHA384] = { "sha-384", 48, EVP_sha384 },
  [BL_FINGERPRINT_SHA512] = { "sha-512", 64, EVP_sha512 },
};

void
bl_cert_fingerprint (const BlCert *cert, BlFingerprint *out_fingerprint)
{
  BlFingerprint fingerprint = { .hash = BL_FINGERPRINT_SHA256, .length = 32 };
  int ok = X509_digest (cert->x509, EVP_sha256 (), fingerprint.bytes, NULL);
  g_assert (ok);
  *out_fingerprint = fingerprint;
}

/* The hash whose name begins the text, and how long the name is. */
static bool
parse_hash (const char *text, BlFingerprintHash *out_hash, size_t *out_length)
{
  for (size_t i = 0; i < G_N_ELEMENTS (hashes); i++) {
    size_t length = strlen (hashes[i].name);
    if (g_ascii_strncasecmp (text, hashes[i].name, length) == 0
        && text[length] == ' ') {
      *out_hash = (BlFingerprintHash)i;
      *out_length = length;
      return true;
    }
  }
  return false;
}

bool
bl_fingerprint_parse (const char *text, BlFingerprint *out_fingerprint)
{
  BlFingerprint fingerprint = { 0 };
  size_t name_length;
  if (!parse_hash (text, &fingerprint.hash, &name_length))
    return false;
  fingerprint.length = hashes[fingerprint.hash].length;
  const char *at = text + name_length + strspn (text + name_length, " ");
  for (size_t i = 0; i < fingerprint.length; i++) {
    if (i > 0 && *at++ != ':')
      return false;
    int high = g_ascii_xdigit_value (at[0]);
    int low = high < 0 ? -1 : g_ascii_xdigit_value (at[1]);
    if (low < 0)
      return false;
    fingerprint.bytes[i] = (uint8_t)(high << 4 | low);
    at += 2;
  }
  if (*at != '\0')
    return false;
  *out_fingerprint = fingerprint;
  return true;
}

void
bl_fingerprint_format (const BlFingerprint *fingerprint,
                       char out_text[BL_FINGERPRINT_TEXT_MAX])
{
  static const char digits[] = "0123456789ABCDEF";
  const char *name = hashes[fingerprint->hash].name;
  char *at = g_stpcpy (out_text, name);
  for (size_t i = 0; i < fingerprint->length; i++) {
    *at++ = i == 0 ? ' ' : ':';
    *at++ = digits[fingerprint->bytes[i] >> 4];
    *at++ = digits[fingerprint->bytes[i] & 15];
  }
  *at = '\0';
}

bool
bl_fingerprint_match_der (const BlFingerprint *fingerprints, size_t count,
                          const uint8_t *der, size_t length)
{
  BlFingerprintHash strongest = BL_FINGERPRINT_SHA256;
  for (size_t i = 0; i < count; i++)
    if (fingerprints[i].hash > strongest)
      strongest = fingerprints[i].hash;

  uint8_t digest[EVP_MAX_MD_SIZE];
  if (!EVP_Digest (der, length, digest, NULL, hashes[strongest].digest (),
                   NULL))
    return false;
  for (size_t i = 0; i < count; i++)
    if (fingerprints[i].hash == strongest
        && CRYPTO_memcmp (fingerprints[i].bytes, digest,
                          hashes[strongest].length)
               == 0)
      return true;
  return false;
}
