/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/gcm_provider.h"

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/blassert.h"

/* By whether the key has 32 bytes. */
static struct {
  const char *name;
  EVP_CIPHER *kept; /* and its provider with it */
  bool found;
  BlGcmProvider functions;
} ciphers[] = { { .name = "AES-128-GCM" }, { .name = "AES-256-GCM" } };

/* `names` are one cipher's, with colons between. */
static bool
is_called (const char *names, const char *name)
{
  size_t length = strlen (name);
  for (const char *at = names; at; at = strchr (at, ':')) {
    at += *at == ':';
    if (strncmp (at, name, length) == 0
        && (at[length] == ':' || at[length] == '\0'))
      return true;
  }
  return false;
}

static bool
take_functions (BlGcmProvider *out, const OSSL_DISPATCH *entry)
{
  for (; entry->function_id != 0; entry++)
    switch (entry->function_id) {
    case OSSL_FUNC_CIPHER_NEWCTX:
      out->newctx = OSSL_FUNC_cipher_newctx (entry);
      break;
    case OSSL_FUNC_CIPHER_FREECTX:
      out->freectx = OSSL_FUNC_cipher_freectx (entry);
      break;
    case OSSL_FUNC_CIPHER_ENCRYPT_INIT:
      out->encrypt_init = OSSL_FUNC_cipher_encrypt_init (entry);
      break;
    case OSSL_FUNC_CIPHER_DECRYPT_INIT:
      out->decrypt_init = OSSL_FUNC_cipher_decrypt_init (entry);
      break;
    case OSSL_FUNC_CIPHER_UPDATE:
      out->update = OSSL_FUNC_cipher_update (entry);
      break;
    case OSSL_FUNC_CIPHER_FINAL:
      out->final = OSSL_FUNC_cipher_final (entry);
      break;
    case OSSL_FUNC_CIPHER_GET_CTX_PARAMS:
      out->get_ctx_params = OSSL_FUNC_cipher_get_ctx_params (entry);
      break;
    case OSSL_FUNC_CIPHER_SET_CTX_PARAMS:
      out->set_ctx_params = OSSL_FUNC_cipher_set_ctx_params (entry);
      break;
    }
  return out->newctx && out->freectx && out->encrypt_init && out->decrypt_init
         && out->update && out->final && out->get_ctx_params
         && out->set_ctx_params;
}

/* Of the provider that EVP took it from. */
static bool
find (const EVP_CIPHER *cipher, const char *name, BlGcmProvider *out)
{
  int no_store;
  const OSSL_PROVIDER *provider = EVP_CIPHER_get0_provider (cipher);
  const OSSL_ALGORITHM *algorithm
      = OSSL_PROVIDER_query_operation (provider, OSSL_OP_CIPHER, &no_store);
  while (algorithm && algorithm->algorithm_names
         && !is_called (algorithm->algorithm_names, name))
    algorithm++;
  out->provider = OSSL_PROVIDER_get0_provider_ctx (provider);
  return algorithm && algorithm->algorithm_names
         && take_functions (out, algorithm->implementation);
}

static void
find_all (void)
{
  for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++) {
    const char *name = ciphers[i].name;
    ciphers[i].kept = EVP_CIPHER_fetch (NULL, name, NULL);
    ciphers[i].found = ciphers[i].kept
                       && find (ciphers[i].kept, name, &ciphers[i].functions);
  }
}

const BlGcmProvider *
bl_gcm_provider (size_t key_bytes)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  bl_assert (key_bytes == 16 || key_bytes == 32);
  pthread_once (&once, find_all);
  unsigned at = key_bytes == 32;
  return ciphers[at].found ? &ciphers[at].functions : NULL;
}
