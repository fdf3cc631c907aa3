/* SPDX-License-Identifier: Apache-2.0
 *
 * Datagrams from the network to a DTLS session that only waits for a goodbye.
 * The seed "close" is one under these keys.
 */
#include <openssl/evp.h>

#include "secure/dtls_goodbye.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const BlDtlsGoodbye goodbyes[] = {
    { .cipher = EVP_aes_128_gcm (), .key = { 1 }, .iv_bytes = 4 },
    { .cipher = EVP_aes_256_gcm (), .key = { 1 }, .iv_bytes = 4 },
    { .cipher = EVP_chacha20_poly1305 (), .key = { 1 }, .iv_bytes = 12 },
  };
  for (size_t i = 0; i < sizeof goodbyes / sizeof goodbyes[0]; i++)
    bl_dtls_goodbye_hear (&goodbyes[i], data, size);
  return 0;
}
