/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/dtls_goodbye.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

/* type, version, epoch and sequence number, length */
#define HEADER_BYTES 13
#define NUMBER_AT    3
#define NUMBER_BYTES 8
#define LENGTH_AT    11
#define TYPE_ALERT   21

#define TAG_BYTES    16
#define NONCE_BYTES  12
#define ALERT_BYTES  2
#define LEVEL_FATAL  2
#define CLOSE_NOTIFY 0

#define KEY_EXPANSION "key expansion"

/* RFC 5246 section 6.3: `out` is the key block. */
static bool
derive_key_block (SSL *ssl, uint8_t *out, size_t length)
{
  uint8_t master[SSL_MAX_MASTER_KEY_LENGTH];
  uint8_t server_random[SSL3_RANDOM_SIZE], client_random[SSL3_RANDOM_SIZE];
  size_t master_bytes = SSL_SESSION_get_master_key (SSL_get_session (ssl),
                                                    master, sizeof master);
  SSL_get_server_random (ssl, server_random, sizeof server_random);
  SSL_get_client_random (ssl, client_random, sizeof client_random);
  const EVP_MD *digest
      = SSL_CIPHER_get_handshake_digest (SSL_get_current_cipher (ssl));

  /* The seed may come in parts. */
  OSSL_PARAM params[] = {
    OSSL_PARAM_utf8_string (OSSL_KDF_PARAM_DIGEST,
                            (char *)(uintptr_t)EVP_MD_get0_name (digest), 0),
    OSSL_PARAM_octet_string (OSSL_KDF_PARAM_SECRET, master, master_bytes),
    OSSL_PARAM_octet_string (OSSL_KDF_PARAM_SEED,
                             (char *)(uintptr_t)KEY_EXPANSION,
                             strlen (KEY_EXPANSION)),
    OSSL_PARAM_octet_string (OSSL_KDF_PARAM_SEED, server_random,
                             sizeof server_random),
    OSSL_PARAM_octet_string (OSSL_KDF_PARAM_SEED, client_random,
                             sizeof client_random),
    OSSL_PARAM_END,
  };
  EVP_KDF *kdf = EVP_KDF_fetch (NULL, "TLS1-PRF", NULL);
  EVP_KDF_CTX *ctx = EVP_KDF_CTX_new (kdf);
  bool ok = ctx && EVP_KDF_derive (ctx, out, length, params) > 0;
  EVP_KDF_CTX_free (ctx);
  EVP_KDF_free (kdf);
  OPENSSL_cleanse (master, sizeof master);
  return ok;
}

bool
bl_dtls_goodbye_init (BlDtlsGoodbye *goodbye, SSL *ssl, bool peer_is_client)
{
  *goodbye = (BlDtlsGoodbye){ 0 };
  switch (SSL_CIPHER_get_cipher_nid (SSL_get_current_cipher (ssl))) {
  case NID_aes_128_gcm:
    goodbye->cipher = EVP_aes_128_gcm ();
    goodbye->iv_bytes = 4;
    break;
  case NID_aes_256_gcm:
    goodbye->cipher = EVP_aes_256_gcm ();
    goodbye->iv_bytes = 4;
    break;
  case NID_chacha20_poly1305:
    goodbye->cipher = EVP_chacha20_poly1305 ();
    goodbye->iv_bytes = 12;
    break;
  default:
    return false;
  }
  /* Client's key, server's key, client's IV, server's IV. */
  uint8_t block[2 * (sizeof goodbye->key + sizeof goodbye->iv)];
  size_t key = (size_t)EVP_CIPHER_get_key_length (goodbye->cipher);
  size_t iv = goodbye->iv_bytes;
  size_t peer = peer_is_client ? 0 : 1;
  bool ok = derive_key_block (ssl, block, 2 * (key + iv));
  if (ok) {
    memcpy (goodbye->key, block + peer * key, key);
    memcpy (goodbye->iv, block + 2 * key + peer * iv, iv);
  }
  OPENSSL_cleanse (block, sizeof block);
  return ok;
}

void
bl_dtls_goodbye_clear (BlDtlsGoodbye *goodbye)
{
  OPENSSL_cleanse (goodbye, sizeof *goodbye);
}

/* With 4 bytes of IV the record brings the other 8; with 12 its number is
 * XORed into them. */
static void
make_nonce (const BlDtlsGoodbye *goodbye, const uint8_t *number,
            const uint8_t *explicit_part, uint8_t out_nonce[NONCE_BYTES])
{
  memcpy (out_nonce, goodbye->iv, NONCE_BYTES);
  if (goodbye->iv_bytes == 4)
    memcpy (out_nonce + 4, explicit_part, NUMBER_BYTES);
  else
    for (size_t i = 0; i < NUMBER_BYTES; i++)
      out_nonce[4 + i] ^= number[i];
}

/* Decrypts a record's alert, if it is one and authentic. */
static bool
open_alert (const BlDtlsGoodbye *goodbye, const uint8_t *header,
            const uint8_t *body, size_t body_bytes, uint8_t out_alert[2])
{
  size_t explicit_bytes = NONCE_BYTES - goodbye->iv_bytes;
  if (header[0] != TYPE_ALERT
      || body_bytes != explicit_bytes + ALERT_BYTES + TAG_BYTES)
    return false;
  uint8_t nonce[NONCE_BYTES], tag[TAG_BYTES];
  uint8_t known[HEADER_BYTES]; /* number, type, version, length of the alert */
  make_nonce (goodbye, header + NUMBER_AT, body, nonce);
  memcpy (known, header + NUMBER_AT, NUMBER_BYTES);
  memcpy (known + NUMBER_BYTES, header, 3);
  known[LENGTH_AT] = 0;
  known[LENGTH_AT + 1] = ALERT_BYTES;
  memcpy (tag, body + explicit_bytes + ALERT_BYTES, TAG_BYTES);

  int done;
  EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new ();
  bool ok
      = ctx
        && EVP_DecryptInit_ex2 (ctx, goodbye->cipher, goodbye->key, nonce, NULL)
        && EVP_DecryptUpdate (ctx, NULL, &done, known, sizeof known)
        && EVP_DecryptUpdate (ctx, out_alert, &done, body + explicit_bytes,
                              ALERT_BYTES)
        && EVP_CIPHER_CTX_ctrl (ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag)
        && EVP_DecryptFinal_ex (ctx, out_alert + ALERT_BYTES, &done) > 0;
  EVP_CIPHER_CTX_free (ctx);
  return ok;
}

BlDtlsHeard
bl_dtls_goodbye_hear (const BlDtlsGoodbye *goodbye, const uint8_t *datagram,
                      size_t length)
{
  size_t at = 0;
  while (length - at >= HEADER_BYTES) {
    const uint8_t *header = datagram + at, *body = header + HEADER_BYTES;
    size_t body_bytes = (size_t)header[LENGTH_AT] << 8 | header[LENGTH_AT + 1];
    uint8_t alert[ALERT_BYTES + TAG_BYTES];
    if (body_bytes > length - at - HEADER_BYTES)
      break;
    at += HEADER_BYTES + body_bytes;
    if (!open_alert (goodbye, header, body, body_bytes, alert))
      continue;
    if (alert[1] == CLOSE_NOTIFY)
      return BL_DTLS_HEARD_CLOSE;
    if (alert[0] == LEVEL_FATAL)
      return BL_DTLS_HEARD_FATAL;
  }
  return BL_DTLS_HEARD_NOTHING;
}
