/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/srtp_gcm.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "base/blassert.h"
#include "base/bytes.h"
#include "base/prefetch.h"

#define KEY_BYTES_MAX  32
#define CSRC_BYTES     4
#define EXTENSION_HAS  0x10 /* in the first byte */
#define EXTENSION_HEAD 4

/* Of a keyed context of OpenSSL 3.0, which is opaque. Key schedule and powers
 * of H are in it; to fetch too little or too much is no error. */
#define CONTEXT_BYTES 960

/* What RFC 3711 section 4.3.2 derives, as far as GCM needs it. */
static const struct {
  uint8_t key, salt;
} labels[] = {
  [BL_GCM_RTP] = { 0, 2 },
  [BL_GCM_RTCP] = { 3, 5 },
};

/* --- keys ------------------------------------------------------------------
 */

/* The keystream of the master key whose IV is the salt with the label in it;
 * key derivation rate 0, so the index is 0. */
static bool
derive (BlSrtpProfile profile, const uint8_t *master, uint8_t label,
        uint8_t *out, size_t length)
{
  size_t key_bytes = bl_srtp_key_bytes (profile);
  uint8_t iv[16] = { 0 };
  memcpy (iv, master + key_bytes, bl_srtp_salt_bytes (profile));
  iv[7] ^= label;
  memset (out, 0, length);

  int done;
  EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new ();
  bool ok = ctx
            && EVP_EncryptInit_ex2 (
                ctx, key_bytes == 32 ? EVP_aes_256_ctr () : EVP_aes_128_ctr (),
                master, iv, NULL)
            && EVP_EncryptUpdate (ctx, out, &done, out, (int)length);
  EVP_CIPHER_CTX_free (ctx);
  return ok;
}

static bool
init (BlGcmCipher *cipher, const uint8_t *key, size_t key_bytes,
      const uint8_t *nonce, size_t nonce_bytes)
{
  OSSL_FUNC_cipher_encrypt_init_fn *start = cipher->direction == BL_GCM_SEALS
                                                ? cipher->gcm->encrypt_init
                                                : cipher->gcm->decrypt_init;
  return start (cipher->ctx, key, key_bytes, nonce, nonce_bytes, NULL);
}

bool
bl_gcm_cipher_init (BlGcmCipher *cipher, BlSrtpProfile profile,
                    const uint8_t *master, BlGcmKind kind,
                    BlGcmDirection direction)
{
  bl_assert (bl_srtp_salt_bytes (profile) == BL_GCM_NONCE_BYTES);
  uint8_t key[KEY_BYTES_MAX];
  size_t key_bytes = bl_srtp_key_bytes (profile);
  cipher->direction = direction;
  cipher->gcm = bl_gcm_provider (key_bytes);
  cipher->ctx
      = cipher->gcm ? cipher->gcm->newctx (cipher->gcm->provider) : NULL;
  bool ok = cipher->ctx
            && derive (profile, master, labels[kind].key, key, key_bytes)
            && derive (profile, master, labels[kind].salt, cipher->salt,
                       BL_GCM_NONCE_BYTES)
            && init (cipher, key, key_bytes, NULL, 0);
  OPENSSL_cleanse (key, sizeof key);
  return ok;
}

void
bl_gcm_cipher_clear (BlGcmCipher *cipher)
{
  if (cipher->ctx)
    cipher->gcm->freectx (cipher->ctx);
  OPENSSL_cleanse (cipher, sizeof *cipher);
}

/* --- packets -------------------------------------------------------------- */

/* RFC 7714 sections 8.1 and 9.1: two zero bytes, SSRC, and the index in six,
 * all XORed with the salt. */
static void
make_nonce (const BlGcmCipher *cipher, uint32_t ssrc, uint64_t index,
            uint8_t out_nonce[BL_GCM_NONCE_BYTES])
{
  uint8_t *nonce = out_nonce;
  nonce[0] = nonce[1] = 0;
  bl_put_be32 (nonce + 2, ssrc);
  nonce[6] = (uint8_t)(index >> 40);
  nonce[7] = (uint8_t)(index >> 32);
  bl_put_be32 (nonce + 8, (uint32_t)index);
  for (unsigned i = 0; i < BL_GCM_NONCE_BYTES; i++)
    nonce[i] ^= cipher->salt[i];
}

bool
bl_gcm_begin (BlGcmCipher *cipher, uint32_t ssrc, int64_t index)
{
  uint8_t nonce[BL_GCM_NONCE_BYTES];
  make_nonce (cipher, ssrc, (uint64_t)index, nonce);
  return init (cipher, NULL, 0, nonce, sizeof nonce);
}

void
bl_gcm_cipher_prefetch (const BlGcmCipher *cipher)
{
  bl_prefetch (cipher->ctx, CONTEXT_BYTES);
}

bool
bl_gcm_authenticate (BlGcmCipher *cipher, const uint8_t *data, size_t length)
{
  size_t done;
  return cipher->gcm->update (cipher->ctx, NULL, &done, length, data, length);
}

/* The data, in place. */
static bool
transform (BlGcmCipher *cipher, uint8_t *data, size_t length)
{
  size_t done;
  return cipher->gcm->update (cipher->ctx, data, &done, length, data, length)
         && cipher->gcm->final (cipher->ctx, data + length, &done, 0);
}

bool
bl_gcm_seal (BlGcmCipher *cipher, uint8_t *data, size_t length)
{
  OSSL_PARAM tag[] = {
    OSSL_PARAM_octet_string (OSSL_CIPHER_PARAM_AEAD_TAG, data + length,
                             BL_GCM_TAG_BYTES),
    OSSL_PARAM_END,
  };
  return transform (cipher, data, length)
         && cipher->gcm->get_ctx_params (cipher->ctx, tag);
}

bool
bl_gcm_open (BlGcmCipher *cipher, uint8_t *data, size_t length)
{
  OSSL_PARAM tag[] = {
    OSSL_PARAM_octet_string (OSSL_CIPHER_PARAM_AEAD_TAG, data + length,
                             BL_GCM_TAG_BYTES),
    OSSL_PARAM_END,
  };
  /* OpenSSL remembers the tag of the packet before: without a new one, none. */
  return cipher->gcm->set_ctx_params (cipher->ctx, tag)
         && transform (cipher, data, length);
}

size_t
bl_gcm_rtp_header_bytes (const uint8_t *packet, size_t length)
{
  if (length < BL_GCM_RTP_HEADER_BYTES)
    return 0;
  size_t bytes = BL_GCM_RTP_HEADER_BYTES + CSRC_BYTES * (packet[0] & 0x0f);
  if (packet[0] & EXTENSION_HAS) {
    if (length < bytes + EXTENSION_HEAD)
      return 0;
    size_t words = (size_t)packet[bytes + 2] << 8 | packet[bytes + 3];
    bytes += EXTENSION_HEAD + 4 * words;
  }
  return bytes <= length ? bytes : 0;
}
