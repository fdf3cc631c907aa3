/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.media"
#include "relay/media.h"

#include <string.h>

#include "base/clock.h"
#include "relay/addresses.h"
#include "secure/cert.h"

/* How long a silent publisher keeps its session. The most is longer than a
 * vehicle believes it to be kept (BL_CALL_KEEP_US in vehicle/call.h). */
#define LEAST_SILENCE_US (10 * BL_SECOND)
#define MOST_SILENCE_US  (100 * BL_SECOND)

/* Some seconds of all sources of a worker. */
#define TAP_BYTES (8u << 20)

typedef struct {
  BlTap *tap;
  BlRecorder *recorder;
  BlWorker *worker;
} Unit;

struct BlMedia {
  BlDtlsContext *dtls;
  BlFingerprint fingerprint;
  GStrv addresses;
  BlGateway *gateway;
  guint n_units;
  Unit units[BL_OPTIONS_MAX_WORKERS];
};

static gboolean
make_certificate (BlMedia *media, GError **error)
{
  g_autoptr (BlCert) cert = bl_cert_new_self_signed (
      "bluelight-relay", bl_clock_unix_us () / 1000000, error);
  if (!cert)
    return FALSE;
  bl_cert_fingerprint (cert, &media->fingerprint);
  g_assert (media->fingerprint.hash == BL_FINGERPRINT_SHA256);
  media->dtls = bl_dtls_context_new (cert, error);
  return media->dtls != NULL;
}

static gboolean
find_addresses (BlMedia *media, const BlOptions *options, GError **error)
{
  if (options->advertise[0])
    media->addresses = g_strdupv (options->advertise);
  else
    media->addresses = bl_addresses_gather (
        options->media_listen, options->has_loopback, BL_OPTIONS_MAX_ADDRESSES);
  if (media->addresses[0])
    return TRUE;
  g_set_error (error, BL_WORKER_ERROR, BL_WORKER_ERROR_SETUP,
               "this machine has no network address to tell clients of; "
               "connect it, or set [media] advertise");
  return FALSE;
}

static gboolean
start_unit (BlMedia *media, const BlMediaOptions *options, GError **error)
{
  const BlOptions *config = options->options;
  guint index = media->n_units++;
  Unit *unit = &media->units[index];

  unit->tap = bl_tap_new (TAP_BYTES);
  if (!unit->tap) {
    g_set_error (error, BL_WORKER_ERROR, BL_WORKER_ERROR_SETUP,
                 "no memory for the recorder of worker %u; set fewer [media] "
                 "workers",
                 index);
    return FALSE;
  }
  BlRecorderOptions recorder = {
    .folder = config->folder,
    .tap = unit->tap,
    .on_event = options->on_recorder,
    .user_data = options->user_data,
  };
  unit->recorder = bl_recorder_new (&recorder, error);
  if (!unit->recorder)
    return FALSE;
  guint port = config->media_port ? config->media_port + index : 0;
  BlWorkerOptions worker = {
    .index = index,
    .bind_address = *config->media_listen ? config->media_listen : NULL,
    .port = (guint16)port,
    .port_key = "[media] port",
    .dtls = media->dtls,
    .tap = unit->tap,
    /* Whoever wants a call to end soon wants its publisher given up soon. */
    .publisher_silence_us
    = CLAMP (config->grace_s * BL_SECOND, LEAST_SILENCE_US, MOST_SILENCE_US),
    .on_event = options->on_worker,
    .user_data = options->user_data,
  };
  unit->worker = bl_worker_new (&worker, error);
  return unit->worker != NULL;
}

static gboolean
start_gateway (BlMedia *media, const BlOptions *options, GError **error)
{
  const BlGatewayOptions gateway = {
    .servers = options->own_ice_servers,
    .listen = options->media_listen,
  };
  if (!options->full_ice)
    return TRUE;
  media->gateway = bl_gateway_new (&gateway, error);
  return media->gateway != NULL;
}

BlMedia *
bl_media_new (const BlMediaOptions *options, GError **error)
{
  g_autoptr (BlMedia) media = g_new0 (BlMedia, 1);
  if (!make_certificate (media, error)
      || !find_addresses (media, options->options, error)
      || !start_gateway (media, options->options, error))
    return NULL;
  while (media->n_units < options->options->workers) {
    if (!start_unit (media, options, error))
      return NULL;
  }
  return g_steal_pointer (&media);
}

void
bl_media_free (BlMedia *media)
{
  if (!media)
    return;
  for (guint i = 0; i < media->n_units; i++)
    bl_worker_free (media->units[i].worker);
  bl_gateway_free (media->gateway);
  for (guint i = 0; i < media->n_units; i++) {
    bl_recorder_free (media->units[i].recorder);
    bl_tap_free (media->units[i].tap);
  }
  bl_dtls_context_free (media->dtls);
  g_strfreev (media->addresses);
  g_free (media);
}

guint
bl_media_n_workers (const BlMedia *media)
{
  return media->n_units;
}

BlWorker *
bl_media_worker (const BlMedia *media, guint index)
{
  return media->units[index].worker;
}

BlRecorder *
bl_media_recorder (const BlMedia *media, guint index)
{
  return media->units[index].recorder;
}

guint64
bl_media_tap_dropped (const BlMedia *media, guint index)
{
  return bl_tap_dropped (media->units[index].tap);
}

/* Does `a` have more room for another call than `b`? One that has all the
 * calls it can take has none, however few its sessions. */
static gboolean
is_less_loaded (const BlMediaLoad *a, const BlMediaLoad *b)
{
  gboolean a_full = a->calls >= BL_WORKER_MAX_SOURCES;
  gboolean b_full = b->calls >= BL_WORKER_MAX_SOURCES;
  if (a_full != b_full)
    return b_full;
  if (a->sessions != b->sessions)
    return a->sessions < b->sessions;
  return a->calls < b->calls;
}

guint
bl_media_choose (const BlMediaLoad *loads, guint n)
{
  guint best = 0;
  for (guint i = 1; i < n; i++) {
    if (is_less_loaded (&loads[i], &loads[best]))
      best = i;
  }
  return best;
}

BlWorker *
bl_media_least_loaded (const BlMedia *media)
{
  BlMediaLoad loads[BL_OPTIONS_MAX_WORKERS];
  for (guint i = 0; i < media->n_units; i++)
    loads[i] = (BlMediaLoad){
      .calls = bl_worker_n_sources (media->units[i].worker),
      .sessions = bl_worker_n_sessions (media->units[i].worker),
    };
  return media->units[bl_media_choose (loads, media->n_units)].worker;
}

G_STATIC_ASSERT (BL_OPTIONS_MAX_VIEWERS < BL_WORKER_MAX_SESSIONS);

const guint8 *
bl_media_fingerprint (const BlMedia *media)
{
  return media->fingerprint.bytes;
}

const char *const *
bl_media_addresses (const BlMedia *media)
{
  return (const char *const *)media->addresses;
}

BlGateway *
bl_media_gateway (const BlMedia *media)
{
  return media->gateway;
}

guint
bl_media_candidates (const BlMedia *media, const BlWorker *worker,
                     BlCandidate *out_candidates)
{
  bl_addresses_candidates (bl_media_addresses (media), bl_worker_port (worker),
                           out_candidates);
  return g_strv_length (media->addresses);
}
