/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/whip_error.h"

#include <string.h>

G_DEFINE_QUARK (bl_whip_error, bl_whip_error)

#define MAX_QUOTE 200

gboolean
bl_whip_error_is_final (const GError *error)
{
  static const gboolean final[] = {
    [BL_WHIP_ERROR_RELAY_IDENTITY] = TRUE,
    [BL_WHIP_ERROR_CERTIFICATE] = TRUE,
    [BL_WHIP_ERROR_UNKNOWN_ED] = TRUE,
    [BL_WHIP_ERROR_NOT_ACCEPTABLE] = TRUE,
    [BL_WHIP_ERROR_RELAY] = FALSE,
  };
  return error->domain == BL_WHIP_ERROR && error->code >= 0
         && (guint)error->code < G_N_ELEMENTS (final) && final[error->code];
}

gboolean
bl_whip_same_scheme (GUri *a, GUri *b)
{
  return g_str_equal (g_uri_get_scheme (a), g_uri_get_scheme (b));
}

/* The first row that fits counts. */
static const struct {
  guint status;
  const char *method; /* NULL: any */
  BlWhipError code;
  const char *text;
} statuses[] = {
  { 401, NULL, BL_WHIP_ERROR_CERTIFICATE,
    "the relay does not know this vehicle: its certificate was not shown or"
    " not accepted; check [relay] certificate and key, and that the url has the"
    " port for vehicles" },
  { 403, NULL, BL_WHIP_ERROR_CERTIFICATE,
    "the relay does not allow this vehicle to call: ask the hospital's IT"
    " whether its certificate was revoked" },
  { 404, "POST", BL_WHIP_ERROR_UNKNOWN_ED,
    "the relay knows no department of that name" },
  { 404, NULL, BL_WHIP_ERROR_GONE, "the relay no longer has this session" },
  { 410, "POST", BL_WHIP_ERROR_OVER,
    "the relay waited too long for this vehicle and ended the call; it is"
    " called anew" },
  { 410, NULL, BL_WHIP_ERROR_GONE, "the relay no longer has this session" },
  { 400, NULL, BL_WHIP_ERROR_NOT_ACCEPTABLE,
    "the relay could not read our request: are both of the same version?" },
  { 405, NULL, BL_WHIP_ERROR_RELAY,
    "this address takes no calls: check [relay] url" },
  { 406, NULL, BL_WHIP_ERROR_NOT_ACCEPTABLE,
    "the relay does not accept what this vehicle sends" },
  { 409, NULL, BL_WHIP_ERROR_CONFLICT,
    "the relay has this call from somebody else" },
  { 412, NULL, BL_WHIP_ERROR_PRECONDITION, "the session has changed" },
  { 413, NULL, BL_WHIP_ERROR_NOT_ACCEPTABLE, "our request is too large" },
  { 415, NULL, BL_WHIP_ERROR_NOT_ACCEPTABLE,
    "the relay does not take our kind of request: are both of the same"
    " version?" },
  { 422, NULL, BL_WHIP_ERROR_NOT_ACCEPTABLE,
    "the relay does not accept what this vehicle sends" },
  { 428, NULL, BL_WHIP_ERROR_PRECONDITION, "the session has changed" },
  { 429, NULL, BL_WHIP_ERROR_BUSY, "the relay asks us to wait" },
  { 503, NULL, BL_WHIP_ERROR_BUSY, "the relay has no room for a call now" },
};

/* What the relay wrote, made fit for a log line. */
static char *
first_line (const char *body)
{
  g_autofree char *valid = g_utf8_make_valid (body, -1);
  g_strstrip (valid);
  gsize length = strcspn (valid, "\r\n");
  valid[length] = '\0';
  if (g_utf8_strlen (valid, -1) > MAX_QUOTE)
    *g_utf8_offset_to_pointer (valid, MAX_QUOTE) = '\0';
  if (!*valid || *valid == '<')
    return g_strdup ("");
  return g_strdup_printf (" (it says: %s)", valid);
}

static gboolean
is_success (const char *method, guint status)
{
  if (g_str_equal (method, "POST"))
    return status == 201;
  if (g_str_equal (method, "DELETE") && (status == 404 || status == 410))
    return TRUE;
  return status >= 200 && status < 300;
}

GError *
bl_whip_status_error (const char *method, const char *url, guint status,
                      const char *body)
{
  if (is_success (method, status))
    return NULL;
  g_autofree char *quote = first_line (body);
  for (guint i = 0; i < G_N_ELEMENTS (statuses); i++) {
    if (statuses[i].status == status
        && (!statuses[i].method || g_str_equal (statuses[i].method, method)))
      return g_error_new (BL_WHIP_ERROR, statuses[i].code, "%s%s [%s %s: %u]",
                          statuses[i].text, quote, method, url, status);
  }
  if (status >= 300 && status < 400)
    return g_error_new (BL_WHIP_ERROR, BL_WHIP_ERROR_RELAY,
                        "the relay sends us elsewhere, which we don't follow:"
                        " check [relay] url [%s %s: %u]",
                        method, url, status);
  return g_error_new (BL_WHIP_ERROR, BL_WHIP_ERROR_RELAY,
                      "the relay failed%s [%s %s: %u]", quote, method, url,
                      status);
}

static const struct {
  GTlsCertificateFlags flag;
  const char *text;
} identity_faults[] = {
  { G_TLS_CERTIFICATE_EXPIRED,
    "the relay's certificate has expired: the hospital's IT must renew it (or"
    " this vehicle's clock is wrong)" },
  { G_TLS_CERTIFICATE_NOT_ACTIVATED,
    "the relay's certificate is not valid yet: is this vehicle's clock"
    " right?" },
  { G_TLS_CERTIFICATE_REVOKED, "the relay's certificate was revoked" },
  { G_TLS_CERTIFICATE_UNKNOWN_CA,
    "the relay's certificate was signed by another authority than the one in"
    " [relay] ca: is that the right file, and [relay] url the right"
    " address?" },
  { G_TLS_CERTIFICATE_BAD_IDENTITY,
    "the relay's certificate is made out to another name than the one in"
    " [relay] url" },
};

static const char *
identity_fault (GTlsCertificateFlags flags)
{
  for (guint i = 0; i < G_N_ELEMENTS (identity_faults); i++) {
    if (flags & identity_faults[i].flag)
      return identity_faults[i].text;
  }
  return "the relay's certificate can't be trusted";
}

/* With TLS 1.3 the relay's refusal of our certificate comes only after the
 * handshake, as an alert or a closed connection. */
static gboolean
is_our_certificate (const GError *why)
{
  if (why->domain != G_TLS_ERROR)
    return FALSE;
  if (why->code == G_TLS_ERROR_CERTIFICATE_REQUIRED)
    return TRUE;
  g_autofree char *text = g_ascii_strdown (why->message, -1);
  return strstr (text, "alert") && strstr (text, "certificate");
}

GError *
bl_whip_transport_error (const char *url, const GError *why,
                         GTlsCertificateFlags relay_flags)
{
  if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_error_copy (why);
  if (relay_flags != 0)
    return g_error_new (BL_WHIP_ERROR, BL_WHIP_ERROR_RELAY_IDENTITY, "%s [%s]",
                        identity_fault (relay_flags), url);
  if (is_our_certificate (why))
    return g_error_new (BL_WHIP_ERROR, BL_WHIP_ERROR_CERTIFICATE,
                        "the relay refused this vehicle's certificate (%s):"
                        " was it signed by the vehicles' authority, and is it"
                        " still valid? [%s]",
                        why->message, url);
  if (why->domain == G_TLS_ERROR)
    return g_error_new (BL_WHIP_ERROR, BL_WHIP_ERROR_RELAY,
                        "no TLS with the relay (%s): is [relay] url its"
                        " address with the port for vehicles? [%s]",
                        why->message, url);
  if (why->domain == G_RESOLVER_ERROR)
    return g_error_new (BL_WHIP_ERROR, BL_WHIP_ERROR_UNREACHABLE,
                        "the relay's name can't be looked up (%s): is there a"
                        " network, and is [relay] url right? [%s]",
                        why->message, url);
  return g_error_new (BL_WHIP_ERROR, BL_WHIP_ERROR_UNREACHABLE,
                      "the relay can't be reached (%s) [%s]", why->message,
                      url);
}

GError *
bl_whip_old_tls_error (const char *url)
{
  return g_error_new (BL_WHIP_ERROR, BL_WHIP_ERROR_RELAY,
                      "the relay has no TLS 1.2 or later: whatever answers at"
                      " [relay] url must be brought up to date [%s]",
                      url);
}
