/* SPDX-License-Identifier: Apache-2.0
 *
 * What it costs to protect an outgoing packet, and what memory it takes to be
 * able to: libsrtp as the system has it, our own sender, and the bare cipher.
 * The figures of docs/adr/0007-protection-of-outgoing-media.md.
 *
 * usage: protect [PAYLOAD_BYTES [SESSIONS [ROUNDS]]]
 *
 * Packets go to the sessions in turn, as they do from a relay to its viewers.
 * Prints the median of the rounds, in which all the ways take turns.
 */
#include <glib.h>
#include <malloc.h>
#include <openssl/evp.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "secure/srtp.h"

#define PACKETS_PER_ROUND 20000
#define SESSIONS_MAX      1000
#define ROUNDS_MAX        99
#define HEADER_BYTES      20 /* RTP with one extension element */

typedef struct {
  void *(*open) (BlSrtpProfile profile);
  void (*protect) (void *session, uint8_t *packet, size_t length);
  void (*close) (void *session);
} Way;

static void
must (bool ok, const char *what)
{
  if (!ok)
    g_error ("%s failed", what);
}

/* --- libsrtp -------------------------------------------------------------- */

static void *
libsrtp_open (BlSrtpProfile profile)
{
  static void (*const set[]) (srtp_crypto_policy_t * policy) = {
    [BL_SRTP_AEAD_AES_128_GCM] = srtp_crypto_policy_set_aes_gcm_128_16_auth,
    [BL_SRTP_AES128_CM_SHA1_80] = srtp_crypto_policy_set_rtp_default,
    [BL_SRTP_AEAD_AES_256_GCM] = srtp_crypto_policy_set_aes_gcm_256_16_auth,
  };
  uint8_t key[BL_SRTP_MASTER_MAX] = { 1 };
  srtp_policy_t policy = { .ssrc = { .type = ssrc_any_outbound },
                           .key = key,
                           .window_size = BL_SRTP_WINDOW };
  set[profile](&policy.rtp);
  set[profile](&policy.rtcp);
  srtp_t session;
  must (srtp_create (&session, &policy) == srtp_err_status_ok, "srtp_create");
  return session;
}

static void
libsrtp_protect (void *session, uint8_t *packet, size_t length)
{
  int bytes = (int)length;
  must (srtp_protect (session, packet, &bytes) == srtp_err_status_ok,
        "srtp_protect");
}

static void
libsrtp_close (void *session)
{
  srtp_dealloc (session);
}

/* --- ours ------------------------------------------------------------------
 */

/* Its receiving half is libsrtp's whatever the profile. */
static void *
ours_open (BlSrtpProfile profile)
{
  BlSrtpKeys keys = { .profile = profile, .local = { 1 } };
  BlSrtp *srtp = bl_srtp_new (&keys, 1);
  must (srtp != NULL, "bl_srtp_new");
  return srtp;
}

static void
ours_protect (void *session, uint8_t *packet, size_t length)
{
  size_t capacity = length + BL_SRTP_TRAILER_MAX;
  must (bl_srtp_protect_rtp (session, packet, &length, capacity) == BL_SRTP_OK,
        "bl_srtp_protect_rtp");
}

static void
ours_close (void *session)
{
  bl_srtp_free (session);
}

/* --- the bare cipher: no index, no nonce to make -------------------------- */

static const uint8_t bare_key[32] = { 1 };

static const EVP_CIPHER *
bare_cipher (BlSrtpProfile profile)
{
  return profile == BL_SRTP_AEAD_AES_256_GCM ? EVP_aes_256_gcm ()
                                             : EVP_aes_128_gcm ();
}

static void *
bare_open (BlSrtpProfile profile)
{
  EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new ();
  must (EVP_EncryptInit_ex2 (ctx, bare_cipher (profile), bare_key, NULL, NULL),
        "EVP_EncryptInit_ex2");
  return ctx;
}

static void
bare_encrypt (EVP_CIPHER_CTX *ctx, const uint8_t *key, uint8_t *packet,
              size_t length)
{
  int done;
  uint8_t nonce[12] = { packet[2], packet[3] };
  uint8_t *payload = packet + HEADER_BYTES;
  int bytes = (int)length - HEADER_BYTES;
  must (EVP_EncryptInit_ex2 (ctx, NULL, key, nonce, NULL)
            && EVP_EncryptUpdate (ctx, NULL, &done, packet, HEADER_BYTES)
            && EVP_EncryptUpdate (ctx, payload, &done, payload, bytes)
            && EVP_EncryptFinal_ex (ctx, payload + bytes, &done)
            && EVP_CIPHER_CTX_ctrl (ctx, EVP_CTRL_AEAD_GET_TAG, 16,
                                    payload + bytes),
        "EVP");
}

static void
bare_protect (void *session, uint8_t *packet, size_t length)
{
  bare_encrypt (session, NULL, packet, length);
}

static void
rekeyed_protect (void *session, uint8_t *packet, size_t length)
{
  bare_encrypt (session, bare_key, packet, length);
}

static void
bare_close (void *session)
{
  EVP_CIPHER_CTX_free (session);
}

/* --- measuring --------------------------------------------------------------
 */

static const Way libsrtp = { libsrtp_open, libsrtp_protect, libsrtp_close };
static const Way ours = { ours_open, ours_protect, ours_close };
static const Way bare = { bare_open, bare_protect, bare_close };
static const Way rekeyed = { bare_open, rekeyed_protect, bare_close };

static const struct {
  const char *name;
  const Way *way;
  BlSrtpProfile profile;
} cases[] = {
  { "libsrtp", &libsrtp, BL_SRTP_AEAD_AES_128_GCM },
  { "Bluelight", &ours, BL_SRTP_AEAD_AES_128_GCM },
  { "EVP alone, keyed once", &bare, BL_SRTP_AEAD_AES_128_GCM },
  { "EVP alone, keyed per packet", &rekeyed, BL_SRTP_AEAD_AES_128_GCM },
  { "libsrtp", &libsrtp, BL_SRTP_AEAD_AES_256_GCM },
  { "Bluelight", &ours, BL_SRTP_AEAD_AES_256_GCM },
  { "libsrtp", &libsrtp, BL_SRTP_AES128_CM_SHA1_80 },
};
#define N_CASES G_N_ELEMENTS (cases)

typedef struct {
  double ns[ROUNDS_MAX];
  size_t bytes_a_session;
} Result;

static double
cpu_ns (void)
{
  struct timespec t;
  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ns a packet. Only these sessions are open: libsrtp over NSS becomes slower
 * with each that is. */
static double
measure (const Way *way, BlSrtpProfile profile, size_t length,
         unsigned n_sessions, size_t *out_bytes_a_session)
{
  static void *sessions[SESSIONS_MAX];
  static uint8_t packet[2048];
  size_t before = mallinfo2 ().uordblks;
  for (unsigned s = 0; s < n_sessions; s++)
    sessions[s] = way->open (profile);
  *out_bytes_a_session = (mallinfo2 ().uordblks - before) / n_sessions;

  double begin = cpu_ns ();
  for (unsigned i = 0; i < PACKETS_PER_ROUND; i++) {
    unsigned seq = i / n_sessions;
    packet[0] = 0x90;
    packet[2] = (uint8_t)(seq >> 8);
    packet[3] = (uint8_t)seq;
    packet[15] = 1; /* one word of extension */
    way->protect (sessions[i % n_sessions], packet, length);
  }
  double ns = (cpu_ns () - begin) / PACKETS_PER_ROUND;
  for (unsigned s = 0; s < n_sessions; s++)
    way->close (sessions[s]);
  return ns;
}

static int
by_value (const void *a, const void *b)
{
  double d = *(const double *)a - *(const double *)b;
  return (d > 0) - (d < 0);
}

static unsigned
argument (int argc, char **argv, int at, unsigned standard, unsigned most)
{
  guint64 value;
  if (at >= argc)
    return standard;
  if (!g_ascii_string_to_unsigned (argv[at], 10, 1, most, &value, NULL)) {
    fprintf (stderr,
             "usage: %s [PAYLOAD_BYTES [SESSIONS [ROUNDS]]]\n"
             "Prints what it costs to protect an outgoing packet.\n",
             argv[0]);
    exit (2);
  }
  return (unsigned)value;
}

int
main (int argc, char **argv)
{
  unsigned payload = argument (argc, argv, 1, 1150, 1900);
  unsigned n_sessions = argument (argc, argv, 2, 100, SESSIONS_MAX);
  unsigned n_rounds = argument (argc, argv, 3, 9, ROUNDS_MAX);
  static Result results[N_CASES];

  bl_srtp_free (ours_open (BL_SRTP_AEAD_AES_128_GCM)); /* the libraries' own */
  for (unsigned r = 0; r < n_rounds; r++)
    for (unsigned c = 0; c < N_CASES; c++)
      results[c].ns[r]
          = measure (cases[c].way, cases[c].profile, HEADER_BYTES + payload,
                     n_sessions, &results[c].bytes_a_session);

  printf ("%u bytes of payload, %u sessions, median of %u rounds\n"
          "%-24s %-28s %9s %14s\n",
          payload, n_sessions, n_rounds, "profile", "by", "ns/packet",
          "bytes/session");
  for (unsigned c = 0; c < N_CASES; c++) {
    qsort (results[c].ns, n_rounds, sizeof *results[c].ns, by_value);
    printf ("%-24s %-28s %9.0f %14zu\n",
            bl_srtp_profile_name (cases[c].profile), cases[c].name,
            results[c].ns[n_rounds / 2], results[c].bytes_a_session);
  }
  return 0;
}
