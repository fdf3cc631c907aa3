/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/token.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "secure/sha256.h"

#define ID_BYTES     16
#define TOKEN_BYTES  32
#define CODE_SYMBOLS 12
#define CODE_GROUP   4

/* Crockford's base32: nothing in it looks like something else. */
static const char code_alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void
fill_random (guint8 *bytes, gsize count)
{
  if (RAND_bytes (bytes, (int)count) != 1)
    g_error ("no randomness to be had from OpenSSL: check that /dev/urandom "
             "and getrandom() work");
}

/* RFC 4648 section 5 without padding. */
static char *
base64url (const guint8 *bytes, gsize count)
{
  char *text = g_base64_encode (bytes, count);
  g_strdelimit (text, "+", '-');
  g_strdelimit (text, "/", '_');
  text[strcspn (text, "=")] = '\0';
  return text;
}

char *
bl_id_new (void)
{
  guint8 bytes[ID_BYTES];
  fill_random (bytes, sizeof bytes);
  return base64url (bytes, sizeof bytes);
}

gboolean
bl_id_is_valid (const char *text)
{
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789-_";
  return strspn (text, alphabet) == BL_ID_LENGTH && text[BL_ID_LENGTH] == '\0';
}

char *
bl_token_new (void)
{
  guint8 bytes[TOKEN_BYTES];
  fill_random (bytes, sizeof bytes);
  char *token = base64url (bytes, sizeof bytes);
  OPENSSL_cleanse (bytes, sizeof bytes);
  return token;
}

char *
bl_ice_chars_new (gsize length)
{
  g_autofree char *random = bl_token_new ();
  g_assert (length <= BL_TOKEN_LENGTH);
  g_strdelimit (random, "-", '+');
  g_strdelimit (random, "_", '/');
  return g_strndup (random, length);
}

char *
bl_token_hash (const char *token)
{
  char *hash = g_new (char, BL_SHA256_HEX_LENGTH + 1);
  bl_sha256_hex (token, strlen (token), hash);
  return hash;
}

gboolean
bl_token_equal (const char *a, const char *b)
{
  size_t length = strlen (a);
  return strlen (b) == length && CRYPTO_memcmp (a, b, length) == 0;
}

char *
bl_code_new (void)
{
  guint8 bytes[CODE_SYMBOLS];
  fill_random (bytes, sizeof bytes);
  GString *code = g_string_sized_new (BL_CODE_LENGTH + 1);
  for (guint i = 0; i < CODE_SYMBOLS; i++) {
    if (i > 0 && i % CODE_GROUP == 0)
      g_string_append_c (code, '-');
    /* 256 is a multiple of 32: no symbol is likelier than another. */
    g_string_append_c (code, code_alphabet[bytes[i] % 32]);
  }
  OPENSSL_cleanse (bytes, sizeof bytes);
  return g_string_free (code, FALSE);
}

static char
code_symbol (char typed)
{
  char symbol = g_ascii_toupper (typed);
  if (symbol == 'O')
    return '0';
  if (symbol == 'I' || symbol == 'L')
    return '1';
  return symbol && strchr (code_alphabet, symbol) ? symbol : '\0';
}

char *
bl_code_normalise (const char *typed)
{
  char code[BL_CODE_LENGTH + 1] = "";
  gsize length = 0, symbols = 0;
  for (const char *at = typed; *at; at++) {
    if (*at == '-' || g_ascii_isspace (*at))
      continue;
    char symbol = code_symbol (*at);
    if (!symbol || symbols == CODE_SYMBOLS)
      return NULL;
    if (symbols > 0 && symbols % CODE_GROUP == 0)
      code[length++] = '-';
    code[length++] = symbol;
    symbols++;
  }
  return symbols == CODE_SYMBOLS ? g_strndup (code, length) : NULL;
}
