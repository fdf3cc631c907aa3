/* SPDX-License-Identifier: Apache-2.0
 *
 * What it costs to protect an RTP packet, to unprotect one and to refuse one
 * that is not authentic, and what memory a session takes that has done so:
 * libsrtp as the system has it, our own, and the bare cipher. The figures of
 * docs/adr/0007-media-protection.md.
 *
 * usage: protect [PAYLOAD_BYTES [SESSIONS [ROUNDS]]]
 *
 * Packets go to the sessions in turn, as they do from a relay to its viewers;
 * the packets themselves are in the cache, as they are behind a recvmsg().
 * Prints the median of the rounds, in which all the ways take turns.
 */
#include <glib.h>
#include <malloc.h>
#include <openssl/evp.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "secure/srtp.h"

#define PACKETS_PER_ROUND 20000
#define SESSIONS_MAX      1000
#define ROUNDS_MAX        99
#define HEADER_BYTES      20  /* RTP with one extension element */
#define CHUNK             100 /* packets made ready, then timed */
#define ROOM              2048

typedef struct {
  void *(*open) (BlSrtpProfile profile);
  void (*apply) (void *session, uint8_t *packet, size_t length);
  void (*close) (void *session);
  bool unprotects;
} Way;

static void
must (bool ok, const char *what)
{
  if (!ok)
    g_error ("%s failed", what);
}

/* --- libsrtp -------------------------------------------------------------- */

static void *
libsrtp_new (BlSrtpProfile profile, srtp_ssrc_type_t direction)
{
  static void (*const set[]) (srtp_crypto_policy_t * policy) = {
    [BL_SRTP_AEAD_AES_128_GCM] = srtp_crypto_policy_set_aes_gcm_128_16_auth,
    [BL_SRTP_AES128_CM_SHA1_80] = srtp_crypto_policy_set_rtp_default,
    [BL_SRTP_AEAD_AES_256_GCM] = srtp_crypto_policy_set_aes_gcm_256_16_auth,
  };
  uint8_t key[BL_SRTP_MASTER_MAX] = { 1 };
  srtp_policy_t policy = { .ssrc = { .type = direction },
                           .key = key,
                           .window_size = BL_SRTP_WINDOW };
  set[profile](&policy.rtp);
  set[profile](&policy.rtcp);
  srtp_t session;
  must (srtp_create (&session, &policy) == srtp_err_status_ok, "srtp_create");
  return session;
}

static void *
libsrtp_open_out (BlSrtpProfile profile)
{
  return libsrtp_new (profile, ssrc_any_outbound);
}

static void *
libsrtp_open_in (BlSrtpProfile profile)
{
  return libsrtp_new (profile, ssrc_any_inbound);
}

static void
libsrtp_protect (void *session, uint8_t *packet, size_t length)
{
  int bytes = (int)length;
  must (srtp_protect (session, packet, &bytes) == srtp_err_status_ok,
        "srtp_protect");
}

static void
libsrtp_unprotect (void *session, uint8_t *packet, size_t length)
{
  int bytes = (int)length;
  must (srtp_unprotect (session, packet, &bytes) == srtp_err_status_ok,
        "srtp_unprotect");
}

/* Noise, as from somebody without the keys. */
static void
libsrtp_refuse (void *session, uint8_t *packet, size_t length)
{
  int bytes = (int)length;
  must (srtp_unprotect (session, packet, &bytes) == srtp_err_status_auth_fail,
        "srtp_unprotect of noise");
}

static void
libsrtp_close (void *session)
{
  srtp_dealloc (session);
}

/* --- ours ------------------------------------------------------------------
 */

/* Both halves, whichever is used. */
static void *
ours_open (BlSrtpProfile profile)
{
  BlSrtpKeys keys = { .profile = profile, .local = { 1 }, .remote = { 1 } };
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
ours_unprotect (void *session, uint8_t *packet, size_t length)
{
  must (bl_srtp_unprotect_rtp (session, packet, &length) == BL_SRTP_OK,
        "bl_srtp_unprotect_rtp");
}

static void
ours_refuse (void *session, uint8_t *packet, size_t length)
{
  must (bl_srtp_unprotect_rtp (session, packet, &length) == BL_SRTP_AUTH,
        "bl_srtp_unprotect_rtp of noise");
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

static const Way libsrtp_out
    = { libsrtp_open_out, libsrtp_protect, libsrtp_close, false };
static const Way libsrtp_in
    = { libsrtp_open_in, libsrtp_unprotect, libsrtp_close, true };
static const Way ours_out = { ours_open, ours_protect, ours_close, false };
static const Way ours_in = { ours_open, ours_unprotect, ours_close, true };
static const Way libsrtp_noise
    = { libsrtp_open_in, libsrtp_refuse, libsrtp_close, false };
static const Way ours_noise = { ours_open, ours_refuse, ours_close, false };
static const Way bare = { bare_open, bare_protect, bare_close, false };
static const Way rekeyed = { bare_open, rekeyed_protect, bare_close, false };

static const struct {
  const char *name;
  const Way *way;
  BlSrtpProfile profile;
} cases[] = {
  { "libsrtp", &libsrtp_out, BL_SRTP_AEAD_AES_128_GCM },
  { "Bluelight", &ours_out, BL_SRTP_AEAD_AES_128_GCM },
  { "EVP alone, keyed once", &bare, BL_SRTP_AEAD_AES_128_GCM },
  { "EVP alone, keyed per packet", &rekeyed, BL_SRTP_AEAD_AES_128_GCM },
  { "libsrtp, unprotect", &libsrtp_in, BL_SRTP_AEAD_AES_128_GCM },
  { "Bluelight, unprotect", &ours_in, BL_SRTP_AEAD_AES_128_GCM },
  { "Bluelight, refuse", &ours_noise, BL_SRTP_AEAD_AES_128_GCM },
  { "libsrtp", &libsrtp_out, BL_SRTP_AEAD_AES_256_GCM },
  { "Bluelight", &ours_out, BL_SRTP_AEAD_AES_256_GCM },
  { "libsrtp, unprotect", &libsrtp_in, BL_SRTP_AEAD_AES_256_GCM },
  { "Bluelight, unprotect", &ours_in, BL_SRTP_AEAD_AES_256_GCM },
  { "Bluelight, refuse", &ours_noise, BL_SRTP_AEAD_AES_256_GCM },
  { "libsrtp", &libsrtp_out, BL_SRTP_AES128_CM_SHA1_80 },
  { "libsrtp, refuse", &libsrtp_noise, BL_SRTP_AES128_CM_SHA1_80 },
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

typedef struct {
  uint8_t packets[CHUNK][ROOM];
  size_t length; /* of each */
} Chunk;

/* The packets from number `first` on. Each session gets the same: they have the
 * same keys, of which `sealer` is the sending end if they come in. */
static void
make_ready (Chunk *chunk, unsigned first, unsigned n_sessions, size_t length,
            BlSrtp *sealer)
{
  static uint8_t packet[ROOM];
  static size_t made;
  for (unsigned i = 0; i < CHUNK; i++) {
    unsigned seq = (first + i) / n_sessions;
    if ((first + i) % n_sessions == 0) {
      packet[0] = 0x90;
      packet[2] = (uint8_t)(seq >> 8);
      packet[3] = (uint8_t)seq;
      packet[15] = 1; /* one word of extension */
      made = length;
      if (sealer)
        must (bl_srtp_protect_rtp (sealer, packet, &made, ROOM) == BL_SRTP_OK,
              "bl_srtp_protect_rtp");
    }
    memcpy (chunk->packets[i], packet, made);
  }
  chunk->length = made;
}

/* ns a packet. Only these sessions are open: libsrtp over NSS becomes slower
 * with each that is. */
static double
measure (const Way *way, BlSrtpProfile profile, size_t length,
         unsigned n_sessions, size_t *out_bytes_a_session)
{
  static void *sessions[SESSIONS_MAX];
  static Chunk chunk;
  BlSrtp *sealer = way->unprotects ? ours_open (profile) : NULL;
  size_t before = mallinfo2 ().uordblks;
  for (unsigned s = 0; s < n_sessions; s++)
    sessions[s] = way->open (profile);

  double ns = 0;
  for (unsigned n = 0; n < PACKETS_PER_ROUND; n += CHUNK) {
    make_ready (&chunk, n, n_sessions, length, sealer);
    double begin = cpu_ns ();
    for (unsigned i = 0; i < CHUNK; i++)
      way->apply (sessions[(n + i) % n_sessions], chunk.packets[i],
                  chunk.length);
    ns += cpu_ns () - begin;
  }
  *out_bytes_a_session = (mallinfo2 ().uordblks - before) / n_sessions;
  for (unsigned s = 0; s < n_sessions; s++)
    way->close (sessions[s]);
  bl_srtp_free (sealer);
  return ns / PACKETS_PER_ROUND;
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
    fprintf (
        stderr,
        "usage: %s [PAYLOAD_BYTES [SESSIONS [ROUNDS]]]\n"
        "Prints what it costs to protect, unprotect and refuse a packet.\n",
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

  must (srtp_init () == srtp_err_status_ok, "srtp_init");
  for (unsigned c = 0; c < N_CASES; c++) /* what the libraries keep */
    measure (cases[c].way, cases[c].profile, HEADER_BYTES + payload, 1,
             &results[c].bytes_a_session);
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
