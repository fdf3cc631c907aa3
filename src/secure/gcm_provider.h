/* SPDX-License-Identifier: Apache-2.0
 *
 * AES-GCM as OpenSSL's provider has it (provider-cipher(7)), without EVP in
 * between: EVP looks things up by name for each packet, a fifth of the cipher's
 * cost, and hides the keyed context, which the relay wants in the cache before
 * its turn (docs/adr/0007-media-protection.md). For srtp_gcm.c alone.
 *
 *   ctx = newctx (provider)
 *   encrypt_init or decrypt_init (ctx, key, key_bytes, NULL, 0, NULL)
 *   then for each packet:
 *     the same init (ctx, NULL, 0, nonce, BL_GCM_NONCE_BYTES, NULL)
 *     update (ctx, NULL, &done, n, data, n)   what is only authenticated
 *     update (ctx, out, &done, room, in, n)
 *     final (ctx, out, &done, room)
 *   freectx (ctx)
 *
 * Each says 1, or 0 if it failed. The tag is a parameter: got after the
 * encrypting final, set before the first decrypting update. Contexts are
 * independent of each other; any thread.
 */
#pragma once

#include <openssl/core_dispatch.h>

typedef struct {
  void *provider;
  OSSL_FUNC_cipher_newctx_fn *newctx;
  OSSL_FUNC_cipher_freectx_fn *freectx;
  OSSL_FUNC_cipher_encrypt_init_fn *encrypt_init;
  OSSL_FUNC_cipher_decrypt_init_fn *decrypt_init;
  OSSL_FUNC_cipher_update_fn *update;
  OSSL_FUNC_cipher_final_fn *final;
  OSSL_FUNC_cipher_get_ctx_params_fn *get_ctx_params;
  OSSL_FUNC_cipher_set_ctx_params_fn *set_ctx_params;
} BlGcmProvider;

/* For keys of 16 or 32 bytes; lives as long as the process. NULL if OpenSSL, as
 * it is configured, has no such cipher. Any thread. */
const BlGcmProvider *bl_gcm_provider (size_t key_bytes);
