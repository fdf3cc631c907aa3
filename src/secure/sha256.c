/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/sha256.h"

#include <glib.h>
#include <openssl/sha.h>

void
bl_sha256_hex (const void *bytes, size_t length,
               char out[BL_SHA256_HEX_LENGTH + 1])
{
  static const char digits[] = "0123456789abcdef";
  unsigned char hash[SHA256_DIGEST_LENGTH];
  if (!SHA256 (bytes, length, hash))
    g_error ("OpenSSL gives no SHA-256");
  for (size_t i = 0; i < sizeof hash; i++) {
    out[2 * i] = digits[hash[i] >> 4];
    out[2 * i + 1] = digits[hash[i] & 15];
  }
  out[BL_SHA256_HEX_LENGTH] = '\0';
}
