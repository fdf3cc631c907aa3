/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/password.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/blassert.h"

#define PREFIX       "$y$"
#define DEFAULT_COST 0 /* libcrypt's own: 16 MB */

G_DEFINE_QUARK (bl_password_error, bl_password_error)

/* crypt() with memory of its own, cleared; NULL if the setting is no good. */
static char *
hash_with (const char *password, const char *setting)
{
  struct crypt_data *data = g_new0 (struct crypt_data, 1);
  const char *hash = crypt_rn (password, setting, data, sizeof *data);
  char *copy = hash ? g_strdup (hash) : NULL;
  OPENSSL_cleanse (data, sizeof *data);
  g_free (data);
  return copy;
}

static char *
hash_with_new_salt (const char *password)
{
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  if (!crypt_gensalt_rn (PREFIX, DEFAULT_COST, NULL, 0, setting,
                         sizeof setting))
    return NULL;
  return hash_with (password, setting);
}

char *
bl_password_hash (const char *password, GError **error)
{
  size_t length = strlen (password);
  if (!g_utf8_validate (password, (gssize)length, NULL)) {
    g_set_error (error, BL_PASSWORD_ERROR, BL_PASSWORD_ERROR_SHORT,
                 "the password is not UTF-8 text: choose another");
    return NULL;
  }
  if (g_utf8_strlen (password, -1) < BL_PASSWORD_CHARACTERS_MIN) {
    g_set_error (error, BL_PASSWORD_ERROR, BL_PASSWORD_ERROR_SHORT,
                 "the password is too short: it needs at least %d characters; "
                 "a few unrelated words are good",
                 BL_PASSWORD_CHARACTERS_MIN);
    return NULL;
  }
  if (length > BL_PASSWORD_BYTES_MAX) {
    g_set_error (error, BL_PASSWORD_ERROR, BL_PASSWORD_ERROR_SHORT,
                 "the password is too long: at most %d bytes",
                 BL_PASSWORD_BYTES_MAX);
    return NULL;
  }
  char *hash = hash_with_new_salt (password);
  if (!hash)
    g_set_error (error, BL_PASSWORD_ERROR, BL_PASSWORD_ERROR_FAILED,
                 "can't hash the password: %s", g_strerror (errno));
  return hash;
}

/* What is hashed against when there is no such user: the same work. */
static const char *
nobody (void)
{
  static gsize made;
  if (g_once_init_enter (&made)) {
    char *hash = hash_with_new_salt ("there is nobody behind this");
    bl_assert (hash);
    g_once_init_leave (&made, (gsize)hash);
  }
  return (const char *)made;
}

gboolean
bl_password_verify (const char *hash, const char *password)
{
  /* Made by the first verification of any kind, not by the first unknown user,
   * who would be told apart by it. */
  const char *dummy = nobody ();
  gboolean known = hash && g_str_has_prefix (hash, PREFIX);
  const char *setting = known ? hash : dummy;
  if (strlen (password) > BL_PASSWORD_BYTES_MAX)
    password = "";
  g_autofree char *again = hash_with (password, setting);
  if (!again) {
    /* A damaged hash costs nothing to refuse: do the work all the same. */
    g_free (hash_with (password, dummy));
    return FALSE;
  }
  size_t length = strlen (setting);
  return known && strlen (again) == length
         && CRYPTO_memcmp (again, setting, length) == 0;
}
