/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates: our own (for DTLS and HTTPS), fingerprints as SDP carries them
 * (RFC 8122), and the check of a vehicle's certificate against the vehicle CA.
 *
 * Time is an argument: seconds since 1970 (bl_clock_unix_us () / 1000000).
 * Control path; every message says what failed, on which file or certificate,
 * and what to do. A BlCert never changes after it is made, so any thread may
 * read it; a BlCertVerifier belongs to one thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BL_CERT_ERROR (bl_cert_error_quark ())
GQuark bl_cert_error_quark (void);

typedef enum {
  BL_CERT_ERROR_READ,       /* a file is missing or can't be read */
  BL_CERT_ERROR_SYNTAX,     /* not a PEM/DER certificate, key or CRL */
  BL_CERT_ERROR_MISMATCH,   /* the key is not the certificate's */
  BL_CERT_ERROR_EXPIRED,    /* ended before now */
  BL_CERT_ERROR_NOT_YET,    /* begins after now */
  BL_CERT_ERROR_UNKNOWN_CA, /* not signed by a CA of the bundle */
  BL_CERT_ERROR_REVOKED,    /* on its CA's revocation list */
  BL_CERT_ERROR_PURPOSE,    /* not made for TLS clients */
  BL_CERT_ERROR_NAME,       /* no common name, or none we can use */
  BL_CERT_ERROR_FAILED,     /* OpenSSL failed in another way */
} BlCertError;

/* --- our own ---------------------------------------------------------- */

/* A certificate with its private key. */
typedef struct BlCert BlCert;

/* A self-signed ECDSA P-256 certificate for DTLS (RFC 8827 section 6.5), to be
 * made afresh at each start: valid from a day before `now_unix_s`, for 30
 * days. NULL and `error` only if OpenSSL can't make a key. */
BlCert *bl_cert_new_self_signed (const char *common_name, int64_t now_unix_s,
                                 GError **error);

/* Loads a PEM certificate (further certificates behind it are its chain and
 * are ignored here) and its PEM key, and checks that they belong together and
 * are valid at `now_unix_s`. */
BlCert *bl_cert_load (const char *cert_path, const char *key_path,
                      int64_t now_unix_s, GError **error);

/* Accepts NULL. Clears the key. */
void bl_cert_free (BlCert *cert);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlCert, bl_cert_free)

/* When it ends, in seconds since 1970: warn the operator in time. */
int64_t bl_cert_expires_unix_s (const BlCert *cert);

/* Its common name, or NULL and `error` (BL_CERT_ERROR_NAME): none, several,
 * longer than 64 bytes, not UTF-8, or with control characters in it. */
char *bl_cert_common_name (const BlCert *cert, GError **error);

/* --- fingerprints (RFC 8122) ------------------------------------------ */

#define BL_FINGERPRINT_BYTES_MAX 64

/* "sha-512 " and 64 pairs of digits with colons between them, and a NUL. */
#define BL_FINGERPRINT_TEXT_MAX (8 + 64 * 3)

typedef enum {
  BL_FINGERPRINT_SHA256,
  BL_FINGERPRINT_SHA384,
  BL_FINGERPRINT_SHA512,
} BlFingerprintHash;

typedef struct {
  BlFingerprintHash hash;
  uint8_t length; /* bytes used, fixed by the hash */
  uint8_t bytes[BL_FINGERPRINT_BYTES_MAX];
} BlFingerprint;

/* The SHA-256 fingerprint of our certificate. */
void bl_cert_fingerprint (const BlCert *cert, BlFingerprint *out_fingerprint);

/* Reads the value of an SDP a=fingerprint line, "sha-256 AB:CD:...". Hash
 * names in any case; sha-256, sha-384 and sha-512 only: false for another one
 * (md5, sha-1), for a wrong number of bytes or for anything behind them. */
bool bl_fingerprint_parse (const char *text, BlFingerprint *out_fingerprint);

/* Writes "sha-256 AB:CD:..." with a NUL. */
void bl_fingerprint_format (const BlFingerprint *fingerprint,
                            char out_text[BL_FINGERPRINT_TEXT_MAX]);

/* Whether a certificate (DER) is one of these: of the fingerprints given, those
 * with the strongest hash count, and one of them must match (RFC 8122 section
 * 5.1). No fingerprint matches nothing. Any thread. */
bool bl_fingerprint_match_der (const BlFingerprint *fingerprints, size_t count,
                               const uint8_t *der, size_t length);

/* --- the vehicles' ------------------------------------------------------ */

/* The CA bundle and, if there is one, the revocation list. */
typedef struct BlCertVerifier BlCertVerifier;

/* `ca_path`: PEM, one or more CA certificates. `crl_path`: PEM, with a list by
 * each of these CAs, or NULL for none; read again when the file has changed.
 * A list that can't be read is an error here; later on, the last good one
 * stays in force and a warning is logged once. */
BlCertVerifier *bl_cert_verifier_new (const char *ca_path, const char *crl_path,
                                      GError **error);

/* Accepts NULL. */
void bl_cert_verifier_free (BlCertVerifier *verifier);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlCertVerifier, bl_cert_verifier_free)

/* Checks a client's certificate (DER, as a GTlsCertificate's "certificate"
 * property has it): signed by a CA of the bundle, valid at `now_unix_s`, made
 * for TLS clients, not revoked, with a usable common name. Gives the common
 * name (the unit), or NULL and `error` with a code of its own for each.
 * A revocation list past its nextUpdate still counts, with a warning: a late
 * list must not keep every ambulance out. */
char *bl_cert_verify_peer (BlCertVerifier *verifier, const uint8_t *der,
                           size_t length, int64_t now_unix_s, GError **error);
