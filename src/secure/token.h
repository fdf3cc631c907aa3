/* SPDX-License-Identifier: Apache-2.0
 *
 * Random ids, bearer tokens and one-time sign-in codes. Ids may be shown;
 * tokens and codes are secrets, of which only the hash is stored. Any thread.
 * Running out of randomness ends the process: nothing can be done without it.
 */
#pragma once

#include <glib.h>

/* Lengths of the texts, without NUL. */
#define BL_ID_LENGTH         22 /* base64url of 128 bits */
#define BL_TOKEN_LENGTH      43 /* base64url of 256 bits */
#define BL_TOKEN_HASH_LENGTH 64 /* hex of 256 bits */
#define BL_CODE_LENGTH       14 /* "7K3M-XQ2P-0ZRD": 12 x 5 bits */

/* A random id of 128 bits in base64url (RFC 4648 section 5, no padding). */
char *bl_id_new (void);

/* Whether `text` has the form of an id. */
gboolean bl_id_is_valid (const char *text);

/* A secret of 256 bits in base64url. */
char *bl_token_new (void);

/* `length` (at most BL_TOKEN_LENGTH) random ice-chars of 6 bits each, for an
 * ufrag or a password (RFC 8839 section 5.4). */
char *bl_ice_chars_new (gsize length);

/* SHA-256 of the text in lower-case hex: what is stored and looked up. Tokens
 * and codes are random, so they need neither salt nor a slow hash. */
char *bl_token_hash (const char *token);

/* Whether two texts are equal, in a time that depends on their lengths
 * only. */
gboolean bl_token_equal (const char *a, const char *b);

/* A one-time sign-in code of 60 bits in three groups of four, in Crockford's
 * base32: no I, L, O or U. Give it minutes to live and few tries. */
char *bl_code_new (void);

/* A typed code as bl_code_new() writes it: case, spaces and dashes don't
 * matter, O is 0, I and L are 1. NULL if it can't be a code. */
char *bl_code_normalise (const char *typed);
